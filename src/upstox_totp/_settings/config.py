"""Config: the settings of one client, valid."""

import os
from collections.abc import Iterable, Mapping, Sequence
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

from upstox_totp._http.addresses import is_loopback, origin
from upstox_totp._settings import rules
from upstox_totp._settings.sources import Found, Settings, read_settings
from upstox_totp._settings.table import (
    API,
    DEFAULTS,
    NAMES,
    SETTINGS,
    did_you_mean,
    methods_of,
    needed_by,
    variable,
)
from upstox_totp.errors import ConfigurationError

_NOT_SET: Final[Any] = None
_NOT_THERE: Final = "is not set"
_NO_TEXT: Final = "must be text: put it in quotes, because a number loses its leading zeros"
_SIX_DIGITS: Final = f"must be 6 digits for the login method {API}"
_ENOUGH_FOR_API: Final = (
    "These settings are enough for the TOTP API (official, recommended): "
    f"set {variable('login_method')}={API}."
)
_EXAMPLE: Final = "is still a placeholder: replace it with your own value"
_SANDBOX: Final = "sandbox-"
_SANDBOXS: Final = (
    "belongs to a sandbox: set UPSTOX_BASE_DOMAIN, or use the API key of your own app"
)


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
    pin_code: Annotated[SecretStr, rules.matching(r"[0-9]{4,6}")] = _NOT_SET
    totp_secret: Annotated[SecretStr, AfterValidator(rules.totp_secret)] = _NOT_SET
    client_id: Annotated[str, AfterValidator(rules.key)] = _NOT_SET
    client_secret: Annotated[SecretStr, AfterValidator(rules.key)] = _NOT_SET
    redirect_uri: Annotated[str, AfterValidator(rules.redirect_uri)] = _NOT_SET
    debug: bool = DEFAULTS["debug"]
    sleep_time: Annotated[int, Field(ge=100, le=10_000)] = DEFAULTS["sleep_time"]
    base_domain: Annotated[str, AfterValidator(rules.valid_base_domain)] = DEFAULTS["base_domain"]
    login_method: Annotated[tuple[str, ...], BeforeValidator(methods_of)] = DEFAULTS["login_method"]
    login_revision: Literal["auto", "newer", "older"] = DEFAULTS["login_revision"]
    user_id: Annotated[str, rules.matching(r"[A-Za-z0-9]{1,40}")] | None = None
    account: Annotated[str, AfterValidator(rules.account)] | None = None
    cache_dir: Annotated[str, BeforeValidator(rules.path)] | None = None
    cache_url: Annotated[SecretStr, AfterValidator(rules.cache_url)] | None = None
    cache_key: Annotated[SecretStr, AfterValidator(rules.sendable)] | None = None
    secrets_dir: Annotated[str, BeforeValidator(rules.path)] | None = None

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
        config, problems = cls._validated(found)
        if config is not None and not problems:
            return config
        raise _invalid(problems, found)

    @classmethod
    def examine(cls, found: Settings) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return what is wrong with which settings, and the chosen login methods."""
        config, problems = cls._validated(found)
        return problems, _methods_of(found, config)

    @classmethod
    def _validated(cls, found: Settings) -> tuple[Self | None, dict[str, str]]:
        """Return the settings, and what is wrong with which of them."""
        given: dict[str, Any] = {
            name: as_secret(one.value) if SETTINGS[name].secret else one.value
            for name, one in found.items()
        }
        config: Self | None = None
        problems = {} if _is_local(found) else {**_examples(found), **_sandboxs(found)}
        try:
            config = cls(**given)
        except ValidationError as error:
            # Where and why alone: pydantic's error holds the values.
            told = error.errors(include_input=False, include_context=False, include_url=False)
            for item in told:
                name = str(item["loc"][0])
                problems[name] = item["msg"] if item["type"] == rules.WRONG else SETTINGS[name].rule
        methods = _methods_of(found, config)
        missing = [name for name in needed_by(methods) if name not in found]
        problems |= dict.fromkeys(missing, _NOT_THERE)
        enough = all(name in found and name not in problems for name in needed_by([API]))
        if missing and enough and "login_method" not in found:
            found.hints.insert(0, _ENOUGH_FOR_API)
        for name in problems:
            if name in found and SETTINGS[name].credential and not _is_text(found[name].value):
                problems[name] = _NO_TEXT
        if API in methods and "pin_code" in found and "pin_code" not in problems:
            problems |= _problems_of_api(as_secret(found["pin_code"].value))
        return config, {name: problems[name] for name in NAMES if name in problems}

    def demand(self, *methods: str) -> None:
        """Make sure that everything is set which login methods need.

        `ConfigurationError` where something is not; it names all of it. Nothing was sent.
        """
        self.demand_settings(*needed_by(methods))
        problems = _problems_of_api(self.pin_code) if API in methods else {}
        if problems:
            raise _invalid(problems, Settings())

    def demand_settings(self, *names: str) -> None:
        """Make sure that settings are set which the configured login methods need not have."""
        problems = {name: _NOT_THERE for name in names if getattr(self, name) is None}
        if problems:
            raise _invalid(problems, Settings())


def check_value(name: str, value: str) -> str | None:
    """Return what is wrong with the value of one setting, None if nothing is."""
    found = Settings()
    # Where it will log in is not known: a sandbox takes what Upstox would not.
    found["base_domain"] = Found("http://localhost/{stage}", "input")
    found[name] = Found(value, "input")
    problems, _ = Config.examine(found)
    return problems.get(name)


def _examples(found: Settings) -> dict[str, str]:
    """Return the settings that are README's placeholders, where they would be sent to Upstox."""
    same = [
        name
        for name, one in found.items()
        if SETTINGS[name].example is not None and _plain(one.value) == SETTINGS[name].example
    ]
    # A number may be what an example has for one.
    certain = len(same) > 1 or not all(str(SETTINGS[name].example).isdigit() for name in same)
    return dict.fromkeys(same, _EXAMPLE) if certain else {}


def _sandboxs(found: Settings) -> dict[str, str]:
    client_id = str(found["client_id"].value) if "client_id" in found else ""
    return {"client_id": _SANDBOXS} if client_id.startswith(_SANDBOX) else {}


def _is_local(found: Settings) -> bool:
    """Tell whether a sandbox on this machine is meant, which takes any settings."""
    base_domain = str(found["base_domain"].value if "base_domain" in found else "")
    try:
        return is_loopback(origin(base_domain.replace("{stage}", "api"))[1])
    except ValueError:
        return False


def _problems_of_api(pin_code: SecretStr | None) -> dict[str, str]:
    if pin_code is None or rules.is_pin_for_api(pin_code):
        return {}
    return {"pin_code": _SIX_DIGITS}


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _is_text(value: object) -> bool:
    return isinstance(_plain(value), str)


def _methods_of(found: Mapping[str, Found], config: Config | None) -> tuple[str, ...]:
    if config is not None:
        return config.login_method
    try:
        return methods_of(found["login_method"].value)
    except (KeyError, ValueError):
        default: tuple[str, ...] = DEFAULTS["login_method"]
        return default


def _invalid(problems: Mapping[str, str], found: Settings) -> ConfigurationError:
    # Where a setting was looked for helps whoever misses one.
    hints: Iterable[str] = found.hints if _NOT_THERE in problems.values() else ()
    told = (
        f"{name} ({variable(name)}) {why}{f' (from {found.place(name)})' if name in found else ''}"
        for name, why in problems.items()
    )
    return ConfigurationError(
        f"Invalid settings: {'; '.join(told)}.",
        details={"settings": list(problems)},
        suggestions=[
            ("Pass the argument, set the variable, or add it to .env (see .env.example)."),
            *dict.fromkeys(hints),
        ],
    )
