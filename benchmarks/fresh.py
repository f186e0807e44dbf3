"""Programs in a fresh interpreter each, as a user starts them: their bytecode is there already."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from benchmarks.timing import median_of_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BARE: Final = "pass"
"""A program that does nothing: what Python itself takes."""

DEPENDENCIES: Final = "import requests, pydantic, pydantic_settings, pyotp, dotenv"
"""A program that imports what the package depends on, and nothing of the package."""


def median_seconds(programs: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Run programs in turns, each in a fresh interpreter, and return the median of each.

    Args:
        programs: What to run, by name.
        rounds: How often.
    """
    with _compiled():
        found = median_of_turns(
            {name: partial(_run, text) for name, text in programs.items()}, rounds
        )
    return {name: sample.wall for name, sample in found.items()}


def outputs(programs: Mapping[str, str], rounds: int) -> dict[str, list[str]]:
    """Run programs in turns, each in a fresh interpreter, and return what each of them printed.

    Args:
        programs: What to run, by name.
        rounds: How often; once more beforehand, unheard.
    """
    told: dict[str, list[str]] = {name: [] for name in programs}

    def listen(name: str, text: str) -> None:
        told[name].append(_run(text))

    with _compiled():
        median_of_turns(
            {name: partial(listen, name, text) for name, text in programs.items()}, rounds
        )
    return {name: texts[1:] for name, texts in told.items()}


@contextmanager
def _compiled() -> Iterator[None]:
    """Keep bytecode, in a place of its own: the first run of each program compiles it for all."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": _bytecode().name}
    # Where this is set, each start would compile what was never installed: our own source.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with patch.dict(os.environ, environment, clear=True):
        yield


@cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _run(program: str) -> str:
    done = subprocess.run(  # noqa: S603 - programs of this package
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
