"""Where settings come from: a list of places, the first that has a setting deciding.

Needs neither pydantic nor requests, so that a kept token is found without loading them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from upstox_totp._log import logger
from upstox_totp._settings.env_files import EnvFile, read_env_file, unread_names
from upstox_totp._settings.named_accounts import account_path, in_file, in_keyring
from upstox_totp._settings.table import NAMES, SETTINGS, variable
from upstox_totp._settings.totp_secret import normalise_text
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT: Final = "environment"
_WORKING_DIRECTORY: Final = ".env"
# Arguments equal to these count as not given: the documented signature names them as defaults.
_DOCUMENTED_DEFAULTS: Final = {"debug": False, "sleep_time": 1000}
_LARGEST_SECRET: Final = 64 * 1024


class Found(NamedTuple):
    """One setting as it was found.

    Attributes:
        value: The value as given, not validated.
        source: ``argument``, ``environment``, or the file or keyring entry that it came from.
    """

    value: Any
    source: str

    def __repr__(self) -> str:
        """Return where it was found, and not the value."""
        return f"Found(source={self.source!r})"


class Settings(dict[str, Found]):
    """The settings that were found, by name.

    Attributes:
        hints: What may be wrong where one is missing, a sentence each, without a value.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hints: list[str] = []

    def values_as_text(self) -> dict[str, str]:
        """Return the values of the settings that are text, by name."""
        return {name: one.value for name, one in self.items() if isinstance(one.value, str)}


def read_settings(
    arguments: Mapping[str, Any] | None = None,
    env_file: str | os.PathLike[str] | None = None,
    account: str | None = None,
) -> Settings:
    """Find every setting, the first source that has it winning.

    The order is: argument, environment, secrets directory, named account, ``.env`` in the working
    directory; with ``env_file``: argument, environment, that file. The environment of the process
    is not changed, and values in a file are taken literally: nothing in them is expanded.

    Args:
        arguments: Settings given in code. None counts as not given, and so does the default of a
            documented argument.
        env_file: The only file to read; by default ``.env`` in the working directory, if there
            is one.
        account: The name of the account; by default what ``UPSTOX_ACCOUNT`` says.

    Returns:
        The settings found, by name. What is found nowhere is left out.

    Raises:
        ConfigurationError: If ``env_file`` or the account's file is named and cannot be read, or
            if one of them and the environment name different credentials.
    """
    found = Settings()
    given = _from_arguments(arguments or {})
    environment = _from_environment()
    found.update(given)
    if env_file is not None:
        named = _from_named_file(Path(env_file), found)
        _refuse_contradictions(given, environment, named)
        return _filled(found, environment, named)
    secrets = _from_secrets_directory(given, environment)
    file = _read_stray_file()
    stray = _from_stray_file(file, found)
    name = account if account is not None else _account_name(given, environment, file)
    places = () if name is None else _from_account(name, found)
    for place in places:
        _refuse_contradictions(given, environment, place)
        _refuse_contradictions(given, secrets, place)
        stray = _without_strangers(stray, place, found)
    return _filled(found, environment, secrets, *places, stray)


def account_in_use() -> str | None:
    """Return the name of the account whose settings are read where no other is named.

    Raises:
        ConfigurationError: If ``.env`` is there and cannot be read.
    """
    return _account_name({}, _from_environment(), _read_stray_file())


def _filled(found: Settings, *places: Mapping[str, Found]) -> Settings:
    for place in places:
        for name, one in place.items():
            found.setdefault(name, one)
    found.hints += unread_names(dict(os.environ), "in the environment")
    return found


def _from_arguments(arguments: Mapping[str, Any]) -> dict[str, Found]:
    return {
        name: Found(value, "argument")
        for name, value in arguments.items()
        if value is not None
        and not (name in _DOCUMENTED_DEFAULTS and value == _DOCUMENTED_DEFAULTS[name])
    }


def _from_environment() -> dict[str, Found]:
    found = ((name, os.environ.get(variable(name))) for name in NAMES)
    return {name: Found(value, ENVIRONMENT) for name, value in found if value}


def _from_named_file(path: Path, found: Settings) -> dict[str, Found]:
    file = read_env_file(path)
    if file.problem is not None:
        raise ConfigurationError(
            f"The file {path} cannot be read: {file.problem}.",
            suggestions=["Check the path; .env.example shows what the file holds."],
        )
    found.hints += file.hints
    return _settings_of(file)


def _from_account(name: str, found: Settings) -> tuple[dict[str, Found], dict[str, Found]]:
    file, entry = in_file(name), in_keyring(name)
    found.hints += [*file.hints, *entry.hints]
    if file.problem is not None and not entry.values:
        raise ConfigurationError(
            f"There is no account {name}: {account_path(name)}: {file.problem}; and nothing is in "
            "the keyring.",
            suggestions=[f"upstox_cli configure --account {name} makes it.", *entry.hints],
        )
    return _settings_of(entry), _settings_of(file)


def _settings_of(file: EnvFile) -> dict[str, Found]:
    values = ((name, file.values.get(variable(name))) for name in NAMES)
    return {name: Found(value, str(file.path)) for name, value in values if value}


def _read_stray_file() -> EnvFile:
    path = Path(_WORKING_DIRECTORY)
    if not os.path.lexists(path):
        return EnvFile(path)
    file = read_env_file(path)
    # A folder of that name is a virtual environment more often than a mistake.
    if file.problem is None or path.is_dir():
        return file
    raise ConfigurationError(
        f"The file {Path.cwd() / path} cannot be read: {file.problem}.",
        suggestions=[
            "It may hold any setting, so nothing begins without it: mend it, or name another file."
        ],
    )


def _from_stray_file(file: EnvFile, found: Settings) -> dict[str, Found]:
    """Return what the ``.env`` of the working directory has, which nobody named."""
    found.hints += [*file.hints, *_where_it_was_looked_for(file)]
    settings = _settings_of(file)
    for name in [name for name in settings if not SETTINGS[name].from_working_directory]:
        del settings[name]
        logger.warning(
            "Ignoring %s in the .env of the working directory: set it in the environment, "
            "or name the file with from_env_file()",
            variable(name),
        )
    return settings


def _without_strangers(
    stray: dict[str, Found], named: Mapping[str, Found], found: Settings
) -> dict[str, Found]:
    """Drop the credentials of a ``.env`` that is not the named account's."""
    if not _differing(stray, named):
        return stray
    found.hints.append(
        f"{Path.cwd() / _WORKING_DIRECTORY} has credentials of another account: none was taken."
    )
    return {name: one for name, one in stray.items() if not SETTINGS[name].credential}


def _where_it_was_looked_for(file: EnvFile) -> Iterator[str]:
    here = Path.cwd()
    if file.problem is not None:
        yield f"{here / file.path} was not read: {file.problem}."
    elif not file.values:
        yield f"No settings were found in {here / file.path}."
        above = next((one for one in here.parents if (one / file.path).is_file()), None)
        if above is not None:
            yield f"There is a {above / file.path}, which is read only from its own folder."


def _account_name(
    given: Mapping[str, Found], environment: Mapping[str, Found], stray: EnvFile
) -> str | None:
    for place in (given, environment):
        if "account" in place:
            return str(place["account"].value)
    return stray.values.get(variable("account"))


def _from_secrets_directory(
    given: Mapping[str, Found], environment: Mapping[str, Found]
) -> dict[str, Found]:
    named = given.get("secrets_dir") or environment.get("secrets_dir")
    # What systemd hands to a service (LoadCredential=, systemd.exec(5)).
    path = str(named.value) if named else os.environ.get("CREDENTIALS_DIRECTORY")
    if not path:
        return {}
    try:
        entries = {entry.name.upper(): entry for entry in Path(path).iterdir()}
    except OSError as error:
        if named is None:
            return {}
        raise ConfigurationError(
            f"The secrets directory {path} (UPSTOX_SECRETS_DIR) cannot be read: "
            f"{error.strerror or type(error).__name__}."
        ) from None
    found = {}
    for name in NAMES:
        entry = entries.get(variable(name))
        value = "" if entry is None else _secret_of(entry)
        if value:
            found[name] = Found(value, str(entry))
    return found


def _secret_of(path: Path) -> str:
    problem = ""
    try:
        with path.open("rb") as file:
            # Whoever wrote it with an editor or echo ended the line; the line is the secret.
            return (
                file.read(_LARGEST_SECRET).decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
            )
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    except OSError as error:
        problem = error.strerror or type(error).__name__
    raise ConfigurationError(f"The file {path} of the secrets directory cannot be read: {problem}.")


def _refuse_contradictions(
    given: Mapping[str, Found], place: Mapping[str, Found], named: Mapping[str, Found]
) -> None:
    """Refuse credentials of two people: a wrong PIN is an attempt of who owns the rest."""
    differing = [name for name in _differing(place, named) if name not in given]
    if differing:
        problems = (
            f"{name} ({variable(name)}) differs between {_in_words(place[name].source)} and "
            f"{named[name].source}"
            for name in differing
        )
        raise ConfigurationError(
            "Contradicting settings: " + "; ".join(problems) + ".",
            details={"settings": differing},
            suggestions=["Unset the variable, or remove the line: nothing was sent."],
        )


def _in_words(source: str) -> str:
    return f"the {source}" if source == ENVIRONMENT else source


def _differing(one: Mapping[str, Found], other: Mapping[str, Found]) -> list[str]:
    return [
        name
        for name in NAMES
        if SETTINGS[name].credential
        and name in one
        and name in other
        and not _are_same(name, one[name].value, other[name].value)
    ]


def _are_same(name: str, one: Any, other: Any) -> bool:
    if name == "totp_secret":
        try:
            return normalise_text(one) == normalise_text(other)
        except ValueError:
            pass
    return bool(one == other)
