"""The server's clock, as the answers of the server tell it."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
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

TOLERABLE: Final = 5.0
"""How many seconds a clock may be off without a warning."""

# Between the years 2010 and 2100: no server with another one has a clock worth following.
_PLAUSIBLE: Final = range(1_262_304_000, 4_102_444_800)


class _Reading(NamedTuple):
    """How far a server's clock was ahead of the wall clock, and that of the monotonic one."""

    ahead: float
    wall_ahead: float


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
    def local_ahead(self) -> float | None:
        """How many seconds this machine's clock is ahead of the server's, None until known."""
        believed = _fresh(self._believed, _clock.time() - _clock.monotonic())
        # Half a second is the fraction that the server cut off, on average.
        return None if believed is None else -believed.ahead - 0.5

    @property
    def is_doubtful(self) -> bool:
        """Whether the last answer told another time, which no second one has confirmed."""
        return _fresh(self._doubted, _clock.time() - _clock.monotonic()) is not None

    def follow(self, headers: Mapping[str, str]) -> None:
        """Set the clock by an answer that has just arrived."""
        # An answer out of a cache has an old date.
        date = None if "Age" in headers else parse_http_date(headers.get("Date"))
        if date is None or int(date) not in _PLAUSIBLE:
            return
        wall = _clock.time()
        told = _Reading(date - wall, wall - _clock.monotonic())
        believed = _fresh(self._believed, told.wall_ahead)
        doubted = _fresh(self._doubted, told.wall_ahead)
        confirmed = doubted is not None and abs(doubted.ahead - told.ahead) <= AGREEMENT
        if confirmed or abs(told.ahead - (believed.ahead if believed else 0.0)) < BELIEVED:
            self._believed, self._doubted = told, None
        else:
            self._doubted = told

    def now(self) -> float:
        """Return the server's time if it is known, else the local time, in epoch seconds.

        The server cut the fraction of its second off: the time followed is never ahead of the
        server's, which would make a one-time password that is not valid yet.
        """
        wall, monotonic = _clock.time(), _clock.monotonic()
        believed = _fresh(self._believed, wall - monotonic)
        return wall if believed is None else monotonic + believed.wall_ahead + believed.ahead

    def warn_if_off(self) -> None:
        """Warn the user, once, if the clock of this machine is off by more than 5 seconds."""
        ahead = self.local_ahead or 0.0
        if abs(ahead) > TOLERABLE and not self._warned:
            self._warned = True
            side = "ahead of" if ahead > 0 else "behind"
            warn_user(
                f"The clock of this machine is {abs(ahead):.0f} seconds {side} Upstox's; the "
                "one-time password is made for Upstox's time. Set the clock right, for example "
                "with NTP."
            )


def parse_http_date(text: str | None) -> float | None:
    """Return the moment that an HTTP ``Date`` names, in seconds since the epoch, None if none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _fresh(reading: _Reading | None, wall_ahead: float) -> _Reading | None:
    """Return a reading unless the machine slept or its clock was set since, None then."""
    fresh = reading is not None and abs(reading.wall_ahead - wall_ahead) <= AGREEMENT
    return reading if fresh else None


_CLOCKS: Final[dict[str, ServerClock]] = {}


def clock_of(base_domain: str) -> ServerClock:
    """Return the clock of Upstox that every client of this process follows."""
    clock = _CLOCKS.get(base_domain)
    if clock is None:
        on_loopback = is_loopback(urlsplit(base_domain).hostname)
        clock = _CLOCKS.setdefault(base_domain, ServerClock(is_told=not on_loopback))
    return clock
