"""The access tokens: their claims, their death at 03:30 in India, profile and logout."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from conftest import PATIENCE
from support.sandbox_probe import Probe, code_of
from upstox_totp.sandbox import Sandbox

INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def probe() -> Iterator[Probe]:
    """Make a login against a sandbox as it comes."""
    with Sandbox(step_clock=True) as sandbox, Probe(sandbox) as made:
        yield made


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token."""
    segment = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * 3))
    return claims


def moment(day: int, hour: int, minute: int, second: int = 0) -> float:
    """Return a time in India in September 2026, in epoch seconds."""
    return datetime(2026, 9, day, hour, minute, second, tzinfo=INDIA).timestamp()


@pytest.mark.parametrize(
    ("made", "dies"),
    [
        (moment(22, 3, 29, 59), moment(22, 3, 30)),
        (moment(22, 3, 30), moment(23, 3, 30)),
        (moment(22, 20, 0), moment(23, 3, 30)),
        (moment(23, 2, 0), moment(23, 3, 30)),
        (moment(23, 0, 0), moment(23, 3, 30)),
    ],
)
def test_a_token_dies_at_half_past_three_in_india(made: float, dies: float) -> None:
    """The token's `exp` is the next 03:30 in India, and it works until then and no longer."""
    with Sandbox(clock=lambda: made) as sandbox, Probe(sandbox) as probe:
        token = probe.login()["access_token"]
        claims = claims_of(token)
        assert (claims["iat"], claims["exp"]) == (int(made), int(dies))
        sandbox.advance(dies - made - 0.5)
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
    """The profile answers the documented fields, in the api's envelope."""
    payload = probe.login()
    profile = probe.profile(payload["access_token"]).json()
    assert profile["status"] == "success"
    assert set(profile["data"]) == set(payload) - {"ddpi", "access_token", "extended_token"}
    assert profile["data"]["user_id"] == probe.told["user_id"]


def test_a_logout_kills_the_token(probe: Probe) -> None:
    """After a logout the token is dead."""
    token = probe.login()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = probe.url("api", "/v2/logout")
    response = probe.session.delete(url, headers=headers, timeout=PATIENCE)
    assert response.json() == {"status": "success", "data": True}
    assert probe.profile(token).status_code == 401
    assert probe.session.delete(url, headers=headers, timeout=PATIENCE).status_code == 401


def test_a_revoked_token_is_dead_and_others_live(probe: Probe) -> None:
    """`revoke` kills one token alone."""
    tokens = [probe.login()["access_token"], probe.login()["access_token"]]
    assert probe.sandbox.access_tokens == tokens
    probe.sandbox.revoke(tokens[0])
    probe.sandbox.revoke("unknown")
    assert [probe.profile(token).status_code for token in tokens] == [401, 200]


def test_an_unknown_or_missing_token_is_refused(probe: Probe) -> None:
    """Only an issued token, as a bearer token, is let in."""
    token = probe.login()["access_token"]
    assert code_of(probe.profile("a.b.c")) == "UDAPI100050"
    assert probe.get("api", "/v2/user/profile").status_code == 401
    basic = probe.get("api", "/v2/user/profile", headers={"Authorization": f"Basic {token}"})
    assert basic.status_code == 401


def test_an_extended_token_is_not_permitted(probe: Probe) -> None:
    """An extended token does not open the profile."""
    response = probe.profile(probe.login()["extended_token"])
    assert (response.status_code, code_of(response)) == (401, "UDAPI100067")
