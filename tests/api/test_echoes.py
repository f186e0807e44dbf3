"""Echoes that the mutated logins found, in words and addresses that are the server's to choose."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from conftest import attempt, configure
from support.canaries import CREDENTIALS, Canaries, everything_logged
from upstox_totp import AuthenticationError, TokenCache, UpstoxTOTP, ValidationError
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import FakeTime
    from upstox_totp.sandbox import Step

WIRE_PIN = base64.b64encode(CREDENTIALS.pin_code.encode())


@pytest.mark.parametrize("method", ["page", "api"])
@pytest.mark.parametrize(
    "echo",
    [
        CREDENTIALS.password,
        CREDENTIALS.client_secret,
        CREDENTIALS.totp_secret.lower(),
        quote(CREDENTIALS.totp_secret.lower().encode().hex()),
        WIRE_PIN.hex(),
        base64.b64encode(WIRE_PIN).decode().rstrip("="),
    ],
)
def test_what_a_way_does_not_send_is_masked_as_well(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, method: str, echo: str
) -> None:
    """Every secret of the settings, and the PIN as it goes over the wire, in any spelling."""
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_LOGIN_METHOD=method)
        with UpstoxTOTP() as upx:
            step: Step = "pin" if method == "page" else "totp_login"
            sandbox.misbehave(step, Fault.refuse(424242, f"No: {echo}", echo=False))
            outcome = attempt(upx)
    assert echo not in f"{outcome} {vars(outcome)}"
    assert "No: [hidden]" in str(outcome)


@pytest.mark.parametrize("secret", [CREDENTIALS.password, CREDENTIALS.totp_secret])
def test_an_address_with_a_credential_is_not_followed(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """It would be in the logs of everything on the way, urllib3's own among them."""
    with (
        Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox,
        everything_logged() as records,
    ):
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            canaries = Canaries(sandbox, upx)
            leading = Fault.redirect(f"{sandbox.base_domain.format(stage='login')}/{quote(secret)}")
            sandbox.misbehave("login_page", leading)
            outcome = attempt(upx)
            canaries.check(canaries.surfaces(outcome, records))
        asked = len(sandbox.requests)
    assert isinstance(outcome, ValidationError)
    assert "credentials in its address" in str(outcome)
    assert asked == 2


def test_a_user_id_that_is_a_credential_is_masked(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A token of another user is refused with both names, and the server chose one of them."""
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_USER_ID="AB1234")
        echo = Fault.replace("user_id", CREDENTIALS.pin_code)
        sandbox.misbehave("token", echo)
        with UpstoxTOTP() as upx, pytest.raises(AuthenticationError) as caught:
            TokenCache().get_access_token(upx)
    assert CREDENTIALS.pin_code not in f"{caught.value} {vars(caught.value)}"
    assert "AB1234" in str(caught.value)
