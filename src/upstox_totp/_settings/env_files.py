"""Env files: read with a bound, their values taken literally, and what is odd about one."""

from __future__ import annotations

import codecs
import errno
import io
import logging
import os
import re
import select
import stat
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp import _clock
from upstox_totp._redact import HiddenBytes
from upstox_totp._settings.table import PREFIX, did_you_mean, variable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST: Final = 1024 * 1024
_SECONDS: Final = 5.0
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COLON: Final = rf"^\s*({PREFIX}\w+)\s*:"


class EnvFile(NamedTuple):
    """The variables that a file sets, why it could not be read, and what is odd about it."""

    path: Path
    values: Mapping[str, str] = MappingProxyType({})
    problem: str | None = None
    hints: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the path, and no value."""
        return f"EnvFile({str(self.path)!r}, problem={self.problem!r})"


def read_whole(path: Path, largest: int = _LARGEST) -> HiddenBytes:
    """Return what a file holds; `OSError` where it is larger, or a pipe into which nobody writes.

    A pipe is waited for, since shells and password managers hand out settings in one.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        content, end = b"", _clock.monotonic() + _SECONDS
        while len(content) <= largest:
            if os.name == "posix" and not stat.S_ISREG(mode):
                _wait_for_content(descriptor, end)
            part = os.read(descriptor, largest + 1 - len(content))
            if not part:
                return HiddenBytes(content)
            content += part
    finally:
        os.close(descriptor)
    raise OSError(errno.EFBIG, f"it is larger than {largest // 1024} KB")


def _wait_for_content(descriptor: int, end: float) -> None:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    if not waiting.poll(max(0.0, end - _clock.monotonic()) * 1000):
        raise TimeoutError(
            errno.ETIMEDOUT, f"it is a pipe, and nothing was written to it within {_SECONDS:.0f} s"
        )


def read_env_file(path: Path) -> EnvFile:
    """Return what a file says. Nothing in it is expanded, and ``os.environ`` stays as it is."""
    try:
        content = read_whole(path)
    except FileNotFoundError:
        return EnvFile(path, problem="there is no such file")
    except OSError as error:
        # Windows says "permission denied" of a folder.
        if path.is_dir():
            return EnvFile(path, problem="it is a directory")
        return EnvFile(path, problem=error.strerror or type(error).__name__)
    if content.startswith(_MARKS) or 0 in content:
        return EnvFile(path, problem="it is UTF-16 text: save it as UTF-8")
    try:
        text = bytes(content).decode("utf-8-sig")
    except UnicodeDecodeError:
        return EnvFile(path, problem="it is not UTF-8 text: save it as UTF-8")
    values = _parse(text)
    colons = (
        f"{path} has a colon after {match[1]}. Write {match[1].upper()}=value."
        for match in re.finditer(_COLON, text, re.MULTILINE | re.IGNORECASE)
    )
    return EnvFile(path, values, hints=(*colons, *unread_names(values, f"in {path}")))


def _parse(text: str) -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - loaded only where there is a file

    parser = logging.getLogger("dotenv.main")
    disabled, parser.disabled = parser.disabled, True
    try:
        values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    finally:
        parser.disabled = disabled
    return {name: value for name, value in values.items() if value}


def unread_names(values: Mapping[str, str], where: str) -> list[str]:
    """Return what to say of names in a place that look like settings and that nothing reads."""
    meant = {name: did_you_mean(name) for name in values if name.upper().startswith(PREFIX)}
    return [
        f"Unknown setting {name} {where}. Did you mean {variable(setting)}?"
        for name, setting in meant.items()
        if setting is not None
    ]
