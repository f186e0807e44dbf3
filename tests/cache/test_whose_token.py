"""Whose token it is, and which of an account's tokens a later login has ended."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from upstox_totp import AuthenticationError, TokenCache, UpstoxTOTP
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.backend import PROCESS
from upstox_totp._cache.lifetime import credible_offset, expiry, next_expiry
from upstox_totp._cache.store import Store
from upstox_totp._settings.identity import identify
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import FakeTime


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own."""
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def another_user(payload: Any) -> Any:
    """Return the token's answer as another person's."""
    return payload | {"user_id": "ZZ9999"}


def test_a_token_of_another_user_is_not_kept(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """An app remembers whose tokens it had; another's is an error, and the old one stays."""
    first = TokenCache().get_access_token(client)
    sandbox.misbehave("token", Fault.change(another_user), times=1)
    with pytest.raises(AuthenticationError, match="of user ZZ9999") as caught:
        TokenCache().get_access_token(client, refresh=True)
    assert caught.value.settings == ("user_id",)
    assert TokenCache().get_access_token(client) == first
    with pytest.raises(AuthenticationError, match="Login blocked, and nothing was sent"):
        TokenCache().get_access_token(client, refresh=True)
    assert sandbox.logins == 2


def test_clear_lets_another_user_in(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The person says that the account has changed."""
    TokenCache().get_access_token(client)
    TokenCache().clear(client)
    sandbox.misbehave("token", Fault.change(another_user), times=1)
    assert TokenCache().get_access_token(client).data.user_id == "ZZ9999"


def test_the_user_id_that_is_set_must_be_the_tokens(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Neither a kept token nor a new one of anybody else is handed out."""
    token = TokenCache().get_access_token(client)
    own = UpstoxTOTP.from_settings(user_id=str(token.data.user_id).lower())
    assert TokenCache().get_access_token(own) == token
    with pytest.raises(AuthenticationError, match="UPSTOX_USER_ID"):
        TokenCache().get_access_token(UpstoxTOTP.from_settings(user_id="AB1234"))
    assert TokenCache().get_access_token(client) == token


def test_a_token_of_another_user_name_is_not_handed_out(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A brother's app is his own: the token that it got for one is none for the other."""
    TokenCache().get_access_token(client)
    with monkeypatch.context() as patch:
        patch.setenv("UPSTOX_USERNAME", "9000000001")
        other = UpstoxTOTP()
    with pytest.raises(AuthenticationError):
        TokenCache().get_access_token(other)
    assert sandbox.otp_requests == 2


def test_a_login_that_ends_the_others_is_noted(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any app of the account, no token from before it is handed out."""
    TokenCache().get_access_token(client)
    store = TokenCache()._open(client)  # noqa: SLF001 - what the other way's login does
    with monkeypatch.context() as patch:
        patch.setenv("UPSTOX_CLIENT_ID", "another")
        other = UpstoxTOTP().identity
    lock = store.acquire(other)
    assert lock is not None
    ledger = AttemptLog(lock, other)
    assert ledger.earlier_token_lives
    ledger.note_login(ends_others=True)
    lock.release()
    PROCESS.forget()
    TokenCache().get_access_token(client)
    assert sandbox.logins == 2
    TokenCache().get_access_token(client)
    assert sandbox.logins == 2


def test_an_earlier_token_lives_until_half_past_three(
    client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """What a way that ends it has to warn of."""
    lock = Store(PROCESS).acquire(client.identity)
    assert lock is not None
    assert not AttemptLog(lock, client.identity).earlier_token_lives
    AttemptLog(lock, client.identity).note_login(ends_others=True)
    assert AttemptLog(lock, client.identity).earlier_token_lives
    fake_time.sleep(86400)
    assert not AttemptLog(lock, client.identity).earlier_token_lives
    lock.release()


@pytest.mark.parametrize("hours", [-12, 12])
def test_a_token_that_is_dated_wrong_is_kept_all_the_same(
    client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime, hours: int
) -> None:
    """Half a day ahead, an hour before it dies: the token itself tells when that is."""
    made = datetime.fromtimestamp(fake_time.time(), UTC)
    fake_time.sleep((next_expiry(made) - made).total_seconds() - 7200)
    cache = TokenCache()
    login = client.log_in

    def dated(ledger: AttemptLog) -> Any:
        response = login(ledger)
        offset = timedelta(hours=hours)
        response.data.obtained((response.data.obtained_at or made) + offset, offset)
        return response

    client.log_in = dated  # type: ignore[assignment,method-assign]
    tokens = {cache.get_access_token(client).data.access_token for _ in range(3)}
    assert len(tokens) == sandbox.logins == 1


def jwt(moment: datetime) -> str:
    """Return a token that dies at a moment."""
    claims = json.dumps({"exp": moment.timestamp()}).encode()
    return f"x.{base64.urlsafe_b64encode(claims).decode()}.x"


@pytest.mark.parametrize("year", [1, 1960, 9998, 9999])
def test_no_moment_is_too_far_away(year: int) -> None:
    """A server that says 1960, or 9999, makes a short life or a long one, and no error."""
    made = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
    assert next_expiry(made).tzinfo is not None
    assert expiry("a token", made).tzinfo is not None


def test_a_correction_that_the_token_gainsays_is_dropped() -> None:
    """A token that has just come is alive."""
    dies = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
    before, after = dies - timedelta(hours=1), dies + timedelta(hours=1)
    ahead = timedelta(hours=2)
    assert credible_offset(jwt(dies), after, ahead) == timedelta()
    assert credible_offset(jwt(dies), before, ahead) == ahead
    assert credible_offset("a token", after, ahead) == ahead


def test_two_names_of_one_secret_are_one_account() -> None:
    """However a TOTP secret, a user name and a domain are written down."""
    plain = {
        "client_id": "a client id",
        "username": "9876543210",
        "totp_secret": "JBSWY3DPEHPK3PXP",
    }
    spelled = {
        "client_id": "a client id",
        "username": "+91 98765 43210",
        "totp_secret": "jbsw y3dp ehpk 3pxp",
    }
    first, second = identify(plain, "https://x"), identify(spelled, "https://x/")
    assert first is not None
    assert second is not None
    assert (first.app, first.account, first.user) == (second.app, second.account, second.user)
    assert identify({}, "https://x") is None
    for value in plain.values():
        assert value not in repr(first)
