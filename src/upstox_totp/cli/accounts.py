"""``accounts``: shows every account, its cached token, and what blocks its next login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp._settings.named_accounts import account_names
from upstox_totp._settings.sources import account_in_use
from upstox_totp.cli.account import AccountStatus, find_account, read_account
from upstox_totp.cli.exit_codes import ExitCode, exit_code_of
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, Selection, settings_and_debug
from upstox_totp.cli.output import facts, say, say_json, say_text
from upstox_totp.errors import ConfigurationError, UpstoxError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEST_FIRST: Final = (ExitCode.DONE, ExitCode.NO_TOKEN, ExitCode.EXPIRED, ExitCode.BLOCKED)


class _Row(NamedTuple):
    """One account: its name, whether commands use it by default, its status or why it has none."""

    name: str | None
    default: bool
    status: AccountStatus
    problem: UpstoxError | None = None

    @property
    def code(self) -> ExitCode:
        return self.status.code if self.problem is None else exit_code_of(self.problem)

    def texts(self, *, with_cache: bool) -> Iterator[str]:
        """Yield what to say of it, a line each."""
        if self.problem is not None:
            yield str(self.problem)
            return
        if self.status.token is None:
            yield "no token is cached"
        else:
            (_, owner), (_, expires) = facts(self.status.token)
            yield f"{owner}, until {expires}"
        yield from (f"login blocked: {text}" for text in self.status.blocked)
        if with_cache:
            yield f"cache: {self.status.cache}"


@command(
    "Show every account, its cached token, and what blocks its next login.\n\n"
    "Nothing is sent. The exit code is that of the account in the worst state."
)
@settings_and_debug
@REPORT
def accounts(*, selection: Selection, style: str) -> ExitCode:
    rows = list(_rows(selection))
    code = max((row.code for row in rows), key=_badness, default=ExitCode.NO_TOKEN)
    if style == "json":
        documents = [
            {
                "account": row.name,
                "default": row.default,
                **row.status.as_document(),
                "exit_code": int(row.code),
                "problem": None if row.problem is None else str(row.problem),
            }
            for row in rows
        ]
        say_json({"exit_code": int(code), "accounts": documents})
        return code
    if not rows:
        say_text("There is no account: upstox_cli configure --account NAME makes one.")
    caches = {row.status.cache for row in rows if row.status.cache is not None}
    lines = []
    for row in rows:
        name = (row.name or "(no name)") + (" *" if row.default else "")
        for text in row.texts(with_cache=len(caches) > 1):
            lines.append((name, text))
            name = ""
    say(lines)
    if len(caches) == 1:
        say_text(f"Cache: {caches.pop()}")
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
        return find_account(selection.read()) is not None
    except ConfigurationError:
        # The row of these settings says why.
        return True


def _row(selection: Selection, *, default: bool) -> _Row:
    try:
        return _Row(selection.account, default, AccountStatus.of(read_account(selection.read())))
    except UpstoxError as error:
        return _Row(selection.account, default, AccountStatus(), error)


def _badness(code: ExitCode) -> int:
    return _BEST_FIRST.index(code) if code in _BEST_FIRST else len(_BEST_FIRST)
