"""What a login costs beyond the same six requests written by hand, its pauses left out."""

from __future__ import annotations

from benchmarks import by_hand
from benchmarks.figures import Figure
from benchmarks.service import log_in, serving, without_pauses
from benchmarks.timing import Sample, median_of_turns
from upstox_totp import UpstoxTOTP

_COLD = (1.15, 1.25)
_WARM = (1.03, 1.05)


def measure(rounds: int) -> list[Figure]:
    """Log in with both, cold (new client, new session) and warm (the same again), in turns.

    Args:
        rounds: How many logins of each kind.
    """
    with (
        serving(),
        without_pauses() as pauses,
        UpstoxTOTP() as client,
        by_hand.new_session() as session,
    ):

        def warm() -> None:
            log_in(client, pauses)

        def warm_by_hand() -> None:
            by_hand.log_in(session)

        def cold() -> None:
            with UpstoxTOTP() as new:
                log_in(new, pauses)

        def cold_by_hand() -> None:
            with by_hand.new_session() as new:
                by_hand.log_in(new)

        found = median_of_turns(
            {f.__name__: f for f in (warm, warm_by_hand, cold, cold_by_hand)}, rounds
        )
    return [
        *_compared("Cold login", found["cold"], found["cold_by_hand"], _COLD),
        *_compared("Warm login", found["warm"], found["warm_by_hand"], _WARM),
    ]


def _compared(what: str, ours: Sample, theirs: Sample, limits: tuple[float, float]) -> list[Figure]:
    return [
        Figure(f"{what}, wall without pauses", ours.wall * 1e3, "ms",
               "by hand", theirs.wall * 1e3, limit=limits[0]),
        Figure(f"{what}, CPU of the client", ours.cpu * 1e3, "ms",
               "by hand", theirs.cpu * 1e3, limit=limits[1]),
    ]  # fmt: skip
