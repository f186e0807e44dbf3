"""The one-time passwords of the account, by its shared secret."""

import base64

import pyotp

# HMAC pads a key with zero bytes up to 64, so appending them changes no code. pyotp refuses a key
# of under 112 bits; the length is the service's choice, and working accounts have 80.
_SHORTEST_KEY = 20


def codes_of(secret: str) -> pyotp.TOTP:
    """Return what makes the codes of a shared secret.

    Args:
        secret: The secret in base32, upper case, with or without padding.

    Raises:
        ValueError: It is not base32, or empty.
    """
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    if not key:
        raise ValueError("empty")
    return pyotp.TOTP(base64.b32encode(key.ljust(_SHORTEST_KEY, b"\0")).decode())
