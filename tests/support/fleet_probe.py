"""A machine of a fleet: run by the tests, with a home and an environment of its own.

It forks processes, each of which asks the shared cache once the test says so.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any
from unittest import mock

import requests

from support.cache_probe import run_faster
from upstox_totp import RedisStore, TokenCache, UpstoxError, UpstoxTOTP, UpstoxWarning
from upstox_totp._api import base


def ask() -> dict[str, Any]:
    """Return what came of asking the cache for a token."""
    told: dict[str, Any]
    store = RedisStore.from_url(
        os.environ["UPSTOX_CACHE_URL"],
        key=os.environ.get("UPSTOX_CACHE_KEY"),
        lease=float(os.environ["PROBE_LEASE"]),
    )
    with warnings.catch_warnings(record=True) as seen, UpstoxTOTP() as client:
        client.session.timeout = 30
        try:
            response = TokenCache(store=store).get_access_token(client)
            told = {"token": response.data.access_token}
        except (UpstoxError, requests.RequestException) as error:
            code = getattr(error, "error_code", None)
            told = {"error": type(error).__name__, "code": code, "text": str(error)}
    warned = [str(one.message) for one in seen if issubclass(one.category, UpstoxWarning)]
    return told | {"warnings": warned}


def main(number: int) -> None:
    """Fork processes, let them go when a line comes, and print what each of them got."""
    gate, keeper = os.pipe()
    answers, report = os.pipe()
    for _ in range(number):
        if os.fork() == 0:
            os.close(keeper)
            os.read(gate, 1)
            os.write(report, json.dumps(ask()).encode() + b"\n")
            os._exit(0)
    os.close(report)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    os.close(keeper)
    with os.fdopen(answers) as lines:
        sys.stdout.writelines(lines)


def alone() -> None:
    """Ask in this process, which a test stops or kills, and print what it got."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(ask()) + "\n")


def shorten_requests(seconds: float) -> None:
    """Let the turn be confirmed for requests that take no longer than a lease.

    Args:
        seconds: How long a request may take.
    """
    mock.patch.object(base, "_longest", return_value=seconds).start()


def run() -> None:
    """Do what the command line says."""
    run_faster(float(os.environ["PROBE_SPEED"]))
    shorten_requests(float(os.environ["PROBE_LEASE"]))
    if sys.argv[1] == "alone":
        alone()
    else:
        main(int(sys.argv[1]))
