"""The package's logger, how to hear it, and how to tell a user what they must know."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

from upstox_totp.errors import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

logger: Final = logging.getLogger("upstox_totp")
logger.addHandler(logging.NullHandler())

_PACKAGE: Final = f"{os.path.dirname(__file__)}{os.sep}"  # noqa: PTH120 - as frames name their files


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the current ``sys.stderr``, unless the program has configured logging itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        if not logging.getLogger().handlers:
            self.stream = sys.stderr
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging calls it
        """Lose the record where there is no usable stderr: that must not end a login."""


def enable_debug() -> None:
    """Show on stderr what happens in a login, at DEBUG, unless the program configures logging."""
    # A program's dictConfig disables each logger that it does not name, unless it says otherwise.
    logger.disabled = False
    logger.setLevel(logging.DEBUG)
    if all(type(handler) is logging.NullHandler for handler in logger.handlers):
        logger.addHandler(_StderrHandler())


@contextmanager
def heard(listener: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Hand each record of the package to a listener for the length of a block."""
    handler, level = logging.Handler(), logger.level
    handler.emit = listener  # type: ignore[assignment, method-assign]
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def warn_user(message: str) -> None:
    """Tell the user what they must know: as an `UpstoxWarning`, and in the log.

    It never ends the login under way: a filter that makes errors of warnings has it shown. By
    Python's default filters it shows once for each line that led here.
    """
    logger.warning("%s", message)
    level = _frames_to_caller()
    # What a program has put in place of showwarning may raise whatever it likes.
    with suppress(Exception):
        try:
            warnings.warn(message, UpstoxWarning, stacklevel=level)
        except UpstoxWarning:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UpstoxWarning)
                warnings.warn(message, UpstoxWarning, stacklevel=level)


def _frames_to_caller() -> int:
    """Return how many frames above `warn_user` the program is that called the package."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what the warnings module does
    level = package = 1
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            package = level
        frame, level = frame.f_back, level + 1
    return package + 1
