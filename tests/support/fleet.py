"""Machines of a fleet: processes with a home and an environment of their own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from support.forked import Forked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Machine:
    """A program on a machine of the fleet; it asks for a token once it is told to.

    Args:
        home: Its home, with its own ledger.
        settings: Its environment.
        processes: How many processes ask there at once, None for the program itself.
    """

    def __init__(
        self, home: Path, settings: Mapping[str, str], processes: int | None = None
    ) -> None:
        home.mkdir(exist_ok=True)
        own = {"HOME": str(home), "UPSTOX_CACHE_DIR": str(home / "cache")}
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.process = Forked(
            *(("alone",) if processes is None else ("crowd", processes, "after a word")),
            environment={**kept, **settings, **own},
            folder=home,
        )

    def ready(self) -> Machine:
        """Wait until everything is imported."""
        line = self.process.stdout.readline()
        assert line == "ready\n", self.process.communicate()[1]
        return self

    def go(self) -> Machine:
        """Let it ask."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self

    def told(self) -> list[dict[str, Any]]:
        """Return what each of its processes got."""
        output, errors = self.process.communicate()
        assert self.process.returncode == 0, errors
        return [json.loads(line) for line in output.splitlines()]

    def end(self) -> None:
        """Kill it."""
        self.process.end()
