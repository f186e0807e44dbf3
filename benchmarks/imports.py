"""What importing the package takes, beyond bare Python and beside its five dependencies."""

from __future__ import annotations

import os
import statistics
from unittest.mock import patch

from benchmarks import fresh
from benchmarks.figures import Figure
from benchmarks.timing import timed
from upstox_totp import UpstoxTOTP
from upstox_totp._settings.names import REQUIRED, variable
from upstox_totp.sandbox import Credentials

_PACKAGE_MS = 40
_CLASS = 1.15
_CLIENT = 1.03


_CLIENTS = 200


def _construction() -> float:
    return statistics.median(timed(UpstoxTOTP).wall for _ in range(_CLIENTS))


def measure(rounds: int) -> list[Figure]:
    """Import and construct in fresh interpreters, in turns; what bare Python takes is taken off.

    Args:
        rounds: How many starts of each program.
    """
    settings = {variable(name): getattr(Credentials(), name) for name in REQUIRED}
    with patch.dict(os.environ, settings):
        found = fresh.median_seconds(
            {
                "bare": fresh.BARE,
                "dependencies": fresh.DEPENDENCIES,
                "package": "import upstox_totp",
                "class": "from upstox_totp import UpstoxTOTP",
                "client": "from upstox_totp import UpstoxTOTP; UpstoxTOTP()",
            },
            rounds,
        )
        another = _construction()
    over = {name: (seconds - found["bare"]) * 1e3 for name, seconds in found.items()}
    return [
        Figure("import upstox_totp", over["package"], "ms", limit=_PACKAGE_MS),
        *(
            Figure(what, over[name], "ms",
                   "the five dependencies", over["dependencies"], limit=limit)
            for name, what, limit in (
                ("class", "from upstox_totp import UpstoxTOTP", _CLASS),
                ("client", "… and construction", _CLIENT),
            )
        ),
        Figure("Another client", another * 1e6, "µs"),
    ]  # fmt: skip
