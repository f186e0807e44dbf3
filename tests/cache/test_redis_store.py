"""RedisStore against a real Redis: what it keeps, for whom, and what it does without it."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from conftest import configure
from support.redis_server import RedisServer
from upstox_totp import (
    ConfigurationError,
    RedisStore,
    TokenCache,
    UpstoxTOTP,
    UpstoxWarning,
    _clock,
)
from upstox_totp._cache.encryption import new_key
from upstox_totp._cache.ledger_record import Begun, Credential, LedgerRecord, LoginMark
from upstox_totp._cache.record import CachedToken, TokenRecord
from upstox_totp._cache.store import LockLostError
from upstox_totp._redact import HiddenDict
from upstox_totp._settings.account import Identity, identify
from upstox_totp.errors import CacheError, LoginWaitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime
    from upstox_totp._cache.redis_turn import RedisTurn
    from upstox_totp.sandbox import Sandbox


@pytest.fixture(scope="module")
def running() -> Iterator[RedisServer]:
    """A Redis for all tests here."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """A Redis that is empty."""
    running.admin.flushall()
    return running


@pytest.fixture
def store(server: RedisServer) -> RedisStore:
    """A store with a key of its own."""
    return RedisStore.from_url(server.url, key=new_key())


@pytest.fixture
def cached(
    server: RedisServer, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> Iterator[UpstoxTOTP]:
    """A client whose settings name the Redis."""
    configure(
        monkeypatch,
        sandbox,
        UPSTOX_CACHE_URL=server.url,
        UPSTOX_CACHE_KEY=new_key(),
        UPSTOX_CACHE_DIR=f"{tmp_path}/cache",
    )
    with UpstoxTOTP() as client:
        yield client


def account(client_id: str = "app", *, known: bool = True) -> Identity:
    """Return what identifies somebody."""
    values = {"client_id": client_id, "username": "9876543210"}
    secret = {"totp_secret": "JBSWY3DPEHPK3PXP"} if known else {}
    found = identify(values | secret, "https://{stage}.x")
    assert found is not None
    return found


def with_token(word: str = "a.b.c", seconds: float = 1000.0) -> TokenRecord:
    """Return the record of a token that lives for so long."""
    now = _clock.time()
    kept = CachedToken(HiddenDict(access_token=word), now - 10, now + seconds, 0.0)
    return TokenRecord().succeeded(kept, account(), LoginMark())


def turn_of(store: RedisStore, identity: Identity) -> RedisTurn:
    """Return a turn that is free."""
    turn = store.take_turn(identity)
    assert turn is not None
    return turn


def token_in(store: RedisStore, identity: Identity) -> str | None:
    """Return the token that is kept."""
    token = store.read_token(identity).token
    return None if token is None else token.access_token


def test_what_is_written_is_read(store: RedisStore) -> None:
    """A token by its app, attempts by their account; nothing at first."""
    me = account()
    assert store.read_token(me) == TokenRecord()
    assert store.read_ledger(me) == LedgerRecord()
    turn = turn_of(store, me)
    ledger = LedgerRecord(periods=(1, 2)).stamped()
    turn.write_token(with_token())
    turn.write_ledger(ledger)
    assert token_in(store, me) == "a.b.c"
    assert store.read_ledger(me) == turn.read_ledger() == ledger
    assert store.read_token(account("another app")).token is None
    assert store.read_ledger(account("another app")) == ledger


@pytest.mark.parametrize("ahead", [-3 * 86400.0, 0.0, 3 * 86400.0])
def test_a_life_is_the_keys_own(store: RedisStore, fake_time: FakeTime, ahead: float) -> None:
    """A machine whose clock is days off hands the token out as long as it lives, no longer."""
    me = account()
    turn_of(store, me).write_token(with_token(seconds=1000))
    fake_time.offset = ahead
    kept = store.read_token(me).token
    assert kept is not None
    assert kept.expires_in == pytest.approx(1000, abs=10)
    assert kept.serves(300)
    assert not kept.serves(1100)


def test_a_token_vanishes_when_it_dies(store: RedisStore, server: RedisServer) -> None:
    """What else is known of the app stays."""
    me = account()
    record = with_token(seconds=0.3)._replace(user_id="7TQ4ZK")
    turn_of(store, me).write_token(record)
    time.sleep(0.35)
    assert store.read_token(me) == record._replace(token=None)
    lives: list[int] = [server.admin.ttl(name) for name in server.admin.keys("*:app")]
    assert lives == [90 * 86400]


def test_a_token_that_a_later_login_ended_is_not_read(
    server: RedisServer, fake_time: FakeTime
) -> None:
    """At once where this process knows of it, within a second where another one does."""
    key = new_key()
    store, other = (RedisStore.from_url(server.url, key=key) for _ in range(2))
    me, ledger = account(), LedgerRecord(logins=1).stamped()
    turn = turn_of(store, me)
    turn.write_ledger(ledger)
    turn.write_token(with_token()._replace(mark=LoginMark(ledger.id, 1)))
    assert token_in(store, me) == token_in(other, me) == "a.b.c"
    turn.write_ledger(ledger._replace(logins=2, ended=2))
    assert token_in(store, me) is None
    fake_time.skipped += 1
    assert token_in(other, me) is None
    assert turn.read_token().token is not None


def test_one_has_the_turn(store: RedisStore) -> None:
    """Others get it once it is released; who holds it can be told."""
    me = account()
    first = turn_of(store, me)
    assert store.take_turn(me) is None
    assert socket.gethostname() in str(store.describe_holder(me))
    first.release()
    first.release()
    assert store.describe_holder(me) is None
    turn_of(store, me).release()


def test_an_app_is_locked_with_its_account(store: RedisStore) -> None:
    """Who has the app by another way waits, and so does who has the account by another app."""
    turn = turn_of(store, account())
    assert store.take_turn(account(known=False)) is None
    assert store.take_turn(account("another app")) is None
    turn.release()
    other = turn_of(store, account(known=False))
    assert store.take_turn(account()) is None
    turn_of(store, account("another app")).release()
    other.release()
    turn_of(store, account()).release()


def test_who_lost_the_turn_writes_nothing(server: RedisServer) -> None:
    """Neither token nor attempts of its successor are touched, nor its turn."""
    me = account()
    store = RedisStore.from_url(server.url, lease=0.3)
    late = turn_of(store, me)
    time.sleep(0.35)
    next_one = turn_of(store, me)
    next_one.confirm(10)
    next_one.write_token(with_token("new"))
    next_one.write_ledger(LedgerRecord(periods=(2,)))
    with pytest.raises(LockLostError):
        late.write_token(with_token("old"))
    with pytest.raises(LockLostError):
        late.write_ledger(LedgerRecord(periods=(1,)))
    with pytest.raises(LockLostError):
        late.confirm(10)
    late.release()
    assert store.take_turn(me) is None
    assert token_in(store, me) == "new"
    assert store.read_ledger(me).periods == (2,)


def test_a_turn_lasts_for_the_request(server: RedisServer) -> None:
    """Confirmed, it outlives its first lease."""
    store = RedisStore.from_url(server.url, lease=0.3)
    turn = turn_of(store, account())
    turn.confirm(5)
    time.sleep(0.35)
    assert store.take_turn(account()) is None
    turn.release()


def test_a_belated_command_undoes_nothing(store: RedisStore, server: RedisServer) -> None:
    """A command that redis-py repeated, and that arrives after a later one, is passed over."""
    me = account()
    turn = turn_of(store, me)
    sent: list[tuple[object, ...]] = []
    client = store._client  # noqa: SLF001 - what goes over its wire is what this is about
    evaluate = client.eval

    def noted(*command: object) -> object:
        sent.append(command)
        return evaluate(*command)

    client.eval = noted
    turn.write_ledger(LedgerRecord(periods=(1,)))
    turn.write_ledger(LedgerRecord(periods=(1, 2)))
    assert evaluate(*sent[0]) == 1
    assert store.read_ledger(me).periods == (1, 2)


def test_a_lock_whose_reply_was_lost_is_ones_own(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py asks again, and is told that somebody has the lock: the owner is read back."""
    client = store._client  # noqa: SLF001 - plays the lost reply
    setting = client.set

    def asked_twice(*arguments: object, **options: object) -> object:
        setting(*arguments, **options)
        return setting(*arguments, **options)

    monkeypatch.setattr(client, "set", asked_twice)
    turn = turn_of(store, account())
    turn.confirm(1)
    turn.write_ledger(LedgerRecord())
    turn.release()
    assert store.describe_holder(account()) is None


@pytest.mark.parametrize("decoding", [False, True])
def test_a_client_of_the_users_own(server: RedisServer, *, decoding: bool) -> None:
    """It may decode what it reads."""
    client = redis.Redis.from_url(server.url, decode_responses=decoding)
    store = RedisStore(client, key=new_key())
    me = account()
    turn = turn_of(store, me)
    turn.write_token(with_token())
    assert token_in(store, me) == "a.b.c"
    assert store.describe_holder(me)
    turn.release()


def test_a_record_that_cannot_be_read_is_no_login(
    cached: UpstoxTOTP, sandbox: Sandbox, server: RedisServer
) -> None:
    """A machine with a wrong key, or none, ends nobody's token."""
    TokenCache().get_access_token(cached)
    names: list[bytes] = server.admin.keys("*:token")  # type: ignore[assignment]
    for cache in (TokenCache(key=new_key()), TokenCache(store=RedisStore.from_url(server.url))):
        for refresh in (False, True):
            with pytest.raises(CacheError, match="cannot be read"):
                cache.get_access_token(cached, refresh=refresh)
    server.admin.set(names[0], "1.1:{}")
    with pytest.raises(CacheError, match="cannot be read"):
        TokenCache().get_access_token(cached)
    assert sandbox.logins == sandbox.otp_requests == 1


def test_without_redis_nobody_logs_in(
    cached: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """The error names the place and the way round, and no request was sent."""
    monkeypatch.setenv("UPSTOX_CACHE_URL", f"unix://{tmp_path}/nowhere?password=hush-hush")
    with (
        UpstoxTOTP() as client,
        pytest.raises(CacheError, match=r"nowhere.*unset UPSTOX_CACHE_URL") as caught,
    ):
        TokenCache().get_access_token(client)
    assert "hush-hush" not in str(caught.value)
    assert sandbox.requests == []


def test_redis_that_goes_in_mid_login_costs_no_token(cached: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The token is returned, and the person told that it could not be kept."""
    with ExitStack() as stack:
        own = stack.enter_context(RedisServer())
        store = RedisStore.from_url(own.url, key=new_key())

        def stop(response: object, **_: object) -> None:
            if sandbox.pins_received:
                own.stop()

        cached.session.hooks["response"].append(stop)
        with pytest.warns(UpstoxWarning, match="could not be kept"):
            response = TokenCache(store=store).get_access_token(cached)
    assert response.data.access_token == sandbox.access_tokens[-1]
    assert sandbox.pins_received == 1


def test_no_attempt_begins_that_cannot_be_noted(cached: UpstoxTOTP, sandbox: Sandbox) -> None:
    """With Redis gone before the PIN, no PIN is sent."""
    with RedisServer() as own:
        store = RedisStore.from_url(own.url, key=new_key())
        cached.session.hooks["response"].append(
            lambda response, **_: own.stop() if sandbox.otp_requests else None
        )
        with pytest.warns(UpstoxWarning), pytest.raises(CacheError):
            TokenCache(store=store).get_access_token(cached)
    assert sandbox.pins_received == 0


def test_an_attempt_needs_the_lease(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off from Redis, a credential goes out only while nobody else can have the turn."""
    turn = turn_of(store, account())
    turn.confirm(1)
    turn.write_ledger(LedgerRecord(begun=Begun((Credential.PIN,), _clock.time())))
    monkeypatch.setattr(store, "extend", lambda *_: store.ask(_refuse))
    turn.confirm(10)
    with pytest.raises(CacheError):
        turn.confirm(100)


def _refuse() -> None:
    raise redis.ConnectionError("cut off")


def test_redis_over_a_network_without_a_key_warns() -> None:
    """Neither a unix socket, nor loopback, nor TLS with a verified certificate do."""
    for url in ("redis://redis.example.com", "rediss://redis.example.com?ssl_cert_reqs=none"):
        with pytest.warns(UpstoxWarning, match="unencrypted"):
            RedisStore.from_url(url)
    for url in (
        "redis://127.0.0.1",
        "redis://localhost",
        "rediss://redis.example.com",
        "unix:///s",
    ):
        RedisStore.from_url(url)
    RedisStore.from_url("redis://redis.example.com", key=new_key())


@pytest.mark.parametrize(
    "url", ["http://user:hush-hush@host", "redis://:hush-hush@host:port", "redis.example.com", ""]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    """Without a word of it."""
    with pytest.raises(ConfigurationError, match="UPSTOX_CACHE_URL") as caught:
        RedisStore.from_url(url)
    assert "hush-hush" not in str(caught.value)


def test_a_machine_waits_for_another_ones_token(
    cached: UpstoxTOTP, sandbox: Sandbox, server: RedisServer
) -> None:
    """It gets the token once it is there, and never logs in."""
    with pytest.raises(LoginWaitError):
        TokenCache().wait_for_token(cached, 0.1)
    assert sandbox.requests == []
    token = TokenCache().get_access_token(cached).data.access_token
    assert TokenCache().wait_for_token(cached, 0).data.access_token == token


def test_a_user_of_few_rights_is_enough(
    cached: UpstoxTOTP, sandbox: Sandbox, server: RedisServer
) -> None:
    """What docs/fleet.md says that a user of Redis needs."""
    (rule,) = re.findall(
        r"`(ACL SETUSER [^`]*)`",
        (Path(__file__).resolve().parents[2] / "docs" / "fleet.md").read_text(),
    )
    send: Any = server.admin.execute_command
    send(*rule.split())
    store = RedisStore.from_url(server.url_of("upstox", "password"), key=new_key())
    cache = TokenCache(store=store)
    token = cache.get_access_token(cached).data.access_token
    assert cache.get_access_token(cached).data.access_token == token
    cache.clear(cached)
    cache.get_access_token(cached)
    assert sandbox.logins == 2


def test_nothing_identifies_in_redis(cached: UpstoxTOTP, server: RedisServer) -> None:
    """Key names are hashes, values sealed, and one account's keys share a hash tag."""
    TokenCache().get_access_token(cached)
    names = [name.decode() for name in server.admin.scan_iter()]
    assert {name.rpartition(":")[2] for name in names} == {"token", "app", "ledger"}
    for name in names:
        prefix, tag = name.split(":")[:2]
        assert prefix == "upstox_totp"
        assert len(tag) == 66
    assert server.everything().count("sealed1.") == len(names)
