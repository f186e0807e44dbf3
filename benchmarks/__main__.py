"""Runs the benchmarks: ``python -m benchmarks``, with names to choose some of them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from benchmarks import (
    api_login,
    connections,
    contention,
    first_login,
    imports,
    kept_token,
    login_overhead,
    machine,
    pacing,
    redis_token,
    report,
    scale,
)
from upstox_totp import UpstoxWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.figures import Figure

HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, and how often it does what it measures.

    Attributes:
        title: What it measures.
        measure: Measures it.
        full: The counts for figures to publish.
        quick: The counts for a first impression.
    """

    title: str
    measure: Callable[..., list[Figure]]
    full: dict[str, Any] = field(default_factory=dict)
    quick: dict[str, Any] = field(default_factory=dict)


BENCHMARKS: Final = {
    "login": Benchmark("Login overhead", login_overhead.measure, {"rounds": 150}, {"rounds": 15}),
    "first": Benchmark("First login", first_login.measure, {"rounds": 60}, {"rounds": 5}),
    "api": Benchmark("Login by api", api_login.measure, {"rounds": 300}, {"rounds": 30}),
    "pacing": Benchmark("Default pacing", pacing.measure, {"really": True}, {"really": False}),
    "connections": Benchmark("Connections", connections.measure),
    "import": Benchmark("Import", imports.measure, {"rounds": 80}, {"rounds": 5}),
    "kept": Benchmark(
        "A kept token",
        kept_token.measure,
        {"blocks": 200, "rounds": 40},
        {"blocks": 20, "rounds": 5},
    ),
    "redis": Benchmark("A token for a fleet", redis_token.measure, {"blocks": 200}, {"blocks": 20}),
    "scale": Benchmark(
        "Scale",
        scale.measure,
        {"accounts": 200, "threads": 32, "logins": 1000, "traced": 600},
        {"accounts": 40, "threads": 16, "logins": 100, "traced": 50, "sleep_time": 100},
    ),
    "contention": Benchmark(
        "Contention",
        contention.measure,
        {"processes": 50, "sleep_times": (1000, 100)},
        {"processes": 8, "sleep_times": (100,)},
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run benchmarks, print their figures, and write them down.

    Args:
        arguments: The command line; None for the process's own.

    Returns:
        0 if every goal was met, else 1.
    """
    options = _parser().parse_args(arguments)
    whole = not options.names and not options.quick
    output = options.output or (HERE if whole else None)
    found: dict[str, list[Figure]] = {}
    with _undisturbed():
        for name in options.names or BENCHMARKS:
            chosen = BENCHMARKS[name]
            counts = chosen.quick if options.quick else chosen.full
            found[chosen.title] = chosen.measure(**counts)
            report.show(chosen.title, found[chosen.title])
    if output is not None:
        report.write(output, machine.facts(), found)
    return int(any(figure.met is False for figures in found.values() for figure in figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="name",
                        help=f"which to run: {', '.join(BENCHMARKS)} (default: all)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="few runs, for a first impression")
    parser.add_argument("--output", type=lambda text: Path(text).resolve(), metavar="FOLDER",
                        help="where to write results.json and results.md (default: beside the "
                        "benchmarks, if all are run in full)")  # fmt: skip
    return parser


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the machine's own settings, proxies and files out of what is measured."""
    endings = ("_PROXY", "_CA_BUNDLE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("UPSTOX_") and not name.upper().endswith(endings)
    }
    with tempfile.TemporaryDirectory() as folder:
        kept["NETRC"] = str(Path(folder) / "none")
        with (
            patch.dict(os.environ, kept, clear=True),
            chdir(folder),
            warnings.catch_warnings(),
        ):
            # The service's clock stands still, which a login tells of.
            warnings.simplefilter("ignore", UpstoxWarning)
            yield


if __name__ == "__main__":
    sys.exit(main())
