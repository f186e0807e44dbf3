"""The server's clock, as the answers of the server tell it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from upstox_totp import _clock
from upstox_totp._http.addresses import is_loopback
from upstox_totp._log import warn_user

if TYPE_CHECKING:
    from collections.abc import Mapping

AGREEMENT: Final = 2.0
"""Within how many seconds two answers, or two clocks, tell the same time."""

BELIEVED: Final = 15.0
"""Below how many seconds of difference a single answer is believed."""

_TOLERABLE: Final = 5
# Half a second: the fraction that the server cut off, on average.
_CUT_OFF: Final = 0.5
# Between the years 2010 and 2100: no server with another one has a clock worth following.
_PLAUSIBLE: Final = range(1_262_304_000, 4_102_444_800)


class _Reading(NamedTuple):
    """What a server's clock showed, and what the local ones showed when that arrived."""

    date: float
    wall: float
    monotonic: float

    @property
    def offset(self) -> float:
        """How far the server was ahead of the local clock."""
        return self.date - self.wall

    def now(self) -> float:
        """Return what the server's clock shows by now."""
        return self.date + _clock.monotonic() - self.monotonic

    @property
    def is_fresh(self) -> bool:
        """Whether the local clocks ran alike since: no sleep of the machine, no clock set."""
        return abs(self.now() - self.offset - _clock.time()) <= AGREEMENT


def read_offset(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a server is ahead; None without a plausible, uncached date."""
    date = None if "Age" in headers else _clock.parse_http_date(headers.get("Date"))
    if date is None or int(date) not in _PLAUSIBLE:
        return None
    return date - _clock.time()


class ServerClock:
    """Follows the clock of a server, and is the local clock until answers have told it.

    A difference of less than `BELIEVED` seconds from the clock followed so far is believed at
    once, a larger one when a second answer agrees: a single odd ``Date`` changes nothing. What was
    believed is forgotten when the machine slept or its clock was set meanwhile.
    """

    def __init__(self, *, is_told: bool = True) -> None:
        self._believed: _Reading | None = None
        self._doubted: _Reading | None = None
        # A sandbox's clock, which may be moved, says nothing about this machine's.
        self._warned = not is_told

    @property
    def known(self) -> bool:
        """Whether answers have told it."""
        return self._believed is not None and self._believed.is_fresh

    @property
    def is_doubtful(self) -> bool:
        """Whether the last answer told another time, which no second one has confirmed."""
        return self._doubted is not None and self._doubted.is_fresh

    @property
    def offset(self) -> float:
        """How far the server's clock is ahead of the local one, in seconds, 0 until known."""
        believed = self._believed
        return believed.offset if believed is not None and believed.is_fresh else 0.0

    def follow(self, headers: Mapping[str, str]) -> None:
        """Set the clock by an answer that has just arrived."""
        offset = read_offset(headers)
        if offset is None:
            return
        wall = _clock.time()
        reading = _Reading(wall + offset, wall, _clock.monotonic())
        doubted = self._doubted
        confirmed = doubted is not None and doubted.is_fresh and _agree(doubted, reading)
        if confirmed or abs(offset - self.offset) < BELIEVED:
            self._believed, self._doubted = reading, None
        else:
            self._doubted = reading

    def now(self) -> float:
        """Return the server's time if it is known, else the local time, in epoch seconds.

        The server cut the fraction of its second off: the time followed is never ahead of the
        server's, which would make a one-time password that is not valid yet.
        """
        believed = self._believed
        if believed is None or not believed.is_fresh:
            return _clock.time()
        return believed.now()

    def warn_if_off(self) -> None:
        """Warn the user, once, if the clock of this machine is off by more than 5 seconds."""
        ahead = -self.offset - _CUT_OFF if self.known else 0.0
        if abs(ahead) > _TOLERABLE and not self._warned:
            self._warned = True
            side = "ahead of" if ahead > 0 else "behind"
            warn_user(
                f"The clock of this machine is {abs(ahead):.0f} seconds {side} Upstox's; the "
                "one-time password is made for Upstox's time. Set the clock right, for example "
                "with NTP."
            )


def _agree(one: _Reading, other: _Reading) -> bool:
    return abs(one.offset - other.offset) <= AGREEMENT


class _Clocks:
    """The clocks that this process follows, by the base domain that they belong to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clocks: dict[str, ServerClock] = {}

    def find(self, base_domain: str) -> ServerClock:
        """Return the clock of a base domain, the same one each time."""
        with self._lock:
            if base_domain not in self._clocks:
                on_loopback = is_loopback(urlsplit(base_domain).hostname)
                self._clocks[base_domain] = ServerClock(is_told=not on_loopback)
            return self._clocks[base_domain]


_CLOCKS: Final = _Clocks()


def clock_of(base_domain: str) -> ServerClock:
    """Return the clock of Upstox that every client of this process follows."""
    return _CLOCKS.find(base_domain)
