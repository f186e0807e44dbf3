"""Writes the token into a file of the user's: a ``.env``, JSON or TOML file that keeps the rest."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from upstox_totp._redact import HiddenBytes
from upstox_totp._settings.writing import read_file, write_file, write_variables
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._cache.record import CachedToken


def write_token(path: Path, key: str, token: CachedToken) -> None:
    """Put the token under its key into a file, by the ending of the file's name.

    In JSON and TOML, dots in the key lead into objects and tables. Raises `ConfigurationError` if
    the file cannot be read or written, or is not what its name says; it is left as it is then.
    """
    if path.suffix == ".json":
        write_file(path, _in_json(path, key, token))
    elif path.suffix == ".toml":
        write_file(path, _in_toml(path, key, token))
    elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        write_variables(path, {key: SecretStr(token.access_token)})
    else:
        raise ConfigurationError(f"{key} is no name of a variable, which {path.name} needs.")


def _in_json(path: Path, key: str, token: CachedToken) -> HiddenBytes:
    content = read_file(path)
    try:
        document = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} was left as it is: it holds no JSON object.")
    _place(path, document, key, token)
    indent = re.search(rb'^([ \t]+)"', content, re.MULTILINE)
    made = json.dumps(document, indent=indent[1].decode() if indent else 2, ensure_ascii=False)
    return HiddenBytes(
        (made + "\n").replace("\n", "\r\n" if content.count(b"\r\n") else "\n").encode()
    )


def _in_toml(path: Path, key: str, token: CachedToken) -> HiddenBytes:
    import tomlkit  # noqa: PLC0415 - for this format alone
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

    content = read_file(path)
    try:
        document = tomlkit.parse(content.decode())
    except (TOMLKitError, UnicodeDecodeError):
        document = None
    if document is None:
        raise ConfigurationError(f"{path} was left as it is: it holds no valid TOML.")
    _place(path, document, key, token)
    return HiddenBytes(tomlkit.dumps(document).encode())


def _place(path: Path, document: Any, key: str, token: CachedToken) -> None:
    *parents, last = key.split(".")
    for name in parents:
        document = document.setdefault(name, {})
        if not hasattr(document, "setdefault"):
            raise ConfigurationError(f"{path} was left as it is: {name} in it holds no other keys.")
    document[last] = token.access_token
