"""``doctor``: looks at hosts, clock, proxy, certificates and the cached token."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from upstox_totp._checks.connection import Finding, Grade, examine, find_app, find_base_domain
from upstox_totp.cli.account import find_token
from upstox_totp.cli.exit_codes import ExitCode, exit_code_of
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, Selection, settings_and_debug
from upstox_totp.cli.output import say, say_json, say_text
from upstox_totp.errors import UpstoxError

if TYPE_CHECKING:
    from upstox_totp._settings.table import Settings


@command(
    "Check hosts, clock, proxy, certificates and the cached token.\n\n"
    "Sends no password, PIN or one-time password. Asks Upstox about the cached token, if there is "
    "one."
)
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
    named = find_app(settings) if app else None
    token, findings = _find_token(settings)
    findings = [*examine(base_domain, token=token, app=named), *findings]
    errors = [finding.error for finding in findings if finding.error is not None]
    code = exit_code_of(errors[0]) if errors else ExitCode.DONE
    if style == "json":
        names = ("subject", "grade", "text", "facts")
        documents = [{name: getattr(finding, name) for name in names} for finding in findings]
        say_json({"exit_code": int(code), "findings": documents})
        return code
    marks = _marks()
    say([(finding.subject, marks[finding.grade], finding.text) for finding in findings])
    say_text(_verdict(findings))
    return code


def _find_token(settings: Settings) -> tuple[SecretStr | None, list[Finding]]:
    try:
        token = find_token(settings)
    except UpstoxError as error:
        return None, [Finding("Cache", str(error), Grade.BAD)]
    return None if token is None else SecretStr(token.access_token), []


def _verdict(findings: list[Finding]) -> str:
    bad, notes = (
        ", ".join(dict.fromkeys(one.subject for one in findings if one.grade is grade))
        for grade in (Grade.BAD, Grade.NOTE)
    )
    verdict = f"Problems: {bad}." if bad else "No problems found."
    return f"{verdict} Please note: {notes}." if notes else verdict


def _marks() -> dict[Grade, str]:
    """Return a sign for each grade that stdout can show."""
    signs = ("\u2713", "\u2717", "!", "-")
    try:
        "".join(signs).encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        signs = ("ok", "BAD", "!", "-")
    return dict(zip(Grade, signs, strict=True))
