"""AccountStatus: the cached token of an account and what blocks its next login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from upstox_totp import _clock
from upstox_totp._cache.attempts import find_blocks
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import iso_moment, moment

if TYPE_CHECKING:
    from upstox_totp._cache.attempts import Block
    from upstox_totp._cache.records import CachedToken
    from upstox_totp.cli.account import Account


@dataclass(frozen=True)
class AccountStatus:
    """The cached token, what blocks the next login, and whether Upstox accepted it if asked."""

    token: CachedToken | None
    holds: tuple[Block, ...] = ()
    accepted: bool | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the status of an account."""
        attempts = account.store.read_attempts(account.identity)
        holds = find_blocks(attempts, account.identity, _clock.time())
        return cls(account.token, tuple(holds))

    @property
    def code(self) -> ExitCode:
        """The exit code for a monitor."""
        if self.accepted is False:
            return ExitCode.REJECTED
        if self.holds:
            return ExitCode.HELD
        if self.token is None:
            return ExitCode.NO_TOKEN
        return ExitCode.DONE if self.token.expires_in > 0 else ExitCode.EXPIRED

    @property
    def refusals(self) -> list[str]:
        """What forbids the next login, since when, and what releases it: a text each."""
        return [
            f"{held.what}: failed on {moment(held.failure.failed_at)} ({held.failure.message}). "
            f"{held.release}"
            for held in self.holds
        ]

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the token itself."""
        return {
            "exit_code": int(self.code),
            "token": None if self.token is None else self._token(self.token),
            "held": [_held(one) for one in self.holds],
        }

    def _token(self, token: CachedToken) -> dict[str, Any]:
        return {
            "user_name": token.data.get("user_name"),
            "user_id": token.data.get("user_id"),
            "expires_at": iso_moment(token.expires_at),
            "expires_in": round(token.expires_in),
            "accepted": self.accepted,
        }


def _held(hold: Block) -> dict[str, Any]:
    failure = hold.failure
    return {
        "what": hold.what,
        "since": iso_moment(failure.failed_at),
        "error_code": None if failure.error_code is None else str(failure.error_code),
        "message": failure.message,
        "release": hold.release,
        "seconds_left": None if hold.remaining is None else round(hold.remaining),
    }
