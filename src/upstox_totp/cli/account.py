"""Account: the cached token of the account that settings name, and what blocks its next login.

Found without loading a client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from upstox_totp import _clock
from upstox_totp._cache.attempts import find_blocks
from upstox_totp._cache.lifetime import MARGIN, as_datetime, when
from upstox_totp._cache.store import open_store
from upstox_totp._settings.identity import identify
from upstox_totp._settings.table import DEFAULTS, variable
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import iso_moment
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from upstox_totp._api.app_token import TokenCheck
    from upstox_totp._cache.attempts import Block
    from upstox_totp._cache.records import CachedToken
    from upstox_totp._cache.store import Store
    from upstox_totp._settings.identity import Identity
    from upstox_totp._settings.table import Settings


class Account(NamedTuple):
    """The account that settings name, and the store that has its token and its attempts."""

    identity: Identity
    store: Store

    @property
    def token(self) -> CachedToken | None:
        """The token that is cached for these settings, even if it has expired."""
        record = self.store.read_token(self.identity)
        return record.token if record.is_of(self.identity) else None

    def forget(self, token: CachedToken) -> None:
        """Forget a token that has ended, unless another one is cached by now."""
        lock = self.store.acquire(self.identity)
        if lock is None:
            # Another program logs in, and replaces it.
            return
        try:
            record = lock.read_token()
            if record.token is not None and record.token.access_token == token.access_token:
                lock.write_token(record._replace(token=None))
        finally:
            lock.release()


def find_account(settings: Settings, *, strict: bool = False) -> Account | None:
    """Return the account that settings name, None if they name none."""
    values = settings.values_as_text()
    identity = identify(values, values.get("base_domain") or str(DEFAULTS["base_domain"]))
    if identity is None:
        return None
    store = open_store(
        values.get("cache_dir"),
        url=values.get("cache_url"),
        key=values.get("cache_key"),
        strict=strict,
    )
    return Account(identity, store)


def read_account(settings: Settings) -> Account:
    """Return the account that settings name; `ConfigurationError` if they name none."""
    account = find_account(settings)
    if account is None:
        raise ConfigurationError(
            f"client_id ({variable('client_id')}) must be set: it names the account.",
            suggestions=["upstox_cli check-env shows every setting."],
        )
    return account


def cached_token(settings: Settings) -> CachedToken | None:
    """Return the cached token of the account, if it may be handed out."""
    account = find_account(settings, strict=True)
    if account is None:
        return None
    try:
        return account.store.find(account.identity, MARGIN).token
    except OSError:
        # The cache says why when it is asked for a login.
        return None


@dataclass(frozen=True)
class AccountStatus:
    """The cached token, what blocks the next login, where both lie, and Upstox's word if asked."""

    token: CachedToken | None = None
    blocks: tuple[Block, ...] = ()
    cache: str | None = None
    check: TokenCheck | None = None

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the status of an account."""
        attempts = account.store.read_attempts(account.identity)
        blocks = find_blocks(attempts, account.identity, _clock.time())
        return cls(account.token, tuple(blocks), account.store.describe())

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
            f"{one.what} failed on {when(as_datetime(one.failure.failed_at))} "
            f"({one.failure.message}). {one.release}"
            for one in self.blocks
        ]

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the token itself."""
        token = self.token
        return {
            "exit_code": int(self.code),
            "token": None
            if token is None
            else {
                "user_name": token.data.get("user_name"),
                "user_id": token.data.get("user_id"),
                "expires_at": iso_moment(token.expires_at),
                "expires_in": round(token.expires_in),
                "accepted": None if self.check is None else self.check.valid,
            },
            "blocked": [
                {
                    "what": one.what,
                    "since": iso_moment(one.failure.failed_at),
                    "error_code": one.failure.error_code and str(one.failure.error_code),
                    "message": one.failure.message,
                    "unblocks": one.release,
                    "seconds_left": None if one.remaining is None else round(one.remaining),
                }
                for one in self.blocks
            ],
            "cache": self.cache,
        }
