"""The account that the settings name, and what is cached of it: found without loading a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from upstox_totp._cache.lifetime import MARGIN
from upstox_totp._cache.store import open_store
from upstox_totp._settings.identity import identify
from upstox_totp._settings.table import DEFAULTS, variable
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from upstox_totp._cache.records import CachedToken
    from upstox_totp._cache.store import Store
    from upstox_totp._settings.identity import Identity
    from upstox_totp._settings.sources import Settings


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
