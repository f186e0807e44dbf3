"""How long things take: medians of runs that take turns."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Sample:
    """What one run took, in seconds.

    Attributes:
        wall: By the clock on the wall.
        cpu: Of the processor, by this process.
    """

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Sample:
    """Run something once.

    Args:
        work: What to run.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Sample(time.perf_counter() - wall, time.process_time() - cpu)


def median_of_turns(parties: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Sample]:
    """Let all parties take turns, and return the median of each.

    What disturbs the machine disturbs all of them. Each runs once beforehand, uncounted. Every
    other round goes backwards, so that none always runs in the wake of the same other.

    Args:
        parties: What to run, by name.
        rounds: How often.
    """
    samples: dict[str, list[Sample]] = defaultdict(list)
    for work in parties.values():
        work()
    for turn in range(rounds):
        names = list(parties)
        for name in reversed(names) if turn % 2 else names:
            samples[name].append(timed(parties[name]))
    return {
        name: Sample(
            statistics.median(one.wall for one in found),
            statistics.median(one.cpu for one in found),
        )
        for name, found in samples.items()
    }
