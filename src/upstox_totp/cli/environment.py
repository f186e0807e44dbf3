"""The environment of a login, as `check-env` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upstox_totp._checks.settings import check_settings
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import say, say_json
from upstox_totp.cli.streams import write_line

if TYPE_CHECKING:
    from upstox_totp.cli.selection import Selection


def check(selection: Selection, style: str) -> ExitCode:
    """Show every setting, and whether a login could begin with them.

    Args:
        selection: Which settings to read.
        style: One of `REPORTS`.

    Returns:
        The code to end with.

    Raises:
        ConfigurationError: If the file cannot be read, or settings contradict each other.
    """
    report = check_settings(selection.env_file, selection.account)
    code = ExitCode.DONE if report.good else ExitCode.USAGE
    rows = [(one.name, one.source or "-", one.state) for one in report.settings]
    if style == "json":
        settings = [dict(zip(("setting", "source", "state"), row, strict=True)) for row in rows]
        say_json({"exit_code": int(code), "settings": settings, "notes": list(report.advice)})
        return code
    say([("Setting", "Source", "State"), *rows])
    for advice in report.advice:
        write_line(advice)
    return code
