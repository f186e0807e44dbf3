"""``doctor``: looks at hosts, clock, proxy and certificates."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from upstox_totp._checks.connection import Grade, examine_app, examine_connection, find_base_domain
from upstox_totp.cli.exit_codes import ExitCode, exit_code_of
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, settings_and_debug
from upstox_totp.cli.output import say, say_json, say_text

if TYPE_CHECKING:
    from upstox_totp.cli.options import Selection


@command("Check hosts, clock, proxy and certificates.\n\nNo credential is sent.")
@settings_and_debug
@REPORT
@click.option(
    "--app",
    is_flag=True,
    help="Open the login dialog, too, and check the client id and the redirect URI.",
)
def doctor(*, selection: Selection, style: str, app: bool) -> ExitCode:
    settings = selection.read()
    base_domain = find_base_domain(settings)
    failure = None
    findings = []
    if app:
        finding, failure = examine_app(settings, base_domain)
        findings.append(finding)
    examination = examine_connection(base_domain)
    findings = [*examination.findings, *findings]
    code = ExitCode.DONE if examination.reached else ExitCode.NETWORK
    if failure is not None and examination.reached:
        code = exit_code_of(failure)
    if style == "json":
        documents = [finding.as_document() for finding in findings]
        say_json({"exit_code": int(code), "findings": documents})
        return code
    marks = _marks()
    say([(finding.subject, marks[finding.grade], finding.text) for finding in findings])
    bad = dict.fromkeys(one.subject for one in findings if one.grade is Grade.BAD)
    say_text(f"Problems: {', '.join(bad)}." if bad else "No problems found.")
    return code


def _marks() -> dict[Grade, str]:
    """Return a sign for each grade that stdout can show."""
    signs = ("\u2713", "\u2717", "-")
    try:
        "".join(signs).encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        signs = ("ok", "BAD", "-")
    return dict(zip((Grade.GOOD, Grade.BAD, Grade.NOTE), signs, strict=True))
