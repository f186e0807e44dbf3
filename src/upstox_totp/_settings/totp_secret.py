"""The TOTP secret, whichever way it was written down."""

from __future__ import annotations

import base64
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

PERIOD: Final = 30
"""How long a one-time password is current, in seconds (RFC 6238, and every authenticator)."""


def normalise_secret(secret: SecretStr) -> SecretStr:
    """Bring a TOTP secret into plain base32, whichever way it was written down.

    Args:
        secret: Base32, also in groups, in lower case, padded or not, or an ``otpauth://`` URI.

    Returns:
        The same key as upper-case base32 without padding.

    Raises:
        ValueError: If no code can be made of it, or if it asks for other codes than Upstox takes.
    """
    return type(secret)(normalise_text(plain_text(secret)))


def normalise_text(text: str) -> str:
    """Bring a TOTP secret into plain base32, as `normalise_secret` does, without its wrapper.

    Args:
        text: The secret.

    Raises:
        ValueError: As `normalise_secret`.
    """
    # Copied from a web page, it may bring blanks that do not break, or are not seen at all.
    text = "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")
    if text.lower().startswith("otpauth:"):
        text = _from_uri(text)
    text = text.replace("-", "").rstrip("=").upper()
    decode_key(text)
    return text


def plain_text(secret: SecretStr) -> str:
    """Return what a secret holds, which need not be text: nothing checks a ``SecretStr``.

    Args:
        secret: A secret that a user made.

    Raises:
        ValueError: If it holds anything but text.
    """
    text: object = secret.get_secret_value()
    if not isinstance(text, str):
        raise ValueError("not text")  # noqa: TRY004 - what pydantic collects
    return text


def _from_uri(uri: str) -> str:
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    expected = {"digits": "6", "period": str(PERIOD), "algorithm": "SHA1"}
    given = {name: query.get(name, [value])[-1].upper() for name, value in expected.items()}
    if parts.netloc.lower() != "totp" or given != expected or "secret" not in query:
        raise ValueError("not the URI of a 6-digit, 30-second SHA-1 TOTP")
    return query["secret"][-1]


def decode_key(text: str) -> bytes:
    """Return the key that a TOTP secret stands for.

    Args:
        text: The secret in base32, upper case, without padding.

    Raises:
        ValueError: If it is no base32, or empty.
    """
    key = base64.b32decode(text + "=" * (-len(text) % 8))
    if not key:
        raise ValueError("empty")
    return key
