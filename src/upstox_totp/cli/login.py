"""A login by command: its client, its cache, its progress, and the user who takes part in it."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import click
from pydantic import SecretStr

from upstox_totp._api.cached_login import to_cached
from upstox_totp._cache.lifetime import when
from upstox_totp._settings.config import Config
from upstox_totp._settings.table import BROWSER, NONE, Found
from upstox_totp.cli.steps import progress
from upstox_totp.cli.streams import is_terminal, note_line
from upstox_totp.client import UpstoxTOTP
from upstox_totp.errors import ConfigurationError, LoginWaitError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp._cache.records import CachedToken
    from upstox_totp._settings.table import Settings
    from upstox_totp.models import TokenRequestData

_PASTE: Final = "If the browser does not come back by itself, paste the address that it ended at: "
_LONGEST: Final = 64 * 1024


def make_client(settings: Settings) -> UpstoxTOTP:
    """Return a client for settings that were read; `ConfigurationError` if they are invalid."""
    client = UpstoxTOTP._made(Config.of(settings))  # noqa: SLF001 - settings are read once
    if client.config.debug:
        click.get_current_context().obj.say_everything()
    return client


def make_reader(settings: Settings) -> UpstoxTOTP:
    """Return a client that never logs in, so that it needs the settings that name the app alone."""
    settings["login_method"] = Found(NONE, "argument")
    return make_client(settings)


def log_in(
    settings: Settings,
    *,
    refresh: bool,
    force: bool,
    ended: CachedToken | None = None,
    timeout: float | None = None,
) -> CachedToken | None:
    """Return the token of the cache, which logs in if it has none; None if it must not.

    ``ended`` is a token that Upstox ended: programs that renew it at once share one login.
    """
    with ExitStack() as stack:
        client = stack.enter_context(make_client(settings))
        client.browser_login.announce = _show_page
        client.token_request.announce = _show_request
        if timeout is not None:
            client.browser_login.timeout = client.token_request.timeout = timeout
        if is_terminal(sys.stdin):
            client.browser_login.paste = _ask
            client.browser_login.look = stack.enter_context(_pasted_unseen())
        if BROWSER not in client.config.login_method:
            # What moves in the terminal would disturb a question that is asked there.
            stack.enter_context(progress())
        try:
            response = TokenCache().get_access_token(
                client,
                refresh=refresh,
                force=force,
                instead_of=None if ended is None else SecretStr(ended.access_token),
            )
        except ConfigurationError as error:
            if NONE not in client.config.login_method:
                raise
            note_line(str(error))
            return None
    return to_cached(response.data)


def wait_for_token(settings: Settings, seconds: float) -> CachedToken | None:
    """Return the token that another program or the phone brings, None if none came in time."""
    with make_reader(settings) as client:
        note_line(f"Waiting up to {seconds:g} s for a token that another program gets.")
        try:
            return to_cached(TokenCache().wait_for_token(client, seconds).data)
        except LoginWaitError as error:
            note_line(str(error))
            return None


def _show_page(url: str) -> None:
    note_line("Log in and approve the app on the page that opens now, or open this address:")
    note_line(url)


def _show_request(request: TokenRequestData) -> None:
    note_line(
        "Upstox asks on your phone: approve it in the Upstox app or on WhatsApp, until "
        f"{when(request.lapses_at)}."
    )
    # Its path has the secret that keeps strangers out.
    named = re.search(r"://(?:[^/?#]*@)?([^/?#]+)", request.notifier_url or "")
    where = f" at {named[1]}" if named else ""
    note_line(f"The token goes to the app's notifier{where}.")


def _ask(prompt: str) -> str:
    # Typed or pasted unseen, and into no history: the address holds the authorization code.
    return click.prompt(prompt, hide_input=True, err=True, prompt_suffix="")


@contextmanager
def _pasted_unseen() -> Iterator[Callable[[], str | None] | None]:
    """Give what returns the next line that was pasted, None for none yet; the first call prompts.

    Gives None where no terminal can be read without waiting, or another program has it.
    """
    if sys.platform == "win32":
        yield None
        return
    import select  # noqa: PLC0415 - where there is a terminal of POSIX
    import termios  # noqa: PLC0415 - as above

    terminal = sys.stdin.fileno()
    in_front = True
    with suppress(OSError):
        in_front = os.tcgetpgrp(terminal) == os.getpgrp()
    if not in_front:
        # Whoever changes the terminal from the background is stopped.
        yield None
        return
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    asked = False

    def look() -> str | None:
        nonlocal asked
        if not asked:
            _write(_PASTE)
            termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
            asked = True
        if not select.select([terminal], [], [], 0)[0]:
            return None
        return os.read(terminal, _LONGEST).decode(errors="replace").strip() or None

    try:
        yield look
    finally:
        if asked:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
            _write("\n")


def _write(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()
