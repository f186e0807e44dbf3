"""`status`: what is cached, for people, programs and monitors."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from support.cli_runs import run
from upstox_totp._api.app_token import AppTokenAPI, TokenCheck
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pydantic import SecretStr

    from conftest import FakeTime
    from upstox_totp.sandbox import Step as SandboxStep

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_status(account: Sandbox) -> None:
    """Whose token is cached and until when; with --verify, what Upstox says."""
    nothing = run("status")
    assert nothing.stdout.startswith("No token is cached for this account.\nCache  ")
    assert nothing.exit_code == 10
    run("token")
    seen = len(account.requests)
    result = run("status")
    assert result.exit_code == 0
    assert "Owner    Asha Rao (4CB7QX)" in result.stdout
    assert "03:30 IST (in " in result.stdout
    assert len(account.requests) == seen
    assert run("status", "--verify").stdout.endswith("Upstox accepts it.\n")


def test_a_token_away_from_the_registered_address(account: Sandbox) -> None:
    """It is valid, account calls are refused from here, and the registered address is told."""
    run("token")
    account.static_address = True
    result = run("status", "--verify")
    assert result.exit_code == 0
    assert "Valid. Upstox refuses account and order calls from this address" in result.stdout
    assert "UDAPI1221" in result.stdout
    assert "Registered  203.0.113." in result.stdout
    account.revoke(account.access_tokens[-1])
    assert run("status", "--verify").exit_code == 3


def test_a_token_that_has_ended_is_forgotten(account: Sandbox) -> None:
    """A monitor learns it, and nobody is handed it out any more."""
    run("token")
    account.revoke(account.access_tokens[-1])
    ended = run("status", "--verify")
    assert ended.exit_code == 3
    assert "no longer accepts it: forgotten" in ended.stdout
    assert run("status").exit_code == 10
    assert run("token", "--format", "raw").stdout.strip() == account.access_tokens[-1]
    assert account.logins == 2


def test_only_the_ended_token_is_forgotten(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what was cached meanwhile, nor that a PIN was rejected."""
    run("token")
    account.revoke(account.access_tokens[-1])
    ask = AppTokenAPI.check

    def ask_while_another_logs_in(api: AppTokenAPI, token: SecretStr) -> TokenCheck:
        checked = ask(api, token)
        run("generate-token")
        return checked

    with monkeypatch.context() as patch:
        patch.setattr(AppTokenAPI, "check", ask_while_another_logs_in)
        assert run("status", "--verify").exit_code == 3
    assert run("status").exit_code == 0
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    run("generate-token")
    account.revoke(account.access_tokens[-1])
    assert run("status", "--verify").exit_code == 3
    assert run("status").exit_code == 12


def test_codes_for_monitors(
    account: Sandbox, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for each state: none cached, valid, expired, blocked after a rejection or in a limit."""
    codes = [run("status").exit_code]
    run("token")
    codes.append(run("status").exit_code)
    fake_time.sleep(86400)
    codes.append(run("status").exit_code)
    account.misbehave("otp", Fault.refuse(1017069, "Too many"), times=1)
    run("token")
    codes.append(run("status").exit_code)
    fake_time.sleep(3600)
    codes.append(run("status").exit_code)
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    run("token")
    codes.append(run("status").exit_code)
    assert codes == [10, 0, 11, 12, 11, 12]


def test_status_for_programs(
    account: Sandbox, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as JSON, with the code, and without the token."""
    assert json.loads(run("status", "--format", "json").stdout) == {
        "exit_code": 10,
        "token": None,
        "blocked": [],
        "cache": os.environ["UPSTOX_CACHE_DIR"],
    }
    run("token")
    result = run("status", "--verify", "--format", "json")
    told = json.loads(result.stdout)
    assert account.access_tokens[-1] not in result.stdout
    assert told["token"]["user_id"] == "4CB7QX"
    assert told["token"]["accepted"] is True
    assert told["token"]["expires_at"].endswith("T03:30:00+05:30")
    assert 0 < told["token"]["expires_in"] <= 86400
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    run("token", "--refresh")
    (blocked,) = json.loads(run("status", "--format", "json").stdout)["blocked"]
    assert blocked["error_code"] == "1017106"
    assert blocked["what"].startswith("The PIN") or blocked["what"].startswith("This PIN")
    assert blocked["unblocks"]
    assert blocked["seconds_left"] is None
    account.revoke(account.access_tokens[-1])
    ended = run("status", "--verify", "--format", "json")
    assert (json.loads(ended.stdout)["exit_code"], ended.exit_code) == (3, 3)
    assert json.loads(ended.stdout)["token"]["accepted"] is False


def test_status_of_an_expired_token(account: Sandbox, fake_time: FakeTime) -> None:
    """It says so."""
    run("token")
    fake_time.sleep(86400)
    assert "(expired)" in run("status").stdout


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.reset(), 5),
        (Fault.status(500), 6),
    ],
)
def test_a_question_that_is_not_answered(account: Sandbox, fault: Fault, code: int) -> None:
    """It says neither that it is valid nor that it has ended."""
    run("token")
    account.misbehave("profile", fault)
    result = run("status", "--verify")
    assert result.exit_code == code
    assert "accepts" not in result.stdout
    assert "no longer" not in result.stderr
    assert account.access_tokens[-1] not in result.stdout + result.stderr


def test_logout(account: Sandbox) -> None:
    """Upstox is told, and the token is forgotten; a second time there is nothing to do."""
    run("token")
    result = run("logout")
    assert (result.exit_code, result.stdout) == (0, "Logged out at Upstox, and forgotten here.\n")
    assert [r.method for r in account.requests if r.step == "logout"] == ["DELETE"]
    assert run("status").exit_code == 10
    assert run("logout").stdout == "No token was cached for this account.\n"
    assert len([r for r in account.requests if r.step == "logout"]) == 1


def test_logout_unblocks_the_next_login(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so; without a block there is nothing to say."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    assert run("token").exit_code == 3
    assert run("status").exit_code == 12
    assert run("logout").stdout.splitlines() == [
        "The next login is no longer blocked.", "No token was cached for this account.",
    ]  # fmt: skip
    assert run("status").exit_code == 10


def test_logout_of_an_ended_token(account: Sandbox) -> None:
    """One that Upstox ended before is forgotten all the same."""
    run("token")
    account.revoke(account.access_tokens[-1])
    assert run("logout").stdout == "Forgotten here. Upstox had ended it before.\n"


def test_logout_without_a_network(account: Sandbox) -> None:
    """It is forgotten here, and the failure is told."""
    run("token")
    account.misbehave("logout", Fault.reset())
    result = run("logout")
    assert result.exit_code == 5
    assert account.access_tokens[-1] not in result.stderr
    assert run("status").exit_code == 10


@pytest.mark.parametrize(
    ("command", "step"), [("status --verify", "profile"), ("logout", "logout")]
)
@pytest.mark.parametrize(
    "fault",
    [
        Fault.html(),
        Fault.status(204),
        Fault.json({"status": "success"}),
        Fault.json({"status": "success", "data": False}),
        Fault.redirect("https://example.com/"),
        Fault.html(401),
        Fault.refuse("UDAPI7", "No", 401),
    ],
    ids=repr,
)
def test_an_answer_of_another_is_no_answer(
    account: Sandbox, command: str, step: SandboxStep, fault: Fault
) -> None:
    """What is not Upstox's own word on the token is an error, and never said to be its word."""
    run("token")
    account.misbehave(step, fault)
    result = run(*command.split())
    assert result.exit_code == 6
    assert "accepts" not in result.stdout
    assert "no longer" not in result.stderr
    assert "at Upstox" not in result.stdout
    assert account.access_tokens[-1] not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("command", "said"), [("status --verify", "profile"), ("logout", "logout")]
)
def test_a_question_is_shown_with_debug(account: Sandbox, command: str, said: str) -> None:
    """--debug shows the request of status --verify and of logout, as it shows a login's."""
    run("token")
    result = run(*command.split(), "--debug")
    assert result.exit_code == 0
    assert f"{said}: " in result.stderr
    assert account.access_tokens[-1] not in result.stderr
