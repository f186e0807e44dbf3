"""The package's logger, how to hear it, and how to tell a person what they must know."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp._errors import UpstoxWarning

if TYPE_CHECKING:
    from types import FrameType

_PACKAGE: Final = f"{Path(__file__).parent}{os.sep}"

logger = logging.getLogger("upstox_totp")
logger.addHandler(logging.NullHandler())


class _StderrHandler(logging.Handler):
    """Writes to the current ``sys.stderr``, unless the program has configured logging itself.

    Where there is no stderr, as under ``pythonw``, or it is closed or a pipe that broke, the record
    is lost: a login does not end for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._writing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record where no handler of the program will show it.

        Args:
            record: The record.
        """
        # A stderr that writes into this log would be written to by each of its own lines.
        if self._writing or logging.getLogger().handlers:
            return
        self._writing = True
        # A stderr of the program's own may raise whatever it likes.
        with suppress(Exception):
            self._write(f"{self.format(record)}\n")
        self._writing = False

    def _write(self, line: str) -> None:
        stream = sys.stderr
        raw = getattr(stream.buffer, "raw", None) if type(stream) is io.TextIOWrapper else None
        if raw is not None:
            stream.flush()
            # What a broken pipe does not take would stay in the buffers above, and make the
            # interpreter, which empties them at its end, exit with 120.
            text = line.replace("\n", os.linesep)
            raw.write(text.encode(stream.encoding, "backslashreplace"))
            return
        try:
            stream.write(line)
        except UnicodeEncodeError:
            stream.write(line.encode(stream.encoding, "backslashreplace").decode(stream.encoding))


def enable_debug() -> None:
    """Show what happens in a login, at DEBUG.

    A handler on stderr is added once, and keeps silent in a program that configured logging.
    """
    logger.setLevel(logging.DEBUG)
    own = [handler for handler in logger.handlers if type(handler) is not logging.NullHandler]
    if not own:
        logger.addHandler(_StderrHandler())


def warn_user(message: str, *, each_time: bool = False) -> None:
    """Tell the person what they must know: as an `UpstoxWarning`, and in the log.

    Python shows a message once for each line of the program that led here, by its default
    filters. It never ends the login under way, where an attempt or the token would be lost: a
    filter that makes errors of warnings (``-W error``) has it shown, and the login goes on.

    Args:
        message: What to tell, in whole sentences, without a secret.
        each_time: Whether to show it again where it was shown before.
    """
    logger.warning("%s", message)
    frame = _calling_frame()
    filename, line = frame.f_code.co_filename, frame.f_lineno
    registry = None if each_time else frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__")
    # What a program has put in place of showwarning may raise whatever it likes.
    with suppress(Exception):
        try:
            warnings.warn_explicit(message, UpstoxWarning, filename, line, module, registry)
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
