"""Env files: their values taken literally, and what is odd about one, in words."""

from __future__ import annotations

import codecs
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp._settings.table import PREFIX, did_you_mean, variable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COLON: Final = rf"^\s*({PREFIX}\w+)\s*:"
_FOUND: Final = "it is there, but"


class EnvFile(NamedTuple):
    """What a file says.

    Attributes:
        path: The file.
        values: The variables that it sets, as text.
        problem: Why it could not be read, None if it could.
        hints: What is odd about what it says, a sentence each, without a value.
    """

    path: Path
    values: Mapping[str, str] = MappingProxyType({})
    problem: str | None = None
    hints: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the path, and no value."""
        return f"EnvFile({str(self.path)!r}, problem={self.problem!r})"


def read_env_file(path: Path) -> EnvFile:
    """Return what a file says. Nothing in it is expanded, and ``os.environ`` stays as it is.

    Args:
        path: The file, in the format of ``.env.example``: UTF-8, with or without a mark.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return EnvFile(path, problem="there is no such file")
    except OSError as error:
        # Windows says "permission denied" of a folder.
        if path.is_dir():
            return EnvFile(path, problem="there is no such file: it is a folder")
        return EnvFile(path, problem=f"{_FOUND} {error.strerror or type(error).__name__}")
    if content.startswith(_MARKS) or b"\0" in content:
        return EnvFile(path, problem=f"{_FOUND} it is UTF-16 text: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return EnvFile(path, problem=f"{_FOUND} it is not UTF-8 text: save it as UTF-8")
    values = _parse(text)
    return EnvFile(path, values, hints=tuple(_hints(path, text, values)))


def _parse(text: str) -> dict[str, str]:
    import io  # noqa: PLC0415 - loaded only where there is a file
    import logging  # noqa: PLC0415 - as above

    from dotenv import dotenv_values  # noqa: PLC0415 - as above

    parser = logging.getLogger("dotenv.main")
    disabled, parser.disabled = parser.disabled, True
    try:
        values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    finally:
        parser.disabled = disabled
    return {name: value for name, value in values.items() if value}


def _hints(path: Path, text: str, values: Mapping[str, str]) -> list[str]:
    hints = [
        f"{path} says {match[1]} with a colon: write {match[1].upper()}=value."
        for match in re.finditer(_COLON, text, re.MULTILINE | re.IGNORECASE)
    ]
    return hints + unread_names(values, f"in {path}")


def unread_names(values: Mapping[str, str], where: str) -> list[str]:
    """Return what to say of names that look like settings and that nothing reads.

    Args:
        values: Names and values, of which the names are looked at.
        where: Where they stand, for example ``in .env``.
    """
    hints = []
    for name in values:
        if not name.upper().startswith(PREFIX):
            continue
        meant = did_you_mean(name)
        if meant is not None:
            hints.append(f"{name} {where} is read by nothing: did you mean {variable(meant)}?")
    return hints
