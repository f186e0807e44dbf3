"""What every test starts from: a clean environment, time in the test's hands, a sandbox."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from upstox_totp import _clock
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from upstox_totp import UpstoxTOTP


PATIENCE = 30.0
"""How long a test waits for what must come, in seconds: for the busiest of machines."""

_DAY = 86400
_NINE_IN_INDIA = 3.5 * 3600
"""In seconds after midnight in UTC."""


def wait_until(happened: Callable[[], object], complaint: str = "it does not happen") -> None:
    """Wait in real time until something has happened, or fail.

    Args:
        happened: Tells whether it has.
        complaint: What to say if it does not.
    """
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, complaint
        time.sleep(0.005)


class FakeTime:
    """Real time, in which sleeping takes none: a sleep moves the clocks instead.

    Attributes:
        offset: How far the local wall clock is off, in seconds.
        sleeps: Every sleep asked for, in seconds.
    """

    def __init__(self) -> None:
        self.offset = 0.0
        self.skipped = 0.0
        self.sleeps: list[float] = []

    def time(self) -> float:
        """Return the local wall clock."""
        return self.true() + self.offset

    def true(self) -> float:
        """Return the time that a server with a right clock has."""
        return time.time() + self.skipped

    def monotonic(self) -> float:
        """Return the clock that never jumps."""
        return time.monotonic() + self.skipped

    def go_to_nine(self) -> None:
        """Move on to nine in the morning in India, from when on a token lives for long."""
        self.skipped += (_NINE_IN_INDIA - self.true()) % _DAY

    def sleep(self, seconds: float) -> None:
        """Move on instead of waiting."""
        self.sleeps.append(seconds)
        self.skipped += max(0.0, seconds)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what is not on this machine, so that its tests were skipped, and how to get it."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}
    missing = sorted(reason for reason in reasons if " is not here: " in reason)
    if missing:
        terminalreporter.section("not on this machine, so not tested")
    for reason in missing:
        terminalreporter.write_line(reason.removeprefix("Skipped: "))


@pytest.fixture(autouse=True)
def clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No setting of the machine reaches a test, and no file of the repository is in its way."""
    if request.node.get_closest_marker("no_cover"):
        # The mark stops the measuring in this process, and this the one in those that it starts.
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    for name in os.environ:
        upper = name.upper()
        if upper.startswith("UPSTOX_") or upper.endswith(("_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)
    # Each process that a test starts would compile the whole package anew.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def quiet_loggers() -> Iterator[None]:
    """What one test does to the package's logger, or to the root's, does not reach the next."""
    loggers = [logging.getLogger(name) for name in ("upstox_totp", None)]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(autouse=True)
def no_warning_unnoticed() -> Iterator[None]:
    """A warning to the user is never raised: a test that does not expect one fails for it here."""
    from upstox_totp.errors import UpstoxWarning  # noqa: PLC0415 - tests of the import come first

    with warnings.catch_warnings(record=True) as seen:
        yield
    assert [str(one.message) for one in seen if issubclass(one.category, UpstoxWarning)] == []


@pytest.fixture(autouse=True)
def no_attempt_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test did, in a sandbox that had the same port, is not remembered."""
    from upstox_totp._cache.backend import PROCESS  # noqa: PLC0415
    from upstox_totp._http import server_clock  # noqa: PLC0415 - tests of the import come first

    PROCESS.forget()
    monkeypatch.setattr(server_clock, "_CLOCKS", {})


@pytest.fixture(autouse=True)
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Time that a test can move, and in which nothing really waits."""
    fake = FakeTime()
    for name in ("time", "monotonic", "sleep"):
        monkeypatch.setattr(_clock, name, getattr(fake, name))
    # A sandbox that is made without a clock, as in the documentation's examples, lives in it too.
    defaults = {**(Sandbox.__init__.__kwdefaults__ or {}), "clock": fake.true}
    monkeypatch.setattr(Sandbox.__init__, "__kwdefaults__", defaults)
    return fake


@pytest.fixture
def sandbox(fake_time: FakeTime) -> Iterator[Sandbox]:
    """A sandbox whose clock moves on by one code with each login."""
    with Sandbox(step_clock=True, clock=fake_time.true) as running:
        yield running


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for tokens, named in the environment."""
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def account(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox whose account is in the environment."""
    configure(monkeypatch, sandbox)
    return sandbox


@pytest.fixture
def real_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox for other processes, at the begin of a code's period, so that none waits for it."""
    begin = time.time()
    with Sandbox(step_clock=True, clock=lambda: begin // 30 * 30 + time.time() - begin) as running:
        configure(monkeypatch, running, UPSTOX_SLEEP_TIME="100")
        yield running


@pytest.fixture
def client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[UpstoxTOTP]:
    """A client as a user makes it, its settings in the environment."""
    from upstox_totp import UpstoxTOTP  # noqa: PLC0415 - tests of the import come first

    configure(monkeypatch, sandbox)
    with UpstoxTOTP() as upx:
        yield upx


def attempt(client: UpstoxTOTP) -> Any:
    """Return what a login ends with, the response or the exception."""
    try:
        return client.app_token.get_access_token()
    except Exception as error:  # noqa: BLE001 - which one it is, is what the tests are about
        return error


def configure(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, **extra: str) -> None:
    """Put a sandbox's settings into the environment."""
    for name, value in {**sandbox.environment, **extra}.items():
        monkeypatch.setenv(name, value)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of a loopback address on which nobody listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def go(client: UpstoxTOTP, *methods: str) -> UpstoxTOTP:
    """Let a client log in by these ways, and return it."""
    client.config = client.config.model_copy(update={"login_method": methods})
    return client
