"""What each setting must be: functions that return the valid value, or say what is wrong.

A ValueError says that the value breaks the rule in the table, an `InvalidValueError` says more.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr
from pydantic_core import Url

from upstox_totp._http.addresses import STAGES, is_loopback, origin
from upstox_totp._log import logger
from upstox_totp._settings.table import DEFAULTS, SETTINGS
from upstox_totp._settings.totp_secret import InvalidValueError, normalise_text

if TYPE_CHECKING:
    from typing import TypeVar

    _Text = TypeVar("_Text", str, SecretStr)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Those of word processors and chats too.
_QUOTES: Final = "'\"`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_STORE: Final = re.compile(
    r"""unix://\S+|rediss?://
    ((?:[^\s/?\#@%]|%[0-9A-Fa-f]{2})*@)?  # user and password
    (\[[^\s\]]+\]|[^\s/?\#@%:\[\]]+)(:\d+)?(/\d*)?
    (\?[^\s?&\#=]+=[^\s&\#]*(&[^\s&\#=]+=[^\s&\#]*)*)?""",
    re.VERBOSE,
)


def username(text: str) -> str:
    """Return a mobile number of ten digits."""
    if re.fullmatch(r"[0-9]{10}", text):
        return text
    if sum(map(str.isdigit, text)) < len("9876543210"):
        raise ValueError("no number")
    raise InvalidValueError(
        f"{SETTINGS['username'].rule}: remove the country code or a leading 0, spaces, dashes and "
        "invisible characters"
    )


def pin_code(secret: SecretStr) -> SecretStr:
    """Return a PIN, whose digits are ASCII."""
    if not re.fullmatch(r"[0-9]{4,6}", secret.get_secret_value()):
        raise ValueError("no PIN")
    return secret


def totp_secret(secret: SecretStr) -> SecretStr:
    """Return a TOTP secret in plain base32, whichever way it was written down."""
    return SecretStr(normalise_text(secret.get_secret_value()))


def plain(value: Any) -> Any:
    """Return the text of a secret, and anything else as it is."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def sendable(value: _Text) -> _Text:
    """Return text that can be sent, such as a password; blanks may be a part of it."""
    text = plain(value)
    # Bytes of the environment that are not UTF-8 arrive as surrogates: a ValueError.
    text.encode()
    if not text.strip():
        raise ValueError("empty")
    if _CONTROL.search(text):
        raise InvalidValueError(
            "contains a line break or another control character: remove it (in a file, double "
            "quotes turn \\n and \\t into one: use single quotes)"
        )
    return value


def key(value: _Text) -> _Text:
    """Return an API key or secret; what can never be right costs no attempt."""
    text = plain(sendable(value))
    if text != text.strip() or any(_is_invisible(c) for c in text):
        # Upstox would refuse it after an OTP, a code and a PIN were spent.
        raise InvalidValueError("has a space at one end, or an invisible character: remove it")
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise InvalidValueError("has a quote at one end: remove it")
    return value


def _is_invisible(character: str) -> bool:
    return character != " " and (character.isspace() or unicodedata.category(character) == "Cf")


def redirect_uri(uri: str) -> str:
    """Return a redirect URI as it is: Upstox compares it byte for byte."""
    sendable(uri)
    try:
        host = Url(uri).host
    except ValueError:
        host = None
    if not host or uri != uri.strip() or not re.match(r"[^/]+://[^/]", uri):
        raise ValueError("no absolute URL")
    if any(map(_is_invisible, uri)):
        raise InvalidValueError("has an invisible character: remove it")
    return uri


def valid_base_domain(template: str) -> str:
    """Return a base domain without a trailing slash; `ValueError` where it is none.

    It must not send credentials unencrypted over a network; where it is not Upstox, a warning
    says so.
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


def cache_url(url: SecretStr) -> SecretStr:
    """Return the URL of a store.

    Cut at another place than its author meant, a piece of its password would be asked for by DNS.
    """
    text = url.get_secret_value()
    if _STORE.fullmatch(text):
        return url
    if "@" in text and text.startswith("redis"):
        raise InvalidValueError(
            "has a password that is not percent-encoded: write @ as %40, : as %3A, / as %2F, "
            "# as %23, ? as %3F and % as %25"
        )
    raise ValueError("no URL of a store")
