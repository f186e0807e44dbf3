"""The command ``compare-har``: prints how a recorded login differs from this package's."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from upstox_totp import __version__
from upstox_totp._checks.har import Comparison, Outcome, compare
from upstox_totp.cli.failures import ExitCode
from upstox_totp.cli.output import printable, say

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._checks.har import Compared

_CODES: Final = {
    Outcome.SAME: ExitCode.DONE,
    Outcome.DIFFERS: ExitCode.DIFFERS,
    Outcome.NOT_A_LOGIN: ExitCode.NOT_A_LOGIN,
}


def compare_recording(path: Path, style: str) -> ExitCode:
    """Print in what a recorded login differs from this package's, without a value of it.

    Args:
        path: The HAR.
        style: ``text`` or ``json``.

    Returns:
        The code to end with.

    Raises:
        OSError: If the file cannot be read.
    """
    comparison = compare(path)
    if style == "json":
        click.echo(json.dumps({"version": __version__, **asdict(comparison)}, indent=2))
    else:
        _print(comparison)
    return _CODES[comparison.outcome]


def _print(comparison: Comparison) -> None:
    revision = "" if comparison.revision is None else f", {comparison.revision} revision"
    say(
        [("Compared with", f"upstox_totp {__version__}{revision}"), ("Outcome", comparison.outcome)]
    )
    if comparison.problem is not None:
        click.echo(printable(comparison.problem))
    if comparison.requests:
        say([(one.request, _state(one)) for one in comparison.requests])
    for one in comparison.requests:
        for difference in one.differences:
            click.echo(printable(f"{one.request}: {difference}"))
    for other in comparison.others:
        click.echo(printable(f"other request: {other}"))
    click.echo("No value of the recording is in this report: it may be pasted into an issue.")


def _state(one: Compared) -> str:
    if not one.recorded:
        return "missing" if one.differences else "not recorded"
    unknown = f", {' and '.join(one.unknown)} not recorded" if one.unknown else ""
    return ("differs" if one.differences else "same") + unknown
