"""Writes the token into a user's ``.env``, JSON or TOML file, and leaves the rest as it is."""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import tomlkit
from pydantic import SecretStr
from tomlkit.exceptions import TOMLKitError

from upstox_totp._settings.env_files import write_file, write_variables
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._cache.records import CachedToken

_BARE_LINE_END: Final = re.compile(r"(?<!\r)\n")


def write_token(path: Path, key: str, token: CachedToken) -> None:
    """Put the token under its key into a file, by the ending of the file's name.

    In JSON and TOML, dots in the key lead into objects and tables. Raises `ConfigurationError` if
    the file cannot be read or written, or is not what its name says; it is left as it is then.
    """
    if path.suffix in {".json", ".toml"}:
        write_file(path, lambda text: _composed(path, text, key, token))
    elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        write_variables(path, {key: SecretStr(token.access_token)})
    else:
        raise ConfigurationError(f"{key} is no name of a variable, which {path.name} needs.")


def _composed(path: Path, text: str, key: str, token: CachedToken) -> str:
    is_toml = path.suffix == ".toml"
    document = None
    with suppress(ValueError, RecursionError, TOMLKitError):
        document = tomlkit.parse(text) if is_toml else json.loads(text or "{}")
    if not isinstance(document, MutableMapping):
        what = "valid TOML" if is_toml else "JSON object"
        raise ConfigurationError(f"{path} was not changed: it contains no {what}.")
    *parents, last = key.split(".")
    place = document
    for name in parents:
        place = place.setdefault(name, {})
        if not isinstance(place, MutableMapping):
            raise ConfigurationError(f"{path} was not changed: {name} in it contains no keys.")
    place[last] = token.access_token
    indent = re.search(r'^([ \t]+)"', text, re.MULTILINE)
    made = (
        tomlkit.dumps(document)
        if is_toml
        else json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"
    )
    # A line that is new ends as the others do.
    of_windows = "\r\n" in text and not _BARE_LINE_END.search(text)
    return _BARE_LINE_END.sub("\r\n", made) if of_windows else made
