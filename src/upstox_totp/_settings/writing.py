"""Writing settings down: into a file that is its owner's alone, or into the keyring."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp._log import warn_user
from upstox_totp._redact import HiddenBytes
from upstox_totp._settings.env_files import read_env_file
from upstox_totp._settings.named_accounts import account_path, keyring_service, load_keyring
from upstox_totp._settings.table import variable
from upstox_totp._settings.totp_secret import plain_text
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import SecretStr

_OTHERS: Final = 0o077
_NEEDS_NO_QUOTES: Final = re.compile(r"[A-Za-z0-9_./:@+=-]+")


def save_in_file(path: Path, values: Mapping[str, SecretStr]) -> None:
    """Write settings into an env file, whole or not at all; its other lines stay as they are.

    The file is made if it is not there, and nobody but its owner may read it afterwards. A warning
    says where the disk knows no such thing.

    Args:
        path: The file; where it is a link, the file that it leads to.
        values: The settings by name, valid ones.

    Raises:
        ConfigurationError: If the file is there and is not an env file that can be read, or if it
            cannot be written.
    """
    _rewrite(path, values, forgotten=())


def save_in_account_file(account: str, values: Mapping[str, SecretStr]) -> Path:
    """Write settings into the file of a named account, and take them out of its keyring entry.

    Args:
        account: The account's name.
        values: The settings by name, valid ones.

    Returns:
        The path of the file.

    Raises:
        ConfigurationError: As of `save_in_file`, or if it is no name of an account.
    """
    path = account_path(account)
    save_in_file(path, values)
    # The keyring comes before the file, so that an older value in it would go on to be used.
    _forget_in_keyring(account, values)
    return path


def save_in_keyring(account: str, values: Mapping[str, SecretStr]) -> str:
    """Write settings into the keyring, and take them out of the account's file, which stays.

    Args:
        account: The account's name.
        values: The settings by name, valid ones.

    Returns:
        The service under which the keyring has them; the user is the variable of each.

    Raises:
        ConfigurationError: If the extra is not installed, the keyring did not keep the values, or
            the account's file cannot be written.
    """
    path = account_path(account)
    keyring = load_keyring()
    if keyring is None:
        raise ConfigurationError(missing_extra("The keyring", "keyring") + ".")
    service, failure, kept = keyring_service(account), "", True
    try:
        for name, value in values.items():
            keyring.set_password(service, variable(name), plain_text(value))
            # There are backends that take everything and keep nothing.
            kept = kept and keyring.get_password(service, variable(name)) == plain_text(value)
    except Exception as error:  # noqa: BLE001 - a backend may raise whatever it likes
        failure = type(error).__name__
    if failure or not kept:
        raise ConfigurationError(
            f"The keyring did not keep the settings: {failure or 'it holds nothing afterwards'}.",
            suggestions=[f"upstox_cli configure --account {account} --into file writes a file."],
        )
    # A keyring cannot be asked for the accounts that it has: their files tell the names.
    _rewrite(path, {}, forgotten=values)
    return service


def _forget_in_keyring(account: str, names: Iterable[str]) -> None:
    keyring = load_keyring()
    if keyring is None:
        return
    service, failure = keyring_service(account), ""
    for name in names:
        try:
            if keyring.get_password(service, variable(name)) is not None:
                keyring.delete_password(service, variable(name))
        except Exception as error:  # noqa: BLE001 - as above; nothing can be read from it either
            failure = type(error).__name__
    if failure:
        warn_user(
            f"The keyring entry {service} could not be emptied ({failure}): what is in it comes "
            "before the file."
        )


def _rewrite(path: Path, values: Mapping[str, SecretStr], forgotten: Iterable[str]) -> None:
    target = Path(os.path.realpath(path))
    if os.path.lexists(target):
        problem = read_env_file(target).problem
        if problem is not None:
            raise ConfigurationError(f"{path} was left as it is: {problem}.")
    failure = ""
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(target, _composed(target, values, frozenset(forgotten)))
        readable = os.name == "posix" and target.stat().st_mode & _OTHERS
    except OSError as error:
        failure = error.strerror or type(error).__name__
    if failure:
        raise ConfigurationError(f"{path} cannot be written: {failure}.")
    if readable:
        warn_user(f"{path} can be read by others: this disk does not know what is whose.")


def _replace(target: Path, content: HiddenBytes) -> None:
    # Made for its owner alone, unlike a file that is opened and then changed.
    descriptor, made = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            Path(made).unlink()
        raise


def _composed(
    target: Path, values: Mapping[str, SecretStr], forgotten: frozenset[str]
) -> HiddenBytes:
    from dotenv.parser import parse_stream  # noqa: PLC0415 - loaded only where a file is written

    text = target.read_text(encoding="utf-8-sig") if target.exists() else ""
    lines, left = [], {variable(name): name for name in values}
    gone = {variable(name) for name in (*values, *forgotten)}
    for binding in parse_stream(StringIO(text)):
        whole = binding.original.string
        if binding.key not in gone:
            lines.append(whole if whole.endswith(("\n", "\r")) else whole + "\n")
        elif binding.key in left:
            exported = "export " if re.match(r"\s*export\s", whole) else ""
            lines.append(f"{exported}{_line(left.pop(binding.key), values)}")
    lines += [_line(name, values) for name in left.values()]
    return HiddenBytes("".join(line for line in lines if line).encode())


def _line(name: str, values: Mapping[str, SecretStr]) -> str:
    value = plain_text(values[name])
    if not _NEEDS_NO_QUOTES.fullmatch(value):
        # In single quotes these two are all that a reader of the file undoes.
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        value = f"'{escaped}'"
    return f"{variable(name)}={value}\n"
