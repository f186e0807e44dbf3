"""``compare-har``: prints how a recorded login differs from this package's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from upstox_totp import __version__
from upstox_totp._checks.har import Compared, Outcome, compare
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT
from upstox_totp.cli.output import say, say_json, say_text

_CODES: Final = {
    Outcome.SAME: ExitCode.DONE,
    Outcome.DIFFERS: ExitCode.DIFFERS,
    Outcome.NOT_A_LOGIN: ExitCode.NOT_A_LOGIN,
}


@command(
    "Compare a login recorded in a browser with this program's.\n\n"
    "LOGIN.HAR is what the browser's developer tools save of the requests of one login "
    "(Network, save all as HAR with content), from before the login page opens to its end. It "
    "contains the credentials of that login: share it with nobody. The report contains none of "
    "them."
)
@click.argument("recording", type=click.Path(path_type=Path), metavar="LOGIN.HAR")
@REPORT
def compare_har(*, recording: Path, style: str) -> ExitCode:
    found = compare(recording)
    if style == "json":
        say_json({"version": __version__, **asdict(found)})
        return _CODES[found.outcome]
    revision = "" if found.revision is None else f", {found.revision} revision"
    say([("Compared with", f"upstox_totp {__version__}{revision}"), ("Outcome", found.outcome)])
    if found.problem is not None:
        say_text(found.problem)
    say([(one.request, _state(one)) for one in found.requests])
    for one in found.requests:
        for difference in one.differences:
            say_text(f"{one.request}: {difference}")
    for other in found.others:
        say_text(f"other request: {other}")
    say_text("No value of the recording is in this report: it may be pasted into an issue.")
    return _CODES[found.outcome]


def _state(one: Compared) -> str:
    if not one.recorded:
        return "missing" if one.differences else "not recorded"
    unknown = f", {' and '.join(one.unknown)} not recorded" if one.unknown else ""
    return ("differs" if one.differences else "same") + unknown
