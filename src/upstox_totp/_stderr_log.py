"""What happens in a login, shown on stderr to whoever asked for it."""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import suppress

from upstox_totp._log import logger


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
