"""Notes: what the library logs and warns of, as a command says it on stderr."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from upstox_totp import _clock
from upstox_totp._cache.lifetime import IST
from upstox_totp._log import logger
from upstox_totp.cli.streams import is_terminal, note_line
from upstox_totp.errors import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Notes:
    """Says each warning once, in debug mode everything, and in a log what a day brings."""

    def __init__(self) -> None:
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
        self.debug = False
        self.write: Callable[[str], object] = note_line
        self._said: set[str] = set()

    def hear(self, record: logging.LogRecord) -> None:
        """Say what was logged."""
        if record.levelno >= logging.WARNING:
            self.warn(record.getMessage())
        elif self.debug:
            self.write(record.getMessage())
        elif record.levelno == logging.INFO and not is_terminal(sys.stderr):
            now = datetime.fromtimestamp(_clock.time(), IST)
            self.write(f"{now:%Y-%m-%d %H:%M:%S IST} {record.getMessage()}")

    def warn(self, text: str) -> None:
        """Say a warning, if it was not said before."""
        if text not in self._said:
            self._said.add(text)
            self.write(f"Warning: {text}")

    def say_everything(self) -> None:
        """Say what happens in a login, too."""
        self.debug = True
        logger.setLevel("DEBUG")


@contextmanager
def warned(notes: Notes) -> Iterator[None]:
    """Let notes say the warnings of the library during a block; others stay Python's."""
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
