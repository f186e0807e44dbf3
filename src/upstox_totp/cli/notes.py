"""Notes: what the library logs, as a command says it on stderr."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from upstox_totp._log import logger

if TYPE_CHECKING:
    from collections.abc import Iterator


class Notes(logging.Handler):
    """Says each warning once, and in debug mode everything.

    Attributes:
        debug: Whether everything is said.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.debug = False
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Say what was logged.

        Args:
            record: The record.
        """
        text = record.getMessage()
        if record.levelno < logging.WARNING:
            click.echo(text, err=True)
        elif text not in self._said:
            self._said.add(text)
            click.echo(f"Warning: {text}", err=True)

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
