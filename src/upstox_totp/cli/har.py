"""The command ``compare-har``: prints how a recorded login differs from this package's."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from upstox_totp import __version__
from upstox_totp._checks.har import Comparison, Outcome, compare
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import printable, say, say_json
from upstox_totp.cli.streams import write_line

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
        style: One of `REPORTS`.

    Returns:
        The code to end with.

    Raises:
        OSError: If the file cannot be read.
    """
    comparison = compare(path)
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
