"""``accounts``: shows every account, its cached token, and what blocks its next login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._settings.named_accounts import account_names
from upstox_totp._settings.sources import account_in_use
from upstox_totp.cli.account import find_account, read_account
from upstox_totp.cli.account_status import AccountStatus
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.failures import exit_code_of
from upstox_totp.cli.group import command
from upstox_totp.cli.options import REPORT, SETTINGS_AND_DEBUG, Selection, options
from upstox_totp.cli.output import facts, say, say_json
from upstox_totp.cli.streams import write_line
from upstox_totp.errors import ConfigurationError, UpstoxError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNNAMED: Final = "(no name)"
_BEST_FIRST: Final = (ExitCode.DONE, ExitCode.NO_TOKEN, ExitCode.EXPIRED, ExitCode.BLOCKED)


@dataclass(frozen=True)
class _Row:
    """One account: its name, whether commands use it by default, its status or why it has none."""

    name: str | None
    default: bool
    status: AccountStatus | None = None
    problem: UpstoxError | None = None

    @property
    def code(self) -> ExitCode:
        """The code that tells a monitor of it."""
        if self.status is not None:
            return self.status.code
        return ExitCode.DONE if self.problem is None else exit_code_of(self.problem)

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        status = AccountStatus(None) if self.status is None else self.status
        return {
            "account": self.name,
            "default": self.default,
            **status.as_document(),
            "exit_code": int(self.code),
            "problem": None if self.problem is None else str(self.problem),
        }

    def texts(self) -> Iterator[str]:
        """Yield what to say of it, a line each."""
        if self.problem is not None:
            yield str(self.problem)
        if self.status is None:
            return
        if self.status.token is None:
            yield "no token is cached"
        else:
            (_, owner), (_, expires) = facts(self.status.token)
            yield f"{owner}, until {expires}"
        yield from (f"login blocked: {text}" for text in self.status.blocked)


@command(
    "Show every account, its cached token, and what blocks its next login.\n\n"
    "Nothing is sent. The exit code is that of the account in the worst state."
)
@options(SETTINGS_AND_DEBUG, REPORT)
def accounts(*, selection: Selection, style: str) -> ExitCode:
    rows = list(_rows(selection))
    code = max((row.code for row in rows), key=_badness, default=ExitCode.NO_TOKEN)
    if style == "json":
        say_json({"exit_code": int(code), "accounts": [row.as_document() for row in rows]})
        return code
    if not rows:
        write_line("There is no account: upstox_cli configure --account NAME makes one.")
    say(line for row in rows for line in _lines(row))
    return code


def _rows(selection: Selection) -> Iterator[_Row]:
    if selection.env_file is not None:
        yield _row(selection, default=True)
        return
    default = account_in_use()
    if selection.account is not None:
        yield _row(selection, default=selection.account == default)
        return
    if default is None:
        yield from _unnamed()
    names = account_names()
    for name in sorted({*names, default} - {None}, key=str):
        yield _row(Selection(account=name), default=name == default)


def _row(selection: Selection, *, default: bool) -> _Row:
    try:
        status = AccountStatus.of(read_account(selection.read()))
    except UpstoxError as error:
        return _Row(selection.account, default, problem=error)
    return _Row(selection.account, default, status)


def _unnamed() -> Iterator[_Row]:
    try:
        account = find_account(Selection().read())
    except ConfigurationError as error:
        yield _Row(None, default=True, problem=error)
    else:
        if account is not None:
            yield _row(Selection(), default=True)


def _lines(row: _Row) -> Iterator[tuple[str, str]]:
    name = row.name or _UNNAMED
    for text in row.texts():
        yield f"{name} *" if row.default and name else name, text
        name = ""


def _badness(code: ExitCode) -> int:
    return _BEST_FIRST.index(code) if code in _BEST_FIRST else len(_BEST_FIRST)
