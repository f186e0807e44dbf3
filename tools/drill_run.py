"""Logs in by each way to the sandbox beside which it is imported, and prints what a user sees.

Started by drill.py with a copy of the package first on its path, in which either side was changed.
"""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any

import requests

from upstox_totp import TokenCache, UpstoxError, UpstoxTOTP, _clock
from upstox_totp.sandbox import Sandbox

TRIES = 6


class Ahead:
    """A clock that is moved instead of waited for."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """Return the time."""
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.ahead += max(0.0, seconds)


def try_way(ways: str, clock: Ahead) -> dict[str, Any]:
    """Return what came of one try of these ways, and what several in a row cost."""
    with Sandbox(clock=clock.now, totp_login_limits=(), echo=False) as sandbox:
        seen = attempt(sandbox, ways)
        seen["spent"] = spent(sandbox)
        if "error" in seen:
            for _ in range(TRIES - 1):
                attempt(sandbox, ways)
            seen["spent_in_a_loop"] = spent(sandbox)
    return seen


def attempt(sandbox: Sandbox, ways: str) -> dict[str, Any]:
    """Return what a user sees of one login, as a command with a cache of its own would show it."""
    known = {name.removeprefix("UPSTOX_").lower(): v for name, v in sandbox.environment.items()}
    with UpstoxTOTP.from_settings(**known, login_method=ways, sleep_time=100) as client:
        try:
            response = TokenCache().get_access_token(client, refresh=True)
        except (UpstoxError, requests.RequestException) as error:
            return _told(error)
    return {"token": bool(response.data.access_token)}


def spent(sandbox: Sandbox) -> dict[str, int]:
    """Return how many of each credential came in at a route that there is."""
    return {
        "OTP request": sandbox.otp_requests,
        "code": sandbox.codes_received,
        "PIN": sandbox.pins_received,
    }


def _told(error: Any) -> dict[str, Any]:
    lines = (re.sub(r"127\.0\.0\.1:\d+/(\w+)/", r"\1 /", str(one)) for one in error.transcript)
    return {
        "error": type(error).__name__,
        "message": str(error.args[0]),
        "step": str(error.step),
        "suggestions": list(getattr(error, "suggestions", ())),
        "transcript": [re.sub(r", \d+ ms", "", line) for line in lines],
    }


def main() -> None:
    """Print a JSON object with what came of each way."""
    clock = Ahead()
    _clock.time, _clock.sleep = clock.now, clock.sleep
    _clock.monotonic = lambda: time.monotonic() + clock.ahead
    json.dump({ways: try_way(ways, clock) for ways in sys.argv[1:]}, sys.stdout)


if __name__ == "__main__":
    main()
