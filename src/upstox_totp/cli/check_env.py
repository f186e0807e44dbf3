"""``check-env``: shows where each setting comes from, and whether it is valid."""

from __future__ import annotations

from upstox_totp._checks.settings import check_settings
from upstox_totp._settings.table import METHODS
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, Selection, which_settings
from upstox_totp.cli.output import say, say_json, say_text


@command("Show where each setting comes from, and if it is valid.\n\nNo value is shown.")
@which_settings
@REPORT
def check_env(*, selection: Selection, style: str) -> ExitCode:
    report = check_settings(selection.env_file, selection.account)
    code = ExitCode.DONE if report.good else ExitCode.USAGE
    rows = [(one.name, one.source or "-", one.state) for one in report.settings]
    if style == "json":
        settings = [dict(zip(("setting", "source", "state"), row, strict=True)) for row in rows]
        say_json({"exit_code": int(code), "settings": settings, "notes": list(report.advice)})
        return code
    say([("Setting", "Source", "State"), *rows])
    say_text(f"Login method: {', '.join(METHODS[name] for name in report.methods)}")
    for advice in report.advice:
        say_text(advice)
    return code
