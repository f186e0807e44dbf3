"""What the first login of a process takes, which is all that a job of cron has."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from benchmarks import fresh
from benchmarks.figures import Figure
from benchmarks.service import serving

_WALL = 1.12
_CPU = 1.2
_ROOT: Final = Path(__file__).parents[1]

_MEASURED: Final = """
import time
wall, cpu = time.perf_counter(), time.process_time()
log_in()
print(time.perf_counter() - wall, time.process_time() - cpu)
"""

_OURS: Final = (
    """
import warnings
from upstox_totp import UpstoxTOTP, UpstoxWarning, _clock
# The service's clock stands still at noon, which each login would tell.
warnings.simplefilter("ignore", UpstoxWarning)
_clock.sleep = lambda seconds: None
client = UpstoxTOTP()
def log_in():
    client.app_token.get_access_token()
"""
    + _MEASURED
)

_BY_HAND: Final = (
    f"""
import sys
sys.path.insert(0, {str(_ROOT)!r})
from benchmarks import by_hand
session = by_hand.new_session()
def log_in():
    by_hand.log_in(session)
"""
    + _MEASURED
)


def measure(rounds: int) -> list[Figure]:
    """Log in once in fresh interpreters, in turns; imports and construction are not counted.

    Args:
        rounds: How many processes of each kind.
    """
    programs = {"ours": _OURS, "by hand": _BY_HAND}
    with serving():
        told = fresh.outputs(programs, rounds)
    wall, cpu = (
        {
            name: statistics.median(float(text.split()[column]) for text in texts) * 1e3
            for name, texts in told.items()
        }
        for column in (0, 1)
    )
    return [
        Figure("First login of a process, wall without pauses", wall["ours"], "ms",
               "by hand", wall["by hand"], limit=_WALL),
        Figure("First login of a process, CPU", cpu["ours"], "ms",
               "by hand", cpu["by hand"], limit=_CPU),
    ]  # fmt: skip
