"""Config: the settings of one client, valid."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypedDict

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from upstox_totp._settings import rules
from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.table import (
    API,
    CREDENTIALS,
    DEFAULTS,
    METHODS,
    NAMES,
    SETTINGS,
    Settings,
    did_you_mean,
    methods_of,
    needed_by,
    variable,
)
from upstox_totp._settings.totp_secret import InvalidValueError
from upstox_totp.errors import ConfigurationError

_NOT_SET: Final[Any] = None
_MISSING: Final = "is not set"
_NO_TEXT: Final = "must be text: put it in quotes, because a number loses its leading zeros"
_USE_API: Final = f"{variable('login_method')}={API}"
_PIN_OF_API: Final = 6
_PathText = Annotated[str, BeforeValidator(str), Field(pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


def as_secret(value: object) -> SecretStr | None:
    """Hide a value of any type from every ``repr``, before anything else is done with it."""
    return value if value is None or isinstance(value, SecretStr) else SecretStr(value)  # type: ignore[arg-type]


class SettingsByName(TypedDict, total=False):
    """Every setting, by name; text as in a file is taken for each, None counts as not given."""

    username: str | None
    password: SecretStr | str | None
    pin_code: SecretStr | str | None
    totp_secret: SecretStr | str | None
    client_id: str | None
    client_secret: SecretStr | str | None
    redirect_uri: str | None
    debug: bool | str | None
    sleep_time: int | str | None
    base_domain: str | None
    login_method: str | Sequence[str] | None
    login_revision: str | None
    user_id: str | None
    account: str | None
    cache_dir: str | os.PathLike[str] | None
    cache_url: SecretStr | str | None
    cache_key: SecretStr | str | None
    secrets_dir: str | os.PathLike[str] | None


class Config(BaseModel):
    """The settings of one client, as documented under "Configuration Validation".

    Immutable; secrets are ``SecretStr``. Made by `load`, which reads the settings itself. What the
    chosen login methods do not need may be None: a method asks `demand` before it begins.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    username: Annotated[str, AfterValidator(rules.username)] = _NOT_SET
    password: Annotated[SecretStr, AfterValidator(rules.sendable)] = _NOT_SET
    pin_code: Annotated[SecretStr, AfterValidator(rules.pin_code)] = _NOT_SET
    totp_secret: Annotated[SecretStr, AfterValidator(rules.totp_secret)] = _NOT_SET
    client_id: Annotated[str, AfterValidator(rules.key)] = _NOT_SET
    client_secret: Annotated[SecretStr, AfterValidator(rules.key)] = _NOT_SET
    redirect_uri: Annotated[str, AfterValidator(rules.redirect_uri)] = _NOT_SET
    debug: bool = DEFAULTS["debug"]
    sleep_time: Annotated[int, Field(ge=100, le=10_000)] = DEFAULTS["sleep_time"]
    base_domain: Annotated[str, AfterValidator(rules.valid_base_domain)] = DEFAULTS["base_domain"]
    login_method: Annotated[tuple[str, ...], BeforeValidator(methods_of)] = DEFAULTS["login_method"]
    login_revision: Literal["auto", "newer", "older"] = DEFAULTS["login_revision"]
    user_id: Annotated[str, Field(pattern="^[A-Za-z0-9]{1,40}$")] | None = None
    account: str | None = None
    cache_dir: _PathText | None = None
    cache_url: Annotated[SecretStr, AfterValidator(rules.cache_url)] | None = None
    cache_key: Annotated[SecretStr, AfterValidator(rules.sendable)] | None = None
    secrets_dir: _PathText | None = None

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, Any] | None = None,
        env_file: str | os.PathLike[str] | None = None,
        account: str | None = None,
    ) -> Self:
        """Read all settings, as `read_settings`, and validate them.

        `ConfigurationError` where a setting is missing or invalid, or none is called so; it names
        every such setting and repeats no value.
        """
        unknown = [name for name in arguments or {} if name not in SETTINGS]
        if unknown:
            raise ConfigurationError(
                f"Unknown settings: {', '.join(unknown)}.",
                details={"settings": unknown},
                suggestions=[
                    f"Did you mean {meant}?" for meant in map(did_you_mean, unknown) if meant
                ],
            )
        return cls.of(read_settings(arguments, env_file, account))

    @classmethod
    def of(cls, found: Settings) -> Self:
        """Validate settings as they were found; `ConfigurationError` as of `load`."""
        config, problems = cls.examine(found)
        if config is None or problems:
            raise _invalid(problems, found)
        return config

    @classmethod
    def examine(cls, found: Settings) -> tuple[Self | None, dict[str, str]]:
        """Return the settings, and what is wrong with which of them, without a value."""
        config, refused = cls._validated({name: one.value for name, one in found.items()})
        valid = {name: one.value for name, one in found.items() if name not in refused}
        problems = {**_of_nobody(found), **_unmet(valid, found.methods), **refused}
        return config, {name: problems[name] for name in NAMES if name in problems}

    @classmethod
    def _validated(cls, values: Mapping[str, Any]) -> tuple[Self | None, dict[str, str]]:
        try:
            return cls(**{name: rules.plain(value) for name, value in values.items()}), {}
        except ValidationError as error:
            # Where and why alone: pydantic's error holds the values.
            told = error.errors(include_input=False, include_url=False)
        problems = {}
        for item in told:
            row, why = SETTINGS[str(item["loc"][0])], item.get("ctx", {}).get("error")
            problems[row.name] = str(why) if isinstance(why, InvalidValueError) else row.rule
            if item["type"] == "string_type" and row.credential:
                problems[row.name] = _NO_TEXT
        return None, problems

    @classmethod
    def check_value(cls, name: str, value: str, methods: Iterable[str]) -> str | None:
        """Return what is wrong with one setting for login methods, None if nothing is."""
        values = {name: value}
        return (cls._validated(values)[1] or _unmet(values, methods)).get(name)

    def demand(self, *methods: str) -> None:
        """Make sure that everything is set which login methods need.

        `ConfigurationError` where something is not; it names all of it. Nothing was sent.
        """
        problems = _unmet(dict(self), methods)
        if problems:
            raise _invalid(problems, Settings())

    def demand_settings(self, *names: str) -> None:
        """Make sure that settings are set which the configured login methods need not have."""
        problems = {name: _MISSING for name in names if getattr(self, name) is None}
        if problems:
            raise _invalid(problems, Settings())


def _unmet(values: Mapping[str, Any], methods: Iterable[str]) -> dict[str, str]:
    """Return what login methods need, and do not have in settings."""
    problems = {name: _MISSING for name in needed_by(methods) if values.get(name) is None}
    pin = values.get("pin_code")
    if API in methods and pin is not None and len(pin) != _PIN_OF_API:
        problems["pin_code"] = (
            f"must be 6 digits for the login method {API}: for a longer PIN, choose Forgot PIN on "
            "Upstox's login page"
        )
    return problems


def _of_nobody(found: Settings) -> dict[str, str]:
    """Return the settings for Upstox that are README's placeholders, or a sandbox's."""
    server = str(found["base_domain"].value) if "base_domain" in found else ""
    if server.lower().rstrip("/") not in {"", DEFAULTS["base_domain"]}:
        return {}
    problems = {
        name: "is still a placeholder: replace it with your own value"
        for name, one in found.items()
        if SETTINGS[name].example == rules.plain(one.value)
    }
    if "client_id" in found and str(found["client_id"].value).startswith("sandbox-"):
        problems["client_id"] = (
            "belongs to a sandbox: set UPSTOX_BASE_DOMAIN, or use the API key of your own app"
        )
    return problems


def advise(problems: Mapping[str, str], found: Settings) -> list[str]:
    """Return what helps a user with what is wrong, and what is odd in any case."""
    missing = [name for name, why in problems.items() if why == _MISSING]
    enough = all(name in found and name not in problems for name in needed_by([API]))
    if missing and enough and "login_method" not in found:
        return [f"These settings are enough for the {METHODS[API]}: set {_USE_API}.", *found.hints]
    places: dict[str, list[str]] = {}
    for name in missing:
        places.setdefault(SETTINGS[name].where, []).append(variable(name))
    advice = (f"{', '.join(names)}: {where}." for where, names in places.items() if where)
    return [*advice, *found.hints]


def nothing_found(problems: Mapping[str, str], found: Settings) -> str:
    """Return what to say where no setting of a login was found; empty if one was."""
    one_found = any(name in found for name in (*CREDENTIALS, "login_method"))
    if found.file is None or one_found or set(problems.values()) != {_MISSING}:
        return ""
    return (
        f"No settings were found in the environment or in {Path.cwd() / found.file}. "
        f"The {METHODS[API]} needs {_USE_API} and three settings: {_listed(needed_by([API]))}."
    )


def _invalid(problems: Mapping[str, str], found: Settings) -> ConfigurationError:
    message = nothing_found(problems, found)
    if message:
        suggestions = ["Run upstox_cli configure to enter them.", *found.hints]
    else:
        places = {name: f" (from {found.place(name)})" for name in found}
        told = (
            f"{name} ({variable(name)}) {why}{places.get(name, '')}"
            for name, why in problems.items()
        )
        message = f"Invalid settings: {'; '.join(told)}."
        suggestions = advise(problems, found)
        if _MISSING in problems.values():
            where = f"add it to {found.file} (see .env.example)" if found.file else "pass it"
            suggestions.append(f"Set the variable, or {where}.")
    return ConfigurationError(
        message, details={"settings": list(problems)}, suggestions=suggestions
    )


def _listed(names: Iterable[str]) -> str:
    *others, last = (f"{name} ({variable(name)})" for name in names)
    return f"{', '.join(others)} and {last}"
