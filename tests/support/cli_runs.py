"""Running commands of the command line, in this process and in others."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click
from click.testing import CliRunner, Result

from upstox_totp.cli.main import cli

COMMAND = [sys.executable, "-m", "upstox_totp"]
SECRETS = ("UPSTOX_PASSWORD", "UPSTOX_PIN_CODE", "UPSTOX_TOTP_SECRET", "UPSTOX_CLIENT_SECRET")


def find_command(name: str) -> click.Command:
    """Return a command of the command line."""
    found = cli.get_command(click.Context(cli), name)
    assert found is not None, name
    return found


def run(*arguments: str) -> Result:
    """Run a command, and see that no secret is in what it says."""
    result = CliRunner().invoke(cli, arguments)
    said = result.stdout + result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in said
    for name in SECRETS:
        assert os.environ.get(name, "\0") not in said
    return result


def without_times(stderr: str) -> str:
    """Return what a command said, without the time at the beginning of each line of a log."""
    return re.sub(r"^\d\d \w{3} \d{4}, \d\d:\d\d IST ", "", stderr, flags=re.MULTILINE)


def complaints(stderr: str) -> list[str]:
    """Return what a command said, but for what went well."""
    went_well = ("Logged in as ", "Waiting ", "Using the token ")
    return [one for one in without_times(stderr).splitlines() if not one.startswith(went_well)]


def run_process(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = COMMAND if code is None else [sys.executable, "-c", code]
    return subprocess.run(  # noqa: S603 - this interpreter
        [*command, *arguments], capture_output=True, text=True, check=False
    )
