"""What is handed out: access tokens that die at 03:30 in India, and whose they are."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from upstox_totp.sandbox.clock import Clock, next_expiry
from upstox_totp.sandbox.rules import Rules

ISSUER = "udapi-gateway-service"
REFRESHED_FOR = 7 * 86400


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(claims: Mapping[str, Any], key: bytes) -> str:
    """Return `claims` as a JSON Web Token signed with HS256."""
    parts = ({"typ": "JWT", "alg": "HS256"}, claims)
    signed = ".".join(_segment(json.dumps(p, separators=(",", ":")).encode()) for p in parts)
    return f"{signed}.{_segment(hmac.digest(key, signed.encode(), hashlib.sha256))}"


class TokenStore:
    """Issues tokens and knows which of them are alive."""

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._expiries: dict[str, int] = {}
        self._extended: set[str] = set()

    @property
    def access_tokens(self) -> list[str]:
        """The access tokens issued, oldest first, dead ones included."""
        return [token for token in self._expiries if token not in self._extended]

    def issue(self) -> str:
        """Return a new access token, dead at the next 03:30 in India."""
        return self._issue(next_expiry(self._clock.now()))

    def _issue(self, expiry: int) -> str:
        claims = {
            "sub": self._rules.account.user_id,
            "jti": secrets.token_hex(12),
            "isMultiClient": False,
            "isPlusPlan": False,
            "iat": int(self._clock.now()),
            "iss": ISSUER,
            "exp": expiry,
        }
        token = encode(claims | dict(self._rules.claims), self._key)
        self._expiries[token] = expiry
        return token

    def user(self) -> dict[str, Any]:
        """Return the documented fields of the account's user, as the profile has them."""
        account = self._rules.account
        user = {
            "email": "asha.rao@example.com",
            "exchanges": ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"],
            "products": ["D", "CO", "I"],
            "broker": "UPSTOX",
            "user_id": account.user_id,
            "user_name": f"{account.first_name} {account.last_name}",
            "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
            "user_type": "individual",
            "poa": False,
            "is_active": True,
        }
        return user | dict(self._rules.user)

    def answer(self) -> dict[str, Any]:
        """Issue an access token and an extended one, and return the answer that holds them."""
        access = self.issue()
        extended = self._issue(int(self._clock.now()) + 365 * 86400)
        self._extended.add(extended)
        answer = self.user() | {"ddpi": False, "access_token": access, "extended_token": extended}
        if not self._rules.described:
            return answer
        return answer | {
            "expires_in": self._expiries[access] - int(self._clock.now()),
            "token_type": "Bearer",
            "refresh_token": secrets.token_urlsafe(32),
            "refresh_token_expires_in": REFRESHED_FOR,
        }

    def is_alive(self, token: str) -> bool:
        """Tell whether `token` was issued here, is not revoked and has not expired."""
        return self._clock.now() < self._expiries.get(token, 0)

    def is_extended(self, token: str) -> bool:
        """Tell whether `token` is an extended token."""
        return token in self._extended

    def revoke(self, *tokens: str) -> None:
        """Let tokens die now; an unknown one is as good as dead."""
        self._expiries |= {token: 0 for token in tokens if token in self._expiries}

    def clear(self) -> None:
        """Forget every token."""
        self._expiries.clear()
        self._extended.clear()
