"""What depends on the registered address, and what ends a token besides 03:30 and a logout."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from conftest import PATIENCE
from support.sandbox_probe import Probe, code_of, message_of
from upstox_totp.sandbox import Sandbox

# A Thursday.
NOON = 1_790_000_000.0 - 4 * 86400
WEEK = 7 * 86400
PROFILE, QUOTE = "/v2/user/profile", "/v3/market-quote/ltp?instrument_key=NSE_INDEX%7CNifty%2050"
ORDER, ADDRESS, LOGOUT = "/v3/order/place", "/v2/user/ip", "/v2/logout"
CALLS = (("GET", PROFILE), ("POST", ORDER), ("GET", QUOTE), ("GET", ADDRESS))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve an app whose address is registered, and not this machine's."""
    with Sandbox(clock=lambda: NOON, step_clock=True, static_address=True) as served:
        yield served


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    """Log in, from any address."""
    with Probe(sandbox) as probe:
        return str(probe.login()["access_token"])


def call(sandbox: Sandbox, method: str, path: str, token: str, **options: Any) -> requests.Response:
    """Send a request of a token's."""
    url = sandbox.base_domain.format(stage="api") + path
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, url, headers=headers, timeout=PATIENCE, **options)


def outcomes(sandbox: Sandbox, token: str) -> list[tuple[int, object]]:
    """Return status and code of each call."""
    answers = [call(sandbox, method, path, token) for method, path in CALLS]
    return [(one.status_code, None if one.ok else code_of(one)) for one in answers]


def test_what_works_off_the_registered_address(sandbox: Sandbox, token: str) -> None:
    """Profile and orders are refused whatever the token; a quote tells a live from a dead one."""
    refused = [(401, "UDAPI1221"), (403, "UDAPI1154")]
    assert outcomes(sandbox, token) == [*refused, (200, None), (200, None)]
    assert "203.0.113.10" in message_of(call(sandbox, "POST", ORDER, token))
    assert outcomes(sandbox, "a.b.c") == [*refused, *[(401, "UDAPI100050")] * 2]
    sandbox.static_address = False
    assert outcomes(sandbox, token) == [(200, None)] * 4


def test_the_answers_have_their_fields(sandbox: Sandbox, token: str) -> None:
    """A price by its instrument, the addresses, an order's number."""
    (price,) = call(sandbox, "GET", QUOTE, token).json()["data"].values()
    assert price["instrument_token"] == "NSE_INDEX|Nifty 50"
    nothing_asked = call(sandbox, "GET", QUOTE.partition("?")[0], token)
    assert code_of(nothing_asked) == "UDAPI100036"
    told = call(sandbox, "GET", ADDRESS, token).json()["data"]
    assert told == {"primary_ip": "203.0.113.10", "secondary_ip": None}
    sandbox.static_address = False
    assert len(call(sandbox, "POST", ORDER, token).json()["data"]["order_ids"]) == 1
    steps = [record.step for record in sandbox.requests[-4:]]
    assert steps == ["quote", "quote", "address", "order"]


def test_an_extended_token_reads_only(sandbox: Sandbox) -> None:
    """It gets a quote, and no order."""
    sandbox.static_address = False
    with Probe(sandbox) as probe:
        extended = probe.login()["extended_token"]
    assert outcomes(sandbox, extended)[1:3] == [(401, "UDAPI100067"), (200, None)]


@pytest.mark.parametrize("name", ["primary_ip", "secondary_ip"])
def test_a_change_of_the_address_ends_the_tokens(sandbox: Sandbox, token: str, name: str) -> None:
    """It is possible once in a calendar week; from the new address everything works."""
    body = {"primary_ip": "2001:db8::1", name: "127.0.0.1"}
    assert call(sandbox, "PUT", ADDRESS, token, json=body).json()["status"] == "success"
    assert code_of(call(sandbox, "GET", PROFILE, token)) == "UDAPI100050"
    with Probe(sandbox) as probe:
        token = probe.login()["access_token"]
        assert outcomes(sandbox, token) == [(200, None)] * 4
        assert code_of(call(sandbox, "PUT", ADDRESS, token, json=body)) == "UDAPI100036"
        sandbox.advance(WEEK)
        token = probe.login()["access_token"]
        assert call(sandbox, "PUT", ADDRESS, token, json=body).status_code == 200
    sandbox.reset()
    with Probe(sandbox) as probe:
        assert code_of(probe.profile(probe.login()["access_token"])) == "UDAPI1221"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"secondary_ip": "127.0.0.1"},
        {"primary_ip": "localhost"},
        {"primary_ip": 1},
        {"primary_ip": "127.0.0.1", "other": 1},
    ],
)
def test_what_is_no_address_is_refused(sandbox: Sandbox, token: str, body: object) -> None:
    """And ends nothing."""
    assert code_of(call(sandbox, "PUT", ADDRESS, token, json=body)) == "UDAPI100036"
    assert call(sandbox, "GET", QUOTE, token).status_code == 200


def test_disabling_totp_ends_the_sessions(sandbox: Sandbox, token: str) -> None:
    """Tokens die, logins under way are over, and the next one is told that there is no TOTP."""
    with Probe(sandbox) as probe:
        probe.to_code()
        sandbox.disable_totp()
        assert code_of(probe.authorize()) == 1017076
        probe.dialog()
        assert probe.otp().json()["data"]["isTotpEnabled"] is False
    assert code_of(call(sandbox, "GET", QUOTE, token)) == "UDAPI100050"


def test_a_newer_app_takes_the_place_of_the_older(sandbox: Sandbox) -> None:
    """A user has one: the older client id is refused at each documented door."""
    with Probe(sandbox) as older:
        sandbox.credentials = replace(sandbox.credentials, client_id="newer", client_secret="other")
        assert code_of(older.dialog()) == "UDAPI100068"
        assert code_of(older.token(code="x")) == "UDAPI100068"
        url = older.url("api", f"/v3/login/auth/token/request/{older.known.client_id}")
        answer = older.session.post(url, json={"client_secret": "x"}, timeout=PATIENCE)
        assert code_of(answer) == "UDAPI100068"
    with Probe(sandbox) as newer:
        assert newer.login()["access_token"] in sandbox.access_tokens


def test_answers_as_the_description_has_them() -> None:
    """With `described`: a token's life and a refresh token, and logout's error as an exception."""
    with Sandbox(clock=lambda: NOON, described=True) as sandbox, Probe(sandbox) as probe:
        payload = probe.login()
        assert payload["expires_in"] == 28_000
        assert payload["token_type"] == "Bearer"
        assert len(payload["refresh_token"]) > 20
        assert payload["refresh_token_expires_in"] > payload["expires_in"]
        assert call(sandbox, "DELETE", LOGOUT, payload["access_token"]).status_code == 200
        dead = call(sandbox, "DELETE", LOGOUT, payload["access_token"])
        assert dead.status_code == 401
        assert set(dead.json()) == {
            "cause", "stackTrace", "message", "suppressed", "localizedMessage",
        }  # fmt: skip


BROWSER = (
    "platform=WEB|osName=Windows/10|osVersion=Chrome/126.0|appVersion=4.0.0|modelName=Chrome"
    "|manufacturer=Apple"
)


@pytest.mark.parametrize(
    "details",
    [BROWSER, f"{BROWSER}|uuid=YAfGhIjKlMnOpQrStUvW|userAgent=Upstox 3.0 Mozilla/5.0", None],
)
def test_device_details_are_taken_as_clients_send_them(
    sandbox: Sandbox, details: str | None
) -> None:
    """As browsers send them, as four working clients do, or not at all."""
    with Probe(sandbox) as probe:
        if details:
            probe.session.headers["X-Device-Details"] = details
        assert probe.login()["access_token"]
