"""Runs the commands in command-line.md against a sandbox, and writes what they print below them.

Run it after a change of the command line: ``python docs/generate_cli.py``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack, chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

from click.testing import CliRunner

from upstox_totp import _clock
from upstox_totp._settings.named_accounts import account_path
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import cli
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).with_name("command-line.md")

_BEGIN: Final = datetime(2026, 9, 30, 3, 30, tzinfo=UTC).timestamp()
_BLOCK: Final = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
_CODES: Final = re.compile(
    r"(?<=<!-- exit codes: written by generate_cli.py -->\n).*?(?=<!-- end of exit codes -->)",
    re.DOTALL,
)
_SETTINGS: Final = 9

# The page lists the codes once; the help of the program itself keeps them.
_HELP_CODES: Final = re.compile(r"\nExit codes:\n.*", re.DOTALL)

# What differs from run to run, and what stands in its place.
_VARYING: Final = (
    # What a log has and a terminal does not show.
    (r"^\d\d \w{3} \d{4}, \d\d:\d\d IST ((Logged in|Waiting) .*\n)?", ""),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8000"),
    (r"eyJ[\w-]{20,}\.[\w-]+\.[\w-]+", "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJz[...]"),
    (r"(eyJ0\.\.\.)[\w-]{4}", r"\1k3Jw"),
    (r"^[\w-]{43}=$", "q0X2yq0b[...]Wv8xYpE0="),
    (r"[ \d]{5} ms", "   12 ms"),
    (r"in \d+ ms", "in 12 ms"),
    (r"Python [^\n]*", "Python 3.13.0, OpenSSL 3.0.19 27 Jan 2026"),
    (r"[^\s\"]*upstox-totp(?=\"?$)", "~/.cache/upstox-totp"),
)


def regenerate(page: str) -> str:
    """Return the page with what its commands print now.

    Args:
        page: The page, with console blocks in which lines that begin with ``$`` are commands.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(chdir(directory))
        _stop_time(stack)
        sandbox = stack.enter_context(Sandbox(clock=_clock.time))
        stack.enter_context(mock.patch.dict(os.environ, clear=True))
        os.environ.update(
            PATH=os.defpath,
            XDG_CACHE_HOME=directory,
            XDG_CONFIG_HOME=str(Path(directory) / "config"),
            UPSTOX_BASE_DOMAIN=sandbox.base_domain,
        )
        _write_settings(sandbox)
        page = _CODES.sub(lambda _: _exit_codes(), page)
        return _BLOCK.sub(lambda block: "".join(_run_block(block.group())), page)


def _exit_codes() -> str:
    rows = ["| code | meaning | in the library |\n|---|---|---|\n"]
    for code in ExitCode:
        commands = ", ".join(f"`{command}`" for command in code.commands)
        meaning = f"{commands}: {code.meaning}" if commands else code.meaning
        raised = (re.sub(r"^(upstox_totp|builtins)\.", "", name) for name in code.raised)
        errors = ", ".join(f"`{name}`" for name in raised)
        rows.append(f"| {code.value} | {meaning} | {errors} |\n")
    return "".join(rows)


def _stop_time(stack: ExitStack) -> None:
    skipped = [0.0]

    def sleep(seconds: float) -> None:
        skipped[0] += seconds

    for name, replacement in (
        ("time", lambda: _BEGIN + skipped[0]),
        ("monotonic", lambda: skipped[0]),
        ("sleep", sleep),
    ):
        stack.enter_context(mock.patch.object(_clock, name, replacement))


def _write_settings(sandbox: Sandbox) -> None:
    settings = {
        name: value for name, value in sandbox.environment.items() if name != "UPSTOX_BASE_DOMAIN"
    }
    _write(Path(".env"), settings)
    _write(account_path("asha"), settings)
    reader = {"UPSTOX_LOGIN_METHOD": "none", "UPSTOX_CLIENT_ID": "meera-key"}
    _write(account_path("meera"), reader)


def _write(file: Path, settings: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _run_block(block: str) -> Iterator[str]:
    for line in block.splitlines():
        if line.startswith("$ "):
            yield f"{line}\n"
            yield _HELP_CODES.sub("", _masked(_run(shlex.split(line[2:]))))


def _run(words: list[str]) -> str:
    variables = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if words[1:2] == ["sandbox"]:
        return _serve(words[1:])
    result = CliRunner().invoke(cli, words[1:], env=variables, prog_name=words[0])
    return result.output


def _serve(arguments: list[str]) -> str:
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "upstox_totp", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        lines = [process.stdout.readline() for _ in range(_SETTINGS)]
        process.terminate()
    return "".join(lines)


def _masked(text: str) -> str:
    for pattern, replacement in _VARYING:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


if __name__ == "__main__":
    PAGE.write_text(regenerate(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
