"""Named accounts: the file and the keyring entry in which a person keeps each of several."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp._settings.env_files import EnvFile, read_env_file
from upstox_totp._settings.table import NAMES, SETTINGS, variable
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from types import ModuleType

_APPLICATION: Final = "upstox-totp"
_SUFFIX: Final = ".env"
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# Names of devices, which Windows opens in every folder and with every suffix.
_DEVICES: Final = r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?"


def valid_account(name: object) -> str:
    """Return the name of an account, which may be a part of a path.

    Args:
        name: The name.

    Raises:
        ConfigurationError: If it is none.
    """
    is_name = isinstance(name, str) and re.fullmatch(_NAME, name)
    if is_name and not re.fullmatch(_DEVICES, str(name), re.IGNORECASE):
        return str(name)
    raise ConfigurationError(
        f"account ({variable('account')}) {SETTINGS['account'].rule}.",
        details={"settings": ["account"]},
    )


def accounts_directory() -> Path:
    """Return the folder of the accounts' files, in the user's configuration directory.

    Raises:
        ConfigurationError: If the extra that finds it is not installed.
    """
    try:
        import platformdirs  # noqa: PLC0415 - an extra, needed by named accounts alone
    except ImportError:
        pass
    else:
        return platformdirs.user_config_path(_APPLICATION, appauthor=False) / "accounts"
    raise ConfigurationError(missing_extra("A named account", "cache") + ".")


def account_path(name: str) -> Path:
    """Return the file of a named account.

    Args:
        name: The account's name.

    Raises:
        ConfigurationError: If it is no name, or the extra is not installed.
    """
    return accounts_directory() / f"{valid_account(name)}{_SUFFIX}"


def account_names() -> list[str]:
    """Return the names of the accounts that have a file, sorted."""
    try:
        files = [path for path in accounts_directory().iterdir() if path.suffix == _SUFFIX]
    except OSError:
        return []
    return sorted(path.stem for path in files if re.fullmatch(_NAME, path.stem))


def keyring_service(name: str) -> str:
    """Return the service under which the keyring keeps an account; the user is the variable.

    Args:
        name: The account's name.
    """
    return f"{_APPLICATION}:{name}"


def in_file(name: str) -> EnvFile:
    """Return what the file of a named account says; its ``problem`` says why that is nothing.

    Args:
        name: The account's name.

    Raises:
        ConfigurationError: If it is no name, or the file is there and cannot be read.
    """
    path = account_path(name)
    file = read_env_file(path)
    if file.problem is not None and os.path.lexists(path):
        raise ConfigurationError(f"The account's file {path} cannot be read: {file.problem}.")
    return file


def in_keyring(name: str) -> EnvFile:
    """Return what the operating system's keyring holds of a named account.

    Args:
        name: The account's name.
    """
    keyring = load_keyring()
    service = keyring_service(name)
    place = Path(f"keyring entry {service}")
    if keyring is None:
        return EnvFile(place)
    values, failure = {}, ""
    try:
        for variable_name in map(variable, NAMES):
            value = keyring.get_password(service, variable_name)
            if value:
                values[variable_name] = value
    except Exception as error:  # noqa: BLE001 - a backend may raise whatever it likes
        failure = f"The keyring could not be asked: {type(error).__name__}."
    return EnvFile(place, values, hints=(failure,) if failure else ())


def load_keyring() -> ModuleType | None:
    """Return the keyring package, None where the extra ``keyring`` is not installed."""
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return None
    return keyring
