"""``doctor``: looks at hosts, clock, proxy and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from upstox_totp._checks.connection import examine_app, examine_connection, find_base_domain
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.failures import exit_code_of
from upstox_totp.cli.group import command
from upstox_totp.cli.options import REPORT, SETTINGS_AND_DEBUG, options
from upstox_totp.cli.output import say, say_json

if TYPE_CHECKING:
    from upstox_totp.cli.options import Selection


@command("Check hosts, clock, proxy and certificates.\n\nNo credential is sent.")
@options(SETTINGS_AND_DEBUG, REPORT)
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
    else:
        say([(finding.subject, finding.text) for finding in findings])
    return code
