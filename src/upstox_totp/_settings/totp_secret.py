"""The TOTP secret, whichever way it was written down."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Final
from urllib.parse import parse_qs, urlsplit

PERIOD: Final = 30
"""How long a one-time password is current, in seconds (RFC 6238, and every authenticator)."""

_EXPECTED: Final = {"type": "TOTP", "digits": "6", "period": str(PERIOD), "algorithm": "SHA1"}
_CODE: Final = r"\d{6,8}"


class InvalidValueError(ValueError):
    """A value that no setting can have; the message says why, without it."""


def normalise_text(text: str) -> str:
    """Return a TOTP secret as upper-case base32 without padding.

    It may come in groups, in lower case, padded or as an ``otpauth://`` URI. `ValueError` where no
    code can be made of it, or where it asks for other codes than Upstox takes.
    """
    text = _without_blanks(text)
    if re.match("otpauth", text, re.IGNORECASE):
        text = _without_blanks(_from_uri(text))
    elif re.fullmatch(_CODE, text):
        raise InvalidValueError(
            "is a one-time password: give the secret itself, the text shown next to the QR code"
        )
    text = text.replace("-", "").rstrip("=").upper()
    if re.search("[^A-Z2-7]", text):
        raise InvalidValueError(
            "has a character other than the letters A to Z and the digits 2 to 7: copy the text "
            "next to the QR code again"
        )
    decode_key(text)
    return text


def _without_blanks(text: str) -> str:
    # Copied from a web page, it may bring blanks that do not break, or are not seen at all.
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def _from_uri(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme == "otpauth-migration":
        raise InvalidValueError(
            "is an export of Google Authenticator (otpauth-migration://), which holds several "
            "secrets: give the one of Upstox, the text shown next to its QR code"
        )
    query = {name.lower(): values[-1] for name, values in parse_qs(parts.query).items()}
    query["type"] = parts.netloc
    given = {name: query.get(name, value).upper() for name, value in _EXPECTED.items()}
    given["algorithm"] = given["algorithm"].replace("-", "").removeprefix("HMAC")
    others = [name for name, value in _EXPECTED.items() if given[name] != value]
    if others:
        named = ", ".join(f"{name} other than {_EXPECTED[name]}" for name in others)
        raise InvalidValueError(
            f"is an otpauth:// URI with {named}: Upstox takes one-time passwords of 6 digits "
            "every 30 seconds, by SHA1"
        )
    if not query.get("secret"):
        raise InvalidValueError("is an otpauth:// URI without a secret in it")
    return query["secret"]


def decode_key(text: str) -> bytes:
    """Return the key that a secret in base32, upper case and without padding stands for.

    `ValueError` where it is no base32, or empty.
    """
    key = base64.b32decode(text + "=" * (-len(text) % 8))
    if not key:
        raise ValueError("empty")
    return key
