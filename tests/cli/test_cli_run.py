"""``upstox_cli run``: a command with the day's token, as a shell script or a cron job starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.cli_runs import COMMAND, SECRETS, complaints, run_process
from support.terminals import at_terminal
from upstox_totp import TokenCache, UpstoxTOTP

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp.sandbox import Sandbox

SHOW = "import os; print(os.environ['UPSTOX_ACCESS_TOKEN'])"

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def cached(real_account: Sandbox) -> str:
    """A token that is cached."""
    with UpstoxTOTP() as client:
        return TokenCache().get_access_token(client).data.access_token


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_shell_script_gets_the_token(real_account: Sandbox, tmp_path: Path) -> None:
    """The first run logs in, the second has the cached token; what it prints is all there is."""
    script = tmp_path / "bot.sh"
    script.write_text('#!/bin/sh\necho "token=$UPSTOX_ACCESS_TOKEN $1"\n')
    script.chmod(0o755)
    for _ in range(2):
        ended = run_process("run", "--", str(script), "--debug")
        assert ended.returncode == 0
        assert ended.stdout == f"token={real_account.access_tokens[-1]} --debug\n"
    assert real_account.logins == 1
    assert not ended.stderr


def test_the_exit_code_is_the_commands_own(cached: str) -> None:
    """Whatever it is; and that of a command that is not there says so."""
    for code in (0, 7, 3):
        ended = run_process("run", sys.executable, "-c", f"raise SystemExit({code})")
        assert (ended.returncode, ended.stderr) == (code, "")
    ended = run_process("run", "no-such-command-anywhere", "x")
    assert ended.returncode == 127
    (line,) = complaints(ended.stderr)
    assert line == "no-such-command-anywhere cannot be run: No such file or directory."


def test_no_token_no_command(real_account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejected login ends with its own code, a reader without a token with 10."""
    command = ("run", sys.executable, "-c", "print('it ran')")
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    ended = run_process(*command)
    assert (ended.returncode, ended.stdout) == (3, "")
    monkeypatch.delenv("UPSTOX_TOTP_SECRET")
    ended = run_process("run", "--method", "none", *command[1:])
    assert (ended.returncode, ended.stdout) == (10, "")
    assert "never logs in" in ended.stderr


def test_no_secret_setting_reaches_the_command(
    cached: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither PIN nor password nor key, unless the user says so; what is no secret stays."""
    monkeypatch.setenv("UPSTOX_CACHE_KEY", "abc")
    show = "import os; print(*sorted(n for n in os.environ if n.startswith('UPSTOX_')))"
    names = run_process("run", sys.executable, "-c", show).stdout.split()
    assert not {*SECRETS, "UPSTOX_CACHE_KEY"} & set(names)
    assert {"UPSTOX_CLIENT_ID", "UPSTOX_BASE_DOMAIN", "UPSTOX_ACCESS_TOKEN"} <= set(names)
    everything = run_process("run", "--keep-settings", sys.executable, "-c", show).stdout.split()
    assert {*SECRETS, "UPSTOX_CACHE_KEY"} <= set(everything)


def test_another_name_for_the_token(cached: str) -> None:
    """As a program wants it; a name that is none is refused."""
    show = "import os; print(os.environ['TOKEN'], 'UPSTOX_ACCESS_TOKEN' in os.environ)"
    assert run_process("run", "--env", "TOKEN", sys.executable, "-c", show).stdout == (
        f"{cached} False\n"
    )
    assert run_process("run", "--env", "A=B", sys.executable, "-c", show).returncode == 2


@pytest.mark.skipif(os.name == "nt", reason="the process is replaced on POSIX")
def test_signals_reach_the_command(cached: str) -> None:
    """The command is the process: it handles SIGTERM, and a closed pipe ends it."""
    code = (
        "import signal, sys\n"
        "assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN\n"  # Python's own
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\nsignal.pause()\n"
    )
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, "run", sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 42
    ended = subprocess.run(  # noqa: S602 - a pipe of the shell
        f"{' '.join(COMMAND)} run sh -c 'yes; echo $? >&2' | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("y\n", "141\n")


@pytest.mark.skipif(os.name == "nt", reason="a terminal of POSIX")
def test_the_command_has_the_terminal(cached: str) -> None:
    """Its streams are the user's own."""
    show = "import sys; print(sys.stdout.isatty())"
    seen = at_terminal("run", sys.executable, "-c", show, stream="stdout")
    assert seen.lines[0] == "True"
