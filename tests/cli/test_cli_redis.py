"""`status` and `logout` of a machine whose tokens are in Redis."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from conftest import configure
from support.cli_runs import run
from support.redis_server import RedisServer
from upstox_totp._cache.encryption import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upstox_totp.sandbox import Sandbox


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis."""
    with RedisServer() as running:
        yield running


@pytest.fixture
def account(
    sandbox: Sandbox, server: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Sandbox:
    """A sandbox whose account is in the environment, with the Redis."""
    configure(
        monkeypatch,
        sandbox,
        UPSTOX_CACHE_URL=server.url,
        UPSTOX_CACHE_KEY=new_key(),
        UPSTOX_CACHE_DIR=str(tmp_path / "cache"),
    )
    return sandbox


def test_the_life_of_a_token(account: Sandbox) -> None:
    """Nothing, then a token that Upstox accepts, then one that it does not, which is forgotten."""
    assert run("status").exit_code == 10
    run("token")
    valid = run("status", "--verify")
    assert valid.exit_code == 0
    assert "Owner    Asha Rao (4CB7QX)" in valid.stdout
    account.revoke(account.access_tokens[-1])
    assert run("status", "--verify").exit_code == 3
    assert run("status").exit_code == 10
    assert account.logins == 1


def test_logout_ends_it_for_the_fleet(account: Sandbox, server: RedisServer) -> None:
    """The token has ended at Upstox and is in no Redis; a second time there is nothing to end."""
    run("token")
    assert b"token" in b" ".join(server.admin.scan_iter())
    assert run("logout").exit_code == 0
    assert [r.method for r in account.requests if r.step == "logout"] == ["DELETE"]
    assert run("status").exit_code == 10
    assert run("logout").stdout == "No token was cached for this account.\n"


def test_a_reader_ends_nobodys_token_by_mistake(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what it would do, and does it when told to."""
    run("token")
    monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "none")
    refused = run("logout")
    assert refused.exit_code == 2
    assert "--everywhere" in refused.stderr
    assert run("status", "--verify").exit_code == 0
    assert run("logout", "--everywhere").stdout == "Logged out at Upstox, and forgotten here.\n"
    assert run("status").exit_code == 10


@pytest.mark.parametrize("command", ["status", "logout"])
def test_without_redis(account: Sandbox, server: RedisServer, command: str) -> None:
    """Neither says that no token is cached: nobody knows."""
    run("token")
    seen = len(account.requests)
    server.stop()
    result = run(command)
    assert result.exit_code == 5
    assert "unset UPSTOX_CACHE_URL" in result.stderr
    assert "No token" not in result.stdout
    assert len(account.requests) == seen


def test_what_was_written_without_a_key_is_cleared(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that gets a key later: each command says what to do, and logout does it."""
    key = os.environ["UPSTOX_CACHE_KEY"]
    monkeypatch.delenv("UPSTOX_CACHE_KEY")
    assert run("token").exit_code == 0
    monkeypatch.setenv("UPSTOX_CACHE_KEY", key)
    refused = run("token")
    assert refused.exit_code == 5
    assert "logout" in refused.stderr
    assert run("logout").exit_code == 0
    assert run("token").exit_code == 0
