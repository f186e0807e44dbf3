"""The package's logger, and how to hear it."""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("upstox_totp")
logger.addHandler(logging.NullHandler())


class _StderrHandler(logging.Handler):
    """Writes to the current ``sys.stderr``, unless the program has configured logging itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record where no handler of the program will show it.

        Args:
            record: The record.
        """
        if not logging.getLogger().handlers:
            sys.stderr.write(f"{self.format(record)}\n")


def enable_debug() -> None:
    """Show what happens in a login, at DEBUG.

    A handler on stderr is added once, and keeps silent in a program that configured logging.
    """
    logger.setLevel(logging.DEBUG)
    own = [handler for handler in logger.handlers if type(handler) is not logging.NullHandler]
    if not own:
        logger.addHandler(_StderrHandler())
