"""``demo``: whole logins against sandboxes in this process, as a user's code does them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from upstox_totp import _clock
from upstox_totp._api.cached_login import to_cached
from upstox_totp._settings.table import API, PAGE, Settings, variable
from upstox_totp.cli.login import make_client, shown
from upstox_totp.cli.main import command
from upstox_totp.cli.output import facts, say, say_text, shortened, write_line
from upstox_totp.sandbox import Sandbox

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
    # No .env, no account and no variable of the user's changes anything.
    settings = Settings()
    own = {variable("login_method"): method, variable("sleep_time"): "100"}
    settings.take_variables(sandbox.environment | own, "demo")
    with make_client(settings) as client, shown(write_line):
        token = to_cached(client.app_token.get_access_token().data)
    say([("Token", shortened(token.access_token)), *facts(token)])
