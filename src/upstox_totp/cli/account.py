"""The account that settings name: its cached token, and what blocks its next login.

Found without loading a client.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upstox_totp import _clock
from upstox_totp._cache.attempts import Block, find_blocks
from upstox_totp._cache.lifetime import MARGIN, as_datetime, when
from upstox_totp._cache.store import Store, open_store
from upstox_totp._settings.identity import Identity, identify
from upstox_totp._settings.table import DEFAULTS, Settings, variable
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import iso_moment
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from upstox_totp._api.app_token import TokenCheck
    from upstox_totp._cache.records import CachedToken


def find_store(settings: Settings, *, strict: bool = False) -> tuple[Identity, Store] | None:
    """Return the account that settings name, and its store; None if they name none."""
    values = settings.values_as_text()
    identity = identify(values, values.get("base_domain") or str(DEFAULTS["base_domain"]))
    if identity is None:
        return None
    directory, url, key = (values.get(name) for name in ("cache_dir", "cache_url", "cache_key"))
    return identity, open_store(directory, url=url, key=key, strict=strict)


def find_token(settings: Settings) -> CachedToken | None:
    """Return the cached token of the account that settings name, if it may be handed out."""
    found = find_store(settings, strict=True)
    if found is None:
        return None
    identity, store = found
    # The cache says why it cannot be read when it is asked for a login.
    with suppress(OSError):
        return store.find(identity, MARGIN).token
    return None


def read_account(settings: Settings) -> Account:
    """Return the account that settings name; `ConfigurationError` if they name none."""
    found = find_store(settings)
    if found is None:
        raise ConfigurationError(
            f"client_id ({variable('client_id')}) is not set: it names the app.",
            suggestions=["Run upstox_cli configure to enter the settings."],
        )
    identity, store = found
    record = store.read_token(identity)
    token = record.token if record.is_of(identity) else None
    blocks = find_blocks(store.read_attempts(identity), identity, _clock.time())
    return Account(identity, store, token, list(blocks))


@dataclass
class Account:
    """The token that is cached for an account, even if it has expired, and what blocks a login.

    Attributes:
        check: What Upstox says of the token, if it was asked.
    """

    identity: Identity
    store: Store
    token: CachedToken | None
    blocks: list[Block]
    check: TokenCheck | None = None

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

    def forget_token(self) -> None:
        """Forget the token, which has ended, unless another one is cached by now."""
        lock = self.store.acquire(self.identity)
        if lock is None:
            # Another program logs in, and replaces it.
            return
        with lock:
            record = lock.read_token()
            if record.token and self.token and record.token.access_token == self.token.access_token:
                lock.write_token(record._replace(token=None))

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the token itself."""
        token = self.token and {
            "user_name": self.token.data.get("user_name"),
            "user_id": self.token.data.get("user_id"),
            "expires_at": iso_moment(self.token.expires_at),
            "expires_in": round(self.token.expires_in),
            "accepted": None if self.check is None else self.check.valid,
        }
        blocked = [
            {
                "what": one.what,
                "since": iso_moment(one.failure.failed_at),
                "error_code": None
                if one.failure.error_code is None
                else str(one.failure.error_code),
                "message": one.failure.message,
                "unblocks": one.release,
                "seconds_left": None if one.remaining is None else round(one.remaining),
            }
            for one in self.blocks
        ]
        cache = self.store.describe()
        return {"exit_code": int(self.code), "token": token, "blocked": blocked, "cache": cache}
