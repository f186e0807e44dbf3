"""One token for a fleet: machines that share a real Redis, and what befalls them."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from conftest import wait_until
from support.fleet import Machine
from support.redis_server import RedisServer
from upstox_totp._cache.encryption import new_key
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MACHINES: Final = 4
PROCESSES: Final = 25
LEASE: Final = "0.3"
ROUNDS: Final = int(os.environ.get("SOAK_ROUNDS", "1"))
"""How often each disaster happens: once here, 20 times in `make soak`."""

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the probe forks"),
    pytest.mark.no_cover,
]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis for one test."""
    with RedisServer() as running:
        yield running


@pytest.fixture
def speed(request: pytest.FixtureRequest) -> float:
    """How much faster time passes for the machines and the sandbox."""
    return float(getattr(request, "param", 1))


@pytest.fixture
def real_sandbox(speed: float) -> Iterator[Sandbox]:
    """A sandbox for other processes, at the begin of a code's period, so that none waits for it."""
    begin = time.time()
    with Sandbox(
        step_clock=True, clock=lambda: 1_800_000_001 + (time.time() - begin) * speed
    ) as running:
        yield running


@pytest.fixture
def settings(server: RedisServer, real_sandbox: Sandbox, speed: float) -> dict[str, str]:
    """What every machine of the fleet has in its environment."""
    return real_sandbox.environment | {
        "UPSTOX_CACHE_URL": server.url,
        "UPSTOX_CACHE_KEY": new_key(),
        "UPSTOX_SLEEP_TIME": "100",
        "PROBE_SPEED": str(speed),
        "PROBE_LEASE": "5",
    }


@pytest.fixture
def machine(tmp_path: Path, settings: Mapping[str, str]) -> Iterator[Callable[..., Machine]]:
    """Starts machines by the name of their home."""
    started = []

    def start(name: str, processes: int | None = None, **other: str) -> Machine:
        started.append(Machine(tmp_path / name, {**settings, **other}, processes))
        return started[-1]

    yield start
    for one in started:
        one.end()


def all_at_once(machine: Callable[..., Machine]) -> list[dict[str, Any]]:
    """Return what all processes of four machines got that asked at once."""
    fleet = [machine(f"machine-{number}", PROCESSES) for number in range(MACHINES)]
    for one in [one.ready() for one in fleet]:
        one.go()
    return [told for one in fleet for told in one.told()]


def test_a_fleet_logs_in_once(
    server: RedisServer, real_sandbox: Sandbox, machine: Callable[..., Machine]
) -> None:
    """A hundred processes on four machines get one token, and no command tells a secret."""
    with server.monitored() as commands:
        told = all_at_once(machine)
        everything = server.everything()
        seen = f"{commands.read_text()} {everything}"
    assert len(told) == MACHINES * PROCESSES
    assert [one.get("token") for one in told] == real_sandbox.access_tokens * len(told), told[:3]
    assert real_sandbox.pins_received == real_sandbox.otp_requests == 1
    assert [one["warnings"] for one in told] == [[]] * len(told)
    known = real_sandbox.credentials
    secrets = [
        known.username, known.password, known.pin_code, known.totp_secret, known.client_id,
        known.client_secret, *real_sandbox.access_tokens,
        real_sandbox.environment["UPSTOX_REDIRECT_URI"],
    ]  # fmt: skip
    assert "fernet1:" in seen
    for secret in secrets:
        if secret.isdigit() and len(secret) < 8:
            # A PIN of six digits turns up by chance in a megabyte of hexadecimal.
            continue
        assert secret not in seen


def test_a_fleet_fails_once(
    real_sandbox: Sandbox, machine: Callable[..., Machine], settings: dict[str, str]
) -> None:
    """A hundred processes with a wrong PIN send it once, and all learn why."""
    settings["UPSTOX_PIN_CODE"] = "000000"
    told = all_at_once(machine)
    assert {(one.get("error"), one.get("code")) for one in told} == {
        ("AuthenticationError", "1017106")
    }
    assert real_sandbox.pins_received == 1


@pytest.mark.parametrize("speed", [20], indirect=True)
def test_a_fleet_without_a_verdict_sends_three(
    real_sandbox: Sandbox, machine: Callable[..., Machine]
) -> None:
    """Where no answer tells whether a PIN was right, three are sent in all."""
    real_sandbox.misbehave("pin", Fault.close("middle"))
    fleet = [machine(f"machine-{number}") for number in range(MACHINES)]
    for one in [one.ready() for one in fleet]:
        one.go()
        one.told()
    assert real_sandbox.pins_received == 3


def used_codes(sandbox: Sandbox) -> list[str]:
    """Return the codes that were sent."""
    return [one.json["data"]["otp"] for one in sandbox.requests if one.step == "verify"]


DISASTERS: Final = ("killed", "stopped", "cut-off", "restarted", "flushed")


@pytest.mark.parametrize("speed", [60], indirect=True)
@pytest.mark.parametrize("disaster", DISASTERS)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_the_next_machine_gets_a_token(
    server: RedisServer,
    real_sandbox: Sandbox,
    machine: Callable[..., Machine],
    disaster: str,
    number: int,
) -> None:
    """Whatever befalls the one that logs in, with its PIN in flight, costs one PIN at most."""
    server.admin.acl_setuser(
        "first", enabled=True, passwords=["+first"], categories=["+@all"], keys=["*"]
    )
    url = server.url_of("first", "first") if disaster == "cut-off" else server.url
    first = machine("first", PROBE_LEASE=LEASE, UPSTOX_CACHE_URL=url)
    second = machine("second", PROBE_LEASE=LEASE)
    real_sandbox.misbehave("pin", Fault.late(1.5), times=1)
    first.ready().go()
    second.ready()
    wait_until(lambda: real_sandbox.pins_received == 1)
    if disaster == "killed":
        first.process.kill()
    else:
        # Whatever else happens: the answer is not to come before it.
        first.process.send_signal(signal.SIGSTOP)
    if disaster == "cut-off":
        server.drop("first")
    elif disaster == "restarted":
        server.stop()
        server.start()
    elif disaster == "flushed":
        server.admin.flushall()
    (told,) = second.go().told()
    first.process.send_signal(signal.SIGCONT)
    assert "token" in told, told
    assert real_sandbox.pins_received <= 2
    codes = used_codes(real_sandbox)
    if disaster not in {"restarted", "flushed"}:
        assert len(codes) == len(set(codes))
    if disaster != "killed":
        (own,) = first.told()
        assert "token" in own, own
        if disaster == "cut-off":
            assert "could not be saved" in " ".join(own["warnings"])
    # What the others get from now on is the newest, whoever came last.
    (third,) = machine("third").ready().go().told()
    assert third.get("token") == told["token"]
