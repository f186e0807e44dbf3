"""The way to Upstox, as its findings tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upstox_totp._checks.connection import examine_connection, find_base_domain
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.failures import exit_code_of
from upstox_totp.cli.output import say, say_json

if TYPE_CHECKING:
    from upstox_totp.cli.selection import Selection


def examine(selection: Selection, style: str, *, app: bool) -> ExitCode:
    """Look at the way to Upstox, and say what is there.

    Args:
        selection: Which settings to read.
        style: One of `REPORTS`.
        app: Whether to open the login dialog with the app's client id and redirect URI, too.

    Returns:
        The code to end with: `ExitCode.NETWORK` if a host was not reached.

    Raises:
        ConfigurationError: If the file cannot be read, the base domain is not valid, or a setting
            of the app is missing.
    """
    settings = selection.read()
    base_domain = find_base_domain(settings)
    failure = None
    findings = []
    if app:
        from upstox_totp._checks.app import examine_app  # noqa: PLC0415 - loads the whole login

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
