"""How many requests are let in within how many seconds."""

from collections.abc import Sequence

from upstox_totp.sandbox.clock import Clock

RateLimit = tuple[int, float]
DOCUMENTED: tuple[RateLimit, ...] = ((1, 1.0), (10, 60.0), (60, 1800.0))


class RateLimits:
    """Counts requests by the server's clock.

    Args:
        limits: Pairs of how many requests, and within how many seconds.
        clock: The server's clock.
    """

    def __init__(self, limits: Sequence[RateLimit], clock: Clock) -> None:
        self._limits = tuple(limits)
        self._clock = clock
        self._moments: list[float] = []

    def clear(self) -> None:
        """Forget the requests so far."""
        self._moments.clear()

    def let_in(self) -> bool:
        """Tell whether one more request is let in, and count it if so."""
        now = self._clock.now()
        longest = max((seconds for _, seconds in self._limits), default=0.0)
        # A clock that was moved back leaves moments to come, which say nothing.
        self._moments = [moment for moment in self._moments if now - longest < moment <= now]
        free = all(
            sum(moment > now - seconds for moment in self._moments) < most
            for most, seconds in self._limits
        )
        if free:
            self._moments.append(now)
        return free
