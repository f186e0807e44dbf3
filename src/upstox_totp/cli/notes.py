"""Notes: what the library logs and warns of, as a command says it on stderr."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._log import logger
from upstox_totp.cli.streams import note_line
from upstox_totp.errors import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from logging import LogRecord

# As logging has it, which is not loaded for the command that says nothing.
_WARNING: Final = 30


class Notes:
    """Says each warning once, and in debug mode everything."""

    def __init__(self) -> None:
        self.debug = False
        self.write: Callable[[str], object] = note_line
        self._said: set[str] = set()

    def hear(self, record: LogRecord) -> None:
        """Say what was logged."""
        if record.levelno >= _WARNING:
            self.warn(record.getMessage())
        elif self.debug:
            self.write(record.getMessage())

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
