"""What time it is, and waiting: the one place where the package reads a clock or sleeps.

Everything else calls these functions through the module, so that a test can put time in its hands.
"""

from __future__ import annotations

import time as _time


def time() -> float:
    """Return the local wall clock, in seconds since the epoch."""
    return _time.time()


def monotonic() -> float:
    """Return a clock that never jumps, in seconds from an arbitrary start."""
    return _time.monotonic()


def sleep(seconds: float) -> None:
    """Wait; not at all for zero seconds and less."""
    if seconds > 0:
        _time.sleep(seconds)


def pause(seconds: float) -> None:
    """Wait for another thread or process, whose time no test can move."""
    _time.sleep(seconds)
