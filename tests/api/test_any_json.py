"""Whatever JSON comes at whatever step, the login ends as documented."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import attempt, configure
from support.canaries import CREDENTIALS
from upstox_totp import UpstoxError, UpstoxTOTP
from upstox_totp._cache.backend import PROCESS
from upstox_totp.models import AccessTokenResponse
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime

# What examples that were drawn come to is no measure of what the tests reach.
pytestmark = pytest.mark.no_cover

EXAMPLES = int(os.environ.get("ANY_JSON", "60"))
STEPS = ["otp", "verify", "pin", "authorize", "token"]
FIELDS = [
    "success", "data", "error", "errors", "status", "code", "message", "errorCode",
    "validateOTPToken", "isTotpEnabled", "accounts", "profileId", "userId", "isDefault",
    "userProfile", "isSecretPinSet", "redirectUri", "customerStatus", "isApproved",
    "access_token", "exchanges", "email", "is_active",
]  # fmt: skip

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
        ["https://127.0.0.1/?code=x", "DORMANT", "word", 1017106, 1017069, "UDAPI100057", 10**400]
    )
)  # fmt: skip
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for all examples."""
    with Sandbox(step_clock=True, credentials=CREDENTIALS, otp_limit=10**9) as sandbox:
        yield sandbox


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.parametrize("step", STEPS)
@given(document=documents, merged=st.booleans())
def test_any_json(  # noqa: PLR0917 - pytest and hypothesis pass by name
    step: Any,
    document: Any,
    merged: bool,  # noqa: FBT001 - hypothesis passes by name
    running: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    fake_time: FakeTime,
) -> None:
    """No JSON, whole or merged into the right answer, escapes the documented exceptions."""
    running.behave()
    running.reset()
    # Each example is a day of its own: what the one before spent holds nothing.
    PROCESS.forget()
    configure(monkeypatch, running)

    def change(payload: Any) -> Any:
        if not (merged and isinstance(payload, dict) and isinstance(document, dict)):
            return document
        if isinstance(payload.get("data"), dict):
            return payload | {"data": payload["data"] | document}
        return payload | document

    try:
        json.dumps(document).encode()
    except (ValueError, RecursionError):
        return
    running.misbehave(step, Fault.change(change))
    with UpstoxTOTP() as upx:
        # A redirect that was made up must not leave this machine.
        upx.session.trust_env = False
        outcome = attempt(upx)
    assert isinstance(outcome, AccessTokenResponse | UpstoxError | requests.RequestException)
    if isinstance(outcome, AccessTokenResponse):
        assert outcome.data.expires_at.tzinfo is not None
    else:
        assert vars(outcome)["step"] is not None
        assert vars(outcome)["transcript"]
