"""Config: the settings of one client, valid."""

import os
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from upstox_totp._settings import rules
from upstox_totp._settings.sources import Found, Settings, read_settings
from upstox_totp._settings.table import (
    API,
    DEFAULTS,
    NAMES,
    PREFIX,
    SETTINGS,
    did_you_mean,
    is_secret,
    needed_by,
    variable,
)
from upstox_totp.errors import ConfigurationError

_NOT_SET: Final[Any] = None
_NOT_THERE: Final = "is not set"
_NO_TEXT: Final = "must be text: put it into quotes, a number loses the zeros that it begins with"
_SIX_DIGITS: Final = f"must be 6 digits for the login method {API}"


def as_secret(value: object) -> SecretStr | None:
    """Hide a value from every ``repr``, before anything else is done with it.

    Args:
        value: A secret as the user gave it, of any type; None stays None.
    """
    return value if value is None or isinstance(value, SecretStr) else SecretStr(value)  # type: ignore[arg-type]


class Config(BaseSettings):
    """The settings of one client, as documented under "Configuration Validation".

    Immutable; secrets are ``SecretStr``. Made by `load`, which reads the settings itself. What the
    chosen ways to a token do not need may be None: a way asks `demand` before it begins.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    username: Annotated[str, rules.After(rules.username)] = _NOT_SET
    password: Annotated[SecretStr, rules.After(rules.password)] = _NOT_SET
    pin_code: Annotated[SecretStr, rules.After(rules.pin_code)] = _NOT_SET
    totp_secret: Annotated[SecretStr, rules.After(rules.totp_secret)] = _NOT_SET
    client_id: Annotated[str, rules.After(rules.client_id)] = _NOT_SET
    client_secret: Annotated[SecretStr, rules.After(rules.client_secret)] = _NOT_SET
    redirect_uri: Annotated[str, rules.After(rules.redirect_uri)] = _NOT_SET
    debug: bool = DEFAULTS["debug"]
    sleep_time: Annotated[int, Field(ge=100, le=10_000)] = DEFAULTS["sleep_time"]
    base_domain: Annotated[str, rules.Before(rules.base_domain)] = DEFAULTS["base_domain"]
    login_method: Annotated[tuple[str, ...], rules.Before(rules.login_method)] = DEFAULTS[
        "login_method"
    ]
    login_revision: Literal["auto", "newer", "older"] = DEFAULTS["login_revision"]
    user_id: Annotated[str, rules.After(rules.user_id)] | None = None
    account: Annotated[str, rules.After(rules.account)] | None = None
    cache_dir: Annotated[str, rules.Before(rules.path)] | None = None
    cache_url: Annotated[SecretStr, rules.After(rules.cache_url)] | None = None
    cache_key: Annotated[SecretStr, rules.After(rules.cache_key)] | None = None
    secrets_dir: Annotated[str, rules.Before(rules.path)] | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature of the base class
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `read_settings` found and nothing else.

        The sources of pydantic-settings expand ``${…}`` in a file, which would corrupt a password
        in silence.
        """
        return (init_settings,)

    @classmethod
    def load(
        cls,
        arguments: Mapping[str, Any] | None = None,
        env_file: str | os.PathLike[str] | None = None,
        account: str | None = None,
    ) -> Self:
        """Read all settings and validate them.

        Args:
            arguments: Settings given in code, secrets already hidden by `as_secret`.
            env_file: The only file to read; by default ``.env`` in the working directory.
            account: The name of the account whose file and keyring entry to read, too.

        Returns:
            The valid settings.

        Raises:
            ConfigurationError: If a setting is missing or invalid, or none is called so; it names
                every such setting and repeats no value.
        """
        unknown = [name for name in arguments or {} if name not in SETTINGS]
        if unknown:
            raise ConfigurationError(
                f"There are no settings {', '.join(unknown)}.",
                details={"settings": unknown},
                suggestions=[
                    f"Did you mean {meant}?" for meant in map(did_you_mean, unknown) if meant
                ],
            )
        found = read_settings(arguments, env_file, account)
        config, problems = cls._validated(found)
        if config is not None and not problems:
            return config
        raise _invalid(problems, found)

    @classmethod
    def examine(cls, found: Settings) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return what is wrong with which settings, and the chosen ways to a token.

        Args:
            found: The settings.

        Returns:
            Reasons by the settings' names, empty where the rule says it all; names of ways.
        """
        config, problems = cls._validated(found)
        return problems, _methods_of(found, config)

    @classmethod
    def _validated(cls, found: Settings) -> tuple[Self | None, dict[str, str]]:
        """Return the settings, and what is wrong with which of them."""
        given: dict[str, Any] = {
            name: as_secret(one.value) if is_secret(name) else one.value
            for name, one in found.items()
        }
        config: Self | None = None
        problems: dict[str, str] = {}
        try:
            config = cls(**given)
        except ValidationError as error:
            # Where and why alone: pydantic's error holds the values.
            told = error.errors(include_input=False, include_context=False, include_url=False)
            problems = {str(item["loc"][0]): _reason(item["type"], item["msg"]) for item in told}
        methods = _methods_of(found, config)
        missing = [name for name in needed_by(methods) if name not in found]
        problems |= dict.fromkeys(missing, _NOT_THERE)
        for name in problems:
            if name in found and SETTINGS[name].credential and not _is_text(found[name].value):
                problems[name] = _NO_TEXT
        if API in methods and "pin_code" in found and "pin_code" not in problems:
            problems |= _problems_of_api(as_secret(found["pin_code"].value))
        return config, {name: problems[name] for name in NAMES if name in problems}

    def demand(self, *methods: str) -> None:
        """Make sure that everything is set which ways to a token need.

        Args:
            methods: Names of the ways.

        Raises:
            ConfigurationError: If something is not; it names all of it. Nothing was sent.
        """
        self.demand_settings(*needed_by(methods))
        problems = _problems_of_api(self.pin_code) if API in methods else {}
        if problems:
            raise _invalid(problems, None)

    def demand_settings(self, *names: str) -> None:
        """Make sure that settings are set which the configured ways to a token need not have.

        Args:
            names: The settings' names.

        Raises:
            ConfigurationError: If one is not; it names all of them.
        """
        problems = {name: _NOT_THERE for name in names if getattr(self, name) is None}
        if problems:
            raise _invalid(problems, None)


def check_value(name: str, value: str) -> str | None:
    """Return what is wrong with the value of one setting, None if nothing is.

    Args:
        name: The setting's name.
        value: Its value, as text.
    """
    found = Settings()
    found[name] = Found(value, "input")
    problems, _ = Config.examine(found)
    return None if name not in problems else problems[name] or SETTINGS[name].rule


def _problems_of_api(pin_code: SecretStr | None) -> dict[str, str]:
    if pin_code is None or rules.is_pin_for_api(pin_code):
        return {}
    return {"pin_code": _SIX_DIGITS}


def _reason(kind: str, message: str) -> str:
    return message if kind == rules.WRONG else ""


def _is_text(value: object) -> bool:
    return isinstance(value.get_secret_value() if isinstance(value, SecretStr) else value, str)


def _methods_of(found: Mapping[str, Found], config: Config | None) -> tuple[str, ...]:
    if config is not None:
        return config.login_method
    try:
        return rules.login_method(found["login_method"].value)
    except (KeyError, ValueError):
        default: tuple[str, ...] = DEFAULTS["login_method"]
        return default


def _invalid(problems: Mapping[str, str], found: Settings | None) -> ConfigurationError:
    sources = {} if found is None else {name: one.source for name, one in found.items()}
    # Where a setting was looked for helps whoever misses one.
    hints: Iterable[str] = (
        found.hints if found is not None and _NOT_THERE in problems.values() else ()
    )
    return ConfigurationError(
        "Invalid settings: "
        + "; ".join(describe(name, why, sources.get(name)) for name, why in problems.items())
        + ".",
        details={"settings": list(problems)},
        suggestions=[
            (
                "Give the argument, set the variable, or write it into .env "
                "(.env.example shows all of them)."
            ),
            *dict.fromkeys(hints),
        ],
    )


def describe(name: str, reason: str, source: str | None) -> str:
    """Say what is wrong with a setting, without its value.

    Args:
        name: The setting's name.
        reason: What is wrong, empty where its rule says it all.
        source: Where its value came from, None if there is none.
    """
    where = f" (from {source})" if source else ""
    return f"{name} ({variable(name)}) {reason or SETTINGS[name].rule}{where}"
