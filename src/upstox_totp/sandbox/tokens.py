"""The access tokens handed out: JSON Web Tokens that die at 03:30 in India."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from upstox_totp.sandbox.clock import Clock, next_expiry

ISSUER = "udapi-gateway-service"


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(claims: Mapping[str, Any], key: bytes) -> str:
    """Return `claims` as a JSON Web Token signed with HS256.

    Args:
        claims: The token's claims.
        key: The signing key.

    Returns:
        The three dotted segments.
    """
    header = {"typ": "JWT", "alg": "HS256"}
    signed = ".".join(
        _segment(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    )
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{_segment(signature)}"


class TokenStore:
    """Issues tokens and knows which of them are alive.

    Args:
        clock: The server's clock.
        claims: Claims that replace or join the usual ones.
    """

    def __init__(self, clock: Clock, claims: Mapping[str, Any]) -> None:
        self._clock = clock
        self._claims = dict(claims)
        self._key = secrets.token_bytes(32)
        self._expiries: dict[str, int] = {}
        self._extended: set[str] = set()

    @property
    def access_tokens(self) -> list[str]:
        """The access tokens issued, oldest first, dead ones included."""
        return [token for token in self._expiries if token not in self._extended]

    def issue(self, user_id: str) -> str:
        """Return a new access token of `user_id`, dead at the next 03:30 in India."""
        now = self._clock.now()
        return self._issue(user_id, now, next_expiry(now))

    def issue_extended(self, user_id: str) -> str:
        """Return a new extended token of `user_id`, good for a year and for less."""
        now = self._clock.now()
        token = self._issue(user_id, now, int(now) + 365 * 86400)
        self._extended.add(token)
        return token

    def _issue(self, user_id: str, now: float, expiry: int) -> str:
        claims = {
            "sub": user_id,
            "jti": secrets.token_hex(12),
            "isMultiClient": False,
            "isPlusPlan": False,
            "iat": int(now),
            "iss": ISSUER,
            "exp": expiry,
        }
        token = encode(claims | self._claims, self._key)
        self._expiries[token] = expiry
        return token

    def is_alive(self, token: str) -> bool:
        """Tell whether `token` was issued here, is not revoked and has not expired."""
        return self._clock.now() < self._expiries.get(token, 0)

    def is_extended(self, token: str) -> bool:
        """Tell whether `token` is an extended token."""
        return token in self._extended

    def revoke_all(self) -> None:
        """Let every access token die now; extended tokens live on."""
        for token in self.access_tokens:
            self.revoke(token)

    def clear(self) -> None:
        """Forget every token."""
        self._expiries.clear()
        self._extended.clear()

    def revoke(self, token: str) -> None:
        """Let `token` die now; an unknown one is as good as dead.

        Args:
            token: The access token.
        """
        if token in self._expiries:
            self._expiries[token] = 0
