"""Every benchmark runs, and yields rows that make sense; how fast it was is not asserted."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import pytest
from benchmarks import __main__ as command
from benchmarks.__main__ import BENCHMARKS
from benchmarks.rows import HEADINGS, Row, as_markdown

if TYPE_CHECKING:
    from pathlib import Path

ONCE = {"contention": [2], "script": [1, 100]}


@pytest.fixture(autouse=True)
def fake_time() -> None:
    """Leave time as it is, in place of the fixture of this name: benchmarks measure it."""


@pytest.mark.no_cover
@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_runs(name: str) -> None:
    """Each row once, as small as it can be; what lacks Redis says so."""
    rows = BENCHMARKS[name].measure(*ONCE.get(name, [1]))
    assert rows
    for row in rows:
        # Bare Python is taken off an import, and on a busy machine once may be less than nothing.
        assert row.missing or name == "import" or row.measured > 0, row
        assert math.isfinite(row.measured)
        assert not row.missing or name == "redis"
        assert row.met is not False or row.unit, "a count has to be exact, however little was run"


def test_a_missing_redis_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no failure."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (row,) = BENCHMARKS["redis"].measure(1)
    assert row.met is None
    assert row.cells()[1] == "not measured: redis-server is not installed"


@pytest.mark.parametrize(
    ("row", "goal", "met"),
    [
        (Row("a", 1.2, "ms", "b", 1.0, limit=1.25), "≤ 1.25x", True),
        (Row("a", 1.3, "ms", "b", 1.0, limit=1.25), "≤ 1.25x", False),
        (Row("a", 41, "ms", limit=40), "≤ 40 ms", False),
        (Row("a", 4, "s"), "", None),
    ],
)
def test_goal(row: Row, goal: str, *, met: bool | None) -> None:
    """A goal holds for the ratio where there is one, else for the figure itself."""
    assert (row.cells()[4], row.met) == (goal, met)
    assert as_markdown("", {"Title": [row]}).splitlines()[-1].count("|") == len(HEADINGS) + 1


def test_a_chosen_benchmark_is_run_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name on the command line runs it alone; the table is printed and written."""
    monkeypatch.setitem(
        command.BENCHMARKS,
        "cached",
        command.Benchmark("A cached token", lambda rounds: [Row("What", rounds, limit=1)], 2, 1),
    )
    output = tmp_path / "results.md"
    assert command.main(["cached", "--output", str(output)]) == 1
    assert command.main(["cached", "--quick", "--output", str(output)]) == 0
    assert "| What | 1 |  |  | ≤ 1 | met |" in capsys.readouterr().out
    assert "**A cached token**" in output.read_text("utf-8")
