"""Where settings come from: a list of places, the first that has a setting deciding."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from upstox_totp._log import logger
from upstox_totp._settings.env_files import EnvFile, read_env_file, read_whole, unread_names
from upstox_totp._settings.named_accounts import account_path, in_file, in_keyring
from upstox_totp._settings.table import DEFAULTS, SETTINGS, methods_of, needed_by, variable
from upstox_totp._settings.totp_secret import normalise_text
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT: Final = "environment"
_ARGUMENT: Final = "argument"
_WORKING_DIRECTORY: Final = ".env"
# Arguments equal to these count as not given: the documented signature names them as defaults.
_DOCUMENTED_DEFAULTS: Final = {"debug": False, "sleep_time": 1000}
_LARGEST_SECRET: Final = 64 * 1024


class Found(NamedTuple):
    """One setting as it was found: not validated, with its place, and the variable it had there."""

    value: Any
    source: str
    variable: str = ""

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

    def place(self, name: str) -> str:
        """Return where a setting was found, and under which name if that is not its own."""
        one = self[name]
        other = one.variable not in {"", variable(name)}
        return f"{one.source}, as {one.variable}" if other else one.source


_Place = dict[str, Found]


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
    found = Settings()
    given = {
        name: Found(value, _ARGUMENT)
        for name, value in (arguments or {}).items()
        if value is not None
        and not (name in _DOCUMENTED_DEFAULTS and value == _DOCUMENTED_DEFAULTS[name])
    }
    environment = _settings_in(os.environ, ENVIRONMENT)
    if env_file is not None:
        named = _from_named_file(Path(env_file), found)
        _refuse_contradictions(given, environment, named)
        return _filled(found, given, environment, named)
    secrets = _from_secrets_directory(given, environment)
    file = _read_implicit_file()
    implicit, ignored = _from_implicit_file(file, found)
    name = account if account is not None else _account_name(given, environment, file)
    before: list[_Place] = [given, environment, secrets]
    places = () if name is None else _from_account(name, found, [*before, implicit])
    for place in places:
        _refuse_contradictions(given, environment, place)
        _refuse_contradictions(given, secrets, place)
        implicit = _without_strangers(implicit, place, found)
    filled = _filled(found, *before, *places, implicit)
    _refuse_other_server(ignored, implicit, filled)
    return filled


def account_in_use() -> str | None:
    """Return the name of the account whose settings are read where no other is named."""
    return _account_name({}, _settings_in(os.environ, ENVIRONMENT), _read_implicit_file())


def _filled(found: Settings, *places: Mapping[str, Found]) -> Settings:
    for place in places:
        for name, one in place.items():
            first = found.setdefault(name, one)
            # The documented name of a place comes before its others, and no other may differ.
            if one.variable != first.variable and first.source != _ARGUMENT:
                _refuse_difference(name, first, one)
    found.hints += unread_names(os.environ, "in the environment")
    return found


def _settings_in(values: Mapping[str, str], source: str) -> _Place:
    """Return the settings among variables, under whichever of their names."""
    place: _Place = {}
    for name, row in SETTINGS.items():
        for own in row.variables:
            value = values.get(own)
            if value:
                first = place.setdefault(name, Found(value, source, own))
                _refuse_difference(name, first, Found(value, source, own))
    return place


def _refuse_difference(name: str, one: Found, other: Found) -> None:
    if _are_same(name, one.value, other.value):
        return
    problem = f"{one.variable} ({one.source}) and {other.variable} ({other.source}) differ"
    raise ConfigurationError(
        f"Contradicting settings: {problem}, and both are {name}.",
        details={"settings": [name]},
        suggestions=[f"Keep {variable(name)} and remove the other. Nothing was sent."],
    )


def _from_named_file(path: Path, found: Settings) -> _Place:
    file = read_env_file(path)
    if file.problem is not None:
        raise ConfigurationError(
            f"The file {path} cannot be read: {file.problem}.",
            suggestions=["Check the path; .env.example shows what the file holds."],
        )
    found.hints += file.hints
    return _settings_in(file.values, str(file.path))


def _from_account(name: str, found: Settings, others: list[_Place]) -> tuple[_Place, _Place]:
    """Return what an account's file has, and what the keyring has of what is needed besides."""
    file = in_file(name)
    place = _settings_in(file.values, str(file.path))
    named = next((one["login_method"] for one in [*others, place] if "login_method" in one), None)
    try:
        methods = methods_of(named.value if named else DEFAULTS["login_method"])
    except ValueError:
        methods = DEFAULTS["login_method"]
    entry = in_keyring(name, [one for one in needed_by(methods) if one not in place])
    found.hints += [*file.hints, *entry.hints]
    if file.problem is not None and not entry.values:
        raise ConfigurationError(
            f"There is no account {name}: neither the file {account_path(name)} nor a keyring "
            "entry exists.",
            suggestions=[f"Run upstox_cli configure --account {name}.", *entry.hints],
        )
    return place, _settings_in(entry.values, str(entry.path))


def _read_implicit_file() -> EnvFile:
    path = Path(_WORKING_DIRECTORY)
    if not os.path.lexists(path):
        return EnvFile(path)
    file = read_env_file(path)
    # A folder of that name is a virtual environment more often than a mistake.
    if file.problem is None or path.is_dir():
        return file
    raise ConfigurationError(
        f"The file {Path.cwd() / path} cannot be read: {file.problem}.",
        suggestions=["Fix the file, or name another one with --env-file or from_env_file()."],
    )


def _from_implicit_file(file: EnvFile, found: Settings) -> tuple[_Place, _Place]:
    """Return what the ``.env`` of the working directory has, which nobody named, and may not."""
    found.hints += [*file.hints, *_where_it_was_looked_for(file)]
    place = _settings_in(file.values, str(file.path))
    ignored = {
        name: place.pop(name) for name in list(place) if not SETTINGS[name].from_working_directory
    }
    return place, ignored


def _refuse_other_server(ignored: _Place, implicit: _Place, found: Settings) -> None:
    """Refuse to send Upstox the credentials that a ``.env`` has for another server."""
    default = DEFAULTS["base_domain"]
    other = str(ignored["base_domain"].value) if "base_domain" in ignored else default
    chosen = str(found["base_domain"].value) if "base_domain" in found else default
    taken = any(SETTINGS[name].credential and found[name] is one for name, one in implicit.items())
    if taken and other.rstrip("/") != default and chosen.rstrip("/") == default:
        raise ConfigurationError(
            "The .env of the working directory is for another server (UPSTOX_BASE_DOMAIN), such "
            "as a sandbox. Its credentials are not sent to Upstox.",
            details={"settings": ["base_domain"]},
            suggestions=[
                'For that server: --env-file .env, or UpstoxTOTP.from_env_file(".env").',
                "For Upstox: remove that line, and write your own credentials.",
            ],
        )
    for name in ignored:
        logger.warning(
            "Ignoring %s in the .env of the working directory: set it in the environment, "
            "or name the file with from_env_file()",
            variable(name),
        )


def _without_strangers(implicit: _Place, named: _Place, found: Settings) -> _Place:
    """Drop the credentials of a ``.env`` that is not the named account's."""
    if not _differing(implicit, named):
        return implicit
    found.hints.append(
        f"{Path.cwd() / _WORKING_DIRECTORY} belongs to another account, so it is ignored."
    )
    return {name: one for name, one in implicit.items() if not SETTINGS[name].credential}


def _where_it_was_looked_for(file: EnvFile) -> Iterator[str]:
    here = Path.cwd()
    if file.problem is not None:
        yield f"{here / file.path} was not read: {file.problem}."
    elif not file.values:
        yield f"No settings were found in {here / file.path}."
        above = next((one for one in here.parents if (one / file.path).is_file()), None)
        if above is not None:
            yield f"There is a {above / file.path}, but only the working directory counts."


def _account_name(given: _Place, environment: _Place, implicit: EnvFile) -> str | None:
    for place in (given, environment):
        if "account" in place:
            return str(place["account"].value)
    return implicit.values.get(variable("account"))


def _from_secrets_directory(given: _Place, environment: _Place) -> _Place:
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
    names = [own for row in SETTINGS.values() for own in row.variables if own in entries]
    place = _settings_in({name: _secret_of(entries[name]) for name in names}, path)
    return {name: one._replace(source=str(entries[one.variable])) for name, one in place.items()}


def _secret_of(path: Path) -> str:
    problem = ""
    try:
        # Whoever wrote it with an editor or echo ended the line; the line is the secret.
        text = bytes(read_whole(path, _LARGEST_SECRET)).decode("utf-8-sig")
        return text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    except OSError as error:
        problem = error.strerror or type(error).__name__
    raise ConfigurationError(f"The file {path} of the secrets directory cannot be read: {problem}.")


def _refuse_contradictions(given: _Place, place: _Place, named: _Place) -> None:
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
            suggestions=["Unset the variable, or remove the line. Nothing was sent."],
        )


def _in_words(source: str) -> str:
    return f"the {source}" if source == ENVIRONMENT else source


def _differing(one: _Place, other: _Place) -> list[str]:
    return [
        name
        for name, row in SETTINGS.items()
        if row.credential and name in one and name in other
        if not _are_same(name, one[name].value, other[name].value)
    ]


def _are_same(name: str, one: Any, other: Any) -> bool:
    if name == "username":
        # A country code or a blank makes it no other number; that it is invalid is told later.
        one, other = ("".join(filter(str.isdigit, str(text)))[-10:] for text in (one, other))
    if name == "totp_secret":
        try:
            return normalise_text(one) == normalise_text(other)
        except ValueError:
            pass
    return bool(one == other)
