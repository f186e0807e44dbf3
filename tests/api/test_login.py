"""The login from end to end, against the sandbox."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, quote

import pyotp
import pytest
import requests
from requests.adapters import HTTPAdapter

from conftest import FakeTime, configure
from support.independent_client import login as independent_login
from support.independent_client import profile
from upstox_totp import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    Step,
    UpstoxTOTP,
    ValidationError,
)
from upstox_totp.sandbox import Account, Credentials, Fault, Sandbox
from upstox_totp.sandbox import Step as SandboxStep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp.sandbox import RequestRecord

ALL_STEPS = ["dialog", "otp", "verify", "pin", "authorize", "token"]


def steps(sandbox: Sandbox) -> list[str | None]:
    """Return the steps that the sandbox was asked for, redirects left out."""
    return [r.step for r in sandbox.requests if r.step not in {"login_page", "redirect"}]


def of(sandbox: Sandbox, step: str) -> RequestRecord:
    """Return the last request of a step."""
    return [record for record in sandbox.requests if record.step == step][-1]


def form(record: RequestRecord) -> Mapping[str, str]:
    """Return the form that a request carried."""
    assert record.form is not None
    return record.form


def test_a_login_returns_the_token_of_the_account(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Six requests end with a token that the API accepts."""
    response = client.app_token.get_access_token()
    assert response.success is True
    assert response.error is None
    assert [response.data.access_token] == sandbox.access_tokens
    assert steps(sandbox) == ALL_STEPS
    shown = profile(sandbox.environment, response.data.access_token)
    assert response.data.user_id == shown["user_id"]
    assert response.data.email == shown["email"]
    assert response.data.exchanges == shown["exchanges"]


@pytest.mark.parametrize("revision", ["newer", "older"])
def test_a_client_typed_from_the_protocol_page_logs_in(sandbox: Sandbox, revision: str) -> None:
    """A script that shares no code with the library gets a token in either revision."""
    token = independent_login(sandbox.environment, revision=revision, now=sandbox.now)
    assert [token["access_token"]] == sandbox.access_tokens
    assert {record.revision for record in sandbox.requests if record.step in {"verify", "pin"}} == {
        revision
    }


def test_the_newer_revision_comes_first(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Where both revisions exist, verification and PIN go to the newer, profile included."""
    client.app_token.get_access_token()
    verify, pin = of(sandbox, "verify"), of(sandbox, "pin")
    assert (verify.revision, pin.revision) == ("newer", "newer")
    assert pin.json["data"]["profileId"] == int(pin.headers["X-Profile-Id"])
    assert pin.headers["X-User-Id"]


@pytest.mark.parametrize("status", [404, 405, 410])
def test_the_older_revision_is_tried_with_the_same_code(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A newer verification that does not exist is followed by the older, which costs no OTP."""
    revision: Literal["older", "both"] = "older" if status == 404 else "both"
    with Sandbox(clock=fake_time.true, revision=revision) as sandbox:
        if status != 404:
            sandbox.misbehave("verify", Fault.status(status), times=1)
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            assert upx.app_token.get_access_token().success
        sent = [r for r in sandbox.requests if r.step == "verify" or "otp-totp/verify" in r.path]
        assert len(sent) == 2
        assert sent[0].json == sent[1].json
        assert sandbox.otp_requests == 1
        assert of(sandbox, "pin").revision == "older"
        assert "X-Profile-Id" not in of(sandbox, "pin").headers


def test_a_verdict_with_404_is_no_missing_route(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A 404 that carries a code of the login service is an answer: the code is not sent again."""
    sandbox.misbehave("verify", Fault.refuse(1017076, "OTP session expired", status=404))
    with pytest.raises(APIError) as caught:
        client.app_token.get_access_token()
    assert caught.value.error_code is ErrorCode.OTP_SESSION_EXPIRED
    assert steps(sandbox).count("verify") == 1


@pytest.mark.parametrize(("setting", "asked"), [("newer", 1), ("older", 1)])
def test_the_revision_can_be_chosen(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, setting: str, asked: int
) -> None:
    """UPSTOX_LOGIN_REVISION names the only revision that is asked."""
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_LOGIN_REVISION=setting)
        with UpstoxTOTP() as upx:
            upx.app_token.get_access_token()
        assert steps(sandbox).count("verify") == asked
        assert of(sandbox, "verify").revision == setting


def test_a_missing_pin_route_names_the_way_out(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """No other PIN route is tried, since that would cost an OTP; the error names the setting."""
    sandbox.misbehave("pin", Fault.status(404))
    with pytest.raises(APIError, match="UPSTOX_LOGIN_REVISION") as caught:
        client.app_token.get_access_token()
    assert caught.value.step is Step.PIN
    assert steps(sandbox).count("pin") == 1


def test_cookies_pin_and_form_go_out_as_the_page_sends_them(
    client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """The parts of the flow that scripts get wrong: casing, base64, form, the internal client."""
    client.app_token.get_access_token()
    credentials = sandbox.credentials
    verify, pin, token = (of(sandbox, step) for step in ("verify", "pin", "token"))
    assert set(verify.json["data"]) == {"otp", "validateOtpToken"}
    assert base64.b64decode(pin.json["data"]["inputText"]).decode() == credentials.pin_code
    assert pin.query["client_id"] != credentials.client_id
    assert token.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(token.body.decode()) == {
        "code": [form(token)["code"]],
        "client_id": [credentials.client_id],
        "client_secret": [credentials.client_secret],
        "redirect_uri": [credentials.redirect_uri],
        "grant_type": ["authorization_code"],
    }
    authorize = of(sandbox, "authorize")
    assert authorize.query["requestId"] == client.generate_request_id()
    assert authorize.headers["X-Request-ID"] == client.generate_request_id()
    assert authorize.headers["Origin"].endswith(sandbox.base_domain.split("//")[1].split("/")[0])


SPECIAL = "a&b=c+d%25 é/ü€?#"


def test_unusual_credentials_arrive_byte_for_byte(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets and redirect URIs with &, =, +, %, spaces and non-ASCII characters work."""
    credentials = Credentials(
        client_id="id&=+% é",
        client_secret=SPECIAL,
        redirect_uri="https://example.com/cb?x=1&y=%20a+b ü",
        pin_code="1234",
        totp_secret="JBSWY3DPEHPK3PXP",
    )
    with Sandbox(clock=fake_time.true, credentials=credentials, charset="utf-8") as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            assert upx.app_token.get_access_token().success
        assert form(of(sandbox, "token"))["client_secret"] == SPECIAL
        assert form(of(sandbox, "token"))["redirect_uri"] == credentials.redirect_uri
        assert of(sandbox, "dialog").query["redirect_uri"] == credentials.redirect_uri


def test_five_logins_with_one_client_leave_no_socket(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same client logs in again and again; after the block no connection is open."""
    configure(monkeypatch, sandbox)
    with UpstoxTOTP() as upx:
        tokens = [upx.app_token.get_access_token().data.access_token for _ in range(5)]
        adapter = upx.session.get_adapter("http://")
        assert isinstance(adapter, HTTPAdapter)
        pools = adapter.poolmanager.pools
        assert len(set(tokens)) == 5
        assert len(pools.keys()) == 1
    assert len(pools.keys()) == 0
    assert sandbox.connections == 1


def test_a_login_after_reset_works_as_before(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """reset_session() empties headers, cookies and auth, and the next login sends them again."""
    client.session.headers["X-Mine"] = "1"
    client.session.auth = ("a", "b")
    client.session.timeout = (3, 4)
    first = client.app_token.get_access_token()
    client.reset_session()
    assert dict(client.session.headers) == {}
    assert len(client.session.cookies) == 0
    assert client.session.auth is None
    assert client.session.timeout == (3, 4)
    second = client.app_token.get_access_token()
    assert second.data.access_token != first.data.access_token
    one, two = (r for r in sandbox.requests if r.step == "otp")
    assert "X-Mine" in one.headers
    assert "X-Mine" not in two.headers
    assert one.headers["User-Agent"] == two.headers["User-Agent"]


def test_each_login_starts_without_cookies_of_the_one_before(
    client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Cookies are kept from step to step and gone at the next dialog."""
    for _ in range(2):
        client.app_token.get_access_token()
        assert "Cookie" not in of(sandbox, "dialog").headers
        assert of(sandbox, "otp").headers["Cookie"]


def test_the_device_agrees_with_the_browser(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """It is the same one in each request of a client, as it is in a browser."""
    client.app_token.get_access_token()
    sent = [one.headers for one in sandbox.requests if "X-Device-Details" in one.headers]
    (device,) = {headers["X-Device-Details"] for headers in sent}
    (agent,) = {headers["User-Agent"] for headers in sent}
    version = agent.partition("Chrome/")[2].partition(" ")[0]
    known = (
        f"platform=WEB|osName=Windows/10|osVersion=Chrome/{version}|appVersion=4.0.0|"
        "modelName=Chrome|manufacturer=Google|uuid=%s|userAgent=Upstox 3.0 "
    )
    uuid = device.partition("|uuid=")[2].partition("|")[0]
    assert device == known % uuid + agent
    assert len(uuid) == 20


def test_the_users_headers_win_in_every_request(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A header of the user's replaces the library's own, in all of the requests."""
    client.session.headers.update({"user-agent": "MyApp/1.0", "Content-Type": "text/plain"})
    client.app_token.get_access_token()
    assert {record.headers["User-Agent"] for record in sandbox.requests} == {"MyApp/1.0"}
    devices = {record.headers.get("X-Device-Details") for record in sandbox.requests} - {None}
    assert [str(device).endswith("|userAgent=Upstox 3.0 MyApp/1.0") for device in devices] == [True]
    assert of(sandbox, "pin").headers["Content-Type"] == "application/json"


def test_the_users_hooks_adapters_and_timeout_are_used(
    client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Hooks with and without keywords see every answer; a mounted adapter carries it."""
    seen: list[tuple[int, int]] = []
    timeouts: list[object] = []

    class Recording(HTTPAdapter):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            timeouts.append(kwargs["timeout"])
            return super().send(*args, **kwargs)

    client.session.hooks["response"].append(lambda response: seen.append((1, len(response.text))))
    client.session.hooks["response"].append(
        lambda response, **kwargs: seen.append((len(kwargs), response.status_code))
    )
    client.session.timeout = (7, 9)
    client.session.mount("http://", Recording())
    client.app_token.get_access_token()
    assert len(seen) == 2 * len(sandbox.requests)
    assert timeouts == [(7, 9)] * len(sandbox.requests)


def test_every_request_goes_through_session_request(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users can wrap one seam to see all requests, and none follows a redirect by itself."""
    asked: list[tuple[str, bool]] = []
    original = client.session.request

    def wrapped(method: str, url: str, **kwargs: Any) -> requests.Response:
        asked.append((method, kwargs["allow_redirects"]))
        return original(method, url, **kwargs)

    monkeypatch.setattr(client.session, "request", wrapped)
    client.app_token.get_access_token()
    assert asked == [(record.method, False) for record in sandbox.requests]


def test_five_pauses_and_none_after_the_last(
    client: UpstoxTOTP, fake_time: FakeTime, sandbox: Sandbox
) -> None:
    """sleep_time passes before each request but the first; redirects belong to their step."""
    sandbox.advance(-sandbox.now() % 30)
    client.app_token.get_access_token()
    assert fake_time.sleeps == [1.0] * 5


def test_the_pause_does_not_make_a_code_expire(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the longest pause a code that would expire before it is sent is not used."""
    configure(monkeypatch, sandbox, UPSTOX_SLEEP_TIME="10000")
    codes = pyotp.TOTP(os.environ["UPSTOX_TOTP_SECRET"])
    current: list[bool] = []
    with UpstoxTOTP() as upx:
        send = upx.session.send

        def watched(request: requests.PreparedRequest, **named: Any) -> requests.Response:
            body = request.body if isinstance(request.body, bytes) else b""
            if b"validateOtpToken" in body:
                current.append(codes.at(int(sandbox.now())).encode() in body)
            return send(request, **named)

        monkeypatch.setattr(upx.session, "send", watched)
        for second in range(0, 30, 3):
            sandbox.advance(second - sandbox.now() % 30)
            sandbox.misbehave("verify", Fault.status(404), times=1)
            assert upx.app_token.get_access_token().success
    # The sandbox accepts the code before as well, so what was sent is looked at.
    assert current == [True] * 20


@pytest.mark.parametrize("hops", [1, 3])
def test_redirects_are_followed_until_one_carries_the_code(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, hops: int
) -> None:
    """The app's own redirect address is never called."""
    with Sandbox(clock=fake_time.true, authorize_redirects=hops) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            assert upx.app_token.get_access_token().success
        assert [record.step for record in sandbox.requests].count("redirect") == hops


def test_no_approval_is_asked_where_the_pin_gave_the_code(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 5 is left out where step 4 answered with a redirect URI that carries the code."""
    with Sandbox(clock=fake_time.true, pin_gives_code=True) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            assert upx.app_token.get_access_token().success
        assert "authorize" not in steps(sandbox)


@pytest.mark.parametrize(
    "spelling", ["{host}/callback", "{shout}/callback", "{host}/x/../%63allback"]
)
@pytest.mark.parametrize("step", ["dialog", "authorize"])
def test_the_apps_address_is_never_called(
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    step: Literal["dialog", "authorize"],
    spelling: str,
) -> None:
    """A redirect to the app ends the login and says why, though the app is on loopback as well."""
    with Sandbox(clock=fake_time.true) as free:
        port = free.port
    host = f"http://127.0.0.1:{port}/api"
    credentials = Credentials(redirect_uri=f"{host}/callback")
    app = spelling.format(host=host, shout=host.replace("http", "HTTP"))
    refusal = f"{app}?error=access_denied&error_description=No+thanks"
    with Sandbox(clock=fake_time.true, port=port, credentials=credentials) as sandbox:
        configure(monkeypatch, sandbox)
        fault = Fault.redirect(refusal)
        if step == "authorize":
            fault = Fault.replace("data.redirectUri", refusal)
        sandbox.misbehave(step, fault)
        with UpstoxTOTP() as upx, pytest.raises(APIError, match="denied: No thanks") as caught:
            upx.app_token.get_access_token()
        assert caught.value.error_code == "access_denied"
        assert not [record for record in sandbox.requests if "callback" in record.path]


@pytest.mark.parametrize(
    ("app", "leads_to", "kind"),
    [
        ("myapp://callback", "myapp://callback?error=access_denied", APIError),
        ("https://127.0.0.1/callback", "https://127.0.0.1/callback?state=x", ValidationError),
    ],
)
def test_a_dialog_that_leads_to_the_app_ends_there(
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    app: str,
    leads_to: str,
    kind: type[Exception],
) -> None:
    """Whatever scheme the app has: nothing is called, and a refusal is told from a missing code."""
    credentials = Credentials(redirect_uri=app)
    with Sandbox(clock=fake_time.true, credentials=credentials) as sandbox:
        configure(monkeypatch, sandbox)
        sandbox.misbehave("dialog", Fault.redirect(leads_to))
        with UpstoxTOTP() as upx, pytest.raises(kind) as caught:
            upx.app_token.get_access_token()
        assert vars(caught.value)["step"] is Step.DIALOG
        assert len(sandbox.requests) == 1


def test_what_an_address_says_is_masked_before_it_is_cut(
    client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """No part of a secret is left at the end of a long reason, and nothing colours a terminal."""
    secret = sandbox.credentials.client_secret
    for padding in range(60, 300, 7):
        reason = quote("x" * padding + f" {secret} \x1b[31m")
        app = f"{sandbox.credentials.redirect_uri}?error=denied&error_description={reason}"
        sandbox.behave()
        sandbox.misbehave("dialog", Fault.redirect(app))
        with pytest.raises(APIError) as caught:
            client.app_token.get_access_token()
        assert secret[:5] not in str(caught.value)
        assert str(caught.value).isprintable()


def test_too_many_redirects_keep_the_scheme(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The request of the error is the one that was sent last."""
    sandbox.misbehave("dialog", Fault.redirect_loop())
    with pytest.raises(requests.TooManyRedirects) as caught:
        client.app_token.get_access_token()
    assert caught.value.request is not None
    assert str(caught.value.request.url).startswith(sandbox.base_domain.partition("{")[0])
    assert len(sandbox.requests) == client.session.max_redirects + 1


def test_the_last_code_is_the_authorization_code(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A redirect URI may have a code parameter of its own."""

    def own_code_first(payload: dict[str, Any]) -> dict[str, Any]:
        uri = payload["data"]["redirectUri"].replace("?", "?code=mine&")
        return payload | {"data": payload["data"] | {"redirectUri": uri}}

    sandbox.misbehave("authorize", Fault.change(own_code_first))
    assert client.app_token.get_access_token().success


def test_a_plain_dict_of_headers_wins_as_well(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Names of headers know no case, whatever the user keeps them in."""
    client.session.headers = {"user-agent": "MyApp/2"}
    client.app_token.get_access_token()
    assert {record.headers["User-Agent"] for record in sandbox.requests} == {"MyApp/2"}


@pytest.mark.parametrize("step", ["otp", "verify", "pin", "authorize", "token"])
def test_a_secret_in_a_content_type_is_masked(
    client: UpstoxTOTP, sandbox: Sandbox, step: SandboxStep
) -> None:
    """Whatever is said of an answer passes the mask, its media type too."""
    secret = sandbox.credentials.pin_code
    sandbox.misbehave(step, Fault.status(400, content_type=f"application/{secret}"))
    with pytest.raises(APIError) as caught:
        client.app_token.get_access_token()
    assert secret not in f"{caught.value} {vars(caught.value)} {caught.value.args}"


def _account(user_id: str, profile_id: int, *, is_default: bool = False) -> Account:
    return Account(user_id=user_id, profile_id=profile_id, is_default=is_default)


def test_the_account_of_the_app_is_taken(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several accounts the one that the dialog named is used, default or not."""
    others = [_account("OTHER1", 1, is_default=True), _account("OTHER2", 2)]
    with Sandbox(clock=fake_time.true, accounts=others) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            token = upx.app_token.get_access_token()
        assert of(sandbox, "pin").headers["X-User-Id"] == token.data.user_id


@pytest.mark.parametrize(
    ("accounts", "chosen"),
    [
        ([{"profileId": 5, "userId": "A"}], 5),
        ([{"profileId": 5, "userId": "A"}, {"profileId": 6, "userId": "B", "isDefault": True}], 6),
    ],
)
def test_without_the_apps_account_the_default_or_only_one_is_taken(
    client: UpstoxTOTP, sandbox: Sandbox, accounts: list[dict[str, object]], chosen: int
) -> None:
    """Where the dialog's user is not among the accounts, the default is used, else the only one."""
    sandbox.misbehave("verify", Fault.replace("data.accounts", accounts))
    with pytest.raises((APIError, AuthenticationError)):
        client.app_token.get_access_token()
    assert of(sandbox, "pin").json["data"]["profileId"] == chosen


def test_several_accounts_without_a_sign_are_no_guess(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The error names the user ids, and no PIN is sent."""
    accounts = [{"profileId": 5, "userId": "AAA"}, {"profileId": 6, "userId": "BBB"}]
    sandbox.misbehave("verify", Fault.replace("data.accounts", accounts))
    with pytest.raises(APIError, match="AAA, BBB"):
        client.app_token.get_access_token()
    assert "pin" not in steps(sandbox)


def test_a_newer_answer_in_the_older_shape_will_do(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A userProfile in place of accounts[] names the profile as well."""
    records = {"profileId": 77, "userId": "XYZ"}
    sandbox.misbehave("verify", Fault.change(lambda payload: _with_profile(payload, records)))
    with pytest.raises((APIError, AuthenticationError)):
        client.app_token.get_access_token()
    assert of(sandbox, "pin").json["data"]["profileId"] == 77


def _with_profile(payload: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    data = {key: value for key, value in payload["data"].items() if key != "accounts"}
    return {**payload, "data": data | {"userProfile": record}}


def test_no_totp_ends_before_a_code_is_spent(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """isTotpEnabled: false ends the login at step 2 with its own explanation."""
    with Sandbox(clock=fake_time.true, totp_enabled=False) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx, pytest.raises(AuthenticationError, match="TOTP") as caught:
            upx.app_token.get_access_token()
        assert caught.value.step is Step.OTP_GENERATE
        assert sandbox.codes_received == 0


@pytest.mark.parametrize("revision", ["newer", "older"])
def test_no_pin_ends_before_a_pin_is_sent(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    """isSecretPinSet: false ends the login at step 3 with its own explanation."""
    with Sandbox(clock=fake_time.true, pin_set=False) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_LOGIN_REVISION=revision)
        with UpstoxTOTP() as upx, pytest.raises(AuthenticationError, match="PIN") as caught:
            upx.app_token.get_access_token()
        assert caught.value.step is Step.OTP_VERIFY
        assert sandbox.pins_received == 0


@pytest.mark.parametrize("status", ["DORMANT", "INACTIVE"])
def test_a_sleeping_account_says_so(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """A dormant account ends the login at step 4 with its own explanation."""
    with Sandbox(clock=fake_time.true, customer_status=status) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx, pytest.raises(APIError, match=r"(?i)reactivate") as caught:
            upx.app_token.get_access_token()
        assert caught.value.step is Step.PIN


REJECTED = {
    "UPSTOX_PIN_CODE": ("9999", ErrorCode.INCORRECT_PIN, Step.PIN, "pin_code"),
    "UPSTOX_TOTP_SECRET": ("MFRGGZDFMZTWQ2LKMFRGGZDF", 1017999, Step.OTP_VERIFY, "totp_secret"),
    "UPSTOX_CLIENT_SECRET": ("wrong", None, Step.TOKEN, "client_secret"),
    "UPSTOX_CLIENT_ID": ("wrong", None, Step.DIALOG, "client_id"),
    "UPSTOX_REDIRECT_URI": ("https://127.0.0.1/", None, Step.DIALOG, "redirect_uri"),
    "UPSTOX_USERNAME": ("1112223334", ErrorCode.INVALID_MOBILE_NUMBER, Step.OTP_GENERATE,
                        "username"),
}  # fmt: skip


@pytest.mark.parametrize("variable", REJECTED)
def test_a_rejected_credential_is_final_and_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """One request tells that a credential is wrong, and the error names the setting to check."""
    value, code, step, setting = REJECTED[variable]
    configure(monkeypatch, sandbox, **{variable: value})
    with UpstoxTOTP() as upx, pytest.raises(AuthenticationError) as caught:
        upx.app_token.get_access_token()
    error = caught.value
    assert error.step is step
    assert setting in error.settings
    assert variable in str(error)
    if code is not None:
        assert error.error_code == code
    if step in {Step.PIN, Step.OTP_VERIFY}:
        assert error.attempts_left == 4
    assert steps(sandbox)[-1] == ALL_STEPS[step - 1]
    assert steps(sandbox).count(ALL_STEPS[step - 1]) == 1


def test_the_block_after_too_many_otps_tells_how_long(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code 1017069 is a RateLimitError of 10 minutes."""
    with Sandbox(clock=fake_time.true, otp_limit=1, step_clock=True) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            upx.app_token.get_access_token()
            with pytest.raises(RateLimitError) as caught:
                upx.app_token.get_access_token()
        assert caught.value.retry_after == 600
        assert caught.value.error_code is ErrorCode.TOO_MANY_OTPS


def test_an_error_can_be_reported_without_telling_who(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The transcript names steps, paths and fields, and neither person nor secret."""
    sandbox.misbehave("token", Fault.status(500))
    with pytest.raises(APIError) as caught:
        client.app_token.get_access_token()
    text = "\n".join(map(str, caught.value.transcript))
    assert len(caught.value.transcript) == len(sandbox.requests)
    assert "POST" in text
    assert "data.validateOTPToken" in text
    assert sandbox.environment["UPSTOX_USERNAME"] not in text
    assert of(sandbox, "pin").headers["X-User-Id"] not in text


def test_the_answer_serves_as_json(client: UpstoxTOTP) -> None:
    """The model gives back all fields of the token answer, the token in it."""
    data = json.loads(client.app_token.get_access_token().model_dump_json())["data"]
    assert {"email", "exchanges", "products", "broker", "user_id", "user_name", "order_types",
            "user_type", "poa", "ddpi", "is_active", "access_token",
            "extended_token"} <= set(data)  # fmt: skip
