"""``accounts``: shows every account, its cached token, and what blocks its next login."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from upstox_totp._settings.named_accounts import account_names
from upstox_totp._settings.sources import account_in_use
from upstox_totp.cli.account import Account, find_store, read_account
from upstox_totp.cli.exit_codes import ExitCode, exit_code_of
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, Selection, settings_and_debug
from upstox_totp.cli.output import facts, say, say_json, say_text
from upstox_totp.errors import ConfigurationError, UpstoxError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Row(NamedTuple):
    """An account by its name, whether commands use it by default, and what was found of it."""

    name: str | None
    default: bool
    found: Account | UpstoxError

    @property
    def code(self) -> ExitCode:
        return self.found.code if isinstance(self.found, Account) else exit_code_of(self.found)

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        shown = {"account": self.name, "default": self.default, "exit_code": int(self.code)}
        if isinstance(self.found, Account):
            return {**shown, **self.found.as_document(), "problem": None}
        return {**shown, "token": None, "blocked": [], "cache": None, "problem": str(self.found)}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Return what to say of it, its name in the first line."""
        name = (self.name or "(no name)") + (" *" if self.default else "")
        return zip_longest([name], self._texts(), fillvalue="")

    def _texts(self) -> Iterator[str]:
        if isinstance(self.found, UpstoxError):
            yield str(self.found)
            return
        if self.found.token is None:
            yield "no token is cached"
        else:
            (_, owner), (_, expires) = facts(self.found.token)
            yield f"{owner}, until {expires}"
        yield from (f"login blocked: {text}" for text in self.found.blocked)
        yield f"cache: {self.found.store.describe()}"


@command(
    "Show every account, its cached token, and what blocks its next login.\n\n"
    "Sends nothing. The exit code is the most severe one of all accounts."
)
@settings_and_debug
@REPORT
def accounts(*, selection: Selection, style: str) -> ExitCode:
    rows = list(_rows(selection))
    code = max((row.code for row in rows), key=_severity, default=ExitCode.NO_TOKEN)
    if style == "json":
        say_json({"exit_code": int(code), "accounts": [row.as_document() for row in rows]})
        return code
    if not rows:
        say_text("There is no account: upstox_cli configure --account NAME makes one.")
    say(line for row in rows for line in row.lines())
    return code


def _rows(selection: Selection) -> Iterator[_Row]:
    if selection.env_file is not None:
        yield _row(selection, default=True)
        return
    default = account_in_use()
    if selection.account is not None:
        yield _row(selection, default=selection.account == default)
        return
    if default is None and _has_settings(selection):
        yield _row(selection, default=True)
    for name in sorted({*account_names(), default} - {None}, key=str):
        yield _row(Selection(account=name), default=name == default)


def _has_settings(selection: Selection) -> bool:
    try:
        return find_store(selection.read()) is not None
    except ConfigurationError:
        # The row of these settings says why.
        return True


def _row(selection: Selection, *, default: bool) -> _Row:
    try:
        return _Row(selection.account, default, read_account(selection.read()))
    except UpstoxError as error:
        return _Row(selection.account, default, error)


def _severity(code: ExitCode) -> tuple[bool, ExitCode]:
    """Rank errors before the states of an account, which are the codes from `NO_TOKEN` on."""
    return ExitCode.DONE < code < ExitCode.NO_TOKEN, code
