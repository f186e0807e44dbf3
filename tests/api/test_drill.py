"""The table of docs/drill.md: each row is what users of this release would see of that change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import drill

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("drift", drill.DRIFTS, ids=lambda drift: drift.name)
def test_a_change_at_upstox_is_seen_as_the_page_says(drift: drill.Drift) -> None:
    """Row and details are reproduced, and the client logs in again once its files are mended."""
    outcome = drill.play(drift)
    page = drill.written()
    assert outcome.row() in page
    assert "\n".join(outcome.details()) in page
    assert all("token" in seen for seen in outcome.after.values())
    assert bool(outcome.after) == bool(drift.fix)


def test_the_page_has_no_row_of_old() -> None:
    """A change that nobody plays any more is not in the table."""
    rows = [line for line in drill.written().splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(drill.DRIFTS)


def test_an_edit_that_finds_nothing_is_told(tmp_path: Path) -> None:
    """A drill whose change is not made would always pass."""
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n", "utf-8")
    for old in ("y = 1", "x = 1"):
        with pytest.raises(ValueError, match=r"a\.py has"):
            drill.Edit("a.py", old, "z").apply(tmp_path)
