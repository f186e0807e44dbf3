"""Many processes at one cache: run by the tests, forked from one that has imported all of it."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import requests

from upstox_totp import TokenCache, UpstoxError, UpstoxTOTP, _clock
from upstox_totp.__main__ import main
from upstox_totp._cache.files import FilesLock

if TYPE_CHECKING:
    from collections.abc import Callable


def run_faster(speed: float) -> None:
    """Let the library's time pass faster than it does, so that nothing waits for long."""
    begin, real = time.time(), time.time
    _clock.time = lambda: begin + (real() - begin) * speed
    _clock.monotonic = _clock.time
    _clock.sleep = lambda seconds: time.sleep(max(0.0, seconds / speed))


def ask(*, refresh: bool = False) -> dict[str, Any]:
    """Return what came of asking the cache for a token."""
    started = time.monotonic()
    told: dict[str, Any]
    try:
        response = TokenCache().get_access_token(UpstoxTOTP(), refresh=refresh)
        told = {"token": response.data.access_token}
    except (UpstoxError, requests.RequestException) as error:
        code = getattr(error, "error_code", None)
        told = {"error": type(error).__name__, "code": code, "text": str(error)}
    return told | {"seconds": time.monotonic() - started}


def crowd(number: str) -> None:
    """Print what many processes got that asked at once."""
    gate, keeper = os.pipe()
    answers, report = os.pipe()
    for _ in range(int(number)):
        if os.fork() == 0:
            os.close(keeper)
            os.read(gate, 1)
            os.write(report, json.dumps(ask()).encode() + b"\n")
            os._exit(0)
    os.close(report)
    os.close(keeper)
    with os.fdopen(answers) as lines:
        sys.stdout.writelines(lines)


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
    FilesLock.extend = _setting(begun, FilesLock.extend)  # type: ignore[method-assign]
    threading.Thread(target=ask, daemon=True).start()
    begun.wait()
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    sys.stdout.write(f"{child}\n")
    sys.stdout.flush()
    time.sleep(30)


def _setting(begun: threading.Event, confirm: Callable[..., None]) -> Callable[..., None]:
    def confirm_and_tell(*arguments: Any) -> None:
        confirm(*arguments)
        begun.set()

    return confirm_and_tell


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
    "crowd": crowd,
    "killed": killed,
    "commands": commands,
    "each": each,
    "forked": forked,
}


def run() -> None:
    """Do what the command line says."""
    run_faster(float(os.environ["PROBE_SPEED"]))
    PROBES[sys.argv[1]](*sys.argv[2:])
