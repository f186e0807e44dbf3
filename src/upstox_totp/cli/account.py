"""The account that the settings name, and what is kept of it: found without loading a client."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from upstox_totp._settings.account import account_name
from upstox_totp._settings.names import DEFAULTS, variable
from upstox_totp._settings.sources import read_settings
from upstox_totp._tokens.file_store import TokenFile, cache_directory
from upstox_totp._tokens.record import MARGIN
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from upstox_totp._settings.sources import Found
    from upstox_totp._tokens.record import KeptToken


def account_file(env_file: Path | None) -> TokenFile:
    """Return the file of the account.

    Args:
        env_file: The only file to read settings from; by default ``.env``.

    Raises:
        ConfigurationError: If the settings name no account.
    """
    file = find_file(read_settings(env_file=env_file))
    if file is None:
        names = " and ".join(f"{name} ({variable(name)})" for name in ("username", "client_id"))
        raise ConfigurationError(
            f"{names} must be set: they name the account.",
            suggestions=["upstox_cli check-env shows every setting."],
        )
    return file


def kept_token(env_file: Path | None) -> KeptToken | None:
    """Return the kept token of the account, if it lives long enough to be handed out.

    Args:
        env_file: The only file to read settings from; by default ``.env``.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    file = find_file(read_settings(env_file=env_file))
    try:
        token = None if file is None else file.read().token
    except OSError:
        # The cache says why when it is asked for a login.
        return None
    return token if token is not None and token.serves(MARGIN) else None


def forget_token(env_file: Path | None, token: KeptToken) -> None:
    """Forget a token that was found dead, unless another was kept meanwhile.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        token: The dead token.

    Raises:
        OSError: If the file cannot be written.
    """
    from filelock import FileLock  # noqa: PLC0415 - a kept token is found without it

    file = account_file(env_file)
    with FileLock(file.lock_path, mode=0o600):
        record = file.read()
        if record.token is not None and record.token.access_token == token.access_token:
            file.write(replace(record, token=None))


def find_file(settings: Mapping[str, Found]) -> TokenFile | None:
    """Return the file of the account that settings name, None if they name none.

    Args:
        settings: What `read_settings` found.
    """

    def value(name: str) -> str | None:
        return str(settings[name].value) if name in settings else DEFAULTS.get(name)

    username, client_id = value("username"), value("client_id")
    if username is None or client_id is None:
        return None
    name = account_name(username, client_id, value("base_domain") or "")
    return TokenFile(cache_directory(value("cache_dir")), name)
