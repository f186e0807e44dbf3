"""What a login waits by default: five pauses of a second, none of them after the last answer."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from benchmarks.figures import Figure
from benchmarks.service import PAUSE, PAUSES, serving
from benchmarks.timing import timed
from upstox_totp import UpstoxTOTP, _clock

# What the six requests themselves may add on this machine, in seconds.
_REQUESTS = 0.1


def measure(*, really: bool) -> list[Figure]:
    """Log in at the default pace, recording what is slept, and once more as a user does.

    Args:
        really: Whether to do the second login, which takes five seconds.
    """
    with serving():
        events = _record()
        pauses = [event for event in events if event is not None]
        after_last_answer = len(events) - 1 - _last_answer(events)
        figures = [
            Figure("Pauses of a login", len(pauses), limit=PAUSES, exact=True),
            Figure("Time asked for in them", sum(pauses), "s", limit=PAUSE * PAUSES, exact=True),
            Figure("Pauses after the last answer", after_last_answer, limit=0, exact=True),
        ]
        if really:
            with UpstoxTOTP() as client:
                wall = timed(client.app_token.get_access_token).wall
            figures.append(
                Figure("A login that really waits", wall, "s", limit=PAUSE * PAUSES + _REQUESTS)
            )
    return figures


def _record() -> list[float | None]:
    """Log in, and return in their order the seconds slept, and None for each answer."""
    events: list[float | None] = []

    def answered(*_: Any, **__: Any) -> None:
        events.append(None)

    with patch.object(_clock, "sleep", events.append), UpstoxTOTP() as client:
        client.session.hooks["response"].append(answered)
        client.app_token.get_access_token()
    return events


def _last_answer(events: list[float | None]) -> int:
    return max(index for index, event in enumerate(events) if event is None)
