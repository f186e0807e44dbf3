"""What a benchmark finds: one figure a row, beside what it is compared with and the goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_DIGITS: Final = {"s": 2, "ms": 1, "µs": 0, "MB": 2, "bytes": 0, "x": 2, "": 0}


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        what: What was measured.
        measured: What came out, a median where it was measured more than once.
        unit: Its unit, empty for a count.
        against: What it is compared with, empty if with nothing.
        baseline: What came out there, in the same unit.
        limit: The goal: the most that it may be; of the ratio, if it is compared.
        exact: Whether the goal is met by nothing but `limit` itself.
    """

    what: str
    measured: float
    unit: str = ""
    against: str = ""
    baseline: float | None = None
    limit: float | None = None
    exact: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times the baseline it is, None without one."""
        return None if self.baseline is None else self.measured / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, None without one."""
        if self.limit is None:
            return None
        reached = self.measured if self.ratio is None else self.ratio
        return reached == self.limit if self.exact else reached <= self.limit

    @property
    def goal(self) -> str:
        """The goal as the table shows it."""
        if self.limit is None:
            return ""
        limit = f"{self.limit:g}x" if self.baseline is not None else f"{self.limit:g} {self.unit}"
        return f"{'=' if self.exact else '≤'} {limit}".rstrip()

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table, by `HEADINGS`."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        met = {None: "", True: "met", False: "missed"}[self.met]
        baseline = f"{self._amount(self.baseline)} ({self.against})" if self.against else ""
        return (self.what, self._amount(self.measured), baseline, ratio, self.goal, met)

    def _amount(self, value: float | None) -> str:
        return "" if value is None else f"{value:.{_DIGITS[self.unit]}f} {self.unit}".rstrip()

    def as_document(self) -> dict[str, Any]:
        """Return the figure as JSON can hold it."""
        return {**vars(self), "ratio": self.ratio, "met": self.met}


HEADINGS: Final = ("What", "upstox_totp", "Compared with", "Ratio", "Goal", "")
"""The headings over `Figure.cells`."""
