"""Named accounts: each has its settings in a file of its own, or in an entry of the keyring."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Final, TypeVar

from upstox_totp._log import logger
from upstox_totp._settings.env_files import save_settings
from upstox_totp._settings.table import SETTINGS, Settings, variable
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

    from pydantic import SecretStr

    _Answer = TypeVar("_Answer")

_APPLICATION: Final = "upstox-totp"
_SUFFIX: Final = ".env"
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# Names of devices, which Windows opens in every folder and with every suffix.
_DEVICES: Final = r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?"
# How long, in seconds, until a user hears that the keyring is waited for, and until that ends.
_SOON: Final = 3.0
_LONGEST: Final = 60.0


def accounts_directory() -> Path:
    """Return the folder of the accounts' files, in the user's configuration directory."""
    try:
        import platformdirs  # noqa: PLC0415 - an extra, needed by named accounts alone
    except ImportError:
        raise ConfigurationError(missing_extra("A named account", "cache") + ".") from None
    return platformdirs.user_config_path(_APPLICATION, appauthor=False) / "accounts"


def account_path(name: str) -> Path:
    """Return the file of a named account; `ConfigurationError` where no account is called so."""
    if not re.fullmatch(_NAME, name) or re.fullmatch(_DEVICES, name, re.IGNORECASE):
        raise ConfigurationError(
            f"account ({variable('account')}) {SETTINGS['account'].rule}.",
            details={"settings": ["account"]},
        )
    return accounts_directory() / f"{name}{_SUFFIX}"


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


def in_keyring(name: str, names: Iterable[str]) -> Settings:
    """Return what the operating system's keyring has of some settings of a named account."""
    found, service, variables = Settings(), keyring_service(name), list(map(variable, names))
    keyring = load_keyring() if variables else None
    if keyring is None:
        return found
    try:
        values = _ask_keyring(
            name, lambda: {one: keyring.get_password(service, one) for one in variables}
        )
        found.take_variables(values, f"keyring entry {service}")
    except ConfigurationError as error:
        found.hints.append(error.message)
    return found


def save_in_keyring(account: str, values: Mapping[str, SecretStr]) -> str:
    """Write credentials into the keyring, and take them out of the account's file.

    Other settings go into that file, which stays. Returns the service under which the keyring has
    them; the user is the variable of each.
    """
    path, service, keyring = account_path(account), keyring_service(account), check_keyring(account)
    credentials = {name: one for name, one in values.items() if SETTINGS[name].credential}

    def write() -> None:
        for name, value in credentials.items():
            keyring.set_password(service, variable(name), value.get_secret_value())

    _ask_keyring(account, write)
    others = {name: value for name, value in values.items() if name not in credentials}
    # A keyring cannot be asked for the accounts that it has: their files tell the names.
    save_settings(path, others, forgotten=credentials)
    return service


def check_keyring(account: str) -> ModuleType:
    """Return the keyring package; `ConfigurationError` where it can keep nothing here."""
    keyring = load_keyring()
    if keyring is None:
        raise ConfigurationError(missing_extra("The keyring", "keyring") + ".")
    # The backends that refuse or lose everything have no priority.
    if _ask_keyring(account, lambda: keyring.get_keyring().priority) <= 0:
        raise _unusable(account, "this system has none")
    return keyring


def _ask_keyring(account: str, question: Callable[[], _Answer]) -> _Answer:
    """Return what the keyring answers, which may wait for a user's password for ever.

    `ConfigurationError` where it fails, or does not answer in time.
    """
    answers: list[_Answer] = []
    failures: list[str] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as error:  # noqa: BLE001 - a backend may raise whatever it likes
            failures.append(type(error).__name__)

    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(_SOON)
    if thread.is_alive():
        logger.warning(
            "Waiting for the keyring (%s). If it asks for a password, enter it. "
            "This ends after %.0f s",
            keyring_service(account),
            _LONGEST,
        )
        thread.join(_LONGEST - _SOON)
    if not answers:
        late = f"it did not answer within {_LONGEST:.0f} s"
        raise _unusable(account, failures[0] if failures else late)
    return answers[0]


def _unusable(account: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The keyring cannot be used: {why}.",
        suggestions=[f"upstox_cli configure --account {account} --into file writes a file."],
    )


def load_keyring() -> ModuleType | None:
    """Return the keyring package, None where the extra ``keyring`` is not installed."""
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return None
    return keyring
