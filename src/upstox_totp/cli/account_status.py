"""AccountStatus: the cached token of an account and what blocks its next login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from upstox_totp import _clock
from upstox_totp._cache.attempts import find_blocks
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import iso_moment, moment

if TYPE_CHECKING:
    from upstox_totp._api.app_token import TokenCheck
    from upstox_totp._cache.attempts import Block
    from upstox_totp._cache.records import CachedToken
    from upstox_totp.cli.account import Account


@dataclass(frozen=True)
class AccountStatus:
    """The cached token, what blocks the next login, and what Upstox says of it if asked."""

    token: CachedToken | None
    blocks: tuple[Block, ...] = ()
    check: TokenCheck | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the status of an account."""
        attempts = account.store.read_attempts(account.identity)
        blocks = find_blocks(attempts, account.identity, _clock.time())
        return cls(account.token, tuple(blocks))

    @property
    def code(self) -> ExitCode:
        """The exit code for a monitor."""
        if self.check is not None and not self.check.valid:
            return ExitCode.REJECTED
        if self.blocks:
            return ExitCode.BLOCKED
        if self.token is None:
            return ExitCode.NO_TOKEN
        return ExitCode.DONE if self.token.expires_in > 0 else ExitCode.EXPIRED

    @property
    def blocked(self) -> list[str]:
        """What blocks the next login, since when, and what unblocks it: a text each."""
        return [
            f"{one.what}: failed on {moment(one.failure.failed_at)} ({one.failure.message}). "
            f"{one.release}"
            for one in self.blocks
        ]

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the token itself."""
        return {
            "exit_code": int(self.code),
            "token": None if self.token is None else self._token(self.token),
            "blocked": [_as_document(one) for one in self.blocks],
        }

    def _token(self, token: CachedToken) -> dict[str, Any]:
        return {
            "user_name": token.data.get("user_name"),
            "user_id": token.data.get("user_id"),
            "expires_at": iso_moment(token.expires_at),
            "expires_in": round(token.expires_in),
            "accepted": None if self.check is None else self.check.valid,
        }


def _as_document(block: Block) -> dict[str, Any]:
    failure = block.failure
    return {
        "what": block.what,
        "since": iso_moment(failure.failed_at),
        "error_code": None if failure.error_code is None else str(failure.error_code),
        "message": failure.message,
        "unblocks": block.release,
        "seconds_left": None if block.remaining is None else round(block.remaining),
    }
