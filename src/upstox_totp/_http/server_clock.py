"""The server's clock, as the answers of the server tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upstox_totp import _clock

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServerClock:
    """Follows the clock of a server, and is the local clock until an answer has told it.

    Attributes:
        offset: How far the server's clock is ahead of the local one, in seconds, 0 until known.
        known: Whether an answer has told it.
    """

    def __init__(self) -> None:
        self.offset = 0.0
        self.known = False
        self._date = self._received = 0.0

    def follow(self, headers: Mapping[str, str]) -> None:
        """Set the clock by an answer that has just arrived.

        Args:
            headers: The headers of the answer. An answer out of a cache, which has an ``Age``,
                is passed over, and so is one without a readable ``Date``.
        """
        date = None if "Age" in headers else _clock.parse_http_date(headers.get("Date"))
        if date is None:
            return
        # The server cut the fraction of its second off: the time followed is never ahead of the
        # server's, which would make a one-time password that is not valid yet.
        self._date, self._received = date, _clock.monotonic()
        self.offset = date - _clock.time()
        self.known = True

    def now(self) -> float:
        """Return the server's time if it is known, else the local time, in epoch seconds."""
        if not self.known:
            return _clock.time()
        return self._date + _clock.monotonic() - self._received
