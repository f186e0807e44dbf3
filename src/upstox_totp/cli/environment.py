"""The environment of a login, as `check-env` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from upstox_totp._checks.settings import check_settings
from upstox_totp.cli.failures import ExitCode
from upstox_totp.cli.output import say

if TYPE_CHECKING:
    from pathlib import Path


def check(env_file: Path | None) -> ExitCode:
    """Show every setting, and whether a login could begin with them.

    Args:
        env_file: The only file to read settings from; by default ``.env``.

    Returns:
        The code to end with.

    Raises:
        ConfigurationError: If the file cannot be read, or settings contradict each other.
    """
    report = check_settings(env_file)
    rows = [(one.name, one.source or "-", one.state) for one in report.settings]
    say([("Setting", "Source", "State"), *rows])
    for advice in report.advice:
        click.echo(advice)
    return ExitCode.DONE if report.good else ExitCode.USAGE
