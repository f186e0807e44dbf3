"""Steps: the requests of a login, shown as they pass, with a word on what comes next."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._log import heard, logger
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp.cli.notes import Notes
    from upstox_totp.transcript import Exchange

# The login page's steps are numbered; those of the other ways have a name alone.
_LAST: Final = Step.TOKEN


class Steps:
    """Tells of each step when it has passed; redirects belong to their step."""

    def __init__(
        self, passed: Callable[[str], Any], waiting: Callable[[str], Any] = lambda _: None
    ) -> None:
        self._passed = passed
        self._waiting = waiting
        self._step: Step | None = None
        self._milliseconds = 0

    def hear(self, record: logging.LogRecord) -> None:
        """Follow the login."""
        exchange: Exchange | None = getattr(record, "exchange", None)
        if hasattr(record, "login_method"):
            self.finish()
            self._passed(record.getMessage())
            return
        if exchange is None:
            if record.levelno == logging.INFO:
                self._waiting(record.getMessage())
            return
        if exchange.step is not self._step:
            self.finish()
            self._step = exchange.step
            self._waiting(what_follows(exchange.step))
        self._milliseconds += exchange.milliseconds

    def finish(self) -> None:
        """Tell of the last step that was heard of: it has passed."""
        if self._step is not None:
            self._passed(_line(self._step, self._milliseconds))
        self._step, self._milliseconds = None, 0


def what_follows(step: Step) -> str:
    """Return what comes after a step that was answered, in a few words."""
    if not _is_numbered(step):
        return f"{_capital(step.title)} answered"
    if step is _LAST:
        return "The token arrived"
    following = Step(step + 1)
    return f"Next: {following.title} (step {following.value} of {_LAST.value})"


def _line(step: Step, milliseconds: int) -> str:
    where = f"{step.value} of {_LAST.value}  " if _is_numbered(step) else ""
    return f"{where}{step.title:<17}  {milliseconds:>5} ms"


def _is_numbered(step: Step) -> bool:
    return 1 <= step <= _LAST


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@contextmanager
def shown(steps: Steps) -> Iterator[None]:
    """Show the steps of the logins in a block."""
    with heard(steps.hear):
        logger.setLevel(logging.DEBUG)
        yield
        steps.finish()


@contextmanager
def progress(notes: Notes) -> Iterator[None]:
    """Show the steps of the logins in a block on stderr, if that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - slow to load, and for terminals alone

    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    # The dots of rich's usual spinner are no letters of the terminals that know ASCII alone.
    spinner = "dots" if console.encoding.startswith("utf") else "line"
    before = notes.write
    notes.write = console.print
    try:
        with (
            console.status("Logging in to Upstox", spinner=spinner) as status,
            shown(Steps(console.print, status.update)),
        ):
            yield
    finally:
        notes.write = before
