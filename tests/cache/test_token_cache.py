"""TokenCache: the life of a token, kept, shared, renewed and forgotten."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import timeit
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from conftest import FakeTime, configure
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp._cache.backend import PROCESS
from upstox_totp._cache.records import dump
from upstox_totp.errors import missing_extra
from upstox_totp.sandbox import Account, Credentials, Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp.models import AccessTokenResponse


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the cache keeps its tokens."""
    return tmp_path / "cache"


@pytest.fixture
def cache(directory: Path) -> TokenCache:
    """A cache of its own."""
    return TokenCache(directory)


def left(response: AccessTokenResponse) -> float:
    """Return how long a token lives, in seconds."""
    return response.data.expires_in.total_seconds()


def test_a_token_is_kept(cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The second call sends nothing, and returns what the first returned, to the last field."""
    first = cache.get_access_token(client)
    seen = len(sandbox.requests)
    second = cache.get_access_token(client)
    assert second == first
    assert second.data.expires_at == first.data.expires_at
    assert second.data.obtained_at == first.data.obtained_at
    assert second.data.extended_token == first.data.extended_token
    assert len(sandbox.requests) == seen


def test_a_token_outlives_its_client_and_its_cache(
    directory: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """It is in the file, not in the objects."""
    first = TokenCache(directory).get_access_token(client)
    with UpstoxTOTP() as other:
        assert TokenCache(str(directory)).get_access_token(other) == first
    assert sandbox.logins == 1


def test_a_token_near_its_end_is_renewed(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """It is handed out while it has more than five minutes to live."""
    first = cache.get_access_token(client)
    fake_time.sleep(left(first) - 301)
    assert cache.get_access_token(client) == first
    fake_time.sleep(2)
    assert cache.get_access_token(client) != first
    assert sandbox.logins == 2


def test_just_before_half_past_three_one_login_is_enough(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """A token made within the margin of its end is handed out: no login brings a longer life."""
    fake_time.sleep(left(client.app_token.get_access_token()) - 240)
    tokens = {cache.get_access_token(client).data.access_token for _ in range(5)}
    assert len(tokens) == 1
    assert sandbox.logins == 2
    fake_time.sleep(300)
    assert cache.get_access_token(client).data.access_token not in tokens


@pytest.mark.parametrize("margin", [timedelta(hours=1), 3600, 3600.0])
def test_the_margin_is_the_users(
    directory: Path, client: UpstoxTOTP, fake_time: FakeTime, margin: timedelta | float
) -> None:
    """It may be a duration or a number of seconds."""
    fake_time.go_to_nine()
    cache = TokenCache(directory, margin=margin)
    first = cache.get_access_token(client)
    fake_time.sleep(left(first) - 3590)
    assert cache.get_access_token(client) != first


@pytest.mark.parametrize("margin", [-1, timedelta(seconds=-1), float("nan")])
def test_a_margin_that_makes_no_sense(margin: timedelta | float) -> None:
    """A cache that would hand out dead tokens is refused."""
    with pytest.raises(ValueError, match="margin"):
        TokenCache(margin=margin)


def test_refresh_logs_in(cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A script that got a 401 asks for another token, and that one is kept."""
    first = cache.get_access_token(client)
    second = cache.get_access_token(client, refresh=True)
    assert second != first
    assert cache.get_access_token(client) == second
    assert sandbox.logins == 2


def test_clear_forgets(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox, directory: Path
) -> None:
    """Nothing of the token stays, and the next call logs in."""
    cache.clear(client)
    token = cache.get_access_token(client).data.access_token
    cache.clear(client)
    assert not [path for path in directory.iterdir() if token.encode() in path.read_bytes()]
    assert cache.get_access_token(client).data.access_token != token
    assert sandbox.logins == 2


def test_accounts_do_not_mix(
    cache: TokenCache, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each username, app and base domain has a token of its own."""
    owners = {}
    for username, client_id, user_id in (
        ("9876501234", "first-app", "AAA111"),
        ("9876501234", "second-app", "BBB222"),
        ("9876500000", "first-app", "CCC333"),
    ):
        credentials = Credentials(username=username, client_id=client_id)
        with Sandbox(
            credentials=credentials,
            account=Account(user_id=user_id),
            step_clock=True,
            clock=fake_time.true,
        ) as sandbox:
            configure(monkeypatch, sandbox)
            with UpstoxTOTP() as client:
                cache.get_access_token(client)
                owners[user_id] = cache.get_access_token(client).data.user_id
                assert sandbox.logins == 1
    assert list(owners) == list(owners.values())


def test_the_directory_is_a_setting(
    client: UpstoxTOTP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UPSTOX_CACHE_DIR names it, in the environment or the named file; else the user's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    TokenCache().get_access_token(client)
    if sys.platform == "linux":
        assert len(list((tmp_path / "xdg" / "upstox-totp").glob("*.token.json"))) == 1
    monkeypatch.setenv("UPSTOX_CACHE_DIR", "~/named")
    TokenCache().get_access_token(UpstoxTOTP())
    assert len(list((tmp_path / "home" / "named").glob("*.token.json"))) == 1
    monkeypatch.delenv("UPSTOX_CACHE_DIR")
    env_file = tmp_path / "trading.env"
    env_file.write_text(f"UPSTOX_CACHE_DIR={tmp_path / 'filed'}\n")
    TokenCache().get_access_token(UpstoxTOTP.from_env_file(env_file))
    assert len(list((tmp_path / "filed").glob("*.token.json"))) == 1


def test_fields_that_nobody_knows_are_kept(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """All but one that repeats a credential."""
    sandbox.misbehave(
        "token",
        Fault.change(
            lambda payload: (
                payload
                | {"plan": {"name": "plus"}, "echo": ["x", sandbox.credentials.client_secret]}
            )
        ),
    )
    cache.get_access_token(client)
    kept = cache.get_access_token(client).data.model_dump()
    assert kept["plan"] == {"name": "plus"}
    assert "echo" not in kept


def test_a_wrong_clock_is_corrected(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """A machine whose clock is a day off keeps its token as long as it lives, and no longer."""
    fake_time.offset = 86400.0
    first = cache.get_access_token(client)
    assert cache.get_access_token(client) == first
    fake_time.sleep(left(first) - 200)
    assert cache.get_access_token(client) != first
    assert sandbox.logins == 2


def test_a_clock_set_right_costs_one_login(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """What was known of the wrong clock must not make a dead token look alive."""
    fake_time.offset = 86400.0
    first = cache.get_access_token(client)
    fake_time.offset = 0.0
    second = cache.get_access_token(client)
    assert second != first
    assert cache.get_access_token(client) == second
    assert sandbox.logins == 2


def test_another_process_does_not_repeat_a_code(
    cache: TokenCache,
    client: UpstoxTOTP,
    sandbox: Sandbox,
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A one-time password that the cache saw in use is not sent again, even after `clear`."""
    with Sandbox(clock=fake_time.true, credentials=sandbox.credentials) as other:
        client.base_domain = other.base_domain
        cache.get_access_token(client)
        cache.clear(client)
        # What another process knows of the codes used here: nothing.
        PROCESS.forget()
        cache.get_access_token(client)
        assert other.logins == other.codes_received == 2


def test_neither_cache_nor_file_shows_a_token(
    cache: TokenCache, client: UpstoxTOTP, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a repr, and not in a log at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        token = cache.get_access_token(client).data.access_token
        cache.get_access_token(client)
    store = cache._open(client)  # noqa: SLF001 - what a debugger would show
    record = store.read_token(client.identity)
    shown = f"{cache!r} {store!r} {record!r} {record.token!r} {dump(record)!r} {caplog.text}"
    assert token not in shown
    assert str(directory) in repr(cache)


def test_a_kept_token_takes_no_time(cache: TokenCache, client: UpstoxTOTP) -> None:
    """200 microseconds are promised; a busy machine is forgiven ten times as much."""
    cache.get_access_token(client)
    seconds = min(timeit.repeat(lambda: cache.get_access_token(client), number=100, repeat=5)) / 100
    assert seconds < 0.002


def test_the_extra_is_named_where_it_is_missing() -> None:
    """Without filelock or platformdirs, one line says how to get them."""
    for missing, use in (("filelock", ""), ("platformdirs", "().get_access_token(upx)")):
        code = (
            f"import sys; sys.modules[{missing!r}] = None\n"
            "from upstox_totp import UpstoxTOTP, TokenCache\n"
            "upx = UpstoxTOTP(username='9876543210', password='p', pin_code='1234',"
            " totp_secret='K5QXGZLTMVRWK3DF', client_id='c', client_secret='s',"
            " redirect_uri='https://127.0.0.1/')\n"
            f"TokenCache{use}"
        )
        ended = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        assert ended.stderr.splitlines()[-1] == (
            f"ImportError: {missing_extra('TokenCache', 'cache')}"
        )


def test_what_was_handed_out_is_the_callers(
    cache: TokenCache, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Whoever changes a token, deep in it too, changes nothing for the next one who asks."""
    sandbox.misbehave(
        "token", Fault.change(lambda payload: payload | {"plan": {"names": ["plus"]}})
    )
    cache.get_access_token(client)
    data = cache.get_access_token(client).data
    assert data.model_extra is not None
    data.model_extra["plan"]["names"].append("minus")
    assert data.exchanges
    data.exchanges.clear()
    data.model_extra["more"] = 1
    data.user_name = "Somebody"
    made = data.obtained_at
    data.obtained(datetime(2000, 1, 1, tzinfo=UTC))
    again = cache.get_access_token(client).data
    assert again.model_extra == {"plan": {"names": ["plus"]}}
    assert again.exchanges
    assert again.user_name != "Somebody"
    assert again.obtained_at == made


def test_another_token_is_seen_at_once(
    directory: Path, cache: TokenCache, client: UpstoxTOTP
) -> None:
    """A file that was replaced is read, though size and time are those of the one before."""
    first = cache.get_access_token(client)
    (path,) = directory.glob("*.token.json")
    before = path.stat()
    token = first.data.access_token
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    path.write_text(path.read_text().replace(token, other))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert cache.get_access_token(client).data.access_token == other
