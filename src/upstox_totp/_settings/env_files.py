"""Env files: read with a bound, their values taken literally, and written for their owner alone."""

from __future__ import annotations

import errno
import os
import re
import select
import stat
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dotenv.parser import parse_stream

from upstox_totp import _clock
from upstox_totp._log import warn_user
from upstox_totp._private_files import others_can_read, write_whole
from upstox_totp._redact import HiddenBytes
from upstox_totp._settings.table import PREFIX, SETTINGS, Settings, did_you_mean, variable
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import SecretStr

_LARGEST: Final = 1024 * 1024
_SECONDS: Final = 5.0
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_MARK: Final = "\ufeff"
_NEEDS_NO_QUOTES: Final = re.compile(r"[A-Za-z0-9_./:@+=-]+")


def read_env_file(path: Path) -> Settings:
    """Return the settings in a file. Nothing in it is expanded, ``os.environ`` stays as it is.

    `ConfigurationError` where the file cannot be read: it may hold any setting.
    """
    found = Settings(path)
    bindings = parse_stream(StringIO(read_text(path).removeprefix(_MARK)))
    values = {one.key: one.value for one in bindings if one.key and one.value}
    found.take_variables(values, str(path))
    found.hints += unread_names(values, f"in {path}")
    return found


def find_env_file(path: Path) -> Settings:
    """Return the settings in a file, none where there is no such file."""
    return read_env_file(path) if os.path.lexists(path) else Settings(path)


def unread_names(values: Iterable[str], where: str) -> list[str]:
    """Return what to say of names in a place that look like settings and that nothing reads."""
    meant = {name: did_you_mean(name) for name in values if name.upper().startswith(PREFIX)}
    return [
        f"Unknown setting {name} {where}. Did you mean {variable(setting)}?"
        for name, setting in meant.items()
        if setting is not None
    ]


def read_text(path: Path) -> str:
    """Return the text of a file; `ConfigurationError` where there is none that can be used."""
    problem = "it is not UTF-8 text (UTF-16, perhaps): save it as UTF-8"
    try:
        content = read_whole(path)
        if 0 not in content:
            return bytes(content).decode()
    except UnicodeDecodeError:
        pass
    except OSError as error:
        problem = _reason(error)
    raise ConfigurationError(
        f"The file {Path.cwd() / path} cannot be read: {problem}.",
        suggestions=["Fix the file, or name another one."],
    )


def read_whole(path: Path) -> HiddenBytes:
    """Return what a file holds; `OSError` where it is larger, or a pipe into which nobody writes.

    A pipe is waited for, since shells and password managers hand out settings in one.
    """
    # Windows says "permission denied" of a folder.
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    descriptor = os.open(path, _FLAGS)
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content, end = b"", _clock.monotonic() + _SECONDS
        while len(content) <= _LARGEST:
            if os.name == "posix" and not regular:
                _wait_for_content(descriptor, end)
            part = os.read(descriptor, _LARGEST + 1 - len(content))
            if not part:
                return HiddenBytes(content)
            content += part
    finally:
        os.close(descriptor)
    raise OSError(errno.EFBIG, f"it is larger than {_LARGEST // 1024} KB")


def _wait_for_content(descriptor: int, end: float) -> None:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    if not waiting.poll(max(0.0, end - _clock.monotonic()) * 1000):
        raise TimeoutError(
            errno.ETIMEDOUT, f"it is a pipe, and nothing was written to it within {_SECONDS:.0f} s"
        )


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return error.strerror or type(error).__name__


def save_settings(
    path: Path, values: Mapping[str, SecretStr], forgotten: Iterable[str] = ()
) -> None:
    """Write valid settings, by name, into an env file, and remove others from it."""
    named = {variable(name): value for name, value in values.items()}
    # Another name of a setting would contradict its new value.
    gone = {own for name in (*values, *forgotten) for own in SETTINGS[name].variables}
    write_variables(path, named, gone - set(named))


def write_variables(
    path: Path, values: Mapping[str, SecretStr], forgotten: Iterable[str] = ()
) -> None:
    """Write variables into an env file and remove others from it; its other lines stay."""
    write_file(path, partial(_composed, values=values, forgotten=frozenset(forgotten)))


def write_file(path: Path, compose: Callable[[str], str]) -> None:
    """Write what a function makes of a file's text, whole or not at all.

    The file is made if it is not there, and nobody but its owner may read it afterwards; where it
    is a link, the file that it leads to. A warning says where the disk knows no such thing.

    `ConfigurationError` where the file cannot be read as UTF-8, or not be written.
    """
    target = Path(os.path.realpath(path))
    failure, open_to_others = "", False
    try:
        _check_regular(target)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Without a name for it, which the frame of an error would show.
        content = HiddenBytes(compose(read_text(target) if target.exists() else "").encode())
        write_whole(target, content)
        open_to_others = others_can_read(target)
    except OSError as error:
        failure = _reason(error)
    if failure:
        raise ConfigurationError(f"{path} cannot be written: {failure}. It was not changed.")
    if open_to_others:
        warn_user(f"Other users can read {path}: this disk does not support permissions.")


def _check_regular(target: Path) -> None:
    # A pipe, or /dev/null where root runs, would become a file.
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is no regular file")


def _composed(text: str, values: Mapping[str, SecretStr], forgotten: frozenset[str]) -> str:
    mark = _MARK if text.startswith(_MARK) else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines, left = [], dict(values)
    for binding in parse_stream(StringIO(text.removeprefix(_MARK), newline="")):
        whole = binding.original.string
        if binding.key not in forgotten and binding.key not in values:
            lines.append(whole)
            continue
        # The blank lines before it are a part of what was parsed, and stay.
        lines.append(whole[: len(whole) - len(whole.lstrip())])
        if binding.key in left:
            exported = "export " if re.match(r"\s*export\s", whole) else ""
            end = whole[len(whole.rstrip("\r\n")) :]
            lines.append(f"{exported}{_line(binding.key, left.pop(binding.key))}{end}")
    body = "".join(lines)
    if left and body and not body.endswith(("\n", "\r")):
        body += newline
    body += "".join(f"{_line(name, value)}{newline}" for name, value in left.items())
    return f"{mark}{body}"


def _line(name: str, secret: SecretStr) -> str:
    value = secret.get_secret_value()
    if not _NEEDS_NO_QUOTES.fullmatch(value):
        # In single quotes these two are all that a reader of the file undoes.
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        value = f"'{escaped}'"
    return f"{name}={value}"
