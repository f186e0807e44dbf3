"""The sandbox's strictness: what each step refuses, with which code, at what price."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from support.sandbox_probe import AUTHORIZE, OTP, PIN, TOKEN, VERIFY, Probe, code_of, message_of
from upstox_totp.sandbox import Account, Credentials, Sandbox

NOON = 1_790_000_000.0
MADE_UP_SHAPE = 1017998
MADE_UP_CODE = 1017999


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


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "another"}, "UDAPI100068"),
        ({"client_id": None}, "UDAPI100068"),
        ({"redirect_uri": "https://127.0.0.1/callback/"}, "UDAPI100068"),
        ({"response_type": "token"}, "UDAPI100036"),
    ],
)
def test_the_dialog_knows_its_app(probe: Probe, changes: dict[str, Any], code: str) -> None:
    """A wrong client, redirect URI or response type is refused with a 4xx."""
    response = probe.dialog(**changes)
    assert response.status_code == 400
    assert code_of(response) == code


def test_api_failures_use_both_spellings(probe: Probe) -> None:
    """Each key of an api error comes in both spellings, with the rejected value."""
    response = probe.dialog(client_id="another")
    assert response.json()["status"] == "error"
    assert response.json()["errors"] == [
        {
            "errorCode": "UDAPI100068",
            "message": "Check your 'client_id' another.",
            "propertyPath": "client_id",
            "invalidValue": "another",
            "error_code": "UDAPI100068",
            "property_path": "client_id",
            "invalid_value": "another",
        },
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"mobileNumber": "9000000000"},
        {"mobileNumber": None},
        {"mobileNumber": 9876501234},
        {"userId": None},
        {"userId": "ANOTHER"},
        {"countryIsdCode": "+1"},
    ],
)
def test_a_wrong_number_or_user_is_refused(probe: Probe, changes: dict[str, Any]) -> None:
    """Step 2 refuses a wrong number, a missing or wrong user id, with HTTP 200."""
    probe.dialog()
    response = probe.otp(**changes)
    assert response.status_code == 200
    assert response.json()["success"] is False
    assert code_of(response) == 1017016


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
def test_the_service_wants_enveloped_json(probe: Probe, body: dict[str, Any]) -> None:
    """A body that is no JSON by its type, broken, or without `data` is refused."""
    probe.dialog()
    assert code_of(probe.post("service", OTP, **body)) == MADE_UP_SHAPE


def test_a_charset_parameter_is_accepted(probe: Probe) -> None:
    """`Content-Type: application/json; charset=utf-8` is JSON too."""
    probe.dialog()
    data = {"mobileNumber": probe.known.username, "userId": probe.told["user_id"]}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert probe.post("service", OTP, json={"data": data}, headers=headers).json()["success"]


def test_otp_generations_run_out_and_come_back() -> None:
    """Past the limit, generation is blocked for ten minutes."""
    with Sandbox(clock=lambda: NOON, otp_limit=2) as sandbox, Probe(sandbox) as probe:
        probe.dialog()
        assert [probe.otp().json()["success"] for _ in range(3)] == [True, True, False]
        sandbox.advance(599)
        assert code_of(probe.otp()) == 1017069
        sandbox.advance(1)
        assert probe.otp().json()["success"]


def test_unlock_lifts_the_block() -> None:
    """`unlock` lets generation go on at once."""
    with Sandbox(otp_limit=1) as sandbox, Probe(sandbox) as probe:
        probe.to_otp()
        assert code_of(probe.otp()) == 1017069
        sandbox.unlock()
        assert probe.otp().json()["success"]


def test_old_generations_are_forgotten() -> None:
    """Generations count for ten minutes each."""
    with Sandbox(clock=lambda: NOON, otp_limit=2) as sandbox, Probe(sandbox) as probe:
        probe.dialog()
        for _ in range(4):
            assert probe.otp().json()["success"]
            sandbox.advance(301)


@pytest.mark.parametrize("step", ["otp", "verify", "pin", "authorize"])
def test_the_dialogs_cookies_are_required(probe: Probe, step: str) -> None:
    """Without the cookies of the dialog, or with one of the two, no step is carried out."""
    probe.to_code()
    calls = {"otp": probe.otp, "verify": probe.verify, "pin": probe.pin}
    call = calls.get(step, probe.authorize)
    jar = probe.session.cookies
    kept = dict(jar)
    for name in ("login_dialog", "login_flow"):
        jar.clear()
        jar.update({key: value for key, value in kept.items() if key != name})
        assert code_of(call()) == 1017076
    jar.clear()
    assert code_of(call()) == 1017076


def test_the_cookies_path_is_the_root(probe: Probe) -> None:
    """Cookies hold for every path, so that they reach every host of the sandbox."""
    probe.to_code()
    assert {cookie.path for cookie in probe.session.cookies} == {"/"}


def test_the_login_page_needs_the_dialog(probe: Probe) -> None:
    """The redirect to the login page belongs to a dialog."""
    assert code_of(probe.get("login", "/open/start")) == 1017076


def test_a_token_of_another_login_is_refused(sandbox: Sandbox) -> None:
    """The cookies of one login do not go with the one-time password's token of another."""
    with Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_otp()
        two.to_otp()
        assert code_of(one.verify(validateOtpToken=two.otp_token)) == 1017076
        assert code_of(two.verify(validateOtpToken="ll1FA-0")) == 1017076
        assert one.verify().json()["success"]


def test_the_request_spells_otp_its_own_way(probe: Probe) -> None:
    """`validateOTPToken`, the answer's spelling, is not the request's, and no attempt is spent."""
    probe.to_otp()
    wrong = probe.verify(validateOtpToken=None, validateOTPToken=probe.otp_token)
    assert code_of(wrong) == 1017076
    assert probe.verify().json()["success"]


def test_an_otp_session_expires(probe: Probe) -> None:
    """The one-time password's token dies by the clock."""
    probe.to_otp()
    probe.sandbox.advance(300)
    assert code_of(probe.verify()) == 1017076


def test_a_verified_token_is_used_up(probe: Probe) -> None:
    """The one-time password's token verifies once."""
    probe.to_verified()
    assert code_of(probe.verify(otp=probe.one_time_password(-1))) == 1017076


@pytest.mark.parametrize(("periods", "accepted"), [(-2, 0), (-1, 1), (0, 1), (1, 0)])
def test_the_window_is_this_period_and_the_last(probe: Probe, periods: int, accepted: int) -> None:
    """A code of this period or the last is accepted; an older or a future one is not."""
    probe.to_otp()
    response = probe.verify(otp=probe.one_time_password(periods))
    assert response.json()["success"] is bool(accepted)


def test_a_code_works_once_across_logins(sandbox: Sandbox) -> None:
    """A one-time password is accepted once for the account, not once for each login."""
    with Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_verified()
        replayed = two.to_otp().verify()
        assert code_of(replayed) == MADE_UP_CODE
        assert two.verify(otp=two.one_time_password(-1)).json()["success"]


def test_a_wrong_code_is_told_with_the_attempts_left(probe: Probe) -> None:
    """A wrong code, or one that is a number, costs an attempt and is repeated in the message."""
    probe.to_otp()
    wrong = probe.verify(otp="000000")
    assert code_of(wrong) == MADE_UP_CODE
    assert message_of(wrong) == "Invalid OTP 000000. 4 attempts left"
    assert "3 attempts left" in message_of(probe.verify(otp=int(probe.one_time_password())))
    assert code_of(probe.verify(otp=None)) == MADE_UP_SHAPE
    assert probe.verify().json()["success"]


def test_wrong_codes_lock_the_account() -> None:
    """The last wrong code locks, and then nothing goes on until `unlock`."""
    with Sandbox(attempts=2) as sandbox, Probe(sandbox) as probe:
        probe.to_otp()
        codes = [code_of(probe.verify(otp="000000")) for _ in range(2)]
        assert codes == [MADE_UP_CODE, 1017090]
        assert code_of(probe.verify()) == 1017090
        assert code_of(probe.otp()) == 1017090
        sandbox.unlock()
        assert probe.verify().json()["success"]


def encoded(text: str) -> str:
    """Return `text` in base64."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("version", ["newer", "older"])
@pytest.mark.parametrize("text", ["482915", encoded("000000"), encoded(encoded("482915"))])
def test_a_wrong_pin_costs_an_attempt(probe: Probe, version: str, text: str) -> None:
    """A wrong, an un-encoded and a doubly encoded PIN are all incorrect."""
    probe.to_verified(version)
    wrong = probe.pin(version, inputText=text)
    assert (wrong.status_code, code_of(wrong)) == (200, 1017106)
    assert message_of(wrong) == f"Incorrect PIN {text}. 4 attempts left"
    assert probe.pin(version).json()["success"]


def test_five_wrong_pins_lock_the_account(probe: Probe) -> None:
    """The fifth wrong PIN locks the account; the right one does not open it."""
    probe.to_verified()
    codes = [code_of(probe.pin(inputText="wrong")) for _ in range(5)]
    assert codes == [1017106] * 4 + [1017090]
    assert code_of(probe.pin()) == 1017090
    probe.sandbox.unlock()
    assert probe.pin().json()["success"]


def test_a_right_pin_gives_the_attempts_back(probe: Probe) -> None:
    """Attempts are counted from the last success on."""
    probe.to_verified()
    for _ in range(2):
        assert "4 attempts" in message_of(probe.pin(inputText="wrong"))
        assert probe.pin().json()["success"]


@pytest.mark.parametrize(
    ("changes", "headers"),
    [
        ({"twoFAMethod": "PIN"}, {}),
        ({"twoFAMethod": None}, {}),
        ({"inputText": None}, {}),
        ({"profileId": None}, {}),
        ({"profileId": "20481377"}, {}),
        ({"profileId": True}, {}),
        ({"profileId": 1}, {}),
        ({}, {"X-Profile-Id": None}),
        ({}, {"X-Profile-Id": "1"}),
        ({}, {"X-User-Id": None}),
        ({}, {"X-User-Id": "ANOTHER"}),
    ],
)
def test_the_newer_pin_step_wants_the_account(
    probe: Probe,
    changes: dict[str, Any],
    headers: dict[str, str | None],
) -> None:
    """A wrong method, profile id or header is refused, at no attempt's cost."""
    probe.to_verified()
    assert code_of(probe.pin(headers=headers, **changes)) == MADE_UP_SHAPE
    assert "4 attempts" in message_of(probe.pin(inputText="wrong"))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@pytest.mark.parametrize("value", [None, "another"])
def test_pin_and_approval_want_the_internal_client(
    probe: Probe,
    name: str,
    value: str | None,
) -> None:
    """Steps 4 and 5 refuse any client or redirect URI but the dialog's internal ones."""
    probe.to_verified()
    assert code_of(probe.pin(query={name: value})) == MADE_UP_SHAPE
    assert code_of(probe.pin(query={name: getattr(probe.known, name)})) == MADE_UP_SHAPE
    assert probe.pin().json()["success"]
    assert code_of(probe.authorize(**{name: value})) == MADE_UP_SHAPE


@pytest.mark.parametrize(("first", "second"), [("newer", "older"), ("older", "newer")])
def test_a_pair_belongs_together(probe: Probe, first: str, second: str) -> None:
    """A session verified by one revision does not go on with the other's PIN step."""
    probe.to_verified(first)
    assert code_of(probe.pin(second)) == 1017076
    assert probe.pin(first).json()["success"]


def test_the_pin_needs_a_verified_login(probe: Probe) -> None:
    """Without step 3 there is no step 4."""
    probe.to_otp()
    assert code_of(probe.pin("older")) == 1017076
    assert probe.sandbox.pins_received == 1


@pytest.mark.parametrize(
    ("own", "other", "chosen"),
    [
        (Account(is_default=False), Account("OTHER1", 7, is_default=True), 20481377),
        (Account(), Account("OTHER1", 7, is_default=False), 20481377),
    ],
)
def test_the_pin_is_for_the_apps_own_account(own: Account, other: Account, chosen: int) -> None:
    """Of several accounts only the one the dialog named is accepted."""
    with (
        Sandbox(account=own, accounts=[other], single_use_codes=False) as sandbox,
        Probe(sandbox) as probe,
    ):
        probe.to_verified()
        headers = {"X-Profile-Id": "7", "X-User-Id": "OTHER1"}
        assert code_of(probe.pin(headers=headers, profileId=7)) == MADE_UP_SHAPE
        assert probe.account["profileId"] == chosen
        assert probe.pin().json()["success"]


def test_the_approval_needs_the_pins_cookie(sandbox: Sandbox) -> None:
    """Without the session cookie of step 4, or with another login's, step 5 fails."""
    with Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_verified().pin()
        two.to_otp().verify(otp=two.one_time_password(-1))
        assert code_of(two.authorize()) == 1017076
        two.pin()
        own = dict(two.session.cookies)
        foreign = {"login_session": one.session.cookies["login_session"]}
        for cookies in ({"login_session": ""}, foreign):
            two.session.cookies.clear()
            two.session.cookies.update(own | cookies)
            assert code_of(two.authorize()) == 1017076
        two.session.cookies.update(own)
        assert two.authorize().json()["success"]


@pytest.mark.parametrize(
    "changes",
    [
        {"requestId": None},
        {"requestId": ""},
        {"response_type": None},
        {"response_type": "token"},
        {"approval": False},
        {"approval": "true"},
    ],
)
def test_the_approval_wants_its_fields(probe: Probe, changes: dict[str, Any]) -> None:
    """Step 5 refuses a missing request id, a wrong response type, and no approval."""
    probe.to_verified().pin()
    assert code_of(probe.authorize(**changes)) == MADE_UP_SHAPE


def test_redirects_need_the_session_and_the_approval() -> None:
    """The redirects that lead to the code are the approved login's alone."""
    with Sandbox(authorize_redirects=1) as sandbox, Probe(sandbox) as probe:
        probe.to_verified()
        hop = "/login/authorization/redirect"
        assert code_of(probe.get("api", hop)) == 1017076
        probe.pin()
        assert code_of(probe.get("api", hop)) == 1017076
        probe.authorize()
        assert probe.get("api", hop, allow_redirects=False).status_code == 302


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, "UDAPI100069"),
        ({"client_secret": None}, 401, "UDAPI100069"),
        ({"client_id": "wrong"}, 400, "UDAPI100068"),
        ({"redirect_uri": "https://127.0.0.1/callback/"}, 400, "UDAPI100068"),
        ({"grant_type": None}, 400, "UDAPI100036"),
        ({"grant_type": "refresh_token"}, 400, "UDAPI100036"),
        ({"code": None}, 401, "UDAPI100057"),
        ({"code": "wrong"}, 401, "UDAPI100057"),
    ],
)
def test_the_exchange_wants_every_value_right(
    probe: Probe,
    changes: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """Step 6 refuses a wrong value of any name and repeats it as the invalid one."""
    response = probe.to_code().token(**changes)
    assert (response.status_code, code_of(response)) == (status, code)
    name = next(iter(changes))
    error = response.json()["errors"][0]
    assert (error["propertyPath"], error["invalidValue"]) == (name, changes[name])


@pytest.mark.parametrize("changes", [{}, {"client_secret": "wrong"}])
def test_a_code_is_good_for_one_exchange(probe: Probe, changes: dict[str, Any]) -> None:
    """A second exchange fails, whether the first one succeeded or not."""
    probe.to_code().token(**changes)
    assert code_of(probe.token()) == "UDAPI100057"


def test_an_authorization_code_expires(probe: Probe) -> None:
    """An authorization code dies by the clock."""
    probe.to_code()
    probe.sandbox.advance(300)
    assert code_of(probe.token()) == "UDAPI100057"


def test_the_exchange_wants_a_form(probe: Probe) -> None:
    """JSON is no form; the code is not touched by it."""
    response = probe.to_code().post("api", TOKEN, json=probe.form())
    assert (response.status_code, code_of(response)) == (400, "UDAPI100036")
    assert probe.token().status_code == 200


@pytest.mark.parametrize("step", ["verify", "pin", "authorize"])
def test_every_service_step_wants_json(probe: Probe, step: str) -> None:
    """A form is refused by every step of the service."""
    probe.to_code()
    paths = {"verify": VERIFY["newer"], "pin": PIN["newer"], "authorize": AUTHORIZE}
    query = probe.client() | {"requestId": "x", "response_type": "code"}
    response = probe.post("service", paths[step], params=query, data={"data": "x"})
    assert code_of(response) == MADE_UP_SHAPE


def test_an_account_without_totp_says_so() -> None:
    """Without TOTP the sign is false, and every code is wrong."""
    with Sandbox(totp_enabled=False) as sandbox, Probe(sandbox) as probe:
        probe.dialog()
        assert probe.otp().json()["data"]["isTotpEnabled"] is False
        assert code_of(probe.verify()) == MADE_UP_CODE


@pytest.mark.parametrize("version", ["newer", "older"])
def test_an_account_without_a_pin_says_so(version: str) -> None:
    """Without a PIN the sign is false, and every PIN is wrong."""
    with Sandbox(pin_set=False) as sandbox, Probe(sandbox) as probe:
        assert probe.to_otp().verify(version).json()["data"]["isSecretPinSet"] is False
        assert code_of(probe.pin(version)) == 1017106


def test_a_dormant_customer_is_named() -> None:
    """The customer's status is the one asked for."""
    with Sandbox(customer_status="DORMANT") as sandbox, Probe(sandbox) as probe:
        assert probe.to_verified().pin().json()["data"]["customerStatus"] == "DORMANT"


def test_without_echo_no_value_comes_back() -> None:
    """With `echo` off, errors name what is wrong but not its value."""
    known = Credentials(client_secret="unheard-of")
    with Sandbox(echo=False, credentials=known) as sandbox, Probe(sandbox) as probe:
        probe.to_verified()
        assert message_of(probe.pin(inputText="wrong")) == "Incorrect PIN. 4 attempts left"
        error = probe.token(client_secret="guessed").json()["errors"][0]
        assert (error["message"], error["invalidValue"]) == ("Invalid client.", None)
