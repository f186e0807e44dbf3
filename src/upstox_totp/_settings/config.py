"""Config: the settings of one client, valid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AnyUrl,
    Field,
    SecretStr,
    TypeAdapter,
    UrlConstraints,
    ValidationError,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from upstox_totp._settings.hosts import valid_base_domain
from upstox_totp._settings.names import DEFAULTS, PREFIX, REQUIRED, variable
from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.totp_secret import normalise_secret, plain_text
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

RULES: Final[Mapping[str, str]] = {
    "username": "must be exactly 10 digits, the mobile number registered with Upstox",
    "password": "must be a non-empty string",
    "pin_code": "must be 4 to 6 digits",
    "totp_secret": (
        "must be a base32 string, as shown when TOTP was set up "
        "(or its otpauth:// URI, with 6 digits every 30 seconds)"
    ),
    "client_id": "must be a non-empty string",
    "client_secret": "must be a non-empty string",
    "redirect_uri": "must be a valid URL, for example https://127.0.0.1/callback",
    "debug": "must be true or false",
    "sleep_time": "must be between 100 and 10000 milliseconds",
    "base_domain": "must be an https URL with {stage} in it; http only on loopback",
    "login_revision": "must be auto, newer or older",
    "cache_dir": "must be a path",
}
_URL: Final = TypeAdapter(Annotated[AnyUrl, UrlConstraints(host_required=True)])


def as_secret(value: object) -> SecretStr | None:
    """Hide a value from every ``repr``, before anything else is done with it.

    Args:
        value: A secret as the user gave it, of any type; None stays None.
    """
    return value if value is None or isinstance(value, SecretStr) else SecretStr(value)  # type: ignore[arg-type]


def _digits(text: str) -> str:
    if not re.fullmatch(r"[0-9]{10}", text):
        raise ValueError
    return text


def _pin(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9]{4,6}", plain_text(secret)):
        raise ValueError
    return secret


def _text(text: str) -> str:
    # Bytes of the environment that are not UTF-8 arrive as surrogates, which cannot be sent.
    text.encode()
    if not text.strip():
        raise ValueError
    return text


def _secret_text(secret: SecretStr) -> SecretStr:
    _text(plain_text(secret))
    return secret


def _redirect_uri(uri: str) -> str:
    _text(uri)
    if (
        uri != uri.strip()
        or not re.match(r"[^/]+://[^/]", uri)
        or re.search(r"[\x00-\x1f\x7f]", uri)
    ):
        raise ValueError
    # Validated and kept as it is: Upstox compares it byte for byte.
    _URL.validate_python(uri)
    return uri


class Config(BaseSettings):
    """The settings of one client, as documented under "Configuration Validation".

    Immutable; secrets are ``SecretStr``. Made by `load`, which reads the settings itself.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    username: Annotated[str, AfterValidator(_digits)]
    password: Annotated[SecretStr, AfterValidator(_secret_text)]
    pin_code: Annotated[SecretStr, AfterValidator(_pin)]
    totp_secret: Annotated[SecretStr, AfterValidator(normalise_secret)]
    client_id: Annotated[str, AfterValidator(_text)]
    client_secret: Annotated[SecretStr, AfterValidator(_secret_text)]
    redirect_uri: Annotated[str, AfterValidator(_redirect_uri)]
    debug: bool = DEFAULTS["debug"]
    sleep_time: Annotated[int, Field(ge=100, le=10_000)] = DEFAULTS["sleep_time"]
    base_domain: Annotated[str, AfterValidator(valid_base_domain)] = DEFAULTS["base_domain"]
    login_revision: Literal["auto", "newer", "older"] = DEFAULTS["login_revision"]
    cache_dir: str | None = DEFAULTS["cache_dir"]

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
    ) -> Self:
        """Read all settings and validate them.

        Args:
            arguments: Settings given in code, secrets already hidden by `as_secret`.
            env_file: The only file to read; by default ``.env`` in the working directory.

        Returns:
            The valid settings.

        Raises:
            ConfigurationError: If a setting is missing or invalid; it names every such setting
                and repeats no value.
        """
        found = read_settings(arguments, env_file)
        given: dict[str, Any] = {
            name: as_secret(setting.value) if _is_secret(name) else setting.value
            for name, setting in found.items()
        }
        wrong: set[str] = set()
        try:
            return cls(**given)
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors(include_input=False)}
        # Raised here, outside the handler: pydantic's error holds the values.
        problems = {name: problem(name, found[name].source if name in found else None)
                    for name in RULES if name in wrong}  # fmt: skip
        raise ConfigurationError(
            "Invalid settings: " + "; ".join(problems.values()) + ".",
            details={"settings": list(problems)},
            suggestions=[
                (
                    "Give the argument, set the variable, or write it into .env "
                    "(.env.example shows all of them)."
                )
            ],
        )


def problem(name: str, source: str | None) -> str:
    """Say what is wrong with a setting, without its value.

    Args:
        name: The setting's name.
        source: Where its value came from, None if there is none.
    """
    what = f"{RULES[name]} (from {source})" if source else "is not set"
    return f"{name} ({variable(name)}) {what}"


def _is_secret(name: str) -> bool:
    return name in REQUIRED and Config.model_fields[name].annotation is SecretStr
