"""The server's clock, which can be off, be moved, and step on by itself."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

INDIA = timezone(timedelta(hours=5, minutes=30))


class Clock:
    """The time as the server sees it.

    Args:
        source: Where the time comes from, in epoch seconds.
        offset: Seconds the server is ahead of `source`.
    """

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
        """Return the server's time without the steps it made by itself, in epoch seconds.

        Steps stand for the wait before a next login. They must not age the logins under way.
        """
        with self._lock:
            return self._source() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`."""
        with self._lock:
            self._offset += seconds

    def step(self, seconds: float) -> None:
        """Move the clock on by `seconds` without ageing the logins under way."""
        with self._lock:
            self._stepped += seconds


def next_expiry(now: float) -> int:
    """Return when an access token made at `now` dies: the next 03:30 in India.

    Documented by Upstox: made at 20:00 it dies at 03:30 the next morning, made at 02:30 it dies at
    03:30 the same morning.

    Args:
        now: Epoch seconds.

    Returns:
        Epoch seconds, always later than `now`.
    """
    local = datetime.fromtimestamp(now, INDIA)
    cut = local.replace(hour=3, minute=30, second=0, microsecond=0)
    return int((cut if cut > local else cut + timedelta(days=1)).timestamp())
