"""Steps: the six steps of a login, shown as they pass."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from upstox_totp._log import logger
from upstox_totp.cli.notes import heard
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp.transcript import Exchange


class Steps(logging.Handler):
    """Tells of each step when it has passed; redirects belong to their step.

    Args:
        passed: Is given a line about each step that has passed.
        waiting: Is given what goes on now.
    """

    def __init__(
        self, passed: Callable[[str], Any], waiting: Callable[[str], Any] = lambda _: None
    ) -> None:
        super().__init__(logging.DEBUG)
        self._passed = passed
        self._waiting = waiting
        self._step: Step | None = None
        self._milliseconds = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Follow the login.

        Args:
            record: What the library logged: an exchange, or that it waits.
        """
        exchange: Exchange | None = getattr(record, "exchange", None)
        if exchange is None:
            if record.levelno == logging.INFO:
                self._waiting(record.getMessage())
            return
        if exchange.step is not self._step:
            self.finish()
            self._step = exchange.step
            self._waiting(f"{exchange.step} answered")
        self._milliseconds += exchange.milliseconds

    def finish(self) -> None:
        """Tell of the last step that was heard of: it has passed."""
        if self._step is not None:
            where = f"{self._step.value} of {len(Step)}"
            self._passed(f"{where}  {self._step.title:<17}  {self._milliseconds:>5} ms")
        self._step, self._milliseconds = None, 0


@contextmanager
def shown(steps: Steps) -> Iterator[None]:
    """Show the steps of the logins in a block.

    Args:
        steps: Shows them.
    """
    with heard(steps):
        logger.setLevel(logging.DEBUG)
        yield
        steps.finish()


@contextmanager
def progress() -> Iterator[None]:
    """Show the steps of the logins in a block on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - slow to load, and for terminals alone

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with (
        console.status("Logging in to Upstox") as status,
        shown(Steps(console.print, status.update)),
    ):
        yield
