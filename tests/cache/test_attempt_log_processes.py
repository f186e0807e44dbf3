"""The ledger over processes: whatever is killed, stopped or changed, no account is locked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from conftest import configure, wait_until
from support.forked import Forked, run_forked
from upstox_totp import TokenCache, UpstoxError, UpstoxTOTP
from upstox_totp._cache.backend import PROCESS
from upstox_totp._cache.store import Store
from upstox_totp.errors import LoginWaitError
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the probe forks")

SPEED = 80
OTHERS = (
    {"UPSTOX_PASSWORD": "another"},
    {"UPSTOX_CLIENT_ID": "second"},
    {"UPSTOX_CLIENT_ID": "third"},
    {"UPSTOX_CLIENT_SECRET": "another"},
    {"UPSTOX_REDIRECT_URI": "https://127.0.0.1/another"},
)


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own."""
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def speed(request: pytest.FixtureRequest) -> float:
    """How much faster time passes for other processes and their sandbox."""
    return float(getattr(request, "param", SPEED))


real_time = pytest.mark.parametrize("speed", [1], indirect=True)


@pytest.fixture
def account(speed: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox for other processes, in whose time nothing takes long."""
    begin = time.time()

    def now() -> float:
        return 1_800_000_001 + (time.time() - begin) * speed

    with Sandbox(step_clock=True, clock=now, otp_limit=1000) as running:
        configure(monkeypatch, running, UPSTOX_SLEEP_TIME="100", PROBE_SPEED=str(speed))
        yield running


def each(*settings: dict[str, str]) -> list[dict[str, Any]]:
    """Return what processes got, one after the other, each with its settings."""
    output, _ = run_forked("each", *map(json.dumps, settings))
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.no_cover
def test_a_rejected_pin_is_sent_once_whatever_changes(account: Sandbox) -> None:
    """Five apps of an account, and settings that the PIN has nothing to do with."""
    wrong = {"UPSTOX_PIN_CODE": "000000"}
    results = each(*(wrong | other for other in ({}, *OTHERS)))
    assert {result["error"] for result in results} == {"AuthenticationError"}
    assert account.pins_received == account.otp_requests == 1


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("step", "fault", "most"),
    [
        ("verify", Fault.refuse(424242, "Wrong. 4 attempts left"), 2),
        ("pin", Fault.refuse(424242, "Something new"), 3),
        ("pin", Fault.close(), 3),
        ("pin", Fault.status(503), 3),
        ("verify", Fault.body(b"{"), 3),
    ],
)
def test_the_most_that_is_sent(account: Sandbox, step: Any, fault: Fault, most: int) -> None:
    """Five processes, some with other settings; only the ledger knows what came of it."""
    account.misbehave(step, fault)
    results = each({}, OTHERS[0], OTHERS[3], {}, {})
    assert all("error" in result for result in results)
    sent = account.pins_received if step == "pin" else account.codes_received
    assert sent == most


@pytest.mark.no_cover
def test_killed_after_the_pin_three_times(account: Sandbox) -> None:
    """A process that dies between answer and record leaves a failure."""
    account.misbehave("pin", Fault.hang())
    for number in (1, 2, 3):
        process = Forked("each", "{}")
        while account.pins_received < number:
            time.sleep(0.01)
        process.end()
    account.behave()
    (held,) = each({})
    assert held["error"] == "APIError"
    assert "no answer said" in held["text"]
    assert account.pins_received == 3


def test_a_stopped_holder_is_named_and_not_waited_for_without_end(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits says for whom, and gives up: a call, a renewal, a forced login, and `clear`."""
    caplog.set_level("INFO", "upstox_totp")
    monkeypatch.setattr("upstox_totp._cache.waiting._SAY_AFTER", 0.1)
    account.misbehave("otp", Fault.hang())
    process = Forked("crowd", "1")
    wait_until(lambda: account.otp_requests == 1)
    os.killpg(process.pid, signal.SIGSTOP)
    cache = TokenCache()
    monkeypatch.setattr("upstox_totp._cache.waiting.PATIENCE", 0.3)
    with UpstoxTOTP() as client:
        for ask in (
            lambda: cache.get_access_token(client),
            lambda: cache.get_access_token(client, refresh=True),
            lambda: cache.get_access_token(client, force=True),
            lambda: cache.clear(client),
        ):
            caplog.clear()
            with pytest.raises(LoginWaitError, match=r"process [0-9]+ on .* IST"):
                ask()
            assert "Waiting for another login of this account: process" in caplog.text
    process.end()
    assert account.otp_requests == 1


@real_time
def test_the_lock_of_a_killed_process_is_not_its_childs(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that forked during its login and was killed keeps nobody waiting."""
    account.misbehave("otp", Fault.hang(), times=1)
    process = Forked("forked")
    child = int(process.stdout.readline())
    wait_until(lambda: account.otp_requests == 1)
    process.kill()
    process.wait()
    cache = TokenCache()
    monkeypatch.setattr("upstox_totp._cache.waiting.PATIENCE", 1.0)
    try:
        with UpstoxTOTP() as client:
            assert cache.get_access_token(client).success
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_clear_waits_for_a_first_login(account: Sandbox, cache_dir: Path) -> None:
    """A token on its way when the person logs out does not stay."""
    account.misbehave("otp", Fault.late(0.5), times=1)
    process = Forked("crowd", "1")
    wait_until(lambda: account.otp_requests == 1)
    with UpstoxTOTP() as client:
        TokenCache().clear(client)
    assert "token" in json.loads(process.communicate()[0])
    assert json.loads(next(cache_dir.glob("*.token.json")).read_text())["token"] is None


@real_time
@pytest.mark.parametrize("step", ["otp", "verify", "pin"])
def test_a_directory_that_is_removed_during_a_login(
    account: Sandbox, cache_dir: Path, step: Any
) -> None:
    """The next one waits for the login all the same, and shares its token."""
    account.misbehave(step, Fault.late(0.4), times=1)
    process = Forked("crowd", "1")
    wait_until(lambda: [one for one in account.requests if one.step == step])
    shutil.rmtree(cache_dir)
    with UpstoxTOTP() as client:
        token = TokenCache().get_access_token(client).data.access_token
    assert json.loads(process.communicate()[0])["token"] == token
    assert account.logins == account.codes_received == account.pins_received == 1


@real_time
def test_a_directory_that_is_removed_keeps_its_ledger_in_the_process(
    account: Sandbox, cache_dir: Path
) -> None:
    """A wrong PIN stays known to the process that sent it."""
    with UpstoxTOTP(pin_code="000000") as client:
        for _ in range(3):
            with pytest.raises(UpstoxError):
                TokenCache().get_access_token(client)
            shutil.rmtree(cache_dir, ignore_errors=True)
    assert account.pins_received == 1


@real_time
def test_a_child_of_a_fork_knows_what_its_parent_sent(account: Sandbox) -> None:
    """It starts with a copy of the memory, and with no turn that is held."""
    with UpstoxTOTP(pin_code="000000") as client, ThreadPoolExecutor(1) as pool:
        with pytest.raises(UpstoxError):
            client.app_token.get_access_token()
        held, told = threading.Event(), threading.Event()

        def hold() -> None:
            lock = Store(PROCESS).acquire(client.identity)
            assert lock is not None
            held.set()
            told.wait()
            lock.release()

        thread = pool.submit(hold)
        held.wait()
        child = os.fork()
        if child == 0:
            try:
                client.app_token.get_access_token()
            except UpstoxError as error:
                os._exit(0 if "failed_at" in error.details else 1)
            os._exit(2)
        told.set()
        thread.result()
        _, status = os.waitpid(child, 0)
    assert status == 0
    assert account.pins_received == 1
