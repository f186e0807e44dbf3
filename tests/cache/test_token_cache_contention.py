"""Single flight: one login for everybody who asks at once, and nothing that blocks the next."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from conftest import FakeTime, configure
from support.forked import Forked, run_forked
from upstox_totp import AuthenticationError, TokenCache, UpstoxError, UpstoxTOTP, _clock
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

THREADS = 32
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="the probe forks")

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def speed(request: pytest.FixtureRequest) -> float:
    """How much faster time passes for other processes and their sandbox."""
    return float(getattr(request, "param", 1))


@pytest.fixture
def real_sandbox(speed: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox for other processes, at the begin of a code's period, so that none waits for it."""
    begin = time.time()

    def now() -> float:
        return 1_800_000_001 + (time.time() - begin) * speed

    with Sandbox(step_clock=True, clock=now) as running:
        configure(monkeypatch, running, UPSTOX_SLEEP_TIME="100", PROBE_SPEED=str(speed))
        yield running


def probe(*arguments: object) -> list[dict[str, Any]]:
    """Run the probe, and return what each of its processes got."""
    output, _ = run_forked(*arguments)
    return [json.loads(line) for line in output.splitlines()]


def at_once(ask: Callable[[], Any], number: int = THREADS) -> list[Any]:
    """Return what threads got that asked at once: results and exceptions."""
    barrier = threading.Barrier(number)

    def run() -> Any:
        barrier.wait()
        try:
            return ask()
        except (UpstoxError, requests.RequestException) as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(number)]]


def ask() -> str:
    """Return the token that a client of its own gets from the cache."""
    with UpstoxTOTP() as client:
        return TokenCache().get_access_token(client).data.access_token


@pytest.mark.no_cover
@forking
def test_fifty_processes_log_in_once(real_sandbox: Sandbox) -> None:
    """All of them start at once with an empty cache, and get the same token."""
    results = probe("crowd", 50)
    assert len(results) == 50
    assert [result.get("token") for result in results] == real_sandbox.access_tokens * 50
    assert real_sandbox.logins == real_sandbox.pins_received == real_sandbox.otp_requests == 1


@pytest.mark.no_cover
@forking
def test_fifty_processes_fail_once(real_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One PIN is sent, and everybody learns that it was wrong."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    results = probe("crowd", 50)
    assert {(result["error"], result["code"]) for result in results} == {
        ("AuthenticationError", "1017106")
    }
    assert len(results) == 50
    assert real_sandbox.pins_received == real_sandbox.otp_requests == 1


def test_threads_log_in_once(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """32 threads, one login, 32 equal tokens."""
    assert at_once(ask) == sandbox.access_tokens * THREADS
    assert sandbox.logins == sandbox.otp_requests == 1


def test_threads_renew_once(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """All of them got a 401 from the same token, and share the next one."""
    TokenCache().get_access_token(client)
    sandbox.misbehave("otp", Fault.late(0.3), times=1)

    def renew() -> str:
        with UpstoxTOTP() as own:
            return TokenCache().get_access_token(own, refresh=True).data.access_token

    assert set(at_once(renew)) == {sandbox.access_tokens[-1]}
    assert sandbox.logins == 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.refuse(1017076, "The session has expired"), ("APIError", "1017076")),
        (Fault.refuse(424242, "Something new"), ("APIError", 424242)),
        (Fault.refuse(1017069, "Too many"), ("RateLimitError", "1017069")),
        (Fault.body(b"{"), ("ValidationError", None)),
        (Fault.reset(), ("ConnectionError", None)),
    ],
)
def test_those_who_waited_share_a_failure(
    fault: Fault,
    expected: tuple[str, str | int | None],
    client: UpstoxTOTP,
    sandbox: Sandbox,
    fake_time: FakeTime,
) -> None:
    """The same class, code, step and message for all; who comes later tries anew."""
    sandbox.misbehave("dialog", Fault.late(0.5), times=1)
    sandbox.misbehave("pin", fault, times=1)
    errors = at_once(ask)
    assert {(type(error).__name__, getattr(error, "error_code", None)) for error in errors} == {
        expected
    }
    assert {int(error.step) for error in errors} == {4}
    assert len(set(map(str, errors))) == 1
    assert sandbox.pins_received == 1
    fake_time.sleep(601)
    assert ask() == sandbox.access_tokens[-1]


def test_other_settings_do_not_share_a_failure(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A script with the right PIN that waited for one with a wrong PIN logs in itself."""
    sandbox.misbehave("dialog", Fault.late(0.5), times=1)
    # The hint that stands for a PIN is the same for one in 256.
    others = [UpstoxTOTP.from_settings(pin_code=pin) for pin in ("000000", "111111")]
    known = client.identity.fingerprint
    wrong = next(other for other in others if other.identity.fingerprint != known)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(TokenCache().get_access_token, wrong)
        while not sandbox.requests:
            time.sleep(0.01)
        second = pool.submit(TokenCache().get_access_token, client)
        assert second.result().success
        assert isinstance(first.exception(), AuthenticationError)


def test_clear_waits_for_a_login(client: UpstoxTOTP, sandbox: Sandbox, cache_dir: Path) -> None:
    """A token that is on its way when the user logs out does not stay."""
    TokenCache().get_access_token(client)
    sandbox.misbehave("dialog", Fault.late(0.3), times=1)
    seen = len(sandbox.requests)
    with ThreadPoolExecutor(1) as pool:
        login = pool.submit(TokenCache().get_access_token, UpstoxTOTP(), refresh=True)
        while len(sandbox.requests) == seen:
            time.sleep(0.01)
        TokenCache().clear(client)
        assert login.result().success
    assert json.loads(next(cache_dir.glob("*.token.json")).read_text())["token"] is None


@pytest.mark.no_cover
@forking
@pytest.mark.parametrize("speed", [20], indirect=True)
def test_killed_in_mid_login(real_sandbox: Sandbox, cache_dir: Path) -> None:
    """Ten processes die at random moments; each time the next login works, the file is whole."""
    moments = [round(random.uniform(0.0, 0.08), 4) for _ in range(10)]  # noqa: S311 - no secret
    results = probe("killed", *moments)
    assert [result.get("error") for result in results] == [None] * 10, moments
    assert len({result["token"] for result in results}) == 10
    assert len([record for record in real_sandbox.requests if record.step == "dialog"]) > 10
    assert results[-1]["token"] == real_sandbox.access_tokens[-1]
    assert sorted(path.suffix for path in cache_dir.iterdir()) == [".json"] * 3 + [".lock"] * 2
    document = json.loads(next(cache_dir.glob("*.token.json")).read_text())
    assert document["token"]["data"]["access_token"] == results[-1]["token"]


@pytest.mark.no_cover
@forking
def test_killed_while_others_wait(real_sandbox: Sandbox) -> None:
    """The lock of a dead process is free at once: another one logs in."""
    real_sandbox.misbehave("otp", Fault.hang(), times=1)
    holder = Forked("crowd", 1)
    while real_sandbox.otp_requests == 0:
        time.sleep(0.01)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(probe, "crowd", 5)
        time.sleep(0.6)
        holder.end()
        results = waiting.result()
    assert [result.get("token") for result in results] == real_sandbox.access_tokens * 5


def test_the_clock_does_not_decide_who_waited(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A failure of the past is not shared, even by a clock that stands still."""
    sandbox.misbehave("pin", Fault.status(500), times=2)
    frozen = _clock.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_clock, "time", lambda: frozen)
        for _ in range(2):
            with pytest.raises(UpstoxError):
                ask()
    assert sandbox.pins_received == 2
