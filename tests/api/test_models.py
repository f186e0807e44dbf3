"""The models: what they demand, keep and show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pydantic
import pytest

from upstox_totp import models

if TYPE_CHECKING:
    from conftest import FakeTime

PUBLIC = [
    "ResponseBase",
    "OTPGenerationResponse",
    "OTPValidationResponse",
    "TwoFactorAuthenticationResponse",
    "OAuthAuthorizationResponse",
    "AccessTokenResponse",
    "AccessTokenData",
]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_models(name: str) -> None:
    """The documented models are there, pydantic's, and accept fields that they don't know."""
    model = getattr(models, name)
    assert issubclass(model, pydantic.BaseModel)
    assert model.model_config["extra"] == "allow"


def test_unknown_fields_are_kept_and_not_shown() -> None:
    """A new field may hold anything: it can be read, and is in no repr."""
    data = models.AccessTokenData.model_validate({"access_token": "a.b.c", "new": "canary"})
    assert data.new == "canary"  # type: ignore[attr-defined]
    assert "canary" not in f"{data} {data!r}"


def test_a_refresh_token_is_not_taken() -> None:
    """Neither it nor its expiry is stored or shown, and how long a token lives is ours to say."""
    wire = {"refresh_token": "canary", "refresh_token_expires_in": 1, "expires_in": 86_400}
    for document in (wire | {"access_token": "a"}, {"data": wire | {"access_token": "a"}}):
        data = models.AccessTokenData.model_validate(document)
        assert "canary" not in data.model_dump_json()
        assert wire.keys().isdisjoint(data.model_dump())
        assert isinstance(data.expires_in, timedelta)


def test_tokens_are_left_out_of_every_repr() -> None:
    """Neither token, nor redirect URI, nor OTP session is shown."""
    shown = [
        models.AccessTokenData(access_token="canary", extended_token="canary"),
        models.OAuthAuthorizationData(redirectUri="canary"),
        models.TwoFactorAuthenticationData(redirectUri="canary"),
        models.OTPGenerationData(validateOTPToken="canary"),
    ]
    for model in shown:
        assert "canary" not in f"{model} {model!r}"


def test_the_life_of_a_token(fake_time: FakeTime) -> None:
    """expires_at, expires_in and is_expired() agree, with a clock that is off as well."""
    now = datetime.fromtimestamp(fake_time.time(), UTC)
    data = models.AccessTokenData(access_token="no-jwt").obtained(now)
    assert data.obtained_at == now
    assert timedelta() < data.expires_in <= timedelta(days=1)
    assert data.expires_at.strftime("%H:%M %z") == "03:30 +0530"
    assert not data.is_expired()
    assert data.is_expired(data.expires_at)
    assert not data.is_expired(data.expires_at - timedelta(seconds=1))
    ahead = models.AccessTokenData(access_token="no-jwt").obtained(now, timedelta(days=1))
    assert ahead.is_expired()


def test_a_notebook_shows_owner_and_expiry() -> None:
    """Escaped, since a name is anybody's text, and never the token."""
    response = models.AccessTokenResponse.model_validate(
        {
            "success": True,
            "data": {
                "access_token": "secret-token",
                "user_name": "<script>alert(1)</script>",
                "user_id": "4CB7QX",
            },
        }
    )
    response.data.obtained(datetime(2026, 9, 30, 3, 30, tzinfo=UTC))
    assert response._repr_html_() == (
        "<table><tr><th>Owner</th>"
        "<td>&lt;script&gt;alert(1)&lt;/script&gt; (4CB7QX)</td></tr>"
        "<tr><th>Expires</th><td>01 Oct 2026, 03:30 IST</td></tr></table>"
    )
    bare = models.AccessTokenResponse.model_validate(
        {"success": True, "data": {"access_token": "x"}}
    )
    assert "Unknown (user id unknown)" in bare._repr_html_()


ODD: list[object] = [2, "PARTIAL", {"a": 1}, [1, {"b": None}], 10**30, 1.5, True]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_field_of_another_type_is_kept_as_it_came(value: object) -> None:
    """It can be read, written as JSON and read again, and nothing warns of it."""
    fields = set(models.AccessTokenData.model_fields) - {"access_token"}
    data = models.AccessTokenData.model_validate(
        {"access_token": "a.b.c"} | dict.fromkeys(fields, value)
    )
    assert data.user_name == value or isinstance(value, bool)
    again = models.AccessTokenData.model_validate_json(data.model_dump_json())
    assert again.model_dump() == data.model_dump()
    assert again == data


def test_a_documented_type_stays() -> None:
    """What has its type is validated as before."""
    data = models.AccessTokenData.model_validate(
        {"access_token": "a.b.c", "poa": True, "exchanges": ["NSE"], "user_id": "AB1234"}
    )
    assert (data.poa, data.exchanges, data.user_id) == (True, ["NSE"], "AB1234")
    with pytest.raises(pydantic.ValidationError):
        models.AccessTokenData.model_validate({"user_id": "AB1234"})


def test_one_bad_item_spoils_only_itself() -> None:
    """Of several accounts one that cannot be read is kept as it came."""
    data = models.OTPValidationData.model_validate(
        {"accounts": [{"profileId": "x"}, {"profileId": 7, "userId": "AB"}, 5]}
    )
    assert data.accounts is not None
    assert [type(one) for one in data.accounts] == [dict, models.Account, int]
    assert data.model_dump()["accounts"][1] == {"profileId": 7, "userId": "AB", "isDefault": None}


def test_the_envelope_is_opened() -> None:
    """A token in Upstox' usual envelope is read as one without."""
    data = models.AccessTokenData.model_validate(
        {"status": "success", "data": {"access_token": "a.b.c"}}
    )
    assert data.access_token == "a.b.c"


def test_words_of_a_server_in_mid_login_are_in_no_repr() -> None:
    """A traceback that shows locals shows what came, whatever type it had, as names alone."""
    echo = "canary"
    answer = models.OTPValidationResponse.model_validate(
        {
            "success": True,
            "error": echo,
            "data": {"accounts": echo, "message": echo, "userProfile": {"firstName": [echo]}},
        }
    )
    assert echo not in repr(answer)
    assert "success=True" in repr(answer)
