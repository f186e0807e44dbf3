"""The command line as a shell and a cron job see it: real processes, pipes, signals, a terminal."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.cli_runs import COMMAND, complaints
from support.cli_runs import run_process as run
from support.forked import run_forked
from support.terminals import at_terminal
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp.sandbox import Fault, Sandbox

MAIN = "import upstox_totp.__main__ as m; m.main()"
FOUR = "import requests, pydantic, pyotp, dotenv"

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def account(real_account: Sandbox) -> Sandbox:
    """An account for other processes, in place of the fixture of this name."""
    return real_account


@pytest.fixture
def cached(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """A cached token."""
    with UpstoxTOTP() as client:
        return TokenCache().get_access_token(client).data.access_token


@pytest.mark.no_cover
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the probe forks")
def test_fifty_runs_send_one_pin(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cron job with a wrong PIN does not lock the account, however often it runs."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: run("token", "--format", "raw"), range(4)))
    assert {(run.returncode, run.stdout) for run in ended} == {(3, "")}
    # The interpreter and its imports once, the command itself forty-six times.
    monkeypatch.setenv("PROBE_SPEED", "1")
    codes, errors = run_forked("commands", "46", "token", "--format", "raw")
    assert codes.split() == ["3"] * 46
    assert errors.count("Login blocked") == 46
    assert account.pins_received == account.otp_requests == 1


def test_a_cached_token_sends_nothing(account: Sandbox, cached: str) -> None:
    """No socket is opened, and neither requests nor pydantic nor rich is loaded."""
    code = """if True:
        import gc, sys
        opened = []
        sys.addaudithook(lambda name, _: opened.append(name) if name.startswith("socket.") else 0)
        from upstox_totp.__main__ import main
        sys.argv[:] = ["upstox_cli", "token", "--format", "raw"]
        try:
            main()
        except SystemExit as ended:
            assert not ended.code
        heavy = {"requests", "pydantic", "pyotp", "rich", "filelock"}
        assert gc.isenabled()
        assert not opened, opened
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    seen = len(account.requests)
    account.stop()
    ended = run(code=code)
    account.start()
    assert ended.stderr == ""
    assert ended.stdout == f"{cached}\n"
    assert len(account.requests) == seen


def test_a_cached_token_of_a_file(account: Sandbox, cached: str, tmp_path: Path) -> None:
    """A .env in the working directory names the account as it does for the client."""
    lines = [f"{name}={value}\n" for name, value in account.environment.items()]
    Path("named.env").write_text("".join(lines))
    bare = {k: v for k, v in os.environ.items() if k not in account.environment}
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "token", "--format", "raw", "--env-file", "named.env"],
        capture_output=True, text=True, check=True, env=bare,
    )  # fmt: skip
    assert ended.stdout == f"{cached}\n"
    assert account.logins == 1


@pytest.mark.no_cover
def test_a_cached_token_is_printed_fast(cached: str) -> None:
    """In less time than importing the four dependencies takes, several runs compared."""

    def seconds(*command: str) -> float:
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this interpreter
        return time.perf_counter() - begin

    pairs = [
        (seconds(*COMMAND, "token", "--format", "raw"), seconds(sys.executable, "-c", FOUR))
        for _ in range(3)
    ]
    assert min(ours for ours, _ in pairs) < min(theirs for _, theirs in pairs)


def test_export_in_a_shell(cached: str) -> None:
    """What the documentation says works in a shell."""
    shell = shutil.which("sh")
    assert shell is not None
    line = (
        f"export UPSTOX_ACCESS_TOKEN=$({' '.join(COMMAND)} token --format raw);"
        ' printf %s "$UPSTOX_ACCESS_TOKEN"'
    )
    ended = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=True)  # noqa: S603 - a fixed line
    assert (ended.stdout, ended.stderr) == (cached, "")


def test_progress_on_a_terminal(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six steps pass on stderr, and what comes next; after a failure, those that passed."""
    seen = at_terminal("token", "--format", "raw", NO_COLOR="1")
    assert (seen.piped, seen.code) == (f"{account.access_tokens[0]}\n", 0)
    assert not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", seen.raw)
    for number in range(1, 7):
        assert f"{number} of 6  " in seen.raw
    for text in ("Next: step 2 of 6 (OTP request)", "Next: step 4 of 6 (PIN)"):
        assert text in seen.raw
    assert account.access_tokens[0] not in seen.raw
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    seen = at_terminal("generate-token", NO_COLOR="1")
    assert (seen.piped, seen.code) == ("", 3)
    assert "3 of 6  " in seen.raw
    assert "4 of 6  " not in seen.raw
    assert "Step 4 of 6 (PIN): Incorrect PIN" in seen.raw.replace("\r\n", " ")


def test_an_interrupt_leaves_nothing_half_done(account: Sandbox, cache_dir: Path) -> None:
    """Ctrl-C in mid-login ends with 130, without a traceback, and the next login works."""
    account.misbehave("pin", Fault.hang(), times=1)
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, "token"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while account.pins_received == 0:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert sorted(path.suffix for path in cache_dir.iterdir()) == [".json", ".lock", ".lock"]
    assert run("token").returncode == 0


@pytest.mark.parametrize(
    ("variables", "printed"),
    [
        ({"_UPSTOX_CLI_COMPLETE": "bash_source"}, "_UPSTOX_CLI_COMPLETE"),
        ({"_UPSTOX_CLI_COMPLETE": "zsh_source"}, "_UPSTOX_CLI_COMPLETE"),
        ({"_UPSTOX_CLI_COMPLETE": "fish_source"}, "_UPSTOX_CLI_COMPLETE"),
        (
            {"_UPSTOX_CLI_COMPLETE": "bash_complete", "COMP_WORDS": "upstox_cli to",
             "COMP_CWORD": "1"},
            "plain,token\n",
        ),
    ],
)  # fmt: skip
def test_shell_completion(
    variables: dict[str, str], printed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that the documentation names produces a script for each shell."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = run(code=f"import sys; sys.argv[0] = 'upstox_cli'\n{MAIN}")
    # Where there is no bash, or an old one, click says so on stderr.
    assert printed in ended.stdout


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("click", ["token"], "cli"),
        ("filelock", ["token"], "cache"),
        ("werkzeug", ["sandbox"], "sandbox"),
        ("werkzeug", ["demo"], "sandbox"),
    ],
)
def test_without_an_extra(missing: str, arguments: list[str], extra: str, account: Any) -> None:
    """One line says how to get it."""
    code = f"import sys; sys.modules[{missing!r}] = None; sys.argv[0] = 'upstox_cli'\n{MAIN}"
    ended = run(*arguments, code=code)
    assert ended.returncode == 2
    assert len(complaints(ended.stderr)) == 1
    assert f'pip install ".[{extra}]"' in ended.stderr


def test_the_sandbox_serves(tmp_path: Path) -> None:
    """It prints settings that a login works with, and ends on SIGTERM."""
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, "sandbox", "--step-clock"], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(9)]
    (tmp_path / "sandbox.env").write_text("".join(lines) + "UPSTOX_SLEEP_TIME=100\n")
    try:
        assert run("token", "--env-file", str(tmp_path / "sandbox.env")).returncode == 0
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0


def test_programs_that_renew_at_once_share_a_login(account: Sandbox, cached: str) -> None:
    """After a 401, each asks for another token than the one that Upstox ended."""
    account.revoke(cached)
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: run("token", "--refresh", "--format", "raw"), range(4)))
    assert {one.stdout for one in ended} == {f"{account.access_tokens[-1]}\n"}
    assert account.logins == 2


def test_help_keeps_its_words_without_docstrings() -> None:
    """`python -OO` drops docstrings; the help of a command is none."""
    ended = subprocess.run(
        [sys.executable, "-OO", "-m", "upstox_totp", "token", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Print the day's token, logging in if none is cached." in ended.stdout


def test_debug_is_seen_after_a_program_has_configured_logging(account: Sandbox) -> None:
    """`dictConfig` disables by default each logger that was there before it."""
    code = (
        "import logging, logging.config\n"
        "import upstox_totp\n"
        "from upstox_totp import UpstoxTOTP\n"
        "logging.config.dictConfig({'version': 1, 'root': {'level': 'WARNING'}})\n"
        "UpstoxTOTP(debug=True)\n"
        "print(logging.getLogger('upstox_totp').isEnabledFor(logging.DEBUG))\n"
    )
    assert run(code=code).stdout == "True\n"
