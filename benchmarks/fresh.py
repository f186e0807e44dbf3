"""Programs in a fresh interpreter each, as a user starts them, with their bytecode compiled."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from benchmarks.rows import in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BARE: Final = "pass"
# `import pydantic` alone loads none of its parts.
DEPENDENCIES: Final = "import requests, pyotp, dotenv; from pydantic import BaseModel, SecretStr"
COMMAND: Final = [sys.executable, "-W", "ignore::UserWarning", "-c"]
"""Without the warning that the clock of the service is not this machine's."""

_ROOT: Final = Path(__file__).parents[1]


def median_seconds(programs: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Return how long each of several programs takes, from its start to its end, in turns."""
    with compiled():
        found = in_turns({name: partial(_run, text) for name, text in programs.items()}, rounds)
    return {name: sample.wall for name, sample in found.items()}


@contextmanager
def compiled() -> Iterator[None]:
    """Keep bytecode in a place of its own; the first run of a program compiles it for all."""
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": _bytecode().name,
        "PYTHONPATH": str(_ROOT),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with patch.dict(os.environ, environment, clear=True):
        yield


@cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _run(program: str) -> None:
    subprocess.run([*COMMAND, program], check=True, stdout=subprocess.PIPE)  # noqa: S603 - our own
