"""Streams: what is written to stdout arrives or is told as an error; stderr never disturbs."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Windows has its own word for a pipe that nobody reads any more.
_READER_GONE: Final = errno.EINVAL if os.name == "nt" else errno.EPIPE


class OutputError(Exception):
    """The result of a command could not be written."""


class ReaderGoneError(OutputError):
    """The reader of stdout went away before everything was written."""


def prepare_streams() -> None:
    """Let every character through: one that a stream cannot show is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with contextlib.suppress(OSError, ValueError):
                reconfigure(errors="backslashreplace")
    # None is what Python makes of a closed descriptor, and of a program without a console.
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("stdout is closed, so nothing was done: lead it to a file or a pipe.")


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Tell what goes wrong in a block that writes to stdout."""
    problem: OutputError | None = None
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.errno == _READER_GONE:
            problem = ReaderGoneError("the reader of stdout went away")
        else:
            problem = OutputError(f"stdout cannot be written: {error.strerror or error}.")
    if problem is not None:
        raise problem


def write_line(text: str) -> None:
    """Write a line of a command's result to stdout, and see that it left."""
    with writing():
        # Not click's echo, which takes a stream of ASCII for a mistake and writes UTF-8 to it.
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def note_line(text: str) -> None:
    """Write a line about what happens to stderr, if there is one that takes it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        abandon(sys.stderr)


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a user watches a stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def abandon(stream: IO[str] | None) -> None:
    """Let a stream that failed end in nothing, so that Python's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        target = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(target, stream.fileno())  # type: ignore[union-attr]
        finally:
            os.close(target)
