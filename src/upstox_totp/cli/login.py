"""A login by command: its client, its cache, its progress, and the user who takes part in it."""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import click
from pydantic import SecretStr

from upstox_totp._api.cached_login import to_cached
from upstox_totp._cache.lifetime import when
from upstox_totp._log import heard, logger
from upstox_totp._settings.config import Config
from upstox_totp._settings.table import BROWSER, NONE, Found, Settings
from upstox_totp.cli.main import NoTokenError
from upstox_totp.cli.output import is_terminal, note_line
from upstox_totp.client import UpstoxTOTP
from upstox_totp.errors import ConfigurationError, LoginWaitError
from upstox_totp.token_cache import TokenCache
from upstox_totp.transcript import Exchange, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp._cache.records import CachedToken
    from upstox_totp.models import TokenRequestData

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
) -> CachedToken:
    """Return the token of the cache, which logs in if it has none; `NoTokenError` if it must not.

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
            if sys.platform != "win32":
                client.browser_login.look = _paste_unseen(stack)
        if BROWSER not in client.config.login_method:
            # What moves in the terminal would disturb a question that is asked there.
            stack.enter_context(_progress())
        try:
            response = TokenCache().get_access_token(
                client,
                refresh=refresh,
                force=force,
                instead_of=None if ended is None else SecretStr(ended.access_token),
            )
        except ConfigurationError as error:
            if NONE in client.config.login_method:
                raise NoTokenError(str(error)) from None
            raise
    return to_cached(response.data)


def wait_for_token(settings: Settings, seconds: float) -> CachedToken:
    """Return the token that another program or the phone brings; `NoTokenError` after the time."""
    with make_reader(settings) as client:
        note_line(f"Waiting up to {seconds:g} s for a token that another program gets.")
        try:
            return to_cached(TokenCache().wait_for_token(client, seconds).data)
        except LoginWaitError as error:
            raise NoTokenError(str(error)) from None


@contextmanager
def shown(
    passed: Callable[[str], object], waiting: Callable[[str], object] = lambda _: None
) -> Iterator[None]:
    """Show the steps of the logins in a block: those that have passed, and what is waited for.

    The redirects that follow an answer belong to its step.
    """
    step: Step | None = None
    milliseconds = 0

    def finish() -> None:
        nonlocal step, milliseconds
        if step is not None:
            where = f"{step.value} of 6  " if step <= Step.TOKEN else ""
            passed(f"{where}{step.title:<17}  {milliseconds:>5} ms")
        step, milliseconds = None, 0

    def hear(record: logging.LogRecord) -> None:
        nonlocal step, milliseconds
        exchange: Exchange | None = getattr(record, "exchange", None)
        if exchange is not None:
            if exchange.step is not step:
                finish()
                step = exchange.step
                # The pause after an answer is told by what it waits for.
                waiting(f"Next: {Step(step + 1)}" if step < Step.TOKEN else f"{step}: answered")
            milliseconds += exchange.milliseconds
        elif hasattr(record, "login_method"):
            finish()
            passed(record.getMessage())
        elif record.levelno == logging.INFO:
            waiting(record.getMessage())

    with heard(hear):
        logger.setLevel(logging.DEBUG)
        yield
        finish()


@contextmanager
def _progress() -> Iterator[None]:
    """Show the steps of the logins in a block on stderr, if that is a terminal."""
    if not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - slow to load, and for terminals alone

    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    # The dots of rich's usual spinner are no letters of the terminals that know ASCII alone.
    spinner = "dots" if console.encoding.startswith("utf") else "line"
    with (
        # What is written to stderr meanwhile has a line of its own above the spinner.
        console.status("Logging in to Upstox", spinner=spinner) as status,
        shown(note_line, status.update),
    ):
        yield


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


def _paste_unseen(stack: ExitStack) -> Callable[[], str | None]:
    """Return what returns the next line that was pasted, None for none yet; the first call asks.

    The terminal shows what is typed again once the stack ends.
    """
    import select  # noqa: PLC0415 - where there is a terminal of POSIX
    import termios  # noqa: PLC0415 - as above

    terminal = sys.stdin.fileno()
    shown = termios.tcgetattr(terminal)
    unseen = [*shown[:3], shown[3] & ~termios.ECHO, *shown[4:]]
    asked = False

    def look() -> str | None:
        nonlocal asked
        if not asked:
            asked = True
            note_line("If the browser does not come back, paste the address that it ended at:")
            stack.callback(termios.tcsetattr, terminal, termios.TCSADRAIN, shown)
            termios.tcsetattr(terminal, termios.TCSADRAIN, unseen)
        if not select.select([terminal], [], [], 0)[0]:
            return None
        return os.read(terminal, _LONGEST).decode(errors="replace").strip() or None

    return look
