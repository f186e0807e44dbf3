"""Steps: the requests of a login, a line for each as it has passed."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from upstox_totp._log import heard, logger
from upstox_totp.cli.streams import is_terminal, note_line
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp.transcript import Exchange


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
def progress() -> Iterator[None]:
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
