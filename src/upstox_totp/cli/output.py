"""What commands print: results on stdout, which arrive or are an error, and notes on stderr."""

from __future__ import annotations

import errno
import json
import logging
import os
import shlex
import shutil
import sys
import textwrap
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final

from upstox_totp import _clock
from upstox_totp._cache.lifetime import IST, as_datetime, when
from upstox_totp._log import logger
from upstox_totp.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from upstox_totp._cache.records import CachedToken

FORMATS: Final = ("text", "raw", "json", "env")
"""How a token can be printed."""

_LONG: Final = 40
_GAP: Final = "  "
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
        with suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # None is what Python makes of a closed descriptor, and of a program without a console.
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("stdout is closed, so nothing was done: lead it to a file or a pipe.")


@contextmanager
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
    # What older releases of rich put in the place of stderr says that it is no terminal.
    stream = getattr(stream, "rich_proxied_file", stream)
    return stream is not None and stream.isatty()


def abandon(stream: IO[str] | None) -> None:
    """Let a stream that failed end in nothing, so that Python's last flush does not fail again."""
    with suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


def say(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns, no wider than the terminal if stdout is one."""
    table = [[printable(cell) for cell in row] for row in rows]
    sizes = [max(map(len, column)) for column in zip(*table, strict=True)]
    indent = sum(sizes[:-1]) + len(_GAP) * (len(sizes) - 1)
    for row in table:
        cells = (cell.ljust(size) for cell, size in zip(row, sizes, strict=True))
        write_line(wrapped(_GAP.join(cells).rstrip(), sys.stdout, indent))


def say_text(text: str) -> None:
    """Print a sentence, no wider than the terminal if stdout is one."""
    say([(text,)])


def say_json(document: Mapping[str, Any]) -> None:
    """Print a document as JSON, for programs."""
    write_line(json.dumps(document, indent=2))


def iso_moment(epoch: float) -> str:
    """Return a moment in Indian time, as programs read it."""
    return datetime.fromtimestamp(epoch, IST).isoformat()


def facts(token: CachedToken) -> list[tuple[str, str]]:
    """Return whose a token is and until when, a row each."""
    minutes, seconds = divmod(int(token.expires_in), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
    state = f"in {left}" if token.expires_in > 0 else "expired"
    return [("Owner", token.owner), ("Expires", f"{when(as_datetime(token.expires_at))} ({state})")]


def shortened(token: str) -> str:
    """Return enough of a token to tell two apart, and too little to use it."""
    return f"{token[:4]}...{token[-4:]}" if len(token) >= _LONG else "..."


def print_token(token: CachedToken, style: str, *, show: bool) -> None:
    """Print a token on stdout in one of the `FORMATS`."""
    if style == "json":
        say_json({**token.data, "expires_at": iso_moment(token.expires_at)})
    elif style == "env":
        write_line(f"UPSTOX_ACCESS_TOKEN={shlex.quote(token.access_token)}")
    elif style == "raw":
        write_line(token.access_token)
    elif show:
        write_line(token.access_token)
        say(facts(token))
    else:
        short = f"{shortened(token.access_token)} (--show prints it whole)"
        say([("Token", short), *facts(token)])


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
