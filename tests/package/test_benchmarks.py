"""Every benchmark runs and yields figures that make sense; how fast it was is not asserted."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks import __main__ as command
from benchmarks import machine, report
from benchmarks.__main__ import BENCHMARKS
from benchmarks.figures import HEADINGS, Figure

if TYPE_CHECKING:
    from pathlib import Path

ONCE: dict[str, dict[str, Any]] = {
    "login": {"rounds": 1},
    "first": {"rounds": 1},
    "api": {"rounds": 1},
    "pacing": {"really": False},
    "connections": {},
    "import": {"rounds": 1},
    "kept": {"blocks": 1, "rounds": 1},
    "redis": {"blocks": 1},
    "scale": {"accounts": 3, "threads": 2, "logins": 20, "traced": 2, "sleep_time": 100},
    "contention": {"processes": 2, "sleep_times": (100,)},
}


@pytest.fixture(autouse=True)
def fake_time() -> None:
    """Leave time as it is, in place of the fixture of this name: benchmarks measure it."""


@pytest.mark.no_cover
@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_runs(name: str) -> None:
    """What has to be exact is so however little was run."""
    figures = BENCHMARKS[name].measure(**ONCE[name])
    assert figures
    for figure in figures:
        assert figure.met is not False or not figure.exact, figure.what
        assert math.isfinite(figure.measured)
        assert figure.baseline is None or figure.baseline > 0


@pytest.mark.parametrize("counts", ["full", "quick"])
def test_counts_are_arguments(counts: str) -> None:
    """A benchmark is given the same arguments however often it does what it does."""
    for name, benchmark in BENCHMARKS.items():
        assert getattr(benchmark, counts).keys() - {"sleep_time"} <= ONCE[name].keys()


@pytest.mark.parametrize(
    ("figure", "goal", "met"),
    [
        (Figure("a", 1.2, "ms", "b", 1.0, limit=1.25), "≤ 1.25x", True),
        (Figure("a", 1.3, "ms", "b", 1.0, limit=1.25), "≤ 1.25x", False),
        (Figure("a", 41, "ms", limit=40), "≤ 40 ms", False),
        (Figure("a", 5, limit=5, exact=True), "= 5", True),
        (Figure("a", 4, limit=5, exact=True), "= 5", False),
        (Figure("a", 4, "s"), "", None),
    ],
)
def test_goal(figure: Figure, goal: str, *, met: bool | None) -> None:
    """A goal holds for the ratio where there is one, else for the figure itself."""
    assert (figure.goal, figure.met) == (goal, met)


def test_results_are_written(tmp_path: Path) -> None:
    """A program and the documentation read the same figures, with the facts of the machine."""
    figures = {"Title": [Figure("What", 3.0, "ms", "that", 2.0, limit=1.15)]}
    report.write(tmp_path / "new", machine.facts(), figures)
    document = json.loads((tmp_path / "new" / "results.json").read_text("utf-8"))
    assert document["figures"]["Title"][0]["ratio"] == 1.5
    assert document["facts"]["CPUs"].isdecimal()
    text = (tmp_path / "new" / "results.md").read_text("utf-8")
    assert "| What | 3.0 ms | 2.0 ms (that) | 1.50x | ≤ 1.15x | missed |" in text
    assert all(row.count("|") == len(HEADINGS) + 1 for row in text.splitlines() if "|" in row)


def test_a_chosen_benchmark_is_run_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name on the command line runs it alone, and says whether goals were met."""
    assert command.main(["connections", "--quick", "--output", str(tmp_path)]) == 0
    assert "Second login of that client" in capsys.readouterr().out
    assert (tmp_path / "results.json").exists()
