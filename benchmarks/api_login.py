"""What a login by Upstox's own TOTP login costs beyond the same two requests written by hand."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Self
from unittest.mock import patch

from benchmarks import by_hand
from benchmarks.figures import Figure
from benchmarks.service import serving, without_pauses
from benchmarks.timing import median_of_turns
from upstox_totp import UpstoxTOTP, UpstoxWarning, _clock

if TYPE_CHECKING:
    from benchmarks.service import Service

_WALL = 1.08
_CPU = 1.12
# Of a code's life, by which the service's clock moves on after each login.
_PERIOD = 30
_REQUESTS = 2


def measure(rounds: int) -> list[Figure]:
    """Log in with both in turns, each with the client or session that it had before.

    Args:
        rounds: How many logins of each kind.
    """
    with (
        serving() as service,
        without_pauses() as pauses,
        UpstoxTOTP.from_settings(login_method="api") as client,
        by_hand.new_session() as session,
        _SameClock(service) as clock,
        warnings.catch_warnings(),
    ):
        # Each login ends the token before it, and says so.
        warnings.simplefilter("ignore", UpstoxWarning)

        def ours() -> None:
            pauses.clear()
            client.app_token.get_access_token()
            clock.step()
            # A pause more is a request more, or a code waited for.
            if len(pauses) != _REQUESTS - 1:
                raise RuntimeError(f"not {_REQUESTS} requests: pauses {pauses}")

        def theirs() -> None:
            by_hand.log_in_by_api(session)
            clock.step()

        found = median_of_turns({"ours": ours, "by hand": theirs}, rounds)
    own, hand = found["ours"], found["by hand"]
    return [
        Figure("Login by api, wall without pauses", own.wall * 1e3, "ms",
               "its two requests by hand", hand.wall * 1e3, limit=_WALL),
        Figure("Login by api, CPU of the client", own.cpu * 1e3, "ms",
               "its two requests by hand", hand.cpu * 1e3, limit=_CPU),
    ]  # fmt: skip


class _SameClock:
    """Lets the package read the service's time, as a machine does whose clock is right.

    It jumps with the service's, so that no login trusts what the one before was told of the time:
    each asks for it, as the first of a process does.

    Args:
        service: The service.
    """

    def __init__(self, service: Service) -> None:
        self._now = service.now()
        self._patch = patch.object(_clock, "time", lambda: self._now)

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def step(self) -> None:
        """Move on to the next code."""
        self._now += _PERIOD
