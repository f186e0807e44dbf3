"""What an access token is asked: whether it lives, and to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydantic import SecretStr

from conftest import configure
from support.canaries import CREDENTIALS, Canaries, everything_logged
from upstox_totp import APIError, AuthenticationError, RateLimitError, UpstoxTOTP, ValidationError
from upstox_totp.sandbox import Fault, Sandbox
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime
    from upstox_totp.sandbox import Step as SandboxStep

QUESTIONS: list[tuple[str, SandboxStep, Step]] = [
    ("is_valid", "profile", Step.PROFILE),
    ("revoke", "logout", Step.LOGOUT),
    ("read_addresses", "address", Step.ADDRESSES),
]


def test_a_token_lives_until_it_is_revoked(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Hidden or as text, the token is accepted, ended once, and known to be dead then."""
    token = client.app_token.get_access_token().data.access_token
    assert client.app_token.is_valid(token) is True
    assert client.app_token.is_valid(SecretStr(token)) is True
    assert client.app_token.revoke(SecretStr(token)) is True
    assert client.app_token.is_valid(token) is False
    assert client.app_token.revoke(token) is False
    asked = [(record.method, record.step) for record in sandbox.requests[-2:]]
    assert asked == [("GET", "profile"), ("DELETE", "logout")]


ANSWERS: dict[str, tuple[Fault, Any]] = {
    "invalid": (Fault.refuse("UDAPI100050", "Invalid token", 401), False),
    "bare-401": (Fault.json({"status": "error", "errors": [{"message": "No"}]}, 401), False),
    "unknown-401": (Fault.refuse("UDAPI7", "No", 401), APIError),
    "credentials": (Fault.refuse("UDAPI100016", "No", 401), AuthenticationError),
    "static-401": (Fault.refuse("UDAPI1221", "Static IP", 401), APIError),
    "static-403": (Fault.refuse("UDAPI1154", "Static IP", 403), APIError),
    "extended": (Fault.refuse("UDAPI100067", "No", 401), APIError),
    "page": (Fault.html(), ValidationError),
    "page-401": (Fault.html(401), APIError),
    "plain-401": (Fault.status(401), APIError),
    "empty": (Fault.status(204), ValidationError),
    "half": (Fault.json({"status": "success"}), ValidationError),
    "no": (Fault.json({"status": "success", "data": False}), ValidationError),
    "redirect": (Fault.redirect("https://example.com/"), ValidationError),
    "limit": (Fault.retry_after(7), RateLimitError),
    "down": (Fault.status(503), APIError),
    "reset": (Fault.reset(), requests.ConnectionError),
}


@pytest.mark.parametrize(("method", "step", "asked"), QUESTIONS)
@pytest.mark.parametrize("name", ANSWERS)
def test_only_upstox_own_word_counts(  # noqa: PLR0917 - pytest passes by name
    name: str,
    method: str,
    step: SandboxStep,
    asked: Step,
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dead is what Upstox calls invalid; all else is an error that shows no token."""
    fault, expected = ANSWERS[name]
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_DEBUG="true")
        with everything_logged() as records, UpstoxTOTP() as upx:
            canaries = Canaries(sandbox, upx)
            token = upx.app_token.get_access_token().data.access_token
            sandbox.misbehave(step, fault)
            outcome: Any
            try:
                outcome = getattr(upx.app_token, method)(token)
            except Exception as error:  # noqa: BLE001 - which one it is, is what this is about
                outcome = error
            canaries.check(canaries.surfaces(outcome, records))
    if expected is False:
        assert not outcome
        return
    if method == "is_valid" and name.startswith("static"):
        # A price tells what the profile does not.
        assert outcome is True
        return
    assert isinstance(outcome, expected), outcome
    assert vars(outcome)["step"] is asked
    assert [exchange.step for exchange in vars(outcome)["transcript"]] == [asked]
    assert str(outcome).startswith(asked.title.capitalize())


@pytest.fixture
def away(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose app has another address registered than this machine's."""
    with Sandbox(clock=fake_time.true, static_address=True) as running:
        configure(monkeypatch, running)
        yield running


def test_a_token_is_checked_away_from_the_registered_address(away: Sandbox) -> None:
    """Upstox tells there whether it is valid, not whose it is, and what is registered."""
    with UpstoxTOTP() as upx:
        data = upx.app_token.get_access_token().data
        token = data.access_token
        here = upx.app_token.check(token)
        addresses = upx.app_token.read_addresses(token)
        away.static_address = False
        there = upx.app_token.check(token)
        away.static_address = True
        assert upx.app_token.is_valid(token) is True
        away.revoke(token)
        assert upx.app_token.is_valid(token) is False
        assert upx.app_token.check(SecretStr(token)).valid is False
        assert upx.app_token.read_addresses(token) is None
    assert (here.valid, here.owner) == (True, None)
    assert here.refusal is not None
    assert here.refusal.error_code == "UDAPI1221"
    assert addresses is not None
    assert addresses.primary_ip
    assert (there.valid, there.refusal) == (True, None)
    assert there.owner is not None
    assert there.owner.user_id == data.user_id
    assert token not in repr((here, there, addresses))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.status(503), APIError),
        (Fault.refuse("UDAPI1221", "Static IP", 401), APIError),
        (Fault.html(), ValidationError),
        (Fault.reset(), requests.ConnectionError),
    ],
)
def test_what_is_not_known_is_an_error_there(
    away: Sandbox, fault: Fault, expected: type[Exception]
) -> None:
    """Valid, invalid and unknown stay three things."""
    with UpstoxTOTP() as upx:
        token = upx.app_token.get_access_token().data.access_token
        away.misbehave("quote", fault)
        with pytest.raises(expected) as caught:
            upx.app_token.is_valid(token)
    assert vars(caught.value)["step"] is Step.QUOTE


@pytest.mark.parametrize("token", ["", "caf\u00e9 \u20ac", "x" * 10_000])
def test_what_was_never_a_token_is_dead(client: UpstoxTOTP, token: str) -> None:
    """Upstox says so, whatever letters it has."""
    assert client.app_token.is_valid(token) is False


def test_what_cannot_be_sent_ends_as_documented(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A line break does not get into a header."""
    with pytest.raises(requests.RequestException) as caught:
        client.app_token.is_valid("two\nlines")
    assert vars(caught.value)["step"] is Step.PROFILE
    assert "lines" not in str(caught.value)
    assert sandbox.requests == []
