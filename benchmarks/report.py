"""The figures as they are read: in the terminal, in the documentation, by programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.figures import HEADINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.figures import Figure

_WIDTH: Final = 140


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print the figures of one benchmark.

    Args:
        title: What it measures.
        figures: What came out.
    """
    table = Table(*HEADINGS, title=title, title_justify="left", box=SIMPLE)
    for figure in figures:
        table.add_row(*figure.cells())
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def write(folder: Path, facts: Mapping[str, str], found: Mapping[str, Sequence[Figure]]) -> None:
    """Write ``results.json``, and ``results.md`` for the documentation.

    Args:
        folder: Where to.
        facts: On what it was measured.
        found: The figures, by the title of their benchmark.
    """
    document = {
        "facts": facts,
        "figures": {title: [one.as_document() for one in found[title]] for title in found},
    }
    text = json.dumps(document, ensure_ascii=False, indent=2)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(f"{text}\n", "utf-8")
    (folder / "results.md").write_text(_markdown(facts, found), "utf-8")


def _markdown(facts: Mapping[str, str], found: Mapping[str, Sequence[Figure]]) -> str:
    told = ", ".join(f"{name} {fact}" for name, fact in facts.items())
    lines = [f"Measured with {told}.", "", _row(HEADINGS), _row(["---"] * len(HEADINGS))]
    for title, figures in found.items():
        lines.append(_row([f"**{title}**", *[""] * (len(HEADINGS) - 1)]))
        lines += [_row(figure.cells()) for figure in figures]
    return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
