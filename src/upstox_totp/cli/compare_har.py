"""``compare-har``: prints how a recorded login differs from this package's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from upstox_totp import __version__
from upstox_totp._checks.har import Comparison, Outcome, compare
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.group import command
from upstox_totp.cli.options import REPORT
from upstox_totp.cli.output import printable, say, say_json
from upstox_totp.cli.streams import write_line

if TYPE_CHECKING:
    from upstox_totp._checks.har import Compared

_CODES: Final = {
    Outcome.SAME: ExitCode.DONE,
    Outcome.DIFFERS: ExitCode.DIFFERS,
    Outcome.NOT_A_LOGIN: ExitCode.NOT_A_LOGIN,
}


@command(
    "Compare a login that a browser recorded with this program's.\n\n"
    "LOGIN.HAR is what the browser's developer tools save of the requests of one login "
    "(Network, save all as HAR with content), from before the login page opens to its end. It "
    "holds the credentials of that login: keep it to yourself. The report holds none of them."
)
@click.argument("recording", type=click.Path(path_type=Path), metavar="LOGIN.HAR")
@REPORT
def compare_har(*, recording: Path, style: str) -> ExitCode:
    comparison = compare(recording)
    if style == "json":
        say_json({"version": __version__, **asdict(comparison)})
    else:
        _print(comparison)
    return _CODES[comparison.outcome]


def _print(comparison: Comparison) -> None:
    revision = "" if comparison.revision is None else f", {comparison.revision} revision"
    say(
        [("Compared with", f"upstox_totp {__version__}{revision}"), ("Outcome", comparison.outcome)]
    )
    if comparison.problem is not None:
        write_line(printable(comparison.problem))
    if comparison.requests:
        say([(one.request, _state(one)) for one in comparison.requests])
    for one in comparison.requests:
        for difference in one.differences:
            write_line(printable(f"{one.request}: {difference}"))
    for other in comparison.others:
        write_line(printable(f"other request: {other}"))
    write_line("No value of the recording is in this report: it may be pasted into an issue.")


def _state(one: Compared) -> str:
    if not one.recorded:
        return "missing" if one.differences else "not recorded"
    unknown = f", {' and '.join(one.unknown)} not recorded" if one.unknown else ""
    return ("differs" if one.differences else "same") + unknown
