"""RedisStore against the other kinds of a real Redis: over TLS, a cluster, and behind Sentinel."""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from redis.cluster import RedisCluster
from redis.sentinel import MasterNotFoundError, Sentinel

from conftest import configure, free_port, wait_until
from support.real_parts import real_part
from support.redis_server import RedisServer
from upstox_totp import RedisStore, TokenCache, UpstoxTOTP
from upstox_totp._cache.encryption import new_key
from upstox_totp.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upstox_totp.sandbox import Sandbox


@pytest.fixture
def cached(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[UpstoxTOTP]:
    """A client whose settings name a key, and no Redis."""
    configure(
        monkeypatch,
        sandbox,
        UPSTOX_CACHE_KEY=new_key(),
        UPSTOX_CACHE_DIR=str(tmp_path / "cache"),
    )
    with UpstoxTOTP() as client:
        yield client


def token(cache: TokenCache, client: UpstoxTOTP, *, refresh: bool = False) -> str:
    """Return the token that a cache hands out."""
    return cache.get_access_token(client, refresh=refresh).data.access_token


class Certificates:
    """Those of a Redis and of its users.

    Args:
        folder: Where they are written.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.key, self.chain = folder / "key.pem", folder / "chain.pem"
        one = authority.issue_cert("127.0.0.1", "localhost")
        one.private_key_pem.write_to_path(str(self.key))
        one.cert_chain_pems[0].write_to_path(str(self.chain))


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Certificates that an authority of the test's own has signed."""
    return Certificates(tmp_path)


@pytest.fixture
def over_tls(certificates: Certificates) -> Iterator[str]:
    """The address of a Redis that serves TLS, and wants a certificate of who asks."""
    port = free_port()
    with RedisServer(
        "--tls-port", str(port), "--tls-auth-clients", "yes",
        "--tls-cert-file", str(certificates.chain), "--tls-key-file", str(certificates.key),
        "--tls-ca-cert-file", str(certificates.authority),
    ):  # fmt: skip
        yield f"rediss://127.0.0.1:{port}/0"


def test_tls_with_a_certificate_of_ones_own(
    over_tls: str, certificates: Certificates, cached: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """redis-py's own options of the address name the authority and the certificate."""
    url = (
        f"{over_tls}?ssl_ca_certs={certificates.authority}"
        f"&ssl_certfile={certificates.chain}&ssl_keyfile={certificates.key}"
    )
    first = token(TokenCache(url=url), cached)
    assert token(TokenCache(url=url), cached) == first
    assert sandbox.logins == 1


@pytest.mark.parametrize("trusted", [False, True])
def test_tls_that_is_not_agreed_on(
    over_tls: str,
    certificates: Certificates,
    cached: UpstoxTOTP,
    sandbox: Sandbox,
    *,
    trusted: bool,
) -> None:
    """An authority that is not known, or no certificate of one's own: nobody logs in."""
    url = over_tls + (f"?ssl_ca_certs={certificates.authority}" if trusted else "")
    with pytest.raises(CacheError, match=r"127\.0\.0\.1.*unset UPSTOX_CACHE_URL"):
        TokenCache(url=url).get_access_token(cached)
    assert sandbox.requests == []


def test_a_cluster(cached: UpstoxTOTP, sandbox: Sandbox) -> None:
    """No command spans two slots: all keys have one hash tag."""
    port = free_port()
    # By default the nodes talk on a port that is 10,000 higher, which may be none.
    nodes = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with RedisServer("--port", str(port), *nodes) as server:
        send: Any = server.admin.execute_command
        send("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(
            lambda: server.admin.cluster("INFO")["cluster_state"] == "ok",
            "the cluster does not get ready",
        )
        with RedisCluster(host="127.0.0.1", port=port) as client:
            cache = TokenCache(store=RedisStore(client, key=new_key()))
            first = token(cache, cached)
            assert token(cache, cached) == first
            assert token(cache, cached, refresh=True) != first
            keys: Any = server.admin.keys()
            assert len({server.admin.cluster("KEYSLOT", key) for key in keys}) == 1
            cache.clear(cached)
            assert cache.read(cached).token is None
    assert sandbox.logins == 2


def knows_the_master(client: Any) -> bool:
    """Tell whether a Sentinel watches over the tokens yet."""
    try:
        client.discover_master("tokens")
    except MasterNotFoundError:
        return False
    return True


@contextmanager
def sentinel(folder: Path, master: int) -> Iterator[Any]:
    """Run a Sentinel that watches over a Redis, and yield a client of it.

    Args:
        folder: Where its settings are written.
        master: The port of the Redis.
    """
    port = free_port()
    settings = folder / "sentinel.conf"
    settings.write_text(
        f"port {port}\ndir {folder}\nsentinel monitor tokens 127.0.0.1 {master} 1\n"
    )
    with subprocess.Popen(  # noqa: S603 - found by its name
        [real_part("redis-server"), str(settings), "--sentinel"], stdout=subprocess.DEVNULL
    ) as process:
        try:
            make: Any = Sentinel
            client = make([("127.0.0.1", port)], socket_timeout=5)
            wait_until(lambda: knows_the_master(client), "the Sentinel does not get ready")
            yield client
        finally:
            process.send_signal(signal.SIGKILL)


def test_behind_sentinel(cached: UpstoxTOTP, sandbox: Sandbox, tmp_path: Path) -> None:
    """The client of the user's own asks the Sentinel where the tokens are."""
    port = free_port()
    with RedisServer("--port", str(port)) as server, sentinel(tmp_path, port) as watcher:
        cache = TokenCache(store=RedisStore(watcher.master_for("tokens"), key=new_key()))
        first = token(cache, cached)
        assert token(cache, cached) == first
        server.stop()
        with pytest.raises(CacheError, match="Redis"):
            cache.get_access_token(cached)
    assert sandbox.logins == 1
