"""One row of the table: a figure, what it is compared with, and the goal."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEADINGS: Final = ("What", "upstox_totp", "Compared with", "Ratio", "Goal", "")


class Sample(NamedTuple):
    """What one run took, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: What was measured.
        measured: The median, in `unit`.
        unit: Its unit, empty for a count.
        against: What it is compared with, empty if with nothing.
        baseline: The median of that.
        limit: The most it may be; of the ratio, if it is compared.
        missing: Why it was not measured, empty if it was.
    """

    what: str
    measured: float = 0.0
    unit: str = ""
    against: str = ""
    baseline: float | None = None
    limit: float | None = None
    missing: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the baseline it is."""
        return self.measured / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, None without one."""
        if self.limit is None or self.missing:
            return None
        return (self.measured if self.ratio is None else self.ratio) <= self.limit

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, by `HEADINGS`."""
        if self.missing:
            return (self.what, self.missing, "", "", "", "")
        goal = ""
        if self.limit is not None:
            goal = f"≤ {self.limit:g}x" if self.ratio else f"≤ {self.limit:g} {self.unit}".strip()
        return (
            self.what,
            self._amount(self.measured),
            f"{self._amount(self.baseline)} ({self.against})" if self.baseline else "",
            f"{self.ratio:.2f}x" if self.ratio else "",
            goal,
            {None: "", True: "met", False: "missed"}[self.met],
        )

    def _amount(self, value: float | None) -> str:
        digits = {"s": 2, "ms": 1}.get(self.unit, 0)
        return "" if value is None else f"{value:.{digits}f} {self.unit}".strip()


def timed(work: Callable[[], object]) -> Sample:
    """Run something once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Sample(time.perf_counter() - wall, time.process_time() - cpu)


def in_turns(parties: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Sample]:
    """Return the median of each of several things that run in turns.

    A disturbance meets all of them. Each runs once beforehand, which does not count; every other
    round goes backwards.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in parties}
    for work in parties.values():
        work()
    for turn in range(rounds):
        for name in reversed(list(parties)) if turn % 2 else parties:
            samples[name].append(timed(parties[name]))
    return {
        name: Sample(*(statistics.median(column) for column in zip(*found, strict=True)))
        for name, found in samples.items()
    }


def compared(
    what: str, unit: str, both: tuple[float, float], against: str, limit: float | None = None
) -> Row:
    """Return a row that compares ours with a baseline, both in seconds."""
    factor = {"s": 1.0, "ms": 1e3, "µs": 1e6}[unit]
    return Row(what, both[0] * factor, unit, against, both[1] * factor, limit)


def as_markdown(facts: str, found: Mapping[str, list[Row]]) -> str:
    """Return all figures as a table for the documentation."""
    lines = [facts, "", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
    for title, rows in found.items():
        lines.append(_line([f"**{title}**", *[""] * (len(HEADINGS) - 1)]))
        lines += [_line(row.cells()) for row in rows]
    return "\n".join([*lines, ""])


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"
