"""Streams: what is written to stdout arrives or is an error; stderr never disturbs."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sys
import textwrap
from typing import IO, TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._cache.lifetime import as_datetime, when
from upstox_totp._log import logger
from upstox_totp.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

# Windows has its own word for a pipe that nobody reads any more.
_READER_GONE: Final = errno.EINVAL if os.name == "nt" else errno.EPIPE
# What would leave less than this, in characters, is indented by the other.
_NARROW: Final = 20
_NEAR: Final = 4


class OutputError(Exception):
    """The result of a command could not be written, or its reader went away."""

    def __init__(self, message: str, code: ExitCode = ExitCode.OUTPUT) -> None:
        super().__init__(message)
        self.code = code


def prepare_streams() -> None:
    """Let every character through: one that a stream cannot show is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # None is what Python makes of a closed descriptor, and of a program without a console.
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("stdout is closed, so nothing was done: lead it to a file or a pipe.")


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Tell what goes wrong in a block that writes to stdout."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.errno == _READER_GONE:
            raise OutputError("", ExitCode.READER_GONE) from error
        raise OutputError(f"stdout cannot be written: {error.strerror or error}.") from error


def write_line(text: str) -> None:
    """Write a line of a command's result to stdout, and see that it left."""
    with writing():
        # Not click's echo, which takes a stream of ASCII for a mistake and writes UTF-8 to it.
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def note_line(text: str) -> None:
    """Write a line about what happens to stderr, if there is one; in a log, with the time."""
    line = printable(text)
    if is_terminal(sys.stderr):
        line = wrapped(line, sys.stderr)
    else:
        line = f"{when(as_datetime(_clock.time()))} {line}"
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        abandon(sys.stderr)


def printable(text: str) -> str:
    """Return a text without what would control the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def wrapped(line: str, stream: IO[str], indent: int = 0) -> str:
    """Return a line with breaks between its words, if the stream is a terminal that is narrower.

    ``indent`` is where its later lines begin.
    """
    if not is_terminal(stream):
        return line
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * (indent if width - indent >= _NARROW else _NEAR),
        break_long_words=False,
        break_on_hyphens=False,
    )


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a user watches a stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def abandon(stream: IO[str] | None) -> None:
    """Let a stream that failed end in nothing, so that Python's last flush does not fail again."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


class Notes:
    """Says on stderr each warning once, in debug mode everything, and in a log what a day brings.

    Attributes:
        debug: Whether it says everything that happens in a login.
    """

    def __init__(self) -> None:
        logger.setLevel(logging.INFO)
        self.debug = False
        self._warned: set[str] = set()

    def hear(self, record: logging.LogRecord) -> None:
        """Say what was logged."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            if text not in self._warned:
                self._warned.add(text)
                note_line(f"Warning: {text}")
        elif self.debug or (record.levelno == logging.INFO and not is_terminal(sys.stderr)):
            note_line(text)

    def say_everything(self) -> None:
        """Say what happens in a login, too."""
        self.debug = True
        logger.setLevel(logging.DEBUG)
