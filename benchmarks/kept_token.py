"""What a kept token takes: in a program that runs already, and from the command line."""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path
from unittest.mock import patch

from benchmarks import fresh
from benchmarks.figures import Figure
from benchmarks.service import serving, without_pauses
from benchmarks.timing import timed
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp._settings.names import variable

_CALL_US = 60
_COMMAND = 0.6
_OVER_BARE = 0.15
_BLOCK = 20

# What the script that pip installs does.
_SCRIPT = (
    "import sys; from upstox_totp.__main__ import main; "
    "sys.argv[1:] = ['token', '--format', 'raw']; main()"
)


def measure(blocks: int, rounds: int) -> list[Figure]:
    """Log in once, then ask for the kept token again and again.

    Args:
        blocks: How many blocks of 20 calls in this process.
        rounds: How many starts of the command.
    """
    with tempfile.TemporaryDirectory() as folder, serving() as service:
        # The command makes a directory of its own its user's alone; this one is ours already.
        where = {variable("cache_dir"): str(Path(folder) / "tokens")}
        with patch.dict(os.environ, where):
            seconds = _in_process(blocks)
            found = fresh.median_seconds(
                {"bare": fresh.BARE, "dependencies": fresh.DEPENDENCIES, "command": _SCRIPT}, rounds
            )
        if service.logins() != 1:
            raise RuntimeError("a token that was kept was not found")
    return [
        Figure("In process", seconds * 1e6, "µs", limit=_CALL_US),
        Figure("upstox_cli token --format raw", found["command"] * 1e3, "ms",
               "the five dependencies", found["dependencies"] * 1e3, limit=_COMMAND),
        Figure("… over bare Python", (found["command"] - found["bare"]) * 1e3, "ms",
               "the five dependencies", (found["dependencies"] - found["bare"]) * 1e3,
               limit=_OVER_BARE),
    ]  # fmt: skip


def _in_process(blocks: int) -> float:
    cache = TokenCache()
    with without_pauses(), UpstoxTOTP() as client:
        token = cache.get_access_token(client).data.access_token

        def ask() -> None:
            for _ in range(_BLOCK):
                if cache.get_access_token(client).data.access_token != token:
                    raise RuntimeError("another token than the kept one")

        return statistics.median(timed(ask).wall for _ in range(blocks)) / _BLOCK
