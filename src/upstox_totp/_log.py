"""The package's logger, how to hear it, and how to tell a person what they must know.

A kept token is found without a word, so that the logging of the standard library, which takes as
long to load as half of what finds it, is loaded by the first word.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._errors import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from logging import Handler, Logger, LogRecord
    from types import FrameType

    logger: Logger

_PACKAGE: Final = f"{os.path.dirname(__file__)}{os.sep}"  # noqa: PTH120 - pathlib is slow to load


class _Logger:
    """The package's logger, whoever looks at it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_made(), name)


if not TYPE_CHECKING:
    logger = _Logger()


class _Ear:
    """Hears what the package logs.

    Args:
        listener: Is given each record.
    """

    def __init__(self, listener: Callable[[LogRecord], None]) -> None:
        self._listener = listener
        self._handler: Handler | None = None
        self._level = 0

    def open(self, made: Logger) -> None:
        """Hear what is logged from now on.

        Args:
            made: The logger.
        """
        from logging import Handler  # noqa: PLC0415 - loaded already, with the logger

        self._handler = Handler()
        self._handler.emit = self._listener  # type: ignore[assignment, method-assign]
        self._level = made.level
        made.addHandler(self._handler)

    def close(self) -> None:
        """Hear no more, and leave the logger's level as it was."""
        if self._handler is not None:
            logger.removeHandler(self._handler)
            logger.setLevel(self._level)


_EARS: Final[list[_Ear]] = []


@cache
def _made() -> Logger:
    import logging  # noqa: PLC0415 - see above; no login begins without it

    made = logging.getLogger("upstox_totp")
    made.addHandler(logging.NullHandler())
    for ear in _EARS:
        ear.open(made)
    return made


@contextmanager
def heard(listener: Callable[[LogRecord], None]) -> Iterator[None]:
    """Let somebody hear what the package logs, for the length of a block.

    Args:
        listener: Is given each record.
    """
    ear = _Ear(listener)
    _EARS.append(ear)
    if _made.cache_info().currsize:
        ear.open(_made())
    try:
        yield
    finally:
        _EARS.remove(ear)
        ear.close()


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
