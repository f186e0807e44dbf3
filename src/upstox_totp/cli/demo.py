"""The demonstration: a whole login against a sandbox in this process, as a user's code does it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._api.kept_login import to_kept
from upstox_totp._settings.names import PREFIX, variable
from upstox_totp.cli.login import make_client
from upstox_totp.cli.output import facts, say, shortened
from upstox_totp.cli.steps import Steps, shown
from upstox_totp.cli.streams import write_line
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upstox_totp.cli.notes import Notes

# Every optional setting, so that nothing in a .env of the user's changes the demonstration.
_SETTINGS: Final = {
    variable("sleep_time"): "100",
    variable("debug"): "false",
    variable("login_revision"): "auto",
}


def run(notes: Notes) -> None:
    """Log in to a sandbox, show the six steps, and what they brought.

    Args:
        notes: Says what the client logs.
    """
    with Sandbox(clock=_clock.time) as sandbox, _environment(sandbox.environment | _SETTINGS):
        write_line(f"A made-up account at {sandbox.base_domain}; nothing leaves this machine.")
        with make_client(None, notes) as client, shown(Steps(write_line)):
            response = client.app_token.get_access_token()
        kept = to_kept(response.data)
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
