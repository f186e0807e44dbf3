"""Writes the token into a user's ``.env``, JSON or TOML file, and leaves the rest as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from upstox_totp._settings.writing import write_file, write_variables
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._cache.records import CachedToken


def write_token(path: Path, key: str, token: CachedToken) -> None:
    """Put the token under its key into a file, by the ending of the file's name.

    In JSON and TOML, dots in the key lead into objects and tables. Raises `ConfigurationError` if
    the file cannot be read or written, or is not what its name says; it is left as it is then.
    """
    if path.suffix == ".json":
        write_file(path, lambda text: _in_json(path, text, key, token))
    elif path.suffix == ".toml":
        write_file(path, lambda text: _in_toml(path, text, key, token))
    elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        write_variables(path, {key: SecretStr(token.access_token)})
    else:
        raise ConfigurationError(f"{key} is no name of a variable, which {path.name} needs.")


def _in_json(path: Path, text: str, key: str, token: CachedToken) -> str:
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} was not changed: it contains no JSON object.")
    _place(path, document, key, token)
    indent = re.search(r'^([ \t]+)"', text, re.MULTILINE)
    made = json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"
    return made.replace("\n", "\r\n") if "\r\n" in text else made


def _in_toml(path: Path, text: str, key: str, token: CachedToken) -> str:
    import tomlkit  # noqa: PLC0415 - for this format alone
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

    try:
        document = tomlkit.parse(text)
    except TOMLKitError:
        document = None
    if document is None:
        raise ConfigurationError(f"{path} was not changed: it contains no valid TOML.")
    _place(path, document, key, token)
    return tomlkit.dumps(document)


def _place(path: Path, document: Any, key: str, token: CachedToken) -> None:
    *parents, last = key.split(".")
    for name in parents:
        document = document.setdefault(name, {})
        if not hasattr(document, "setdefault"):
            raise ConfigurationError(f"{path} was not changed: {name} in it contains no keys.")
    document[last] = token.access_token
