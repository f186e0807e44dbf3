"""Named accounts: the file and the keyring entry in which a user keeps each of several."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from upstox_totp._log import logger
from upstox_totp._settings.env_files import EnvFile, read_env_file
from upstox_totp._settings.table import SETTINGS, variable
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    _Answer = TypeVar("_Answer")

_APPLICATION: Final = "upstox-totp"
_SUFFIX: Final = ".env"
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# Names of devices, which Windows opens in every folder and with every suffix.
_DEVICES: Final = r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?"
# How long, in seconds, until a user hears that the keyring is waited for, and until that ends.
_SOON: Final = 3.0
_LONGEST: Final = 60.0
# While one of these waits, the keyring is not asked again.
_ABANDONED: Final[list[threading.Thread]] = []


class KeyringError(Exception):
    """The keyring could not be asked; the message says why, in a word or a few."""


def valid_account(name: object) -> str:
    """Return the name of an account, which may be a part of a path."""
    is_name = isinstance(name, str) and re.fullmatch(_NAME, name)
    if is_name and not re.fullmatch(_DEVICES, str(name), re.IGNORECASE):
        return str(name)
    raise ConfigurationError(
        f"account ({variable('account')}) {SETTINGS['account'].rule}.",
        details={"settings": ["account"]},
    )


def accounts_directory() -> Path:
    """Return the folder of the accounts' files, in the user's configuration directory."""
    try:
        import platformdirs  # noqa: PLC0415 - an extra, needed by named accounts alone
    except ImportError:
        pass
    else:
        return platformdirs.user_config_path(_APPLICATION, appauthor=False) / "accounts"
    raise ConfigurationError(missing_extra("A named account", "cache") + ".")


def account_path(name: str) -> Path:
    """Return the file of a named account."""
    return accounts_directory() / f"{valid_account(name)}{_SUFFIX}"


def account_names() -> list[str]:
    """Return the names of the accounts that have a file, sorted."""
    try:
        files = [path for path in accounts_directory().iterdir() if path.suffix == _SUFFIX]
    except OSError:
        return []
    return sorted(path.stem for path in files if re.fullmatch(_NAME, path.stem))


def keyring_service(name: str) -> str:
    """Return the service under which the keyring has an account; the user is the variable."""
    return f"{_APPLICATION}:{name}"


def in_file(name: str) -> EnvFile:
    """Return what the file of a named account says; its ``problem`` says why that is nothing."""
    path = account_path(name)
    file = read_env_file(path)
    if file.problem is not None and os.path.lexists(path):
        raise ConfigurationError(f"The account's file {path} cannot be read: {file.problem}.")
    return file


def in_keyring(name: str, names: Iterable[str]) -> EnvFile:
    """Return what the operating system's keyring has of some settings of a named account."""
    service, variables = keyring_service(name), list(map(variable, names))
    place = Path(f"keyring entry {service}")
    keyring = load_keyring() if variables else None
    if keyring is None:
        return EnvFile(place)
    try:
        found = ask_keyring(
            service, lambda: {one: keyring.get_password(service, one) for one in variables}
        )
    except KeyringError as error:
        return EnvFile(place, hints=(f"The keyring could not be asked: {error}.",))
    return EnvFile(place, {one: value for one, value in found.items() if value})


def ask_keyring(service: str, question: Callable[[], _Answer]) -> _Answer:
    """Return what the keyring answers, which may wait for a user's password for ever.

    `KeyringError` where it fails, or does not answer in time.
    """
    answers: list[_Answer] = []
    failures: list[str] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as error:  # noqa: BLE001 - a backend may raise whatever it likes
            failures.append(type(error).__name__)

    if not any(thread.is_alive() for thread in _ABANDONED):
        thread = threading.Thread(target=ask, name="keyring", daemon=True)
        thread.start()
        thread.join(_SOON)
        if thread.is_alive():
            logger.warning(
                "Waiting for the keyring (%s). If it asks for a password, enter it. "
                "This ends after %.0f s",
                service,
                _LONGEST,
            )
            thread.join(_LONGEST - _SOON)
            _ABANDONED.append(thread)
    if answers:
        return answers[0]
    raise KeyringError(failures[0] if failures else f"it did not answer within {_LONGEST:.0f} s")


def load_keyring() -> ModuleType | None:
    """Return the keyring package, None where the extra ``keyring`` is not installed."""
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return None
    return keyring
