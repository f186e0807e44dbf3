"""Where settings come from: a list of places, the first that has a setting deciding."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._log import logger
from upstox_totp._settings.env_files import find_env_file, read_env_file, read_text, unread_names
from upstox_totp._settings.named_accounts import account_path, in_keyring
from upstox_totp._settings.table import (
    CREDENTIALS,
    DEFAULTS,
    SETTINGS,
    Found,
    Settings,
    needed_by,
    same,
    variable,
)
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORKING_DIRECTORY: Final = Path(".env")
# Arguments equal to these count as not given: the documented signature names them as defaults.
_DOCUMENTED_DEFAULTS: Final = {"debug": False, "sleep_time": 1000}


def read_settings(
    arguments: Mapping[str, Any] | None = None,
    env_file: str | os.PathLike[str] | None = None,
    account: str | None = None,
) -> Settings:
    """Find every setting, the first place that has it deciding.

    The order is: argument, environment, secrets directory, named account (its file, then the
    keyring), ``.env`` in the working directory; with ``env_file``: argument, environment, that
    file. The environment of the process is not changed, and values are taken literally. An
    argument that is None, or the default of a documented one, counts as not given.

    `ConfigurationError` where a named file cannot be read, or two places contradict each other.
    """
    found = Settings(_WORKING_DIRECTORY if env_file is None else Path(env_file))
    for name, value in (arguments or {}).items():
        if value is not None and value != _DOCUMENTED_DEFAULTS.get(name):
            found.take(name, Found(value, "argument"))
    found.take_all(_in_environment())
    if env_file is not None:
        found.take_all(read_env_file(Path(env_file)), strict=True)
        return _refuse_contradictions(found)
    found.take_all(_in_secrets_directory(found))
    implicit = _in_working_directory()
    account = account if account is not None else _account_name(found, implicit)
    if account is not None:
        found.file = account_path(account)
        named = _in_account(account, found, implicit)
        found.take_all(named, strict=True)
        _drop_strangers(implicit, named)
    _restrict(implicit, found)
    found.take_all(implicit)
    return _refuse_contradictions(found)


def account_in_use() -> str | None:
    """Return the name of the account whose settings are read where no other is named."""
    return _account_name(_in_environment(), _in_working_directory())


def _account_name(*places: Settings) -> str | None:
    return next((str(one["account"].value) for one in places if "account" in one), None)


def _in_environment() -> Settings:
    found = Settings()
    found.take_variables(os.environ, "environment")
    found.hints += unread_names(os.environ, "in the environment")
    return found


def _in_secrets_directory(before: Settings) -> Settings:
    found, named = Settings(), before.get("secrets_dir")
    # What systemd hands to a service (LoadCredential=, systemd.exec(5)). There are tracebacks that
    # show all of os.environ where a line names it, so this one does not.
    path = named.value if named else os.getenv("CREDENTIALS_DIRECTORY")
    if not path:
        return found
    try:
        entries = {entry.name.upper(): entry for entry in Path(path).iterdir()}
    except OSError as error:
        if named is None:
            return found
        raise ConfigurationError(
            f"The secrets directory {path} (UPSTOX_SECRETS_DIR) cannot be read: "
            f"{error.strerror or type(error).__name__}."
        ) from None
    for own in (own for row in SETTINGS.values() for own in row.variables if own in entries):
        # An editor or echo ends the line; the line is the secret.
        line = read_text(entries[own]).removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")
        found.take_variables({own: line}, str(entries[own]))
    return found


def _in_account(name: str, before: Settings, after: Settings) -> Settings:
    """Return what an account's file has, and the keyring of what is needed besides."""
    path = account_path(name)
    found = find_env_file(path)
    decides = next((one for one in (before, found, after) if "login_method" in one), found)
    entry = in_keyring(name, [one for one in needed_by(decides.methods) if one not in found])
    found.take_all(entry)
    if not entry and not os.path.lexists(path):
        raise ConfigurationError(
            f"There is no account {name}: neither the file {path} nor a keyring entry exists.",
            suggestions=[f"Run upstox_cli configure --account {name}.", *entry.hints],
        )
    return found


def _in_working_directory() -> Settings:
    # A folder of that name is a virtual environment more often than a mistake.
    path = _WORKING_DIRECTORY
    return Settings(path) if path.is_dir() else find_env_file(path)


def _drop_strangers(implicit: Settings, named: Settings) -> None:
    """Take the credentials out of a ``.env`` that is not the named account's."""
    both = [name for name in CREDENTIALS if name in implicit and name in named]
    if all(same(name, named[name].value, implicit[name].value) for name in both):
        return
    for name in CREDENTIALS:
        implicit.pop(name, None)
    file = Path.cwd() / _WORKING_DIRECTORY
    implicit.hints.append(f"{file} belongs to another account, so it is ignored.")


def _restrict(implicit: Settings, found: Settings) -> None:
    """Take out of a ``.env`` that nobody named what it may not set.

    Nor does Upstox get the credentials that it has for another server.
    """
    may_not = [name for name in implicit if not SETTINGS[name].from_working_directory]
    ignored = {name: implicit.pop(name) for name in may_not}
    taken = any(SETTINGS[name].credential and name not in found for name in implicit)
    server = str(ignored["base_domain"].value) if "base_domain" in ignored else None
    other = server is not None and server.rstrip("/") != DEFAULTS["base_domain"]
    if taken and other and "base_domain" not in found:
        raise ConfigurationError(
            "The .env of the working directory is for another server (UPSTOX_BASE_DOMAIN), such "
            "as a sandbox. Its credentials are not sent to Upstox.",
            details={"settings": ["base_domain"]},
            suggestions=[
                (
                    "To use that server, name the file: --env-file .env (in Python: "
                    'UpstoxTOTP.from_env_file(".env")).'
                )
            ],
        )
    for name in ignored:
        logger.warning(
            "Ignoring %s in the .env of the working directory: set it in the environment, "
            "or name the file with from_env_file()",
            variable(name),
        )


def _refuse_contradictions(found: Settings) -> Settings:
    if found.differing:
        problems = (
            f"{name} differs between {one.variable} ({one.source}) and "
            f"{other.variable} ({other.source})"
            for name, one, other in found.differing
        )
        raise ConfigurationError(
            f"Contradicting settings: {'; '.join(problems)}.",
            details={"settings": list(dict.fromkeys(name for name, _, _ in found.differing))},
            suggestions=["Keep one and remove the other. Nothing was sent."],
        )
    return found
