"""The login method of one run, what is shown of several methods, and waiting for a token."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from conftest import FakeTime, configure, wait_until
from support.cli_runs import run, run_process, without_times
from support.terminals import at_terminal
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OF_THE_API = ("UPSTOX_CLIENT_ID", "UPSTOX_TOTP_SECRET", "UPSTOX_PIN_CODE", "UPSTOX_BASE_DOMAIN")
NO_ROUTE = Fault.status(404)

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def account(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox in the test's time, whose account is in the environment."""
    with Sandbox(clock=fake_time.true) as running:
        configure(monkeypatch, running)
        yield running


def steps(sandbox: Sandbox) -> list[str]:
    """Return the steps that were asked for, without redirects and pages."""
    seen = [str(request.step) for request in sandbox.requests]
    return [step for step in seen if step in {"totp_login", "dialog", "pin", "token"}]


@pytest.mark.parametrize("command", ["token", "generate-token"])
def test_a_way_for_this_run(account: Sandbox, command: str) -> None:
    """It goes before the configured one, and needs its own settings alone."""
    assert run(command, "--method", "api").exit_code == 0
    assert steps(account) == ["totp_login"]


def test_a_way_needs_its_own_settings_alone(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three are enough for `api`; what is missing for `page` is named."""
    for name in account.environment:
        if name not in OF_THE_API:
            monkeypatch.delenv(name)
    assert run("token", "--method", "api").exit_code == 0
    result = run("generate-token", "--method", "page")
    assert result.exit_code == 2
    assert "UPSTOX_PASSWORD" in result.stderr
    assert "UPSTOX_PIN_CODE" not in result.stderr
    assert account.logins == 1


def test_a_way_for_the_settings_of_a_file(
    account: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes before the method that the file names."""
    path = tmp_path / "trading.env"
    settings = account.environment | {"UPSTOX_LOGIN_METHOD": "page"}
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    for name in account.environment:
        monkeypatch.delenv(name)
    assert run("token", "--method", "api", "--env-file", str(path)).exit_code == 0
    assert steps(account) == ["totp_login"]


def test_a_kept_token_is_served_whichever_way_made_it(account: Sandbox) -> None:
    """The method is asked for a login, and there is none."""
    first = run("token", "--method", "page", "--format", "raw").stdout
    for method in ("api", "page,api", "none"):
        assert run("token", "--method", method, "--format", "raw").stdout == first
    assert account.logins == 1


@pytest.mark.parametrize("method", ["fax", "", "api,none", "page,page", "api;page"])
def test_an_unknown_method(account: Sandbox, method: str) -> None:
    """It is a mistake even while a token is cached; the message is the rule of the setting."""
    run("token")
    seen = len(account.requests)
    for command in ("token", "generate-token"):
        result = run(command, "--method", method)
        assert result.exit_code == 2
        assert "must be one of page, api, browser, phone, none" in result.stderr
    assert len(account.requests) == seen


@pytest.mark.parametrize("command", ["token", "generate-token"])
def test_the_method_none(account: Sandbox, command: str) -> None:
    """`none` says what to do, and sends nothing."""
    result = run(command, "--method", "none")
    assert result.exit_code == 10
    assert "never logs in. Nothing was sent." in result.stderr
    assert account.requests == []


def test_a_chain_shows_both_its_methods(account: Sandbox) -> None:
    """--debug tells of each request, and after a failure the transcript has those of both."""
    account.misbehave("totp_login", NO_ROUTE)
    result = run("token", "--method", "api,page", "--debug")
    assert result.exit_code == 0
    assert steps(account) == ["totp_login", "dialog", "pin", "token"]
    said = result.stderr
    assert said.index("TOTP login: POST") < said.index("Trying the next login method")
    assert said.index("Trying the next login method") < said.index(
        "step 1 of 6 (login dialog): GET"
    )
    account.misbehave("token", Fault.status(500), times=1)
    failed = run("generate-token", "--method", "api,page", "--debug")
    assert failed.exit_code == 6
    for step in ("TOTP login: POST", "step 6 of 6 (token exchange): POST"):
        assert failed.stderr.count(step) == 2


def test_a_chain_on_a_terminal(real_account: Sandbox) -> None:
    """Each request of both methods has its line, and between them is why the first one failed."""
    real_account.misbehave("totp_login", NO_ROUTE)

    def move_on() -> None:
        # The second method needs another code than the first, for which it would wait.
        wait_until(lambda: real_account.codes_received)
        real_account.advance(30)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(move_on)
        seen = at_terminal("token", "--method", "api,page", "--format", "raw", width=200)
    assert seen.code == 0
    assert seen.piped == f"{real_account.access_tokens[-1]}\n"
    shown = [line.strip() for line in seen.lines if line.strip()]
    begins = ["server time", "TOTP login", "Trying the next login method: TOTP login:"]
    begins += [f"{step} of 6" for step in range(1, 7)]
    places = [next(i for i, line in enumerate(shown) if line.startswith(b)) for b in begins]
    assert places == sorted(places)


def test_waiting_in_vain(account: Sandbox) -> None:
    """It says what it waits for, ends with a code of its own, and never logs in."""
    begin = time.monotonic()
    result = run("token", "--wait", "0.5", "--format", "raw")
    assert (result.exit_code, result.stdout) == (10, "")
    first, second = without_times(result.stderr).splitlines()
    assert first == "Waiting up to 0.5 s for a token that another program gets."
    assert "Nobody has got a token within " in second
    assert time.monotonic() - begin >= 0.5
    assert account.requests == []


def test_waiting_needs_the_client_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is asked of a machine that reads."""
    monkeypatch.setenv("UPSTOX_CLIENT_ID", "reader")
    assert run("token", "--wait", "0").exit_code == 10
    monkeypatch.delenv("UPSTOX_CLIENT_ID")
    result = run("token", "--wait", "0")
    assert result.exit_code == 2
    assert "UPSTOX_CLIENT_ID" in result.stderr
    assert "UPSTOX_PASSWORD" not in result.stderr


def test_what_does_not_wait(account: Sandbox) -> None:
    """A cached token is printed at once, without a word; a login is not waited for."""
    run("token")
    result = run("token", "--wait", "60", "--format", "raw")
    assert (result.stdout, result.stderr) == (f"{account.access_tokens[-1]}\n", "")
    for option in (["--refresh"], ["--force"], ["--method", "api"], ["--wait", "-1"]):
        assert run("token", "--wait", "60", *option).exit_code == 2
    assert account.logins == 1


def test_a_token_that_comes_meanwhile(real_account: Sandbox) -> None:
    """Another process that waits gets the one that this one logs in for."""
    ended = []

    def wait() -> None:
        ended.append(run_process("token", "--wait", "60", "--format", "json"))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1)
    assert real_account.requests == []
    with UpstoxTOTP() as client:
        cached = TokenCache().get_access_token(client).data.access_token
    waiting.join(60)
    assert ended[0].returncode == 0
    assert json.loads(ended[0].stdout)["access_token"] == cached
    assert real_account.logins == 1
