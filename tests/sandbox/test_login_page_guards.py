"""The login page's guards: wrong values, locks, lost cookies, forms out of turn."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.form_browser import LoginBrowser
from support.sandbox_probe import Probe, code_of, query_of
from upstox_totp.sandbox import Sandbox

NOON = 1_790_000_000.0


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


def test_used_codes_are_shared_with_the_six_requests(
    browser: LoginBrowser, sandbox: Sandbox
) -> None:
    """A code that the verification took is wrong on the page."""
    with Probe(sandbox) as probe:
        probe.to_verified()
    browser.to_code()
    browser.submit({"One-time code": sandbox.one_time_password()})
    assert "Invalid OTP" in browser.shown.alert


def test_generations_are_shared_with_the_six_requests() -> None:
    """Each mobile number that is accepted counts as a generated one-time password."""
    with Sandbox(otp_limit=1) as sandbox, LoginBrowser(sandbox) as browser:
        with Probe(sandbox) as probe:
            probe.to_otp()
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
