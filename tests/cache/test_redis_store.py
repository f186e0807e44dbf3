"""RedisStore against a real Redis: what it keeps, for whom, and what it does without it."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, nullcontext, suppress
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
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.backend import LockLostError
from upstox_totp._cache.encryption import new_key
from upstox_totp._cache.records import (
    AttemptRecord,
    CachedToken,
    Credential,
    InFlight,
    LoginId,
    TokenRecord,
)
from upstox_totp._cache.store import AccountLock, Store
from upstox_totp._redact import HiddenDict
from upstox_totp._settings.identity import Identity, identify
from upstox_totp.errors import CacheError, LoginWaitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime
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
    """Return the record of a token that is valid for so long."""
    now = _clock.time()
    token = CachedToken(HiddenDict(access_token=word), now - 10, now + seconds, 0.0)
    return TokenRecord().succeeded(token, account(), LoginId())


def lock_of(store: RedisStore, identity: Identity) -> AccountLock:
    """Return a lock that is free."""
    lock = Store(store).acquire(identity)
    assert lock is not None
    return lock


def token_in(store: RedisStore, identity: Identity) -> str | None:
    """Return the token that may be handed out."""
    token = Store(store).find(identity, 0).token
    return None if token is None else token.access_token


def codes_in(store: RedisStore) -> tuple[int, ...]:
    """Return the time steps whose codes were used."""
    return Store(store).read_attempts(account()).time_steps


def test_what_is_written_is_read(store: RedisStore) -> None:
    """A token by its app, attempts by their account; nothing at first."""
    me, records = account(), Store(store)
    assert records.read_token(me) == TokenRecord()
    assert records.read_attempts(me) == AttemptRecord()
    lock = lock_of(store, me)
    attempts = AttemptRecord(id="a", revision=1, time_steps=(1, 2))
    lock.write_token(with_token())
    lock.write_attempts(attempts)
    assert token_in(store, me) == "a.b.c"
    assert records.read_attempts(me) == lock.read_attempts() == attempts
    assert records.read_token(account("another app")).token is None
    assert records.read_attempts(account("another app")) == attempts


@pytest.mark.parametrize("ahead", [-3 * 86400.0, 0.0, 3 * 86400.0])
def test_a_life_is_the_keys_own(store: RedisStore, fake_time: FakeTime, ahead: float) -> None:
    """A machine whose clock is days off hands the token out as long as it is valid, no longer."""
    me = account()
    lock_of(store, me).write_token(with_token(seconds=1000))
    fake_time.offset = ahead
    token = Store(store).read_token(me).token
    assert token is not None
    assert token.expires_in == pytest.approx(1000, abs=10)
    assert token.serves(300)
    assert not token.serves(1100)


def test_a_token_vanishes_when_it_expires(store: RedisStore, server: RedisServer) -> None:
    """What else is known of the app stays."""
    me = account()
    record = with_token(seconds=0.3)._replace(user_id="7TQ4ZK")
    lock_of(store, me).write_token(record)
    time.sleep(0.35)
    assert Store(store).read_token(me) == record._replace(token=None)
    lives: list[int] = [server.admin.ttl(name) for name in server.admin.keys("*.app")]
    assert lives == [90 * 86400]


def test_a_token_that_a_later_login_ended_is_not_handed_out(store: RedisStore) -> None:
    """The attempts of the account say so, in whichever app it was."""
    me, attempts = account(), AttemptRecord(id="log", revision=1, logins=1)
    lock = lock_of(store, me)
    lock.write_attempts(attempts)
    lock.write_token(with_token()._replace(login=LoginId("log", 1)))
    assert token_in(store, me) == "a.b.c"
    lock.write_attempts(attempts._replace(revision=2, logins=2, ended=2))
    assert token_in(store, me) is None
    assert lock.read_token().token is not None


def test_one_has_the_lock(store: RedisStore) -> None:
    """Others get it once it is released; who holds it can be told, and for how long."""
    me, records = account(), Store(store)
    first = lock_of(store, me)
    assert records.acquire(me) is None
    holder = records.holder(me)
    assert holder is not None
    assert socket.gethostname() in holder.who
    assert holder.seconds == pytest.approx(30, abs=5)
    first.release()
    first.release()
    assert records.holder(me) is None
    lock_of(store, me).release()


def test_an_app_is_locked_with_its_account(store: RedisStore) -> None:
    """Whoever has the app by another method waits, and whoever has the account by another app."""
    records = Store(store)
    lock = lock_of(store, account())
    assert records.acquire(account(known=False)) is None
    assert records.acquire(account("another app")) is None
    lock.release()
    other = lock_of(store, account(known=False))
    assert records.acquire(account()) is None
    lock_of(store, account("another app")).release()
    other.release()
    lock_of(store, account()).release()


def test_whoever_lost_the_lock_writes_nothing(server: RedisServer) -> None:
    """Neither token nor attempts of its successor are touched, nor its lock."""
    me = account()
    store = RedisStore.from_url(server.url, lease=0.3)
    late = lock_of(store, me)
    time.sleep(0.35)
    next_one = lock_of(store, me)
    next_one.extend(10)
    next_one.write_token(with_token("new"))
    next_one.write_attempts(AttemptRecord(time_steps=(2,)))
    with pytest.raises(LockLostError):
        late.write_token(with_token("old"))
    with pytest.raises(LockLostError):
        late.write_attempts(AttemptRecord(time_steps=(1,)))
    with pytest.raises(LockLostError):
        late.extend(10)
    late.release()
    assert Store(store).acquire(me) is None
    assert token_in(store, me) == "new"
    assert codes_in(store) == (2,)


def test_a_lock_lasts_for_the_request(server: RedisServer) -> None:
    """Extended, it outlives its first lease."""
    store = RedisStore.from_url(server.url, lease=0.3)
    lock = lock_of(store, account())
    lock.extend(5)
    time.sleep(0.35)
    assert Store(store).acquire(account()) is None
    lock.release()


def test_a_belated_command_undoes_nothing(store: RedisStore, server: RedisServer) -> None:
    """A command that redis-py repeated, and that arrives after a later one, is passed over."""
    lock = lock_of(store, account())
    sent: list[tuple[object, ...]] = []
    client = store._client  # noqa: SLF001 - what goes over its wire is what this is about
    evaluate = client.eval

    def noted(*command: object) -> object:
        sent.append(command)
        return evaluate(*command)

    client.eval = noted
    lock.write_attempts(AttemptRecord(time_steps=(1,)))
    lock.write_attempts(AttemptRecord(time_steps=(1, 2)))
    assert evaluate(*sent[0]) == 1
    assert codes_in(store) == (1, 2)


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
    lock = lock_of(store, account())
    lock.extend(1)
    lock.write_attempts(AttemptRecord())
    lock.release()
    assert Store(store).holder(account()) is None


@pytest.mark.parametrize("decoding", [False, True])
def test_a_client_of_the_users_own(server: RedisServer, *, decoding: bool) -> None:
    """It may decode what it reads."""
    client = redis.Redis.from_url(server.url, decode_responses=decoding)
    store = RedisStore(client, key=new_key())
    me = account()
    lock = lock_of(store, me)
    lock.write_token(with_token())
    assert token_in(store, me) == "a.b.c"
    assert Store(store).holder(me)
    lock.release()


def test_a_record_that_cannot_be_read_is_no_login(
    cached: UpstoxTOTP, sandbox: Sandbox, server: RedisServer
) -> None:
    """A machine with a wrong key, or none, ends nobody's token."""
    TokenCache().get_access_token(cached)
    names: list[bytes] = server.admin.keys("*.token")  # type: ignore[assignment]
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
        with pytest.warns(UpstoxWarning, match="could not be saved"):
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


@pytest.mark.parametrize("in_flight", [False, True])
def test_an_attempt_needs_the_lock(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch, *, in_flight: bool
) -> None:
    """Cut off from Redis, requests go out that have no credential in them, and no others."""
    lock = lock_of(store, account())
    flight = InFlight((Credential.PIN,), _clock.time()) if in_flight else None
    lock.write_attempts(AttemptRecord(in_flight=flight))
    ask = store.ask
    monkeypatch.setattr(store, "ask", lambda _: ask(_refuse))
    with pytest.raises(CacheError) if in_flight else nullcontext():
        lock.extend(1)


def test_what_could_not_be_sent_is_no_attempt(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock could not be extended for a request: it did not go out."""
    log, ask = AttemptLog(lock_of(store, account()), account()), store.ask
    sent = log.sending(Credential.PIN)
    with suppress(CacheError), sent, monkeypatch.context() as patch:
        patch.setattr(store, "ask", lambda _: ask(_refuse))
        log.extend(1)
        pytest.fail("the lock could be extended")
    record = Store(store).read_attempts(account())
    assert (record.in_flight, record.failures) == (None, {})


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
    "url",
    [
        "http://user:hush-hush@host",
        "redis://:hush-hush@host:port",
        "redis.example.com",
        "",
        "redis://:hush-hush@127.0.0.1?no_such_option=1",
    ],
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
    """Key names are hashes with one hash tag, and values encrypted."""
    TokenCache().get_access_token(cached)
    names = [name.decode() for name in server.admin.scan_iter()]
    assert {name.rpartition(".")[2] for name in names} == {"token", "app", "attempts"}
    for name in names:
        tag, hashed = name.rpartition(":")[::2]
        assert tag == "upstox_totp:{v1}"
        assert len(hashed.partition(".")[0]) == 64
    assert server.everything().count("fernet1:") == len(names)
