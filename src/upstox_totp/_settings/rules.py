"""What each setting must be: functions that return the valid value, or say what is wrong."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticCustomError, Url
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_after_validator_function,
    no_info_before_validator_function,
)

from upstox_totp._http.addresses import STAGES, is_loopback, origin
from upstox_totp._log import logger
from upstox_totp._settings.named_accounts import valid_account
from upstox_totp._settings.table import DEFAULTS, METHODS, NONE, SETTINGS
from upstox_totp._settings.totp_secret import normalise_secret, plain_text
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, SecretStr

WRONG: Final = "setting"
"""The type of pydantic's errors whose text is ours, and holds no value."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Those of word processors and chats too.
_QUOTES: Final = "'\"`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_STORES: Final = re.compile(r"(redis|rediss|unix)://\S+")
_PIN_BY_API: Final = 6


class _Ruled:
    """Annotates a field with a rule, as pydantic's own annotations do.

    Those look at the function's signature first, for each field of each start.

    Args:
        rule: One of the functions below.
    """

    _schema: Callable[..., CoreSchema]

    def __init__(self, rule: Callable[[Any], Any]) -> None:
        self._rule = rule

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of the type, and the rule before or after it."""
        return self._schema(self._rule, handler(source))


class After(_Ruled):
    """Puts a value through a rule once it is of its type."""

    _schema = staticmethod(no_info_after_validator_function)


class Before(_Ruled):
    """Puts a value through a rule before it has to be of its type."""

    _schema = staticmethod(no_info_before_validator_function)


def wrong(reason: str) -> PydanticCustomError:
    """Return the error for a value.

    Args:
        reason: What is wrong with it, without the value.
    """
    return PydanticCustomError(WRONG, "{reason}", {"reason": reason})


def username(text: str) -> str:
    """Return a mobile number of ten digits."""
    if not re.fullmatch(r"[0-9]{10}", text):
        raise wrong(_about_number(text))
    return text


def _about_number(text: str) -> str:
    rule = SETTINGS["username"].rule
    plain = "".join(c for c in text if c.isdigit())
    if re.fullmatch(r"\s*\+91[\s-]*[0-9\s-]+", text) or re.fullmatch(r"91[0-9]{10}", plain):
        return f"{rule}: leave out the country code and all blanks"
    if re.fullmatch(r"0[0-9]{10}", plain):
        return f"{rule}: leave out the 0 before it"
    if plain != text and len(plain) == len("9876543210") and plain.isascii():
        return f"{rule}: leave out blanks and whatever else is no digit, invisible characters too"
    return rule


def pin_code(secret: SecretStr) -> SecretStr:
    """Return a PIN of 4 to 6 digits."""
    if not re.fullmatch(r"[0-9]{4,6}", plain_text(secret)):
        raise wrong(SETTINGS["pin_code"].rule)
    return secret


def totp_secret(secret: SecretStr) -> SecretStr:
    """Return a TOTP secret in plain base32, whichever way it was written down."""
    try:
        return normalise_secret(secret)
    except ValueError:
        pass
    raise wrong(SETTINGS["totp_secret"].rule)


def password(secret: SecretStr) -> SecretStr:
    """Return a password; blanks may be a part of it."""
    _sendable("password", plain_text(secret))
    return secret


def client_id(text: str) -> str:
    """Return an API key."""
    return _key("client_id", text)


def client_secret(secret: SecretStr) -> SecretStr:
    """Return an API secret."""
    _key("client_secret", plain_text(secret))
    return secret


def _key(name: str, text: str) -> str:
    _sendable(name, text)
    if text != _without_edges(text):
        # Upstox would refuse it after an OTP, a code and a PIN were spent.
        raise wrong("has a blank or an invisible character at an end: remove it")
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise wrong("has a quote at an end: remove it")
    return text


def _without_edges(text: str) -> str:
    def is_edge(character: str) -> bool:
        return character.isspace() or unicodedata.category(character) in {"Cf", "Zs"}

    start, end = 0, len(text)
    while start < end and is_edge(text[start]):
        start += 1
    while end > start and is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


def _sendable(name: str, text: str) -> str:
    try:
        # Bytes of the environment that are not UTF-8 arrive as surrogates, which cannot be sent.
        text.encode()
    except UnicodeEncodeError:
        text = ""
    if not text.strip():
        raise wrong(SETTINGS[name].rule)
    if _CONTROL.search(text):
        raise wrong(
            "holds a line break or another control character: remove it (in a file, \\n and \\t "
            "are such only between double quotes: use single quotes)"
        )
    return text


def redirect_uri(uri: str) -> str:
    """Return a redirect URI as it is: Upstox compares it byte for byte."""
    rule = SETTINGS["redirect_uri"].rule
    try:
        _sendable("redirect_uri", uri)
        valid = uri == uri.strip() and bool(re.match(r"[^/]+://[^/]", uri))
        valid = valid and bool(Url(uri).host)
    except (PydanticCustomError, ValueError):
        valid = False
    if not valid:
        raise wrong(rule)
    return uri


def base_domain(template: str) -> str:
    """Return a base domain without a trailing slash."""
    try:
        return valid_base_domain(template)
    except (ValueError, TypeError, AttributeError):
        pass
    raise wrong(SETTINGS["base_domain"].rule)


def valid_base_domain(template: str) -> str:
    """Check a base domain and return it without a trailing slash.

    Args:
        template: A URL with ``{stage}`` in it.

    Raises:
        ValueError: If it is not such a URL, or would send credentials unencrypted over a network.
    """
    template = template.rstrip("/")
    if "{stage}" not in template or re.search(r"[?#\s]", template):
        raise ValueError("no {stage}, or more than scheme, host and path")
    scheme, host, _ = origin(template.replace("{stage}", STAGES[0]))
    if scheme != "https" and not is_loopback(host):
        raise ValueError("http on a host other than loopback")
    if template != DEFAULTS["base_domain"] and not is_loopback(host):
        logger.warning("Credentials will be sent to %s, not to Upstox", template)
    return template


def login_method(value: object) -> tuple[str, ...]:
    """Return the ways to a token in their order, from text with commas or from names."""
    names = value.split(",") if isinstance(value, str) else value
    if isinstance(names, list | tuple):
        chosen = tuple(str(name).strip().lower() for name in names)
        known = bool(chosen) and set(chosen) <= set(METHODS)
        if known and len(set(chosen)) == len(chosen) and (NONE not in chosen or len(chosen) == 1):
            return chosen
    raise wrong(SETTINGS["login_method"].rule)


def user_id(text: str) -> str:
    """Return a user id."""
    if not re.fullmatch(r"[A-Za-z0-9]{1,40}", text):
        raise wrong(SETTINGS["user_id"].rule)
    return text


def account(name: str) -> str:
    """Return the name of an account."""
    try:
        return valid_account(name)
    except ConfigurationError:
        pass
    raise wrong(SETTINGS["account"].rule)


def path(value: object) -> object:
    """Return a path as text, of which is only known that it may be one."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(text, str) and (not text.strip() or "\0" in text):
        raise ValueError
    return text


def cache_url(url: SecretStr) -> SecretStr:
    """Return the URL of a store; it may hold a password."""
    if not _STORES.fullmatch(plain_text(url)):
        raise wrong(SETTINGS["cache_url"].rule)
    return url


def cache_key(keys: SecretStr) -> SecretStr:
    """Return the keys of a store, which opens them itself."""
    _sendable("cache_key", plain_text(keys))
    return keys


def is_pin_for_api(secret: SecretStr) -> bool:
    """Tell whether a valid PIN has the six digits that Upstox's own TOTP login demands.

    Args:
        secret: The PIN.
    """
    return len(plain_text(secret)) == _PIN_BY_API
