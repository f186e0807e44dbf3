"""The lockout guard: settings that were rejected are not tried again by themselves."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests

from conftest import FakeTime, configure
from support.canaries import CREDENTIALS, Canaries, everything_logged
from upstox_totp import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    Step,
    TokenCache,
    UpstoxError,
    UpstoxTOTP,
    UpstoxWarning,
    ValidationError,
)
from upstox_totp._cache.backend import PROCESS
from upstox_totp._cache.failures import error_of, unexplained, upstox_error_of
from upstox_totp._cache.store import open_store
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MistakeError(Exception):
    """Something that nobody expected."""


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own."""
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@contextmanager
def client_with(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[UpstoxTOTP]:
    """Return a client with other settings than the sandbox's."""
    with monkeypatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"UPSTOX_{name.upper()}", value)
        with UpstoxTOTP() as client:
            yield client


@pytest.fixture
def wrong(
    client: UpstoxTOTP,  # sets the environment
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[UpstoxTOTP]:
    """A client with a wrong PIN."""
    with client_with(monkeypatch, pin_code="000000") as made:
        yield made


def refused(client: UpstoxTOTP, *, refresh: bool = False, force: bool = False) -> UpstoxError:
    """Return the error that asking the cache ends with."""
    with pytest.raises(UpstoxError) as caught:
        TokenCache().get_access_token(client, refresh=refresh, force=force)
    return caught.value


def test_a_wrong_pin_is_sent_once(wrong: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime) -> None:
    """Later calls are refused with the same error, which says when, why and what lifts it."""
    first = refused(wrong)
    fake_time.sleep(86400 * 30)
    for later in (refused(wrong), refused(wrong, refresh=True), refused(wrong)):
        assert type(later) is type(first) is AuthenticationError
        assert later.error_code is first.error_code is ErrorCode.INCORRECT_PIN
        assert later.step is first.step is Step.PIN
        assert later.attempts_left == 4
        assert later.settings == ("pin_code",)
        assert first.message in later.message
        assert "failed on" in later.message
        assert later.details["failed_at"].endswith("+05:30")
        for way in ("Correct pin_code (UPSTOX_PIN_CODE)", "force=True", "token --force"):
            assert way in str(later)
    assert sandbox.pins_received == sandbox.otp_requests == 1


def test_the_kept_token_stays(client: UpstoxTOTP, wrong: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A token that lives is handed out, whatever happened to the login after it."""
    kept = TokenCache().get_access_token(client)
    refused(wrong, refresh=True)
    assert TokenCache().get_access_token(wrong) == kept
    assert sandbox.pins_received == 2


@pytest.mark.parametrize("changed", ["pin_code", "totp_secret"])
def test_what_was_rejected_lifts_it(
    changed: str, wrong: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another PIN goes out, and so does the same one for another account."""
    refused(wrong)
    values = {"pin_code": "111111", "totp_secret": "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"}
    seen = len(sandbox.requests)
    with client_with(monkeypatch, **{"pin_code": "000000", changed: values[changed]}) as other:
        refused(other)
    assert len(sandbox.requests) > seen


@pytest.mark.parametrize("changed", ["password", "client_id", "client_secret", "redirect_uri"])
def test_an_unrelated_setting_does_not_lift_it(
    changed: str, wrong: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that is never sent, another app, its secret or address: the PIN is as wrong."""
    refused(wrong)
    with client_with(
        monkeypatch, **{"pin_code": "000000", changed: "https://127.0.0.1/another"}
    ) as other:
        assert "failed_at" in refused(other).details
    assert sandbox.pins_received == sandbox.otp_requests == 1


def test_two_wrong_pins_are_both_remembered(
    wrong: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two scripts with different wrong PINs do not lift each other's guard."""
    with client_with(monkeypatch, pin_code="111111") as other:
        for _ in range(3):
            refused(wrong)
            refused(other)
    assert sandbox.pins_received == 2


def test_a_success_does_not_lift_it(
    client: UpstoxTOTP, wrong: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Back to a PIN that was rejected is refused, though another one was right meanwhile."""
    refused(wrong)
    TokenCache().get_access_token(client)
    assert "failed_at" in refused(wrong, refresh=True).details
    assert sandbox.pins_received == 2


def test_clear_lifts_it(wrong: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The user says that the PIN was set anew at Upstox."""
    refused(wrong)
    TokenCache().clear(wrong)
    refused(wrong)
    assert sandbox.pins_received == 2


def test_force_passes_it_once(wrong: UpstoxTOTP, sandbox: Sandbox) -> None:
    """One forced attempt is one attempt; the guard holds again after it."""
    refused(wrong)
    refused(wrong, force=True)
    refused(wrong)
    assert sandbox.pins_received == 2


def test_a_network_failure_does_not_lift_it(wrong: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A forced attempt that never reached the PIN says nothing of it."""
    refused(wrong)
    sandbox.misbehave("otp", Fault.reset(), times=1)
    with pytest.raises(requests.RequestException):
        TokenCache().get_access_token(wrong, force=True)
    refused(wrong)
    assert sandbox.pins_received == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.status(500), APIError),
        (Fault.html(403), APIError),
        (Fault.body(b"{"), ValidationError),
        (Fault.refuse(1017076, "expired"), APIError),
    ],
)
def test_other_failures_are_tried_anew(
    fault: Fault, kind: type[UpstoxError], client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """What says nothing about a credential guards nothing."""
    sandbox.misbehave("pin", fault, times=1)
    assert type(refused(client)) is kind
    assert TokenCache().get_access_token(client).success


def test_a_spent_authorization_code_is_tried_anew(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """It is an AuthenticationError, but no credential of the user's was rejected."""
    sandbox.misbehave("token", Fault.refuse("UDAPI100057", "Invalid Auth code", 401), times=1)
    assert refused(client).error_code is ErrorCode.INVALID_AUTHORIZATION_CODE
    assert TokenCache().get_access_token(client).success


def test_too_many_passwords_are_waited_for(
    client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """For ten minutes nothing is sent; the error says how long is left."""
    sandbox.misbehave("otp", Fault.refuse(1017069, "Too many"), times=1)
    first = refused(client)
    assert isinstance(first, RateLimitError)
    assert first.retry_after == 600
    fake_time.sleep(400)
    later = refused(client)
    assert isinstance(later, RateLimitError)
    assert later.error_code is ErrorCode.TOO_MANY_OTPS
    assert later.retry_after == pytest.approx(200, abs=5)
    assert sandbox.otp_requests == 1
    fake_time.sleep(201)
    assert TokenCache().get_access_token(client).success


@pytest.mark.parametrize(("header", "seconds"), [("30", 30), (None, 60)])
def test_other_limits_hold_as_long_as_they_say(
    header: str | None,
    seconds: float,
    client: UpstoxTOTP,
    sandbox: Sandbox,
    fake_time: FakeTime,
) -> None:
    """Retry-After, or a minute where there is none."""
    fault = Fault.retry_after(header, 429) if header else Fault.status(429)
    sandbox.misbehave("otp", fault, times=1)
    refused(client)
    fake_time.sleep(seconds - 5)
    assert isinstance(refused(client), RateLimitError)
    fake_time.sleep(6)
    assert TokenCache().get_access_token(client).success


def test_a_clock_set_back_releases_a_limit(
    client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """It was noted by a clock that was wrong, or this one is: the person is told."""
    sandbox.misbehave("otp", Fault.refuse(1017069, "Too many"), times=1)
    refused(client)
    fake_time.offset = -86400.0
    with pytest.warns(UpstoxWarning, match="limit is released"):
        assert TokenCache().get_access_token(client).success


def test_force_passes_a_limit(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The user knows better."""
    sandbox.misbehave("otp", Fault.refuse(1017069, "Too many"), times=1)
    refused(client)
    assert TokenCache().get_access_token(client, force=True).success


def test_the_guard_holds_where_nothing_can_be_written(
    wrong: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that has become read-only still says that the PIN is wrong."""
    refused(wrong)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    PROCESS.forget()
    monkeypatch.setattr("filelock.FileLock", read_only)
    with pytest.warns(UpstoxWarning, match="Read-only"):
        refused(wrong)
    assert sandbox.pins_received == 1


def test_nothing_secret_is_left_behind(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, cache_dir: Path
) -> None:
    """Not in the errors, their frames, pickles and logs: fresh, shared by the file, or guarded."""
    with Sandbox(credentials=CREDENTIALS, step_clock=True, clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as client, everything_logged() as records:
            canaries = Canaries(sandbox, client)
            response = TokenCache().get_access_token(client)
            canaries.check(canaries.surfaces(response, records))
            for step in ("otp", "verify", "pin", "token"):
                sandbox.misbehave(step, Fault.refuse(1017106, "Echo of"))
                for error in (
                    refused(client, refresh=True, force=True),
                    refused(client, refresh=True),
                ):
                    canaries.check(canaries.surfaces(error, records))
                record = open_store(cache_dir).read_token(client.identity)
                assert record.failure is not None
                canaries.check(canaries.surfaces(error_of(record.failure), records))
                sandbox.behave()


@pytest.mark.parametrize("broken", ["fsync", "read", "dumps", "loads"])
def test_nothing_secret_is_in_a_traceback(
    broken: str, client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake while the file is read or written leaves no token in the frames, either."""
    canaries = Canaries(sandbox, client)
    TokenCache().get_access_token(client)

    def fail(*_: object, **__: object) -> None:
        raise MistakeError

    with monkeypatch.context() as patch:
        if hasattr(os, broken):
            patch.setattr(os, broken, fail)
        else:
            own = SimpleNamespace(**(vars(json) | {broken: fail}))
            patch.setattr("upstox_totp._cache.records.json", own)
        with pytest.raises(MistakeError) as caught:
            TokenCache().get_access_token(client, refresh=True)
    canaries.check(canaries.surfaces(caught.value, []))


def test_settings_alike_in_a_row_are_not_alike(
    client: UpstoxTOTP, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    """Where one value ends and the next begins counts, too."""
    configure(monkeypatch, sandbox, UPSTOX_PASSWORD="ab", UPSTOX_PIN_CODE="000000")
    refused(UpstoxTOTP())
    configure(monkeypatch, sandbox, UPSTOX_PASSWORD="ab0", UPSTOX_PIN_CODE="00000")
    refused(UpstoxTOTP())
    assert sandbox.pins_received == 2


def test_a_step_of_a_later_release_is_none_that_this_one_names() -> None:
    """The failure still counts, at no step."""
    failure = unexplained("m", 1.0)._replace(step=99)
    assert upstox_error_of(failure).step is None


def test_force_hands_out_a_cached_token(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """It passes what blocks a login, where one is needed."""
    token = TokenCache().get_access_token(client)
    assert TokenCache().get_access_token(client, force=True) == token
    assert sandbox.logins == 1
