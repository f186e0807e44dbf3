"""The login page: what a user, or a browser tool, can do with it and what it refuses."""

import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from conftest import PATIENCE
from support.form_browser import LoginBrowser
from support.sandbox_probe import AUTHORIZE, Probe, code_of, query_of
from upstox_totp.sandbox import Credentials, Fault, Sandbox

NOON = 1_790_000_000.0
STATE = "a b&c=d/é%2B+"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox whose clock stands still."""
    with Sandbox(clock=lambda: NOON) as served:
        yield served


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[LoginBrowser]:
    """A browser without script."""
    with LoginBrowser(sandbox) as made:
        yield made


def exchange(sandbox: Sandbox, code: str) -> Any:
    """Exchange a code, as the app does."""
    with Probe(sandbox) as probe:
        probe.code = code
        return probe.token()


def test_four_forms_lead_to_a_code_and_the_state(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """The app gets back its state to the letter, and a code that is good for a token."""
    browser.to_approval(state=STATE)
    browser.submit(button="Approve")
    assert browser.left_for.partition("?")[0] == sandbox.credentials.redirect_uri
    told = query_of(browser.left_for)
    assert set(told) == {"code", "state"}
    assert told["state"] == STATE
    answer = exchange(sandbox, told["code"])
    assert answer.json()["access_token"] in sandbox.access_tokens
    assert exchange(sandbox, told["code"]).status_code == 401
    assert sandbox.logins == 1


def test_who_denies_sends_the_app_an_error(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """As RFC 6749 has it, with the state, without a code; and approving afterwards is too late."""
    browser.to_approval(state=STATE)
    question = browser.shown
    browser.submit(button="Deny")
    assert browser.left_for.partition("?")[0] == sandbox.credentials.redirect_uri
    assert query_of(browser.left_for) == {"error": "access_denied", "state": STATE}
    browser.left_for, browser.page = "", question
    browser.submit(button="Approve")
    assert browser.left_for == ""
    assert "login is over" in browser.shown.text
    api = sandbox.base_domain.format(stage="service") + AUTHORIZE
    told = {
        "client_id": "IND-kf83ms02xq7v",
        "redirect_uri": "https://api-v2.upstox.com/login/authorization/redirect",
        "requestId": "WPRO-1234567890",
        "response_type": "code",
    }
    body = {"data": {"userOAuthApproval": True}}
    late = browser.session.post(api, params=told, json=body, timeout=PATIENCE)
    assert code_of(late) == 1017076


def test_each_page_is_accessible_and_plain(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """Language, title, labelled fields with the right keyboards, no script, nothing stored."""
    expected = {
        "Mobile number": ("tel", "numeric", "tel-national"),
        "One-time code": ("text", "numeric", "one-time-code"),
        "PIN": ("password", "numeric", "current-password"),
    }
    known = sandbox.credentials
    values = dict(
        zip(expected, (known.username, sandbox.one_time_password(), known.pin_code), strict=True)
    )
    browser.begin()
    titles = []
    for label, (kind, keyboard, completion) in expected.items():
        page = browser.shown
        titles.append(page.title)
        (attributes,) = page.inputs.values()
        assert page.labels == {label: attributes["id"]}
        assert (attributes["type"], attributes["inputmode"]) == (kind, keyboard)
        assert attributes["autocomplete"] == completion
        assert "required" in attributes
        assert re.fullmatch(attributes["pattern"], values[label])
        assert "value" not in attributes
        assert (page.language, page.scripts, page.alert) == ("en", 0, "")
        assert page.form["method"] == "post"
        browser.submit({label: values[label]})
    assert set(browser.shown.buttons) == {"Approve", "Deny"}
    assert len({*titles, browser.shown.title}) == 4
    assert known.client_id in browser.shown.text


def test_cookies_are_out_of_reach_for_scripts_and_other_sites(
    browser: LoginBrowser, sandbox: Sandbox
) -> None:
    """Each is HttpOnly and Lax; the session's comes with the PIN."""
    browser.to_approval()
    cookies = [r.headers["Set-Cookie"] for r in browser.history if "Set-Cookie" in r.headers]
    assert [cookie.partition("=")[0] for cookie in cookies] == [
        "login_dialog",
        "login_flow",
        "login_session",
    ]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_a_reload_sends_nothing_twice(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """Every post is answered by a redirect to the page, which asks for what comes next."""
    browser.to_pin()
    assert browser.history[-2].status_code == 303
    assert browser.history[-2].request.method == "POST"
    browser.open(browser.shown.url)
    assert list(browser.shown.labels) == ["PIN"]
    assert (sandbox.otp_requests, sandbox.codes_received, sandbox.pins_received) == (1, 1, 0)


def test_redirects_may_lie_before_the_app() -> None:
    """With `authorize_redirects` the browser goes through them, and the state is the app's own."""
    with (
        Sandbox(authorize_redirects=2) as sandbox,
        LoginBrowser(sandbox) as browser,
    ):
        browser.to_approval(state=STATE)
        browser.submit(button="Approve")
        assert [record.step for record in sandbox.requests].count("redirect") == 2
        told = query_of(browser.left_for)
        assert told["state"] == STATE
        assert exchange(sandbox, told["code"]).status_code == 200


@pytest.mark.parametrize("state", [STATE, "", None])
def test_the_state_comes_back_as_it_came(sandbox: Sandbox, state: str | None) -> None:
    """None stays none, an empty one stays empty, on the page and in the address of step 5."""
    with LoginBrowser(sandbox) as browser:
        browser.to_approval(**({} if state is None else {"state": state}))
        browser.submit(button="Approve")
        assert ("state=" in browser.left_for) == (state is not None)
    sandbox.advance(30)
    with Probe(sandbox) as probe:
        probe.dialog(state=state)
        probe.otp()
        probe.verify()
        probe.pin()
        uri = probe.authorize().json()["data"]["redirectUri"]
        told = dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True))
        assert told == {"code": probe.code} | ({} if state is None else {"state": state})
        assert probe.token().status_code == 200


def test_a_page_can_misbehave(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """Faults of the login page hit its forms as well."""
    browser.begin()
    sandbox.misbehave("login_page", Fault.html(403), 1)
    browser.submit({"Mobile number": sandbox.credentials.username})
    assert browser.history[-1].status_code == 403
    assert sandbox.otp_requests == 1
    browser.open(f"{browser.origin}login/")
    assert list(browser.shown.labels) == ["Mobile number"]
    sandbox.misbehave("login_page", Fault.change(lambda page: page.replace("Mobile", "Cell")), 1)
    browser.open(f"{browser.origin}login/")
    assert list(browser.shown.labels) == ["Cell number"]


def test_the_default_app_listens_on_a_free_port_of_loopback() -> None:
    """Each sandbox's own, in its environment, free to listen on; a given one is kept."""
    uris = [Sandbox().credentials.redirect_uri for _ in range(5)]
    assert len(set(uris)) > 1
    for uri in uris:
        parts = urlsplit(uri)
        assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/callback")
        assert parts.port is not None
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", parts.port))
    with Sandbox() as sandbox:
        assert sandbox.environment["UPSTOX_REDIRECT_URI"] == sandbox.credentials.redirect_uri
    assert Sandbox(credentials=Credentials()).credentials == Credentials()


def test_what_is_wrong_is_said_above_the_form(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """As an alert that the field points to; the form stays, and no rejected value is repeated."""
    browser.begin()
    browser.submit({"Mobile number": "9000000000"})
    assert "mobile number" in browser.shown.alert
    (field,) = browser.shown.inputs.values()
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "notice")
    browser.submit({"Mobile number": sandbox.credentials.username})
    assert browser.shown.alert == ""
    browser.submit({"One-time code": "000000"})
    assert "4 attempts left" in browser.shown.alert
    assert "000000" not in browser.shown.text
    browser.submit({"One-time code": sandbox.one_time_password()})
    browser.submit({"PIN": "111111"})
    assert "Incorrect PIN. 4 attempts left" in browser.shown.alert
    assert "111111" not in browser.shown.text
    browser.submit({"PIN": sandbox.credentials.pin_code})
    assert browser.shown.alert == ""
    assert set(browser.shown.buttons) == {"Approve", "Deny"}
    assert (sandbox.otp_requests, sandbox.codes_received, sandbox.pins_received) == (2, 2, 2)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "१२३४५६"])
def test_what_is_no_code_costs_no_attempt(
    browser: LoginBrowser, sandbox: Sandbox, typed: str
) -> None:
    """Nor does an empty PIN."""
    browser.to_code()
    browser.submit({"One-time code": typed})
    assert "six digits" in browser.shown.alert
    browser.submit({"One-time code": sandbox.one_time_password()})
    browser.submit({"PIN": ""})
    assert browser.shown.alert == "Enter the PIN."
    browser.submit({"PIN": "0"})
    assert "4 attempts left" in browser.shown.alert


def test_locks_are_shared_with_the_six_requests(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """Wrong PINs on the page lock the account for every way."""
    browser.to_pin()
    for _ in range(5):
        browser.submit({"PIN": "111111"})
    assert "locked" in browser.shown.alert
    browser.submit({"PIN": sandbox.credentials.pin_code})
    assert "locked" in browser.shown.alert
    with Probe(sandbox) as probe:
        probe.dialog()
        assert code_of(probe.otp()) == 1017090
    sandbox.unlock()
    browser.submit({"PIN": sandbox.credentials.pin_code})
    assert set(browser.shown.buttons) == {"Approve", "Deny"}


def test_codes_and_otp_requests_are_shared_with_the_six_requests() -> None:
    """A code that the verification took is wrong on the page, and a mobile number counts there."""
    with (
        Sandbox(clock=lambda: NOON, otp_limit=2) as sandbox,
        LoginBrowser(sandbox) as browser,
        Probe(sandbox) as probe,
    ):
        probe.to_verified()
        browser.to_code()
        browser.submit({"One-time code": sandbox.one_time_password()})
        assert "Invalid OTP" in browser.shown.alert
        browser.begin()
        browser.submit({"Mobile number": sandbox.credentials.username})
        assert "exceeded" in browser.shown.alert


def test_the_page_and_the_requests_are_one_login(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """A browser may begin what a program with its cookies goes on with."""
    browser.to_pin()
    with Probe(sandbox) as probe:
        probe.session.cookies.update(browser.session.cookies)
        probe.told = query_of(browser.history[2].url)
        probe.account = {"profileId": 20481377, "userId": "4CB7QX"}
        assert probe.pin().json()["success"]
        probe.authorize()
        assert probe.token().status_code == 200


def test_a_code_that_came_too_late_begins_anew(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """After the one-time password's life the page asks for the mobile number again."""
    browser.to_code()
    sandbox.advance(301)
    browser.submit({"One-time code": sandbox.one_time_password()})
    assert list(browser.shown.labels) == ["Mobile number"]
    assert "too late" in browser.shown.alert


@pytest.mark.parametrize("cookie", ["login_dialog", "login_flow", "login_session"])
def test_without_its_cookies_a_login_is_lost(
    browser: LoginBrowser, sandbox: Sandbox, cookie: str
) -> None:
    """The page says so, and approves nothing."""
    browser.to_approval()
    jar: Any = browser.session.cookies
    jar.set(cookie, None)
    browser.submit(button="Approve")
    assert browser.left_for == ""
    assert "run out" in browser.shown.alert
    assert browser.shown.form == {}


@pytest.mark.parametrize("path", ["mobile", "code", "pin", "approval"])
def test_a_form_out_of_turn_leads_back(browser: LoginBrowser, sandbox: Sandbox, path: str) -> None:
    """Whatever is posted to whichever stage, only the one that is due goes on."""
    browser.begin()
    known = sandbox.credentials
    everything = {"otp": sandbox.one_time_password(), "pin": known.pin_code, "decision": "approve"}
    browser.open(f"{browser.origin}login/{path}", "POST", everything)
    assert list(browser.shown.labels) == ["Mobile number"]
    assert (browser.left_for, sandbox.logins) == ("", 0)


def test_an_unknown_decision_decides_nothing(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """The question is asked again."""
    browser.to_approval()
    browser.open(f"{browser.origin}login/approval", "POST", {"decision": "maybe"})
    assert "Approve or deny" in browser.shown.alert
    browser.submit(button="Approve")
    assert "code=" in browser.left_for


def test_two_browsers_keep_apart(browser: LoginBrowser, sandbox: Sandbox) -> None:
    """Each has its own state, though both are one person's."""
    with LoginBrowser(sandbox) as other:
        browser.to_approval(state="one")
        sandbox.advance(30)
        other.to_approval(state="two")
        browser.submit(button="Approve")
        other.submit(button="Deny")
        assert query_of(browser.left_for)["state"] == "one"
        assert query_of(other.left_for) == {"error": "access_denied", "state": "two"}
