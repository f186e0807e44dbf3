"""What is printed arrives, or is told as lost: pipes, closed streams, encodings, terminals."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli_runs import COMMAND, complaints
from support.cli_runs import run_process as run
from support.terminals import at_terminal, with_streams_closed
from upstox_totp.cli import output
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import OutputError, write_line
from upstox_totp.sandbox import Fault, Sandbox

NAME = "आशा राव"

pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def account(real_account: Sandbox) -> Sandbox:
    """An account for other processes, in place of the fixture of this name."""
    return real_account


@pytest.mark.parametrize("arguments", [["token", "--format", "raw"], ["status", "--verify"]])
def test_a_closed_stdout_is_an_error(account: Sandbox, arguments: list[str]) -> None:
    """It is found before anything is done, so that no attempt and no token is spent for nothing."""
    ended = with_streams_closed(">&-", *arguments)
    assert ended.returncode == 7
    assert " IST stdout is closed, so nothing was done" in ended.stderr.decode()
    assert account.requests == []


def test_a_program_without_a_console(account: Sandbox) -> None:
    """As pythonw makes one: both streams are None, and the code is all that can be told."""
    code = (
        "import sys; sys.stdout = sys.stderr = None; sys.argv[0] = 'upstox_cli'\n"
        "import upstox_totp.__main__ as m; m.main()"
    )
    assert run("token", code=code).returncode == 7
    assert with_streams_closed(">&- 2>&-", "token").returncode == 7
    assert account.requests == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_is_an_error(account: Sandbox) -> None:
    """The token is cached, and the next run prints it."""
    ended = with_streams_closed(">/dev/full", "token", "--format", "raw")
    assert ended.returncode == 7
    assert complaints(ended.stderr.decode()) == [
        "stdout cannot be written: No space left on device."
    ]
    assert run("token", "--format", "raw").stdout == f"{account.access_tokens[0]}\n"
    assert account.logins == 1


@pytest.mark.parametrize("arguments", [["token"], ["token", "--help"], ["demo"], ["sandbox"]])
def test_a_reader_that_went_away(account: Sandbox, arguments: list[str]) -> None:
    """`upstox_cli token | head -0` ends with a code of its own, and without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (ended.returncode, complaints(ended.stderr)) == (141, [])


def test_a_reader_that_went_away_on_windows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There it is an invalid argument, which elsewhere is another failure."""

    def fail(_: str) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(sys.stdout, "write", fail)
    with pytest.raises(OutputError, match="Invalid argument"):
        write_line("token")
    monkeypatch.setattr(output, "_READER_GONE", errno.EINVAL)
    with pytest.raises(OutputError) as caught:
        write_line("token")
    assert caught.value.code is ExitCode.READER_GONE


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_stderr_disturbs_nothing(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """Whatever there is to say, and nowhere to say it: a token, and the code of a failure."""
    if "full" in closed and not Path("/dev/full").exists():
        pytest.skip("there is no full device")
    ended = with_streams_closed(closed, "token", "--format", "raw", "--debug")
    assert (ended.returncode, ended.stdout.decode()) == (0, f"{account.access_tokens[0]}\n")
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    assert with_streams_closed(closed, "generate-token", "--debug").returncode == 3


def test_a_stderr_that_nobody_reads(account: Sandbox) -> None:
    """A pipe that broke there costs no login, not even in debug mode."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "token", "--format", "raw", "--debug"],
        stdout=subprocess.PIPE, stderr=writer, text=True, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (ended.returncode, ended.stdout) == (0, f"{account.access_tokens[0]}\n")


@pytest.mark.parametrize(
    ("encoding", "commands"),
    [
        ("cp1252", [["token", "--show"], ["status"], ["token", "--format", "raw"]]),
        ("ascii:strict", [["token", "--show"]]),
        ("utf-16", [["token", "--show"]]),
    ],
)
def test_a_name_that_cannot_be_shown(
    account: Sandbox, encoding: str, commands: list[list[str]]
) -> None:
    """It is written as an escape where it must, and never ends in a traceback."""
    account.misbehave("token", Fault.replace("user_name", NAME))
    variables = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    codec = encoding.partition(":")[0]
    for arguments in commands:
        ended = subprocess.run(  # noqa: S603 - this interpreter
            [*COMMAND, *arguments], capture_output=True, check=False, env=variables
        )
        assert (ended.returncode, complaints(ended.stderr.decode(codec))) == (0, [])
        told = ended.stdout.decode(codec)
        escaped = NAME.encode("ascii", "backslashreplace").decode()
        shown = NAME if codec.startswith("utf") else escaped
        assert (account.access_tokens[0] in told) == ("token" in arguments)
        assert (shown in told) == ("raw" not in arguments)


def test_a_setting_that_cannot_be_shown(account: Sandbox) -> None:
    """An error on a stderr that knows ASCII alone is a line, too."""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "token", "--env-file", f"{NAME}.env"], capture_output=True, check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_a_warning_does_not_tear_the_moving_line(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has a line of its own above it, once, and the six steps stand below each other."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "file"))
    seen = at_terminal("token", "--format", "raw")
    assert seen.code == 0
    warnings = [line for line in seen.lines if "Warning:" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("Warning: ")
    steps = [line for line in seen.lines if re.match(r"\d of 6  .* ms$", line)]
    assert [line[0] for line in steps] == list("123456")


def test_a_terminal_that_knows_ascii_alone(account: Sandbox) -> None:
    """The spinner is of its letters."""
    seen = at_terminal("token", "--format", "raw", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert seen.code == 0
    assert "\\u" not in seen.raw
    assert seen.raw.isascii()


def test_no_colour_in_a_pipe(account: Sandbox) -> None:
    """Whatever is forced."""
    forced = os.environ | {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm-256color"}
    for arguments in (["token", "--debug"], ["--help"]):
        ended = subprocess.run(  # noqa: S603 - this interpreter
            [*COMMAND, *arguments], capture_output=True, text=True, check=True, env=forced
        )
        assert "\x1b" not in ended.stdout + ended.stderr


def test_tables_at_forty_columns(account: Sandbox) -> None:
    """They wrap between words, below their own column."""
    run("token")
    seen = {
        command: at_terminal(command, stream="stdout", width=40)
        for command in ("status", "check-env", "doctor")
    }
    assert {one.code for one in seen.values()} == {0}
    for line in (line for one in seen.values() for line in one.lines):
        assert len(line) <= 40 or " " not in line.strip()
    assert seen["status"].lines[0] == "Owner    Asha Rao (4CB7QX)"
    assert seen["status"].lines[2].startswith(" " * len("Expires  "))
