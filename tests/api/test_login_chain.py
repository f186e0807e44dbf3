"""The login chain: the next is tried only where it is certain that nobody judged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests

from conftest import PATIENCE, FakeTime, attempt, configure, go
from upstox_totp import APIError, AuthenticationError, ConfigurationError, Step, UpstoxTOTP
from upstox_totp._api import routes
from upstox_totp._http.server_clock import clock_of
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox(fake_time: FakeTime) -> Iterator[Sandbox]:
    """A sandbox in the test's time, whose codes are good for one use."""
    with Sandbox(clock=fake_time.true) as running:
        yield running


@pytest.fixture
def chain(client: UpstoxTOTP) -> UpstoxTOTP:
    """A client that tries the TOTP login, then the page."""
    return go(client, "api", "page")


CLOUDFLARE = "<html>cloudflare: error 1010</html>"
UNJUDGED = {
    "no-envelope": Fault.status(404),
    "405": Fault.status(405),
    "410-page": Fault.html(410),
    "a-code-that-says-so": Fault.refuse("UDAPI10000", "No such route", 404),
    "no-resource": Fault.refuse("UDAPI100060", "No such resource", 404),
    "block-page": Fault.html(403),
    "cloudflare": Fault.status(403, CLOUDFLARE, "text/html"),
}


@pytest.mark.parametrize("name", UNJUDGED)
def test_the_page_is_tried_where_nobody_judged(
    chain: UpstoxTOTP, sandbox: Sandbox, name: str
) -> None:
    """No route, or an edge's page: the page logs in, with a code of its own and one PIN each."""
    sandbox.misbehave("totp_login", UNJUDGED[name])
    assert chain.app_token.get_access_token().success
    assert sandbox.totp_logins == 1
    assert sandbox.pins_received == 2
    (first,) = (record.json["totp"] for record in sandbox.requests if record.step == "totp_login")
    (second,) = (r.json["data"]["otp"] for r in sandbox.requests if r.step == "verify")
    assert first != second


def test_a_route_that_is_missing(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox without the TOTP login: six requests more, and the transcript shows both."""
    with Sandbox(clock=fake_time.true, totp_login=False) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            assert go(upx, "api", "page").app_token.get_access_token().success
            sandbox.misbehave("token", Fault.status(500))
            with pytest.raises(APIError) as caught:
                upx.app_token.get_access_token()
        seen = [exchange.step for exchange in caught.value.transcript]
        assert seen[0] is Step.TOTP_LOGIN
        assert seen[-1] is Step.TOKEN
        assert caught.value.step is Step.TOKEN
        tried = caught.value.details["tried"]
        assert list(tried) == ["api", "page"]
        assert tried["api"].startswith("TOTP login: ")
        assert tried["page"] == str(caught.value)
        assert caught.value.__context__ is None
        assert sandbox.pins_received == 2


def test_a_refused_connection_leads_on(
    chain: UpstoxTOTP, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing went out; here the page is not reached either, and is where the login ends."""
    caplog.set_level(logging.INFO, "upstox_totp")
    sandbox.misbehave("dialog", Fault.then_refuse(), times=1)
    answer = requests.get(
        routes.DIALOG.url(sandbox.base_domain), timeout=PATIENCE, allow_redirects=False
    )
    clock_of(sandbox.base_domain).follow(answer.headers)
    with pytest.raises(requests.ConnectionError) as caught:
        chain.app_token.get_access_token()
    assert vars(caught.value)["step"] is Step.DIALOG
    assert "Trying the next login method: TOTP login: no answer" in caplog.text


JUDGED: dict[str, tuple[Fault, type[Exception]]] = {
    "rejected": (Fault.refuse("UDAPI100016", "Invalid"), AuthenticationError),
    "rejected-404": (Fault.refuse("UDAPI7777", "No such user", 404), AuthenticationError),
    "refused": (Fault.status(400), AuthenticationError),
    "static": (Fault.refuse("UDAPI1221", "Static IP", 401), APIError),
    "500": (Fault.status(500), APIError),
    "502-page": (Fault.html(502), APIError),
    "page": (Fault.html(), Exception),
    "reset": (Fault.reset(), requests.ConnectionError),
    "reset-middle": (Fault.reset("middle"), requests.RequestException),
    "timeout": (Fault.hang(), requests.ReadTimeout),
}


@pytest.mark.parametrize("name", JUDGED)
def test_the_page_is_not_tried_after_a_verdict_or_a_lost_answer(
    chain: UpstoxTOTP, sandbox: Sandbox, name: str
) -> None:
    """What went out may have been judged: the login ends there."""
    fault, kind = JUDGED[name]
    chain.session.timeout = 0.3 if name == "timeout" else 10
    sandbox.misbehave("totp_login", fault)
    with pytest.raises(kind) as caught:
        chain.app_token.get_access_token()
    assert vars(caught.value)["step"] is Step.TOTP_LOGIN
    assert {record.step for record in sandbox.requests} == {None, "totp_login"}
    assert sandbox.pins_received == 1


def test_a_wrong_pin_goes_out_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page does not get the PIN that the TOTP login was refused for."""
    configure(monkeypatch, sandbox, UPSTOX_PIN_CODE="000000")
    with UpstoxTOTP() as upx:
        assert isinstance(attempt(go(upx, "api", "page")), AuthenticationError)
    assert sandbox.pins_received == 1


def test_the_method_none_sends_nothing(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The error says where to log in instead."""
    with pytest.raises(ConfigurationError, match=r"UPSTOX_LOGIN_METHOD.*upstox_cli token"):
        go(client, "none").app_token.get_access_token()
    assert sandbox.requests == []


def test_a_client_that_never_logs_in_needs_no_secret(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its API key is enough; a code that it cannot make is an error of its settings."""
    monkeypatch.setenv("UPSTOX_CLIENT_ID", sandbox.credentials.client_id)
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", sandbox.base_domain)
    monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "none")
    with UpstoxTOTP() as upx:
        assert isinstance(attempt(upx), ConfigurationError)
        with pytest.raises(ConfigurationError, match="UPSTOX_TOTP_SECRET"):
            upx.generate_totp_secret()
