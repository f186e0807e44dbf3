"""Writing settings down: into a file that is its owner's alone, or into the keyring."""

from __future__ import annotations

import os
import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dotenv.parser import parse_stream

from upstox_totp._log import warn_user
from upstox_totp._private_files import write_whole
from upstox_totp._redact import HiddenBytes
from upstox_totp._settings.env_files import read_env_file, read_whole
from upstox_totp._settings.named_accounts import (
    KeyringError,
    account_path,
    ask_keyring,
    keyring_service,
    load_keyring,
)
from upstox_totp._settings.table import SETTINGS, variable
from upstox_totp._settings.totp_secret import plain_text
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from pydantic import SecretStr

_OTHERS: Final = 0o077
_NEEDS_NO_QUOTES: Final = re.compile(r"[A-Za-z0-9_./:@+=-]+")
_BLANK_LINES: Final = re.compile(r"(?:[^\S\r\n]*(?:\r\n|\r|\n))*")
_MARK: Final = "\ufeff"


def save_in_file(path: Path, values: Mapping[str, SecretStr]) -> None:
    """Write valid settings, by name, into an env file, as `write_variables` does."""
    _save(path, values, forgotten=())


def save_in_account_file(account: str, values: Mapping[str, SecretStr]) -> Path:
    """Write settings into the file of a named account, and take them out of its keyring entry.

    Returns the path of the file.
    """
    path = account_path(account)
    save_in_file(path, values)
    keyring = load_keyring()
    if keyring is not None:
        _forget_in_keyring(keyring, account, [variable(name) for name in values])
    return path


def check_keyring(account: str) -> ModuleType:
    """Return the keyring package; `ConfigurationError` where it can keep nothing here."""
    keyring = load_keyring()
    if keyring is None:
        raise ConfigurationError(missing_extra("The keyring", "keyring") + ".")
    problem = ""
    try:
        backend: Any = ask_keyring(keyring_service(account), keyring.get_keyring)
        # The backends that refuse or lose everything have no priority.
        if backend.priority <= 0:
            problem = "this system has none"
    except KeyringError as error:
        problem = str(error)
    if problem:
        raise _not_kept(account, problem)
    return keyring


def _not_kept(account: str, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"The keyring cannot keep the settings: {problem}.",
        suggestions=[f"upstox_cli configure --account {account} --into file writes a file."],
    )


def save_in_keyring(account: str, values: Mapping[str, SecretStr]) -> str:
    """Write credentials into the keyring, and take them out of the account's file.

    Other settings go into that file, which stays. Returns the service under which the keyring has
    them; the user is the variable of each.
    """
    path = account_path(account)
    keyring = check_keyring(account)
    service, problem = keyring_service(account), ""
    credentials = {name: one for name, one in values.items() if SETTINGS[name].credential}

    def write() -> bool:
        for name, value in credentials.items():
            keyring.set_password(service, variable(name), plain_text(value))
        # There are backends that take everything and keep nothing.
        return all(
            keyring.get_password(service, variable(name)) == plain_text(value)
            for name, value in credentials.items()
        )

    try:
        if not ask_keyring(service, write):
            problem = "it did not save them"
    except KeyringError as error:
        problem = str(error)
    if problem:
        raise _not_kept(account, problem)
    others = {name: value for name, value in values.items() if name not in credentials}
    # A keyring cannot be asked for the accounts that it has: their files tell the names.
    _save(path, others, forgotten=credentials)
    return service


def _forget_in_keyring(keyring: ModuleType, account: str, variables: list[str]) -> None:
    service, failure = keyring_service(account), ""

    def forget() -> None:
        for one in variables:
            if keyring.get_password(service, one) is not None:
                keyring.delete_password(service, one)

    try:
        ask_keyring(service, forget)
    except KeyringError as error:
        failure = str(error)
    if failure and failure != "NoKeyringError":
        warn_user(
            f"The keyring entry {service} could not be emptied ({failure}): delete it by hand."
        )


def _save(path: Path, values: Mapping[str, SecretStr], forgotten: Iterable[str]) -> None:
    named = {variable(name): value for name, value in values.items()}
    # Another name of a setting would contradict its new value.
    gone = {one for name in (*values, *forgotten) for one in SETTINGS[name].variables}
    write_variables(path, named, gone - set(named))


def write_variables(
    path: Path, values: Mapping[str, SecretStr], forgotten: Iterable[str] = ()
) -> None:
    """Write variables into an env file; its other lines stay as they are.

    `ConfigurationError` where the file is no env file that can be read, or cannot be written.
    """
    target = Path(os.path.realpath(path))
    if os.path.lexists(target):
        problem = read_env_file(target).problem
        if problem is None and not target.is_file():
            problem = "it is a pipe or a device"
        if problem is not None:
            raise ConfigurationError(f"{path} was not changed: {problem}.")
    write_file(path, lambda text: _composed(text, values, frozenset(forgotten)))


def write_file(path: Path, compose: Callable[[str], str]) -> None:
    """Write what a function makes of a file's text, whole or not at all.

    The file is made if it is not there, and nobody but its owner may read it afterwards; where it
    is a link, the file that it leads to. A warning says where the disk knows no such thing.

    `ConfigurationError` where the file cannot be read as UTF-8, or not be written.
    """
    target = Path(os.path.realpath(path))
    failure = ""
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = bytes(read_whole(target)).decode() if target.exists() else ""
        write_whole(target, HiddenBytes(compose(before).encode()))
        readable = os.name == "posix" and target.stat().st_mode & _OTHERS
    except OSError as error:
        failure = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        failure = "it is not UTF-8"
    if failure:
        raise ConfigurationError(f"{path} cannot be written: {failure}.")
    if readable:
        warn_user(f"Other users can read {path}: this disk does not support permissions.")


def _composed(text: str, values: Mapping[str, SecretStr], forgotten: frozenset[str]) -> str:
    mark = _MARK if text.startswith(_MARK) else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines, left = [], dict(values)
    for binding in parse_stream(StringIO(text.removeprefix(_MARK), newline="")):
        whole = binding.original.string
        if binding.key not in forgotten and binding.key not in values:
            lines.append(whole)
            continue
        blank = _BLANK_LINES.match(whole)
        lines.append(blank.group() if blank else "")
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
    value = plain_text(secret)
    if not _NEEDS_NO_QUOTES.fullmatch(value):
        # In single quotes these two are all that a reader of the file undoes.
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        value = f"'{escaped}'"
    return f"{name}={value}"
