"""The TOTP login: one request, what it refuses at what price, its limits, whom it ends."""

import json
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from conftest import PATIENCE
from support.sandbox_probe import Probe, code_of, merged, message_of
from upstox_totp.sandbox import Fault, Sandbox

PATH = "/v2/totp-login/authorization/token"
NOON = 1_790_000_000.0
CREDENTIALS = "UDAPI100016"
SHAPE = "UDAPI100036"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox whose clock stands still."""
    with Sandbox(clock=lambda: NOON) as served:
        yield served


def log_in(
    sandbox: Sandbox,
    headers: Mapping[str, str | None] | None = None,
    body: bytes | None = None,
    **changes: Any,
) -> requests.Response:
    """Send the one request; keyword arguments change the body, None leaves out."""
    usual: dict[str, str | None] = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "x-api-key": sandbox.credentials.client_id,
    }
    known = {"totp": sandbox.one_time_password(), "pin": sandbox.credentials.pin_code}
    return requests.post(
        sandbox.base_domain.format(stage="api") + PATH,
        data=json.dumps(merged(known, changes)) if body is None else body,
        # None keeps requests from putting its own in.
        headers=usual | dict(headers or {}),
        timeout=PATIENCE,
    )


def profile(sandbox: Sandbox, token: str) -> int:
    """Return the status of a profile that is asked for with a token."""
    with Probe(sandbox) as probe:
        return probe.profile(token).status_code


def test_one_request_brings_a_token(sandbox: Sandbox) -> None:
    """A POST alone: the fields of the exchange, flat, and a token that opens the profile."""
    with Probe(sandbox) as probe:
        refused = probe.get("api", PATH)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
        sandbox.clear_requests()
    answer = log_in(sandbox)
    assert answer.status_code == 200
    with Probe(sandbox) as probe:
        sandbox.advance(30)
        assert set(answer.json()) == set(probe.login())
    assert answer.json()["access_token"] == sandbox.access_tokens[0]
    assert profile(sandbox, answer.json()["access_token"]) == 200
    record = sandbox.requests[0]
    assert (record.step, record.status, record.path) == ("totp_login", 200, PATH)


def test_a_login_counts_as_a_code_and_a_pin(sandbox: Sandbox) -> None:
    """`totp_logins` counts requests, which are among the codes and PINs received."""
    log_in(sandbox)
    log_in(sandbox)
    counts = (sandbox.totp_logins, sandbox.codes_received, sandbox.pins_received)
    assert counts == (2, 2, 2)
    assert (sandbox.logins, sandbox.otp_requests) == (1, 0)
    sandbox.reset()
    counts = (sandbox.totp_logins, sandbox.codes_received, sandbox.pins_received)
    assert counts == (0, 0, 0)


def test_the_answer_can_be_enveloped() -> None:
    """With `totp_login_enveloped` the same fields lie under `data`."""
    with Sandbox(totp_login_enveloped=True) as sandbox:
        answer = log_in(sandbox).json()
        assert set(answer) == {"status", "data"}
        assert answer["status"] == "success"
        assert answer["data"]["access_token"] == sandbox.access_tokens[0]


def test_a_new_token_ends_every_older_one(sandbox: Sandbox) -> None:
    """Those of the page and of the TOTP login die; the new one and the page's later ones live."""
    with Probe(sandbox) as probe:
        extended = probe.login()["extended_token"]
        sandbox.advance(30)
        second = log_in(sandbox).json()["access_token"]
        assert [profile(sandbox, token) for token in sandbox.access_tokens] == [401, 200]
        assert code_of(probe.profile(extended)) == "UDAPI100067"
        sandbox.advance(30)
        third = log_in(sandbox).json()["access_token"]
        sandbox.advance(30)
        fourth = probe.login()["access_token"]
    living = [profile(sandbox, token) for token in (second, third, fourth)]
    assert living == [401, 200, 200]


def test_a_refused_login_ends_nothing(sandbox: Sandbox) -> None:
    """The token before it lives on."""
    token = log_in(sandbox).json()["access_token"]
    sandbox.advance(30)
    assert log_in(sandbox, pin="000000").status_code == 401
    assert profile(sandbox, token) == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-api-key": None}, "UDAPI100069"),
        ({"x-api-key": "another"}, "UDAPI100069"),
        ({"Accept": None}, SHAPE),
        ({"Accept": "*/*"}, SHAPE),
        ({"Accept": "text/html"}, SHAPE),
        ({"Content-Type": "text/plain"}, SHAPE),
        ({"Content-Type": "application/x-www-form-urlencoded"}, SHAPE),
    ],
)
def test_headers_are_as_documented(
    sandbox: Sandbox, headers: dict[str, str | None], code: str
) -> None:
    """A wrong or missing one is refused with a 4xx, at the price of no attempt."""
    answer = log_in(sandbox, headers)
    assert 400 <= answer.status_code < 500
    assert code_of(answer) == code
    sandbox.advance(1)
    assert log_in(sandbox).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"totp": None},
        {"pin": None},
        {"totp": 123456},
        {"pin": 482915},
        {"totp": "12345"},
        {"pin": "NDgyOTE1"},
        {"totp": "१२३४५६"},
        {"pin": "482915\n"},
        {"client_secret": "s8k2m4q7wz"},
        {"data": {"totp": "123456", "pin": "482915"}, "totp": None, "pin": None},
        b"",
        b"{broken",
        b"[]",
        b"null",
    ],
)
def test_the_body_is_exactly_two_texts_of_six_digits(
    sandbox: Sandbox, changes: dict[str, Any] | bytes
) -> None:
    """Anything else is refused with a 4xx and spends neither attempt nor code."""
    body = {"body": changes} if isinstance(changes, bytes) else changes
    answer = log_in(sandbox, **body)
    assert (answer.status_code, code_of(answer)) == (400, SHAPE)
    sandbox.advance(1)
    assert "4 attempts left" in message_of(log_in(sandbox, pin="000000"))


@pytest.mark.parametrize(
    ("settings", "changes", "name", "value"),
    [
        ({}, {"totp": "000000"}, "totp", "000000"),
        ({}, {"pin": "000000"}, "pin", "000000"),
        ({"totp_enabled": False}, {}, None, None),
        ({"pin_set": False}, {}, "pin", "482915"),
    ],
)
def test_wrong_credentials_are_refused(
    settings: dict[str, Any], changes: dict[str, Any], name: str | None, value: str | None
) -> None:
    """With one code for all, in the api's envelope, the value only where errors echo."""
    for echo in (True, False):
        with Sandbox(echo=echo, **settings) as sandbox:
            answer = log_in(sandbox, **changes)
            assert (answer.status_code, code_of(answer)) == (401, CREDENTIALS)
            (error,) = answer.json()["errors"]
            assert error["invalidValue"] == error["invalid_value"] == (value if echo else None)
            assert error["propertyPath"] == name
            assert sandbox.tokens_issued == 0


def test_a_code_is_good_for_one_login(sandbox: Sandbox) -> None:
    """Used codes are those of the page, and a wrong PIN uses one up as well."""
    with Probe(sandbox) as probe:
        probe.to_verified()
    assert "Invalid OTP" in message_of(log_in(sandbox))
    sandbox.advance(30)
    assert "Incorrect PIN" in message_of(log_in(sandbox, pin="000000"))
    sandbox.advance(1)
    assert "Invalid OTP" in message_of(log_in(sandbox))
    with Probe(sandbox) as probe:
        assert code_of(probe.to_otp().verify()) == 1017999


def test_wrong_pins_lock_the_account_for_every_way() -> None:
    """They are counted together with those of the page."""
    with Sandbox(clock=lambda: NOON, step_clock=True) as sandbox, Probe(sandbox) as probe:
        for left in (4, 3):
            assert f"{left} attempts left" in message_of(log_in(sandbox, pin="000000"))
        probe.to_verified()
        assert "2 attempts left" in message_of(probe.pin(inputText="MDAwMDAw"))
        log_in(sandbox, pin="000000")
        locking = log_in(sandbox, pin="000000")
        assert (locking.status_code, code_of(locking)) == (401, CREDENTIALS)
        assert "locked" in message_of(locking)
        assert code_of(probe.otp()) == 1017090
        sandbox.advance(30)
        assert "locked" in message_of(log_in(sandbox))
        sandbox.unlock()
        assert log_in(sandbox).status_code == 200


def test_wrong_codes_are_counted_with_the_pages(sandbox: Sandbox) -> None:
    """One counter for every way, which a right one clears."""
    assert "4 attempts left" in message_of(log_in(sandbox, totp="000000"))
    with Probe(sandbox) as probe:
        assert "3 attempts left" in message_of(probe.to_otp().verify(otp="000000"))
    sandbox.advance(30)
    log_in(sandbox)
    sandbox.advance(30)
    assert "4 attempts left" in message_of(log_in(sandbox, totp="000000"))


@pytest.mark.parametrize(("most", "seconds", "spacing"), [(1, 1, 0.5), (10, 60, 2), (60, 1800, 10)])
def test_the_documented_limits(most: int, seconds: float, spacing: float) -> None:
    """One a second, ten a minute, sixty in thirty minutes; a request past them judges nothing."""
    with Sandbox(clock=lambda: NOON, attempts=1000) as sandbox:
        for _ in range(most):
            assert log_in(sandbox, totp="000000").status_code == 401
            sandbox.advance(spacing)
        refused = log_in(sandbox)
        assert (refused.status_code, code_of(refused)) == (429, "UDAPI10005")
        sandbox.advance(NOON + seconds - 0.001 - sandbox.now())
        assert log_in(sandbox).status_code == 429
        sandbox.advance(0.001)
        assert log_in(sandbox).status_code == 200


def test_limits_can_be_others_and_none(sandbox: Sandbox) -> None:
    """`totp_login_limits` replaces them, `unlock` forgets what was counted, zero is senseless."""
    log_in(sandbox)
    assert log_in(sandbox).status_code == 429
    sandbox.unlock()
    assert log_in(sandbox).status_code == 401
    with Sandbox(clock=lambda: NOON, totp_login_limits=(), attempts=99) as free:
        assert {log_in(free, totp="000000").status_code for _ in range(20)} == {401}
    with Sandbox(clock=lambda: NOON, totp_login_limits=[(2, 5)]) as other:
        answers = [log_in(other, totp="000000").status_code for _ in range(3)]
        assert answers == [401, 401, 429]
    with pytest.raises(ValueError, match="limits"):
        Sandbox(totp_login_limits=[(0, 1)])


def test_a_stepping_clock_never_meets_the_limits() -> None:
    """Seventy logins in a row are half an hour apart and more."""
    with Sandbox(clock=lambda: NOON, step_clock=True) as sandbox:
        assert {log_in(sandbox).status_code for _ in range(70)} == {200}


def test_a_clock_that_is_moved_back_frees_the_limit(sandbox: Sandbox) -> None:
    """Requests of a time to come say nothing about now."""
    log_in(sandbox)
    sandbox.advance(-3600)
    assert log_in(sandbox).status_code == 200


def test_the_route_can_be_missing() -> None:
    """Then it answers as any address that there is not, and nothing counts."""
    with Sandbox(totp_login=False) as sandbox, Probe(sandbox) as probe:
        sandbox.misbehave("totp_login", Fault.status(500))
        missing = log_in(sandbox)
        nowhere = probe.post("api", "/v9/nowhere")
        assert missing.status_code == nowhere.status_code == 404
        assert code_of(missing) == code_of(nowhere) == "UDAPI10000"
        assert sandbox.requests[0].step == "totp_login"
        counts = (sandbox.totp_logins, sandbox.codes_received, sandbox.pins_received)
        assert counts == (0, 0, 0)
        assert probe.login()["access_token"]


@pytest.mark.parametrize("path", ["", "/", "/favicon.ico"])
def test_the_time_can_be_asked_for_nothing(sandbox: Sandbox, path: str) -> None:
    """A GET of the api host has the server's date and changes nothing."""
    sandbox.advance(600)
    answer = requests.get(sandbox.base_domain.format(stage="api") + path, timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == (404, "UDAPI10000")
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == NOON + 600
    assert (sandbox.totp_logins, sandbox.requests[0].step) == (0, None)
