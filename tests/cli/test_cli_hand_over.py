"""A token that is checked, brought in and handed over: beside the tests of the commands."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from conftest import PATIENCE, configure, wait_until
from support.cli_runs import COMMAND, run, run_process
from support.terminals import at_terminal
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp.cli import run as run_module
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from conftest import FakeTime

pytestmark = pytest.mark.usefixtures("cache_dir")

OTHER_NAMES = {
    "UPSTOX_PIN": "UPSTOX_PIN_CODE",
    "UPSTOX_TOTP_KEY": "UPSTOX_TOTP_SECRET",
    "UPSTOX_API_SECRET": "UPSTOX_CLIENT_SECRET",
}


def by_hand(sandbox: Sandbox) -> str:
    """Return a token that no login brought."""
    return sandbox._state.issue()  # noqa: SLF001 - Generate on the page


def test_no_secret_by_another_name_reaches_a_command(
    real_account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other programs call the settings is secret as well."""
    for other, name in OTHER_NAMES.items():
        monkeypatch.setenv(other, os.environ[name])
        monkeypatch.delenv(name)
    show = "import os; print(*os.environ)"
    names = set(run_process("run", sys.executable, "-c", show).stdout.split())
    assert "UPSTOX_ACCESS_TOKEN" in names
    assert not names & {*OTHER_NAMES, "UPSTOX_PASSWORD"}
    assert real_account.logins == 1


def test_a_python_bot_fails_on_a_terminal_and_in_a_pipe(real_account: Sandbox) -> None:
    """Its traceback is its own, its exit code too, and the token is in its environment."""
    bot = "import os; print(len(os.environ['UPSTOX_ACCESS_TOKEN']) > 99); raise KeyError('mine')"
    piped = run_process("run", sys.executable, "-c", bot)
    assert (piped.returncode, piped.stdout) == (1, "True\n")
    assert piped.stderr.splitlines()[-1] == "KeyError: 'mine'"
    if os.name != "nt":
        seen = at_terminal("run", sys.executable, "-c", bot)
        assert (seen.code, seen.piped) == (1, "True\n")
        assert "KeyError: 'mine'" in seen.lines
    assert real_account.logins == 1


def test_windows_waits_for_the_command(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime
) -> None:
    """A process cannot be replaced there: Ctrl-C and the exit code are the command's."""
    assert account.logins == 0
    before = signal.getsignal(signal.SIGINT)
    here = SimpleNamespace(platform="win32", stdout=sys.stdout, stderr=sys.stderr)
    monkeypatch.setattr(run_module, "sys", here)
    try:
        bot = "import os; raise SystemExit(7 if os.environ['UPSTOX_ACCESS_TOKEN'] else 1)"
        assert run("run", sys.executable, "-c", bot).exit_code == 7
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


TOML = (
    "# mine\r\n[upstox]\r\nother = 'x' # why\r\naccess_token = \"old\"\r\n\r\n[last]\r\na = 1\r\n"
)


def test_a_file_of_windows_keeps_its_line_ends(account: Sandbox) -> None:
    """In TOML as in an env file, where the key is there and where it is not."""
    path = Path("bot.toml")
    path.write_bytes(TOML.encode())
    for key in ("upstox.access_token", "upstox.more"):
        assert run("token", "--write", "bot.toml", "--key", key).exit_code == 0
    (token,) = account.access_tokens
    after = path.read_bytes().decode()
    assert after.replace(f'more = "{token}"\r\n', "") == TOML.replace("old", token)
    assert tomllib.loads(after)["upstox"] == {"other": "x", "access_token": token, "more": token}


@pytest.mark.parametrize("static_address", [False, True])
def test_an_imported_token_expires_when_it_says(
    account: Sandbox, fake_time: FakeTime, *, static_address: bool
) -> None:
    """The earlier of its own word and the next 03:30."""
    account.static_address = static_address
    fake_time.go_to_nine()
    account.claims = {"exp": int(fake_time.time()) + 3600}
    token = by_hand(account)
    with UpstoxTOTP() as client:
        data = TokenCache().import_token(client, token).data
        assert data.expires_in.total_seconds() == pytest.approx(3600, abs=2)
        kept = TokenCache().read(client).token
    assert kept is not None
    assert kept.expires_in == pytest.approx(3600, abs=2)


def test_a_token_is_asked_for_at_a_terminal(real_account: Sandbox) -> None:
    """What is typed is not shown."""
    pty = pytest.importorskip("pty")
    token = by_hand(real_account)
    terminal, slave = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, "import-token"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        start_new_session=True,
    ) as process:
        os.close(slave)
        shown = b""
        # What is typed before the blank behind the prompt is thrown away.
        while not shown.endswith(b": "):
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{token}\n".encode())
        try:
            stdout, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        shown += os.read(terminal, 8192)
    os.close(terminal)
    assert process.returncode == 0
    assert "4CB7QX" in stdout
    assert token[:20] not in shown.decode() + stdout
    assert run_process("token", "--format", "raw").stdout == f"{token}\n"


@pytest.mark.parametrize("method", ["page", "api"])
def test_a_refresh_token_stays_nowhere(
    cache_dir: Path, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Upstox may send one, and its logout may answer with an exception: neither is a user's."""
    with Sandbox(described=True, clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox, UPSTOX_LOGIN_METHOD=method)
        shown = run("token", "--format", "json").stdout
        with UpstoxTOTP() as client:
            data = TokenCache().get_access_token(client).data
            stored = b"".join(path.read_bytes() for path in cache_dir.iterdir())
            assert data.access_token.encode() in stored
            assert b"refresh" not in stored + shown.encode() + data.model_dump_json().encode()
            assert data.expires_in.total_seconds() <= 86_400
            assert client.app_token.revoke(data.access_token) is True
            assert client.app_token.revoke(data.access_token) is False


def test_the_log_of_a_day(real_account: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """At INFO: whose login it was and until when, and who has taken over its token."""
    real_account.misbehave("otp", Fault.late(1), times=1)

    def ask(wait: bool) -> str:  # noqa: FBT001 - a thread's argument
        if wait:
            wait_until(lambda: any(one.step == "dialog" for one in real_account.requests))
        with UpstoxTOTP() as client:
            return TokenCache().get_access_token(client).data.access_token

    with caplog.at_level(logging.INFO, "upstox_totp"), ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(ask, [False, True]))) == 1
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.INFO]
    assert [one.partition(" with page; the token expires ")[0] for one in said[:1]] == [
        "Logged in as 4CB7QX"
    ]
    assert said[-1].startswith("Using the token of another program's login; it expires ")
    assert real_account.logins == 1


def test_status_tells_where_the_cache_is(account: Sandbox, cache_dir: Path) -> None:
    """For people and for programs."""
    run("token")
    assert str(cache_dir) in run("status").stdout
    assert str(cache_dir) in json.loads(run("status", "--format", "json").stdout)["cache"]
