"""The package's logger, how to hear it, and how to tell a user what they must know."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from upstox_totp.errors import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

logger: Final = logging.getLogger("upstox_totp")
logger.addHandler(logging.NullHandler())

_PACKAGE: Final = f"{os.path.dirname(__file__)}{os.sep}"  # noqa: PTH120 - as frames name their files


class _StderrHandler(logging.Handler):
    """Writes to the current ``sys.stderr``, unless the program has configured logging itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._writing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; where there is no usable stderr, it is lost."""
        # A stderr that writes into this log would be written to by each of its own lines.
        if self._writing or logging.getLogger().handlers:
            return
        self._writing = True
        # A stderr of the program's own may raise whatever it likes.
        with suppress(Exception):
            _write(f"{self.format(record)}\n")
        self._writing = False


def _write(line: str) -> None:
    stream = sys.stderr
    raw = getattr(stream.buffer, "raw", None) if type(stream) is io.TextIOWrapper else None
    if raw is None:
        stream.write(line)
        return
    # What a broken pipe does not take would stay in the buffers above, and make the interpreter,
    # which empties them at its end, exit with 120.
    stream.flush()
    raw.write(line.replace("\n", os.linesep).encode(stream.encoding, "backslashreplace"))


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


def warn_user(message: str, *, each_time: bool = False) -> None:
    """Tell the user what they must know: as an `UpstoxWarning`, and in the log.

    It never ends the login under way: a filter that makes errors of warnings has it shown. By
    Python's default filters it shows once for each line that led here, or ``each_time``.
    """
    logger.warning("%s", message)
    frame = _calling_frame()
    filename, line = frame.f_code.co_filename, frame.f_lineno
    registry = None if each_time else frame.f_globals.setdefault("__warningregistry__", {})
    # What a program has put in place of showwarning may raise whatever it likes.
    with suppress(Exception):
        try:
            warnings.warn_explicit(
                message, UpstoxWarning, filename, line, frame.f_globals.get("__name__"), registry
            )
        except UpstoxWarning as warning:
            warnings.showwarning(warning, UpstoxWarning, filename, line)


def _calling_frame() -> FrameType:
    """Return the frame that called the package, or the outermost of the package's own."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - what the warnings module does
    caller = own = frame
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            caller, own = frame.f_back, frame
        frame = frame.f_back
    if caller is None or caller.f_code.co_filename.startswith("<frozen"):
        caller = own
    assert caller is not None  # noqa: S101 - this function's own frame is the package's
    return caller
