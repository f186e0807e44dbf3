"""What processes of their own ask the cache, forked from one that has imported everything.

A probe lives PROBE_SPEED times faster; with PROBE_LEASE it asks Redis, with locks of that lease.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

import requests

from upstox_totp import RedisStore, TokenCache, UpstoxError, UpstoxTOTP, UpstoxWarning, _clock
from upstox_totp.__main__ import main
from upstox_totp._api import base
from upstox_totp._cache.files import FilesLock

if TYPE_CHECKING:
    from collections.abc import Callable


def run_faster(speed: float) -> None:
    """Let the library's time pass faster than it does, so that nothing waits for long."""
    begin, real = time.time(), time.time
    _clock.time = lambda: begin + (real() - begin) * speed
    _clock.monotonic = _clock.time
    _clock.sleep = lambda seconds: time.sleep(max(0.0, seconds / speed))


def find_cache() -> TokenCache:
    """Return the cache that the environment names, with the lease of the test."""
    if "PROBE_LEASE" not in os.environ:
        return TokenCache()
    url, key = os.environ["UPSTOX_CACHE_URL"], os.environ.get("UPSTOX_CACHE_KEY")
    lease = float(os.environ["PROBE_LEASE"])
    return TokenCache(store=RedisStore.from_url(url, key=key, lease=lease))


def ask(*, refresh: bool = False) -> dict[str, Any]:
    """Return what came of asking the cache for a token."""
    started = time.monotonic()
    told: dict[str, Any]
    with warnings.catch_warnings(record=True) as seen, UpstoxTOTP() as client:
        client.session.timeout = 30
        try:
            response = find_cache().get_access_token(client, refresh=refresh)
            told = {"token": response.data.access_token}
        except (UpstoxError, requests.RequestException) as error:
            code = getattr(error, "error_code", None)
            told = {"error": type(error).__name__, "code": code, "text": str(error)}
    warned = [str(one.message) for one in seen if issubclass(one.category, UpstoxWarning)]
    return told | {"warnings": warned, "seconds": time.monotonic() - started}


def wait_for_word() -> None:
    """Say that everything is imported, and wait for a line."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def crowd(number: str, word: str = "") -> None:
    """Print what many processes got that asked at once, after a word if there is to be one."""
    gate, keeper = os.pipe()
    answers, report = os.pipe()
    for _ in range(int(number)):
        if os.fork() == 0:
            os.close(keeper)
            os.read(gate, 1)
            os.write(report, json.dumps(ask()).encode() + b"\n")
            os._exit(0)
    os.close(report)
    if word:
        wait_for_word()
    os.close(keeper)
    with os.fdopen(answers) as lines:
        sys.stdout.writelines(lines)


def alone() -> None:
    """Ask in this process after a word: a test stops or kills it; print what it got."""
    wait_for_word()
    sys.stdout.write(json.dumps(ask()) + "\n")


def killed(*moments: str) -> None:
    """Kill a process in mid-login at each of the moments, and print what the next one got."""
    for moment in moments:
        child = os.fork()
        if child == 0:
            ask(refresh=True)
            os._exit(0)
        time.sleep(float(moment))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sys.stdout.write(json.dumps(ask(refresh=True)) + "\n")


def each(*settings: str) -> None:
    """Ask once with each of some settings, a process each, and print what they got."""
    for changed in settings:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.environ.update(json.loads(changed))
            sys.stdout.write(json.dumps(ask(refresh=True)) + "\n")
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)


def forked() -> None:
    """Ask in this process, after which a child of it lives on; print the child's number first."""
    begun = threading.Event()
    extend = FilesLock.extend

    def extend_and_tell(*arguments: Any) -> None:
        extend(*arguments)
        begun.set()

    FilesLock.extend = extend_and_tell  # type: ignore[assignment,method-assign]
    threading.Thread(target=ask, daemon=True).start()
    begun.wait()
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    sys.stdout.write(f"{child}\n")
    sys.stdout.flush()
    time.sleep(30)


def commands(number: str, *arguments: str) -> None:
    """Run the command line again and again, a process each, and print the exit codes."""
    for _ in range(int(number)):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            sys.argv[:] = ["upstox_cli", *arguments]
            try:
                main()
            except SystemExit as ended:
                sys.stdout.flush()
                os._exit(int(ended.code or 0))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")


PROBES: dict[str, Callable[..., None]] = {
    probe.__name__: probe for probe in (crowd, alone, killed, each, forked, commands)
}


def run(probe: str, *arguments: str) -> None:
    """Run one of the probes."""
    # What the forker imported may have asked for it, in the environment of an earlier test.
    tempfile.tempdir = None
    run_faster(float(os.environ["PROBE_SPEED"]))
    if "PROBE_LEASE" in os.environ:
        # Locks are extended for requests that take no longer than a lease.
        lease = float(os.environ["PROBE_LEASE"])
        mock.patch.object(base, "_longest", return_value=lease).start()
    PROBES[probe](*arguments)
