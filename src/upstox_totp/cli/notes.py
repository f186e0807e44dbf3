"""Notes: what the library logs and warns of, as a command says it on stderr."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from upstox_totp._errors import UpstoxWarning
from upstox_totp._log import logger
from upstox_totp.cli.streams import note_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Notes(logging.Handler):
    """Says each warning once, and in debug mode everything.

    Attributes:
        debug: Whether everything is said.
        write: Writes a line; a live console puts its own in place while it shows something.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.debug = False
        self.write: Callable[[str], object] = note_line
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Say what was logged.

        Args:
            record: The record.
        """
        text = record.getMessage()
        if record.levelno < logging.WARNING:
            self.write(text)
        else:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Say a warning, if it was not said before.

        Args:
            text: What to say.
        """
        if text not in self._said:
            self._said.add(text)
            self.write(f"Warning: {text}")

    def say_everything(self) -> None:
        """Say what happens in a login, too."""
        self.debug = True
        self.setLevel(logging.DEBUG)
        logger.setLevel(logging.DEBUG)


@contextmanager
def heard(handler: logging.Handler) -> Iterator[None]:
    """Let a handler hear what the library logs, for the length of a block.

    Args:
        handler: The handler.
    """
    level = logger.level
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def warned(notes: Notes) -> Iterator[None]:
    """Let notes say the warnings of the library, for the length of a block; others stay Python's.

    Args:
        notes: Says them.
    """
    show = warnings.showwarning

    def say(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, UpstoxWarning):
            notes.warn(str(message))
        else:
            show(message, category, *place, **more)

    warnings.showwarning = say
    try:
        yield
    finally:
        warnings.showwarning = show
