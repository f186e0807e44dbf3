"""What identifies an app and an account, and stands for a PIN, without telling any of them."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from upstox_totp._settings.table import CREDENTIALS
from upstox_totp._settings.totp_secret import decode_key, normalise_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# Two digits of a hash: enough to notice that a PIN has changed, and too few to find it by. Who has
# the TOTP secret and the file would try all PINs against a whole hash in seconds.
_HINT: Final = 2
# What makes it another login; of the PIN there is the hint.
_FINGERPRINTED: Final = (*(name for name in CREDENTIALS if name != "pin_code"), "user_id")
_PORTS: Final = {"https": 443, "http": 80}


class Identity(NamedTuple):
    """Stands for what a login is for, in keyed hashes.

    Attributes:
        app: The app: base domain and client id.
        account: The account: base domain and TOTP secret; None without a TOTP secret.
        user: The user name, keyed by the client id; None if none is set.
        user_id: The user id that the token must be of, None if none is set.
        pin: The PIN, keyed by the TOTP secret; None without either. Only what was rejected may be
            written down.
        credentials: App, secret and PIN, of the PIN no more than a hint; None without any of them.
        fingerprint: All settings, of the PIN no more than a hint.
    """

    app: str
    account: str | None
    user: str | None
    user_id: str | None
    pin: str | None
    credentials: str | None
    fingerprint: str

    def __repr__(self) -> str:
        """Return what tells it apart, and nothing that helps to guess what was hashed."""
        return f"Identity(app={self.app!r}, account={self.account!r}, user={self.user!r})"

    @property
    def attempts_name(self) -> str:
        """Under which attempts are stored: the account, without a TOTP secret the app."""
        return self.account or self.app


def identify(values: Mapping[str, str], base_domain: str) -> Identity | None:
    """Return what identifies the app and the account of settings, None without a client id.

    The settings are in plain text, as they were found or valid: both are the same.
    """
    client_id, pin = values.get("client_id"), values.get("pin_code")
    if not client_id:
        return None
    domain = _domain(base_domain)
    secret = _secret(values.get("totp_secret"))
    user = "".join(filter(str.isdigit, values.get("username", "")))[-10:]
    hashed_pin = _hash(secret, "pin", domain, pin) if secret and pin else None
    hint = hashed_pin[:_HINT] if hashed_pin else ""
    # However the TOTP secret was written down, it is the same setting.
    plain = {**values, "totp_secret": secret}
    printed = [(name, plain[name]) for name in _FINGERPRINTED if plain.get(name)]
    return Identity(
        app=_hash(client_id, "app", domain),
        account=_hash(secret, "account", domain) if secret else None,
        user=_hash(client_id, "user", domain, user) if user else None,
        user_id=values.get("user_id") or None,
        pin=hashed_pin,
        credentials=_hash(secret, "credentials", domain, client_id, hint)
        if secret and pin
        else None,
        fingerprint=_hash(
            secret + values.get("client_secret", ""), "settings", domain, hint, *printed
        ),
    )


def _domain(template: str) -> str:
    """Return a base domain in the one way that it cannot be written down differently."""
    parts = urlsplit(template.rstrip("/"))
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return template
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{host}:{port}{parts.path}" if host else template


def _secret(text: str | None) -> str:
    """Return the key of a TOTP secret, without the zero bits at its end, which change no code."""
    try:
        return decode_key(normalise_text(text or "")).rstrip(b"\0").hex()
    except ValueError:
        return ""


def _hash(key: str, *parts: object) -> str:
    return hmac.digest(json.dumps([key]).encode(), json.dumps(parts).encode(), "sha256").hex()
