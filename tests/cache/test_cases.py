"""What people reported, and trials found, about caches that machines and programs share."""

from __future__ import annotations

import copy
import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio
import yaml

from conftest import configure
from support.redis_server import RedisServer
from upstox_totp import (
    AuthenticationError,
    ConfigurationError,
    RedisStore,
    TokenCache,
    UpstoxError,
    UpstoxTOTP,
)
from upstox_totp._cache.backend import PROCESS
from upstox_totp._cache.encryption import new_key
from upstox_totp._cache.store import Store, open_store
from upstox_totp._cache.waiting import locked
from upstox_totp._private_files import PrivateDirectory
from upstox_totp.errors import CacheError
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime

OTHER_SECRET = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"


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
def home(account: Sandbox, cache_dir: Path) -> Path:
    """A home with a cache directory, for the sandbox's account."""
    return cache_dir


def ask(**settings: Any) -> str | UpstoxError:
    """Return the token, or the error, that a program gets which remembers nothing."""
    PROCESS.forget()
    with UpstoxTOTP.from_settings(**settings) as client:
        try:
            return TokenCache().get_access_token(client).data.access_token
        except UpstoxError as error:
            return error


def renew(cache: TokenCache, client: UpstoxTOTP, **how: Any) -> str:
    """Return the token that a cache hands out."""
    return cache.get_access_token(client, **how).data.access_token


def test_two_homes_whose_clocks_differ(
    server: RedisServer,
    account: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fake_time: FakeTime,
) -> None:
    """One wrong PIN between them, and `clear` on one reaches the other."""
    configure(monkeypatch, account, UPSTOX_CACHE_URL=server.url, UPSTOX_CACHE_KEY=new_key())

    def be_at(home: str, ahead: float) -> None:
        monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / home))
        fake_time.offset = ahead

    be_at("second", 90.0)
    token = ask()
    be_at("first", 0.0)
    assert ask() == token
    TokenCache().clear(UpstoxTOTP())
    assert isinstance(ask(pin_code="000000"), AuthenticationError)
    be_at("second", 90.0)
    assert isinstance(ask(pin_code="000000"), AuthenticationError)
    assert account.pins_received == 2
    be_at("first", 0.0)
    TokenCache().clear(UpstoxTOTP())
    be_at("second", 90.0)
    assert isinstance(ask(pin_code="000000"), AuthenticationError)
    assert account.pins_received == 3


def test_every_second_run_two_hours_ahead(
    home: Path, account: Sandbox, fake_time: FakeTime
) -> None:
    """Three unanswered PINs in eight runs."""
    account.misbehave("pin", Fault.status(502))
    for run in range(8):
        fake_time.offset = 7200.0 if run % 2 else 0.0
        assert isinstance(ask(), UpstoxError)
    assert account.pins_received == 3


def test_a_file_that_a_group_may_write_still_blocks(home: Path, account: Sandbox) -> None:
    """Kubernetes' fsGroup, or a backup: the rejected PIN is not sent again, the token not used."""
    ask(pin_code="000000")
    for path in home.glob("*.attempts.json"):
        path.chmod(0o660)
    assert isinstance(ask(pin_code="000000"), AuthenticationError)
    assert account.pins_received == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files to somebody else"
)
@pytest.mark.parametrize(("owner", "accepted"), [(0, True), (4711, True), (4712, False)])
def test_a_link_of_roots_to_ones_own_directory(
    owner: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, accepted: bool
) -> None:
    """As systemd makes it for DynamicUser; nobody else's link is followed."""
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    os.chown(own, 4711, -1)
    link = tmp_path / "link"
    link.symlink_to(own)
    os.lchown(link, owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    if accepted:
        PrivateDirectory(link).check()
    else:
        with pytest.raises(PermissionError):
            PrivateDirectory(link).check()


@pytest.mark.parametrize("password", ["Ab@cd9#secret", "Ab/cd9", "Ab?cd9", "Ab#cd9@more"])
def test_a_password_that_is_not_percent_encoded(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says so and shows nothing of it, and nobody is asked where its pieces are."""

    def ask_nobody(*_: object, **__: object) -> None:
        pytest.fail("a question of DNS")

    monkeypatch.setattr(socket, "getaddrinfo", ask_nobody)
    with pytest.raises(ConfigurationError, match="percent-encode") as caught:
        RedisStore.from_url(f"redis://:{password}@127.0.0.1:6379/0")
    assert "cd9" not in str(caught.value)
    assert "Ab" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["redis://user:a%40b%2Fc%23d%3F@127.0.0.1:6379/0?socket_timeout=3", "unix:///run/a@b"]
)
def test_a_url_as_it_should_be(url: str) -> None:
    """Percent-encoded, or a path with an @ in it."""
    assert "127.0.0.1:6379" in repr(RedisStore.from_url(url)) or "a@b" in url


@pytest.mark.parametrize(
    "client", [redis.asyncio.Redis(), "redis://127.0.0.1:6379/0", None, object()]
)
def test_what_is_no_client_that_blocks(client: object) -> None:
    """An error of ours says what to hand in."""
    with pytest.raises(ConfigurationError, match=r"client that blocks.*from_url"):
        RedisStore(client)


def test_a_client_of_another_make(server: RedisServer, account: Sandbox, cache_dir: Path) -> None:
    """valkey-py's has classes of its own for errors and locks."""
    valkey = pytest.importorskip("valkey")
    store = RedisStore(valkey.Valkey.from_url(server.url), key=new_key())
    cache = TokenCache(store=store)
    with UpstoxTOTP() as client:
        token = renew(cache, client)
        assert renew(cache, client) == token
        nowhere = RedisStore(valkey.Valkey.from_url("unix:///nowhere"), key=new_key())
        with pytest.raises(CacheError, match="cannot be used"):
            TokenCache(store=nowhere).get_access_token(client)
    assert account.logins == 1


def test_a_lease_is_waited_for(
    server: RedisServer, account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for a lock that ends by itself does not give up before it does."""
    store = Store(RedisStore.from_url(server.url, lease=0.6))
    identity = UpstoxTOTP().identity
    assert store.acquire(identity) is not None
    begun = time.monotonic()
    monkeypatch.setattr("upstox_totp._cache.waiting.PATIENCE", 0.1)
    with locked(store, identity) as lock:
        assert lock is not None
    assert time.monotonic() - begun > 0.4


def test_a_cache_with_redis_is_copied(server: RedisServer, account: Sandbox) -> None:
    """Settings and connections are the same, and no frame of a failure shows them."""
    key = new_key()
    for cache in (
        TokenCache(url=server.url, key=key),
        TokenCache(store=RedisStore.from_url(server.url, key=key)),
    ):
        with UpstoxTOTP() as client:
            token = renew(cache, client)
            assert renew(copy.deepcopy(cache), client) == token
            cache.clear(client)


def test_what_cannot_be_read_is_cleared(
    server: RedisServer, account: Sandbox, cache_dir: Path
) -> None:
    """A Redis that had no key gets one: the error says how, and `clear` begins anew."""
    with UpstoxTOTP() as client:
        TokenCache(url=server.url).get_access_token(client)
        later = TokenCache(url=server.url, key=new_key())
        with pytest.raises(CacheError, match=r"not encrypted.*same key.*upstox_cli logout"):
            later.get_access_token(client)
        later.clear(client)
        assert later.get_access_token(client).success
    assert account.logins == 2


@pytest.mark.parametrize("named", [True, False])
def test_a_bare_client_twice(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, named: bool
) -> None:
    """The second process waits for the next code; no token is stored."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    directory = tmp_path / "cache"
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        if named:
            monkeypatch.setenv("UPSTOX_CACHE_DIR", str(directory))
        with UpstoxTOTP() as client:
            assert client.app_token.get_access_token().success
        if named:
            PROCESS.forget()
        with UpstoxTOTP() as client:
            assert client.app_token.get_access_token().success
        assert sandbox.logins == sandbox.codes_received == 2
    # With a server of this machine and no directory named, the memory of the process is enough.
    assert not (tmp_path / "xdg").exists()
    names = [path.name.partition(".")[2] for path in directory.glob("*.json")] if named else []
    assert names == ["attempts.json"] * named


@pytest.mark.parametrize("missing", ["filelock", "platformdirs", "old filelock"])
def test_a_bare_client_without_the_extra(
    missing: str, account: Sandbox, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have installed a part of it, or an older release: the login goes on without."""
    if missing == "old filelock":
        monkeypatch.setattr("filelock.FileLock", type("FileLock", (), {}))
    else:
        monkeypatch.setitem(sys.modules, missing, None)
    with UpstoxTOTP() as client:
        assert client.app_token.get_access_token().success
    assert not cache_dir.exists()


def test_another_persons_token(
    home: Path, account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same app, another TOTP secret and PIN, and no user name: the other one logs in."""
    monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "api")
    monkeypatch.delenv("UPSTOX_USERNAME")
    token = ask()
    assert token == ask() == account.access_tokens[-1]
    refused = ask(totp_secret=OTHER_SECRET, pin_code="111111")
    assert isinstance(refused, AuthenticationError)
    assert account.pins_received == 2
    assert ask() == token


@pytest.mark.parametrize("told", [True, False])
def test_twelve_programs_renew(
    home: Path, account: Sandbox, fake_time: FakeTime, *, told: bool
) -> None:
    """Each with its own cache, twelve seconds in all: one login, told or not what has ended."""
    programs = [(TokenCache(), UpstoxTOTP()) for _ in range(12)]
    (token,) = {renew(cache, client) for cache, client in programs}
    renewed = set()
    for cache, client in programs:
        PROCESS.forget()
        fake_time.sleep(1)
        how = {"instead_of": token} if told else {"refresh": True}
        renewed.add(renew(cache, client, **how))
    assert renewed == {account.access_tokens[-1]}
    assert account.logins == 2


def test_no_third_login_for_a_token_that_is_ended_again(
    home: Path, account: Sandbox, fake_time: FakeTime
) -> None:
    """Twice within ten minutes is another program's doing; later it is a renewal again."""
    cache, client = TokenCache(), UpstoxTOTP()
    first = renew(cache, client)
    second = renew(cache, client, instead_of=first)
    fake_time.sleep(500)
    with pytest.raises(AuthenticationError, match="second time within ten minutes"):
        TokenCache().get_access_token(client, instead_of=second)
    assert renew(cache, client) == second
    fake_time.sleep(200)
    assert renew(cache, client, instead_of=second) == account.access_tokens[-1] != second
    assert account.logins == 3


def test_compose_waits_for_a_redis_that_takes_three_seconds() -> None:
    """Whoever needs it is started when it is ready, and not before."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "fleet.md").read_text()
    (compose,) = re.findall(r"```yaml\n(services:.*?)```", page, re.DOTALL)
    services = yaml.safe_load(compose)["services"]
    assert services["redis"]["healthcheck"]["test"]
    for name in ("login", "bot"):
        assert services[name]["depends_on"]["redis"]["condition"] == "service_healthy"


def test_an_own_token_is_not_replaced_by_a_file_of_others(home: Path, account: Sandbox) -> None:
    """A token is believed of a file that its owner alone could have written."""
    token = ask()
    for path in home.glob("*.json"):
        path.chmod(0o660)
    assert ask() != token
    record = open_store(home).read_token(UpstoxTOTP().identity)
    assert record.token is not None
    assert account.logins == 2
