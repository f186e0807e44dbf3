"""Runs the benchmarks: ``python -m benchmarks``, with names to choose some of them."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from contextlib import chdir, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest.mock import patch

from benchmarks import measures
from benchmarks.rows import as_markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.rows import Row


class Benchmark(NamedTuple):
    """One benchmark, and how often it repeats what it measures: for figures, and for a look."""

    title: str
    measure: Callable[..., list[Row]]
    full: int
    quick: int


BENCHMARKS: Final = {
    "script": Benchmark("A script at the default pace", measures.script, 7, 1),
    "login": Benchmark("Login, pauses left out", measures.logins, 150, 15),
    "import": Benchmark("Import and construction", measures.imports, 40, 5),
    "cached": Benchmark("A cached token", measures.cached, 200, 20),
    "redis": Benchmark("A cached token in Redis", measures.redis, 200, 20),
    "contention": Benchmark("Contention", measures.contention, 50, 8),
}
_LIBRARIES: Final = ("requests", "pydantic", "click", "filelock")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run benchmarks and print their figures; return 1 if a goal was missed, else 0."""
    options = _parser().parse_args(arguments)
    found: dict[str, list[Row]] = {}
    with _undisturbed():
        for name in options.names or BENCHMARKS:
            chosen = BENCHMARKS[name]
            found[chosen.title] = chosen.measure(chosen.quick if options.quick else chosen.full)
    text = as_markdown(_facts(), found)
    sys.stdout.write(text)
    if options.output:
        options.output.write_text(text, "utf-8")
    return int(any(row.met is False for rows in found.values() for row in rows))


def _facts() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"Measured with upstox_totp {version('upstox-totp')}, Python {platform.python_version()} "
        f"on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, {libraries}."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="name",
                        help=f"which to run: {', '.join(BENCHMARKS)} (default: all)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="few runs, for a first impression")
    parser.add_argument("--output", type=lambda text: Path(text).resolve(), metavar="FILE",
                        help="write the table to a file as well")  # fmt: skip
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
        with patch.dict(os.environ, kept, clear=True), chdir(folder):
            yield


if __name__ == "__main__":
    sys.exit(main())
