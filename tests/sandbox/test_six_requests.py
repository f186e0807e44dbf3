"""The page's six requests: what each answers, what it refuses with which code, at what price."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from conftest import PATIENCE
from support.sandbox_probe import (
    AUTHORIZE,
    OTP,
    PIN,
    TOKEN,
    VERIFY,
    Probe,
    code_of,
    message_of,
    query_of,
)
from upstox_totp.sandbox import Account, Credentials, Sandbox

NOON = 1_790_000_000.0
INDIA = timezone(timedelta(hours=5, minutes=30))
NO_APP, NO_SECRET, SHAPE, NO_CODE = "UDAPI100068", "UDAPI100069", "UDAPI100036", "UDAPI100057"
UNKNOWN_USER, ENDED, LOCKED, WRONG_PIN = 1017016, 1017076, 1017090, 1017106
MADE_UP_SHAPE, MADE_UP_CODE = 1017998, 1017999
OTHER = Account("7ZK2MN", 555, is_default=False)
TOKEN_FIELDS = {
    "email", "exchanges", "products", "broker", "user_id", "user_name", "order_types", "user_type",
    "poa", "ddpi", "is_active", "access_token", "extended_token",
}  # fmt: skip


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox whose clock stands still."""
    with Sandbox(clock=lambda: NOON) as served:
        yield served


@pytest.fixture
def probe(sandbox: Sandbox) -> Iterator[Probe]:
    """Make a login against it."""
    with Probe(sandbox) as made:
        yield made


@pytest.mark.parametrize("version", ["newer", "older"])
def test_each_revision_ends_in_a_token(probe: Probe, version: str) -> None:
    """All six requests of either revision end in an access token."""
    payload = probe.login(version)
    assert payload["access_token"] == probe.sandbox.access_tokens[0]
    assert set(payload) == TOKEN_FIELDS


def test_the_answers_are_as_public_clients_know_them(probe: Probe) -> None:
    """The dialog leads to the internal client's login page; each step answers its fields."""
    page = probe.dialog()
    assert page.headers["Content-Type"].startswith("text/html")
    assert [hop.status_code for hop in page.history] == [302, 302]
    assert {cookie.path for cookie in probe.session.cookies} == {"/"}
    told = {"client_id", "redirect_uri", "response_type", "user_id", "user_type"}
    assert set(probe.told) == told
    assert probe.told["client_id"] != probe.known.client_id
    assert probe.told["redirect_uri"] == "https://api-v2.upstox.com/login/authorization/redirect"
    data = probe.otp(countryIsdCode="+91").json()["data"]
    assert re.fullmatch(r"ll1FA-[0-9a-f]{64}", data.pop("validateOTPToken"))
    assert data == {
        "message": "OTP sent",
        "nextRequestInterval": 30,
        "userType": "CUSTOMER",
        "isTotpEnabled": True,
    }
    probe.verify()
    data = probe.pin().json()["data"]
    assert data["redirectUri"] is None
    assert set(data) == {
        "redirectUri", "userType", "customerStatus", "appStatus", "refreshTokenExpiry",
        "isPlusPlanFastWebsocketEnabled", "isNewRefreshTokenCreated", "isExternalClientOAuthApp",
    }  # fmt: skip


def test_a_verification_answers_a_profile_or_every_account() -> None:
    """Version 4 the user's profile; version 5 all accounts, the app's own last."""
    with Sandbox(accounts=[OTHER], step_clock=True) as sandbox, Probe(sandbox) as probe:
        profile = probe.to_otp().verify("older").json()["data"]["userProfile"]
        assert set(profile) == {"profileId", "userId", "firstName", "lastName", "avatarUrl"}
        accounts = probe.to_otp().verify().json()["data"]["accounts"]
        assert [one["userId"] for one in accounts] == ["7ZK2MN", probe.told["user_id"]]
        assert [one["isDefault"] for one in accounts] == [False, True]
        assert accounts[0]["profileId"] == 555


def test_the_pin_step_can_give_the_code() -> None:
    """With `pin_gives_code`, step 5 is not needed."""
    with Sandbox(pin_gives_code=True) as sandbox, Probe(sandbox) as probe:
        data = probe.to_verified().pin().json()["data"]
        probe.code = query_of(data["redirectUri"])["code"]
        assert probe.token().status_code == 200


def test_the_approval_can_lead_to_the_code_by_redirects() -> None:
    """With `authorize_redirects`, as many lie before the code, for the approved login alone."""
    hop = "/login/authorization/redirect"
    with Sandbox(authorize_redirects=2) as sandbox, Probe(sandbox) as probe:
        probe.to_verified()
        assert code_of(probe.get("api", hop)) == ENDED
        probe.pin()
        assert code_of(probe.get("api", hop)) == ENDED
        location = probe.authorize().json()["data"]["redirectUri"]
        assert probe.code == ""
        for _ in range(2):
            response = probe.session.get(location, allow_redirects=False, timeout=PATIENCE)
            assert response.status_code == 302
            location = response.headers["Location"]
        assert location.startswith(probe.known.redirect_uri)
        probe.code = query_of(location)["code"]
        assert probe.token().status_code == 200


def test_a_redirect_uri_with_a_query_keeps_it() -> None:
    """The code joins the query of the app's redirect URI; every value is form-encoded."""
    known = Credentials(redirect_uri="https://127.0.0.1/b?a=1&b=%2F", client_secret="s&e=c r+e%t")
    with Sandbox(credentials=known) as sandbox, Probe(sandbox) as probe:
        uri = probe.to_code().authorize().json()["data"]["redirectUri"]
        assert uri.startswith(known.redirect_uri + "&code=")
        assert probe.token().status_code == 200


BEFORE: dict[str, Callable[[Probe], object]] = {
    "dialog": lambda probe: None,
    "otp": lambda probe: probe.dialog(),
    "verify": lambda probe: probe.to_otp(),
    "pin": lambda probe: probe.to_verified(),
    "authorize": lambda probe: probe.to_verified().pin(),
    "token": lambda probe: probe.to_code(),
}
REFUSED: list[tuple[str, dict[str, Any], int | str]] = [
    ("dialog", {"client_id": "another"}, NO_APP),
    ("dialog", {"client_id": None}, NO_APP),
    ("dialog", {"redirect_uri": "https://127.0.0.1/callback/"}, NO_APP),
    ("dialog", {"redirect_uri": None}, "UDAPI1018"),
    ("dialog", {"response_type": "token"}, SHAPE),
    ("otp", {"mobileNumber": "9000000000"}, UNKNOWN_USER),
    ("otp", {"mobileNumber": None}, UNKNOWN_USER),
    ("otp", {"mobileNumber": 9876501234}, UNKNOWN_USER),
    ("otp", {"userId": None}, UNKNOWN_USER),
    ("otp", {"userId": "ANOTHER"}, UNKNOWN_USER),
    ("otp", {"countryIsdCode": "+1"}, UNKNOWN_USER),
    # The answer's spelling of the token is not the request's.
    ("verify", {"validateOtpToken": None, "validateOTPToken": "ll1FA-0"}, ENDED),
    ("verify", {"validateOtpToken": "ll1FA-0"}, ENDED),
    ("verify", {"otp": None}, MADE_UP_SHAPE),
    ("pin", {"twoFAMethod": "PIN"}, MADE_UP_SHAPE),
    ("pin", {"twoFAMethod": None}, MADE_UP_SHAPE),
    ("pin", {"inputText": None}, MADE_UP_SHAPE),
    ("pin", {"profileId": None}, MADE_UP_SHAPE),
    ("pin", {"profileId": "20481377"}, MADE_UP_SHAPE),
    ("pin", {"profileId": True}, MADE_UP_SHAPE),
    ("pin", {"profileId": 1}, MADE_UP_SHAPE),
    ("pin", {"headers": {"X-Profile-Id": None}}, MADE_UP_SHAPE),
    ("pin", {"headers": {"X-Profile-Id": "1"}}, MADE_UP_SHAPE),
    ("pin", {"headers": {"X-User-Id": None}}, MADE_UP_SHAPE),
    ("pin", {"headers": {"X-User-Id": "ANOTHER"}}, MADE_UP_SHAPE),
    ("pin", {"query": {"client_id": None}}, MADE_UP_SHAPE),
    ("pin", {"query": {"client_id": "another"}}, MADE_UP_SHAPE),
    ("pin", {"query": {"redirect_uri": None}}, MADE_UP_SHAPE),
    ("pin", {"query": {"redirect_uri": "another"}}, MADE_UP_SHAPE),
    ("authorize", {"client_id": None}, MADE_UP_SHAPE),
    ("authorize", {"client_id": "another"}, MADE_UP_SHAPE),
    ("authorize", {"redirect_uri": None}, MADE_UP_SHAPE),
    ("authorize", {"redirect_uri": "another"}, MADE_UP_SHAPE),
    ("authorize", {"requestId": None}, MADE_UP_SHAPE),
    ("authorize", {"requestId": ""}, MADE_UP_SHAPE),
    ("authorize", {"response_type": None}, MADE_UP_SHAPE),
    ("authorize", {"response_type": "token"}, MADE_UP_SHAPE),
    ("authorize", {"approval": False}, MADE_UP_SHAPE),
    ("authorize", {"approval": "true"}, MADE_UP_SHAPE),
    ("token", {"client_secret": "wrong"}, NO_SECRET),
    ("token", {"client_secret": None}, "UDAPI1024"),
    ("token", {"client_secret": ""}, "UDAPI1024"),
    ("token", {"client_id": None}, "UDAPI1017"),
    ("token", {"redirect_uri": None}, "UDAPI1018"),
    ("token", {"client_id": "wrong"}, NO_APP),
    ("token", {"redirect_uri": "https://127.0.0.1/callback/"}, NO_APP),
    ("token", {"grant_type": None}, "UDAPI1023"),
    ("token", {"grant_type": "refresh_token"}, SHAPE),
    ("token", {"code": None}, "UDAPI1022"),
    ("token", {"code": "wrong"}, NO_CODE),
]


@pytest.mark.parametrize(("step", "changes", "code"), REFUSED)
def test_a_wrong_value_is_refused(
    probe: Probe, step: str, changes: dict[str, Any], code: int | str
) -> None:
    """In the host's envelope, at no attempt's cost; the right value is then accepted."""
    BEFORE[step](probe)
    response = getattr(probe, step)(**changes)
    assert code_of(response) == code
    if step in {"dialog", "token"}:
        unauthorized = code in {NO_SECRET, NO_CODE}
        assert response.status_code == (401 if unauthorized else 400)
        error = response.json()["errors"][0]
        name, value = next(iter(changes.items()))
        assert error["propertyPath"] == error["property_path"] == name
        assert error["invalidValue"] == error["invalid_value"] == (value or None)
    else:
        assert (response.status_code, response.json()["success"]) == (200, False)
    if step == "pin":
        assert "4 attempts" in message_of(probe.pin(inputText="wrong"))
    if step != "token":
        right = getattr(probe, step)()
        assert right.status_code == 200
        assert step == "dialog" or right.json()["success"]


def test_the_apps_own_address_is_not_the_internal_one(probe: Probe) -> None:
    """Steps 4 and 5 want the client and redirect URI that the dialog told."""
    probe.to_verified()
    for name in ("client_id", "redirect_uri"):
        own = {name: getattr(probe.known, name)}
        assert code_of(probe.pin(query=own)) == MADE_UP_SHAPE


@pytest.mark.parametrize(
    "body",
    [
        {"data": "{}", "headers": {"Content-Type": "text/plain"}},
        {"data": {"mobileNumber": "9876501234"}},
        {"data": b"{broken", "headers": {"Content-Type": "application/json"}},
        {"json": {"mobileNumber": "9876501234"}},
        {"json": ["data"]},
        {"json": {"data": None}},
    ],
)
def test_every_service_step_wants_enveloped_json(probe: Probe, body: dict[str, Any]) -> None:
    """A body that is no JSON by its type, broken, or without `data` is refused."""
    probe.to_code()
    query = probe.client() | {"requestId": "x", "response_type": "code"}
    for path in (OTP, VERIFY["newer"], PIN["newer"], AUTHORIZE):
        assert code_of(probe.post("service", path, params=query, **body)) == MADE_UP_SHAPE


def test_a_charset_parameter_is_accepted(probe: Probe) -> None:
    """`Content-Type: application/json; charset=utf-8` is JSON too."""
    probe.dialog()
    data = {"mobileNumber": probe.known.username, "userId": probe.told["user_id"]}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert probe.post("service", OTP, json={"data": data}, headers=headers).json()["success"]


def test_otp_requests_run_out_and_come_back() -> None:
    """Each counts for ten minutes; past the limit they are blocked for ten, or until `unlock`."""
    with Sandbox(clock=lambda: NOON, otp_limit=2) as sandbox, Probe(sandbox) as probe:
        probe.dialog()
        for _ in range(4):
            assert probe.otp().json()["success"]
            sandbox.advance(301)
        sandbox.advance(600)
        assert [probe.otp().json()["success"] for _ in range(3)] == [True, True, False]
        sandbox.advance(599)
        assert code_of(probe.otp()) == 1017069
        sandbox.advance(1)
        assert [probe.otp().json()["success"] for _ in range(3)] == [True, True, False]
        sandbox.unlock()
        assert probe.otp().json()["success"]


@pytest.mark.parametrize("step", ["otp", "verify", "pin", "authorize"])
def test_the_dialogs_cookies_are_required(probe: Probe, step: str) -> None:
    """Without the cookies of the dialog, or with one of the two, no step is carried out."""
    probe.to_code()
    jar = probe.session.cookies
    kept = dict(jar)
    for lost in ({"login_dialog"}, {"login_flow"}, set(kept)):
        jar.clear()
        jar.update({name: value for name, value in kept.items() if name not in lost})
        assert code_of(getattr(probe, step)()) == ENDED
    assert code_of(probe.get("login", "/open/start")) == ENDED


def test_a_token_of_another_login_is_refused(sandbox: Sandbox) -> None:
    """The cookies of one login do not go with the one-time password's token of another."""
    with Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_otp()
        two.to_otp()
        assert code_of(one.verify(validateOtpToken=two.otp_token)) == ENDED
        assert one.verify().json()["success"]


def test_an_otp_session_expires_and_verifies_once(probe: Probe) -> None:
    """The one-time password's token dies by the clock, and by its use."""
    probe.to_otp()
    probe.sandbox.advance(300)
    assert code_of(probe.verify()) == ENDED
    probe.to_verified()
    assert code_of(probe.verify(otp=probe.one_time_password(-1))) == ENDED


@pytest.mark.parametrize(("steps", "accepted"), [(-2, 0), (-1, 1), (0, 1), (1, 0)])
def test_the_window_is_this_time_step_and_the_last(probe: Probe, steps: int, accepted: int) -> None:
    """A code of this time step or the last is accepted; an older or a future one is not."""
    probe.to_otp()
    response = probe.verify(otp=probe.one_time_password(steps))
    assert response.json()["success"] is bool(accepted)


def test_a_code_works_once_across_logins(sandbox: Sandbox) -> None:
    """A one-time password is accepted once for the account, not once for each login."""
    with Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_verified()
        assert code_of(two.to_otp().verify()) == MADE_UP_CODE
        assert two.verify(otp=two.one_time_password(-1)).json()["success"]


def test_wrong_codes_cost_attempts_and_lock_the_account() -> None:
    """Each is repeated in the message; the last locks until `unlock`."""
    with Sandbox(attempts=3) as sandbox, Probe(sandbox) as probe:
        probe.to_otp()
        wrong = probe.verify(otp="000000")
        assert code_of(wrong) == MADE_UP_CODE
        assert message_of(wrong) == "Invalid OTP 000000. 2 attempts left"
        assert "1 attempt" in message_of(probe.verify(otp=int(probe.one_time_password())))
        for locked in (probe.verify(otp="000000"), probe.verify(), probe.otp()):
            assert code_of(locked) == LOCKED
        sandbox.unlock()
        assert probe.verify().json()["success"]


def encoded(text: str) -> str:
    """Return `text` in base64."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("version", ["newer", "older"])
@pytest.mark.parametrize("text", ["482915", encoded("000000"), encoded(encoded("482915"))])
def test_a_wrong_pin_costs_an_attempt(probe: Probe, version: str, text: str) -> None:
    """A wrong, an un-encoded and a doubly encoded PIN are incorrect; the right one clears that."""
    probe.to_verified(version)
    for _ in range(2):
        wrong = probe.pin(version, inputText=text)
        assert (wrong.status_code, code_of(wrong)) == (200, WRONG_PIN)
        assert message_of(wrong) == f"Incorrect PIN {text}. 4 attempts left"
        assert probe.pin(version).json()["success"]


def test_five_wrong_pins_lock_the_account(probe: Probe) -> None:
    """The fifth wrong PIN locks the account; the right one does not open it."""
    probe.to_verified()
    codes = [code_of(probe.pin(inputText="wrong")) for _ in range(5)]
    assert codes == [WRONG_PIN] * 4 + [LOCKED]
    assert code_of(probe.pin()) == LOCKED
    probe.sandbox.unlock()
    assert probe.pin().json()["success"]


@pytest.mark.parametrize(("first", "second"), [("newer", "older"), ("older", "newer")])
def test_a_pair_belongs_together(probe: Probe, first: str, second: str) -> None:
    """A session verified by one revision, or by none, does not go on with the other's PIN step."""
    probe.to_otp()
    assert code_of(probe.pin(second)) == ENDED
    probe.verify(first)
    assert code_of(probe.pin(second)) == ENDED
    assert probe.pin(first).json()["success"]
    assert probe.sandbox.pins_received == 3


@pytest.mark.parametrize("default", [True, False])
def test_the_pin_is_for_the_apps_own_account(*, default: bool) -> None:
    """Of several accounts only the one the dialog named is accepted, whichever is the default."""
    own, other = Account(is_default=default), Account("OTHER1", 7, is_default=not default)
    with Sandbox(account=own, accounts=[other]) as sandbox, Probe(sandbox) as probe:
        probe.to_verified()
        headers = {"X-Profile-Id": "7", "X-User-Id": "OTHER1"}
        assert code_of(probe.pin(headers=headers, profileId=7)) == MADE_UP_SHAPE
        assert probe.account["profileId"] == 20481377
        assert probe.pin().json()["success"]


def test_the_approval_needs_the_pins_cookie(sandbox: Sandbox) -> None:
    """Without the session cookie of step 4, or with another login's, step 5 fails."""
    with Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_verified().pin()
        two.to_otp().verify(otp=two.one_time_password(-1))
        assert code_of(two.authorize()) == ENDED
        two.pin()
        own = dict(two.session.cookies)
        foreign = {"login_session": one.session.cookies["login_session"]}
        for cookies in ({"login_session": ""}, foreign):
            two.session.cookies.clear()
            two.session.cookies.update(own | cookies)
            assert code_of(two.authorize()) == ENDED
        two.session.cookies.update(own)
        assert two.authorize().json()["success"]


@pytest.mark.parametrize("changes", [{}, {"client_secret": "wrong"}])
def test_a_code_is_good_for_one_exchange(probe: Probe, changes: dict[str, Any]) -> None:
    """A second exchange fails, whether the first succeeded or not, and so does one too late."""
    probe.to_code().token(**changes)
    assert code_of(probe.token()) == NO_CODE
    probe.authorize()
    probe.sandbox.advance(300)
    assert code_of(probe.token()) == NO_CODE


def test_the_exchange_wants_a_form(probe: Probe) -> None:
    """JSON is no form; the code is not touched by it."""
    response = probe.to_code().post("api", TOKEN, json=probe.form())
    assert (response.status_code, code_of(response)) == (400, SHAPE)
    assert probe.token().status_code == 200


@pytest.mark.parametrize("version", ["newer", "older"])
def test_what_an_account_lacks_is_told(version: str) -> None:
    """Without TOTP or PIN the sign is false, and each is wrong; a status is the one asked for."""
    with Sandbox(totp_enabled=False) as sandbox, Probe(sandbox) as probe:
        probe.dialog()
        assert probe.otp().json()["data"]["isTotpEnabled"] is False
        assert code_of(probe.verify(version)) == MADE_UP_CODE
    with Sandbox(pin_set=False) as sandbox, Probe(sandbox) as probe:
        assert probe.to_otp().verify(version).json()["data"]["isSecretPinSet"] is False
        assert code_of(probe.pin(version)) == WRONG_PIN
    with Sandbox(customer_status="DORMANT") as sandbox, Probe(sandbox) as probe:
        told = probe.to_verified(version).pin(version).json()["data"]
        assert told["customerStatus"] == "DORMANT"


def test_without_echo_no_value_comes_back() -> None:
    """With `echo` off, errors name what is wrong but not its value."""
    known = Credentials(client_secret="unheard-of")
    with Sandbox(echo=False, credentials=known) as sandbox, Probe(sandbox) as probe:
        probe.to_verified()
        assert message_of(probe.pin(inputText="wrong")) == "Incorrect PIN. 4 attempts left"
        probe.pin()
        probe.authorize()
        error = probe.token(client_secret="guessed").json()["errors"][0]
        assert (error["message"], error["invalidValue"]) == ("Invalid client.", None)


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token."""
    segment = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * 3))
    return claims


@pytest.mark.parametrize(
    ("made", "expires"),
    [
        ("22 03:29:59", "22 03:30"), ("22 03:30", "23 03:30"), ("22 20:00", "23 03:30"),
        ("23 00:00", "23 03:30"),
    ],
)  # fmt: skip
def test_a_token_expires_at_half_past_three_in_india(made: str, expires: str) -> None:
    """The token's `exp` is the next 03:30 in India, and it works until then and no longer."""
    begin, end = (
        datetime.fromisoformat(f"2026-09-{text}").replace(tzinfo=INDIA).timestamp()
        for text in (made, expires)
    )
    with Sandbox(clock=lambda: begin) as sandbox, Probe(sandbox) as probe:
        token = probe.login()["access_token"]
        claims = claims_of(token)
        assert (claims["iat"], claims["exp"]) == (begin, end)
        sandbox.advance(end - begin - 0.5)
        assert probe.profile(token).status_code == 200
        sandbox.advance(0.5)
        dead = probe.profile(token)
        assert (dead.status_code, code_of(dead)) == (401, "UDAPI100050")


def test_claims_and_user_can_be_replaced() -> None:
    """`claims` and `user` replace or join what the answers say."""
    settings = {"claims": {"sub": "X", "role": "reader"}, "user": {"email": "other@example.com"}}
    with Sandbox(**settings) as sandbox, Probe(sandbox) as probe:  # type: ignore[arg-type]
        payload = probe.login()
        claims = claims_of(payload["access_token"])
        assert (claims["sub"], claims["role"]) == ("X", "reader")
        assert payload["email"] == "other@example.com"


def test_the_profile_is_the_bearers(probe: Probe) -> None:
    """It has the documented fields, for an access token that was issued, as a bearer token."""
    payload = probe.login()
    token = payload["access_token"]
    profile = probe.profile(token).json()
    assert profile["status"] == "success"
    assert set(profile["data"]) == set(payload) - {"ddpi", "access_token", "extended_token"}
    assert profile["data"]["user_id"] == probe.told["user_id"]
    assert code_of(probe.profile("a.b.c")) == "UDAPI100050"
    for headers in ({}, {"Authorization": f"Basic {token}"}):
        assert probe.get("api", "/v2/user/profile", headers=headers).status_code == 401
    extended = probe.profile(payload["extended_token"])
    assert (extended.status_code, code_of(extended)) == (401, "UDAPI100067")


def test_a_logout_or_a_revocation_kills_one_token() -> None:
    """The others live."""
    with Sandbox(step_clock=True) as sandbox, Probe(sandbox) as probe:
        tokens = [probe.login()["access_token"] for _ in range(3)]
        assert sandbox.access_tokens == tokens
        sandbox.revoke(tokens[0])
        sandbox.revoke("unknown")
        headers = {"Authorization": f"Bearer {tokens[1]}"}
        url = probe.url("api", "/v2/logout")
        response = probe.session.delete(url, headers=headers, timeout=PATIENCE)
        assert response.json() == {"status": "success", "data": True}
        assert probe.session.delete(url, headers=headers, timeout=PATIENCE).status_code == 401
        assert [probe.profile(token).status_code for token in tokens] == [401, 401, 200]
