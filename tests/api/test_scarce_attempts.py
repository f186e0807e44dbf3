"""However often a login is called: few credentials go out, and a healthy Upstox lets it in."""

from __future__ import annotations

import secrets
import warnings
from base64 import b32encode
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest
import requests
from urllib3.util.retry import Retry

from conftest import configure
from upstox_totp import RateLimitError, UpstoxError, UpstoxTOTP
from upstox_totp.errors import EXPLANATIONS
from upstox_totp.sandbox import Credentials, Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime
    from upstox_totp.sandbox import Step as SandboxStep

CODES: Final = [
    code
    for code, explanation in EXPLANATIONS.items()
    if not explanation.settings and explanation.error is not RateLimitError
]
LEFT: Final = "Incorrect. 4 attempts left"
WORDS: Final = ("Words", LEFT, f"{LEFT} before maintenance")
# How many go out where the attempts that are left are told, and where they are not.
STEPS: Final[dict[SandboxStep, tuple[int, int]]] = {
    "pin": (1, 3),
    "verify": (2, 3),
    "totp_login": (2, 3),
}


@pytest.fixture(autouse=True)
def quiet(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No warning, no pause before the dialog is opened again, no token that expires meanwhile."""
    fake_time.go_to_nine()
    monkeypatch.setattr(Retry, "sleep", lambda *_args, **_named: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def new_account(time: FakeTime) -> Sandbox:
    """Return a sandbox whose account nobody has failed at, though its port may be used again."""
    secret = b32encode(secrets.token_bytes(20)).decode()
    return Sandbox(clock=time.true, credentials=Credentials(totp_secret=secret))


def log_in(client: UpstoxTOTP) -> bool:
    """Tell whether a login succeeds."""
    try:
        return client.app_token.get_access_token().success
    except (UpstoxError, requests.RequestException):
        return False


def sent(sandbox: Sandbox, step: SandboxStep) -> int:
    """Return how many different credentials went out at a step: each PIN, each code once."""
    records = [record.json for record in sandbox.requests if record.step == step]
    if step == "verify":
        return len({record["data"]["otp"] for record in records})
    return len(records)


@pytest.mark.parametrize("step", STEPS)
def test_few_go_out_whatever_is_answered(
    step: SandboxStep, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each known code of another matter, with each words and status: called five times."""
    method = "api" if step == "totp_login" else "page"
    few, most = STEPS[step]
    assert len(CODES) >= 28
    for code, words, status in product(CODES, WORDS, (200, 404)):
        with new_account(fake_time) as sandbox:
            configure(monkeypatch, sandbox, UPSTOX_LOGIN_METHOD=method)
            sandbox.misbehave(step, Fault.refuse(code.value, words, status, echo=False))
            with UpstoxTOTP() as client:
                assert not any(log_in(client) for _ in range(5))
            number = sent(sandbox, step)
        assert 1 <= number <= (most if words == "Words" else few), (code.name, words, status)


WRONG_PIN: Final = "Incorrect PIN. 4 attempts left"


@pytest.mark.parametrize("code", ["UDAPI100016", "UDAPI100036", "UDAPI100500", "UDAPI7777"])
@pytest.mark.parametrize(
    "row",
    [
        (WRONG_PIN, ("pin_code",), 1),
        ("Invalid TOTP, 4 attempts left", ("totp_secret",), 2),
        ("PIN or TOTP is wrong, 4 attempts left", ("client_id", "totp_secret", "pin_code"), 2),
    ],
)
def test_the_one_request_goes_by_the_words(
    code: str,
    row: tuple[str, tuple[str, ...], int],
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Words that name the PIN alone blame the PIN, which goes out once."""
    words, settings, number = row
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_LOGIN_METHOD="api")
        sandbox.misbehave("totp_login", Fault.refuse(code, words, 401, echo=False))
        with UpstoxTOTP() as client:
            with pytest.raises(UpstoxError) as caught:
                client.app_token.get_access_token()
            assert not any(log_in(client) for _ in range(4))
        assert vars(caught.value)["settings"] == settings
        if words == WRONG_PIN:
            assert "UPSTOX_PIN_CODE" in caught.value.suggestions[0]
        assert sent(sandbox, "totp_login") == number


# What a proxy, an edge or a captive portal says of its own.
STATUSES: Final = (
    200, 204, 400, 401, 402, 403, 404, 405, 407, 408, 410, 413, 418, 421, 426, 429, 431, 451,
    494, 495, 499, 500, 501, 502, 503, 504, 511, 520, 521, 522, 523, 524, 525, 526, 530, 598,
)  # fmt: skip
ENTRIES: Final[tuple[SandboxStep, ...]] = (
    "dialog", "otp", "verify", "pin", "authorize", "token", "totp_login",
)  # fmt: skip


@pytest.mark.parametrize("step", ENTRIES)
def test_a_stranger_delays_nobody_for_long(
    step: SandboxStep, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each status, with and without Retry-After, and then health: a login within 15 minutes."""
    method = "api" if step == "totp_login" else "page"
    for status, later in product(STATUSES, (None, "999999999")):
        headers = {} if later is None else {"Retry-After": later}
        with new_account(fake_time) as sandbox:
            configure(monkeypatch, sandbox, UPSTOX_LOGIN_METHOD=method)
            page = Fault.status(status, "<html>Sign in</html>", "text/html", headers=headers)
            sandbox.misbehave(step, page, times=4)
            with UpstoxTOTP() as client:
                log_in(client)
                sandbox.behave()
                fake_time.skipped += 15 * 60
                assert log_in(client), (status, later)
