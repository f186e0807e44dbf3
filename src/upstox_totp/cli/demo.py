"""``demo``: whole logins against sandboxes in this process, as a user's code does them."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._api.cached_login import to_cached
from upstox_totp._settings.table import API, PAGE, PREFIX, variable
from upstox_totp.cli.login import make_client
from upstox_totp.cli.main import command
from upstox_totp.cli.options import Selection
from upstox_totp.cli.output import facts, say, say_text, shortened
from upstox_totp.cli.steps import shown
from upstox_totp.cli.streams import write_line
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS: Final = {variable("sleep_time"): "100"}
_METHODS: Final = {
    PAGE: "page, the login page (default, unofficial): six requests.",
    API: "api, the TOTP API (official, recommended): one request, after one for the time.",
}


@command("Log in to a sandbox in this process with two methods, step by step.")
def demo() -> None:
    with ExitStack() as stack:
        # One each: of one account, a code is good once and the newer token ends the older.
        sandboxes = [stack.enter_context(Sandbox(clock=_clock.time)) for _ in _METHODS]
        say_text("Demo with sample accounts. No data leaves your computer.")
        for sandbox, (method, text) in zip(sandboxes, _METHODS.items(), strict=True):
            write_line("")
            say_text(text)
            _log_in(sandbox, method)


def _log_in(sandbox: Sandbox, method: str) -> None:
    # The only file to read, so that no .env and no account of the user's changes anything.
    selection = Selection(env_file=Path(os.devnull), method=method)
    with (
        _environment(sandbox.environment | _SETTINGS),
        make_client(selection.read()) as client,
        shown(write_line),
    ):
        response = client.app_token.get_access_token()
    kept = to_cached(response.data)
    say([("Token", shortened(kept.access_token)), *facts(kept)])


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Let the process have these variables, and no other of the library's, for a block."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(PREFIX):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
