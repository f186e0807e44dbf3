"""Upstox's own TOTP login: one request, sent once, for the server's time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from conftest import FakeTime, attempt, configure, go
from support.canaries import CREDENTIALS, Canaries, everything_logged
from upstox_totp import (
    AuthenticationError,
    ConfigurationError,
    Step,
    UpstoxTOTP,
    UpstoxWarning,
)
from upstox_totp._cache.backend import PROCESS
from upstox_totp.sandbox import Credentials, Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox(fake_time: FakeTime) -> Iterator[Sandbox]:
    """A sandbox in the test's time, whose codes are good for one use."""
    with Sandbox(clock=fake_time.true) as running:
        yield running


@pytest.fixture
def api(client: UpstoxTOTP) -> UpstoxTOTP:
    """A client that logs in by the TOTP login."""
    return go(client, "api")


def asked(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return method and path of each request."""
    return [(record.method, record.path) for record in sandbox.requests]


LOGIN = ("POST", "/v2/totp-login/authorization/token")
TIME = ("GET", "/")


@pytest.mark.parametrize("enveloped", [False, True])
def test_one_request_carries_the_credentials(
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    enveloped: bool,  # noqa: FBT001 - pytest passes by name
) -> None:
    """The time is asked first, without a credential; key, code and PIN go out once."""
    with Sandbox(clock=fake_time.true, totp_login_enveloped=enveloped) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            response = upx.totp_login.get_access_token()
        assert [response.data.access_token] == sandbox.access_tokens
        assert response.data.user_name
        assert response.data.expires_at.strftime("%H:%M %z") == "03:30 +0530"
        assert asked(sandbox) == [TIME, LOGIN]
        time, login = sandbox.requests
        known = sandbox.credentials
        assert login.headers["x-api-key"] == known.client_id
        assert login.headers["Content-Type"] == login.headers["Accept"] == "application/json"
        assert login.json == {"totp": login.json["totp"], "pin": known.pin_code}
        assert "x-api-key" not in time.headers
        assert not time.body
        assert not time.query


def test_three_settings_are_enough(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """API key, TOTP secret and PIN; what the page needs is not asked for."""
    for name in ("CLIENT_ID", "TOTP_SECRET", "PIN_CODE", "BASE_DOMAIN"):
        variable = f"UPSTOX_{name}"
        monkeypatch.setenv(variable, sandbox.environment[variable])
    monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "api")
    with UpstoxTOTP() as upx:
        assert upx.app_token.get_access_token().success
        assert len(upx.generate_totp_secret()) == 6
    assert asked(sandbox) == [TIME, LOGIN]


def test_a_pin_of_four_digits_is_no_pin_of_it(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way by itself says so before anything is sent, whichever way is configured."""
    with Sandbox(clock=fake_time.true, credentials=Credentials(pin_code="1234")) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx, pytest.raises(ConfigurationError, match="6 digits"):
            upx.totp_login.get_access_token()
        assert sandbox.requests == []


def test_the_configured_way_is_gone(api: UpstoxTOTP, sandbox: Sandbox) -> None:
    """app_token.get_access_token() is the TOTP login where that is the way."""
    assert api.app_token.get_access_token().data.access_token in sandbox.access_tokens
    assert asked(sandbox) == [TIME, LOGIN]


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_off_costs_no_attempt(
    api: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime, minutes: int
) -> None:
    """A difference is asked about once more; the code is made for the server's time."""
    fake_time.offset = minutes * 60
    response = api.app_token.get_access_token()
    assert asked(sandbox) == [TIME, TIME, LOGIN]
    assert sandbox.codes_received == 1
    assert not response.data.is_expired()


def test_an_odd_date_costs_no_attempt(
    api: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first look that no second one confirms changes nothing."""
    dates = ["Wed, 21 Oct 2015 07:28:00 GMT"]

    def falsify(response: requests.Response) -> None:
        if dates:
            response.headers["Date"] = dates.pop()

    api.session.hooks["response"].append(falsify)
    assert api.app_token.get_access_token().success
    assert asked(sandbox) == [TIME, TIME, LOGIN]


def test_a_process_that_knows_the_time_does_not_ask(api: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The second login of a process is one request; it says that it ends the first one's token."""
    api.app_token.get_access_token()
    with pytest.warns(UpstoxWarning, match="has ended the access token"):
        api.app_token.get_access_token()
    with pytest.warns(UpstoxWarning, match="has ended the access token"):
        api.app_token.get_access_token()
    assert asked(sandbox) == [TIME, LOGIN, LOGIN, LOGIN]
    codes = [record.json["totp"] for record in sandbox.requests if record.json]
    assert len(set(codes)) == 3


def test_a_machine_that_slept_asks_anew(
    api: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that does not run while a machine sleeps is not trusted after it."""
    fake_time.go_to_nine()
    api.app_token.get_access_token()
    slept = fake_time.monotonic
    fake_time.sleep(7200)
    monkeypatch.setattr("upstox_totp._clock.monotonic", lambda: slept() - 7200)
    with pytest.warns(UpstoxWarning, match="has ended"):
        api.app_token.get_access_token()
    assert asked(sandbox) == [TIME, LOGIN, TIME, LOGIN]


REJECTED = {
    "UPSTOX_PIN_CODE": "000000",
    "UPSTOX_TOTP_SECRET": "MFRGGZDFMZTWQ2LKMFRGGZDF",
    "UPSTOX_CLIENT_ID": "wrong",
}


@pytest.mark.parametrize("variable", [*REJECTED, None])
def test_a_rejection_is_one_sending(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    """Wrong PIN, secret or key, or TOTP off: sent once, and the error names what to check."""
    with Sandbox(clock=fake_time.true, totp_enabled=variable is not None) as sandbox:
        wrong = {variable: REJECTED[variable]} if variable else {}
        configure(monkeypatch, sandbox, **wrong)
        with UpstoxTOTP() as upx, pytest.raises(AuthenticationError) as caught:
            go(upx, "api").app_token.get_access_token()
        assert sandbox.totp_logins == 1
        assert caught.value.step is Step.TOTP_LOGIN
        assert (variable or "UPSTOX_TOTP_SECRET") in str(caught.value)
        assert "CLIENT_SECRET" not in str(caught.value)
        assert str(caught.value).startswith("TOTP login: ")


def test_the_same_credentials_go_out_once_more_at_most(api: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A loop that logs in again and again cannot lock the account."""
    sandbox.misbehave("totp_login", Fault.refuse("UDAPI100016", "Invalid Credentials"))
    outcomes = [attempt(api) for _ in range(6)]
    assert all(isinstance(one, AuthenticationError) for one in outcomes)
    assert sandbox.totp_logins == 2
    assert "failed_at" in outcomes[-1].details


def test_a_redirect_is_not_followed(api: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Where it leads is never asked."""
    sandbox.misbehave("totp_login", Fault.redirect("https://login.upstox.com/", 307))
    assert isinstance(attempt(api), Exception)
    assert asked(sandbox) == [TIME, LOGIN]


def test_a_key_of_any_letters_can_be_sent(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header that cannot be sent ends as documented, nothing else leaves the library."""
    credentials = Credentials(client_id="id \u20ac", pin_code="123456")
    with Sandbox(clock=fake_time.true, credentials=credentials) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            assert isinstance(attempt(go(upx, "api")), AuthenticationError)


def test_nothing_of_it_is_shown(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every logger at DEBUG neither PIN, code, secret nor token turns up, whatever comes."""
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_DEBUG="true")
        with everything_logged() as records, UpstoxTOTP() as upx:
            canaries = Canaries(sandbox, go(upx, "api"))
            outcomes: list[Any] = [upx.app_token.get_access_token()]
            for fault in (Fault.refuse("UDAPI1", "You sent"), Fault.reset("middle")):
                PROCESS.forget()
                sandbox.misbehave("totp_login", fault, times=1)
                outcomes.append(attempt(upx))
            for outcome in outcomes:
                canaries.check(canaries.surfaces(outcome, records))
    assert isinstance(outcomes[1], AuthenticationError)
    assert isinstance(outcomes[2], requests.RequestException)
