"""Settings that are valid, as a mapping and as the text of a file."""

from __future__ import annotations

from typing import Any

from upstox_totp._settings.table import variable

VALID: dict[str, Any] = {
    "username": "9876501234",
    "password": "secret-password",
    "pin_code": "123456",
    "totp_secret": "KRUGKIDROVUWG2ZAMJZG653OEBTG66BA",
    "client_id": "my-client-id",
    "client_secret": "my-client-secret",
    "redirect_uri": "https://example.com/callback",
}


def env_text(**changes: str) -> str:
    """Return the text of an env file with valid settings."""
    return "".join(f"{variable(k)}='{v}'\n" for k, v in {**VALID, **changes}.items())
