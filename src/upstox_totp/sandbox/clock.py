"""The server's clock, and what follows from it: the death of tokens, and one-time passwords."""

import base64
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pyotp

INDIA = timezone(timedelta(hours=5, minutes=30))
TOTP_PERIOD = 30
# HMAC pads a key with zero bytes up to 64, so appending them changes no code. pyotp refuses a key
# of under 112 bits; the length is the service's choice, and working accounts have 80.
_SHORTEST_KEY = 20


class Clock:
    """The time as the server sees it, which can be off, be moved, and step on by itself."""

    def __init__(self, source: Callable[[], float], offset: float) -> None:
        self._source = source
        self._offset = offset
        self._stepped = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the server's time in epoch seconds."""
        with self._lock:
            return self._source() + self._offset + self._stepped

    def lived(self) -> float:
        """Return the time without the steps, which stand for waits and must age no login."""
        with self._lock:
            return self._source() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        with self._lock:
            self._offset += seconds

    def step(self, seconds: float) -> None:
        """Move the clock on without ageing the logins under way."""
        with self._lock:
            self._stepped += seconds


def next_expiry(now: float) -> int:
    """Return when an access token made at `now` dies: the next 03:30 in India (documented)."""
    local = datetime.fromtimestamp(now, INDIA)
    cut = local.replace(hour=3, minute=30, second=0, microsecond=0)
    return int((cut if cut > local else cut + timedelta(days=1)).timestamp())


def codes_of(secret: str) -> pyotp.TOTP:
    """Return what makes the codes of a shared secret in base32, or raise a ValueError."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    if not key:
        raise ValueError("empty")
    return pyotp.TOTP(base64.b32encode(key.ljust(_SHORTEST_KEY, b"\0")).decode())
