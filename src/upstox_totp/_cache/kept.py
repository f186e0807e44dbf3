"""What is kept, and for whom: found without a client, its models and its session."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from upstox_totp._cache.encryption import hidden
from upstox_totp._cache.file_store import FileStore
from upstox_totp._cache.files import cache_path
from upstox_totp._cache.memory_store import PROCESS
from upstox_totp._cache.mirror import MirroredStore
from upstox_totp._cache.store import UnusableStore
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    import os

    from upstox_totp._cache.encryption import Hideable
    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.record import TokenRecord
    from upstox_totp._cache.store import Store


def open_store(
    directory: str | os.PathLike[str] | None,
    *,
    url: Hideable | None = None,
    key: Hideable | None = None,
    store: Store | None = None,
    strict: bool = False,
) -> MirroredStore:
    """Return the store of a cache, its ledger held in this process's memory, too.

    Args:
        directory: Where tokens are kept; by default a directory in the user's cache directory.
        url: The address of a store that machines share, None for the directory alone.
        key: Encrypts what is kept at the URL.
        store: Another store, in place of the one that a URL names.
        strict: Whether a store that cannot be used is an error.

    Raises:
        ImportError: If an extra is needed that is not installed.
        ConfigurationError: If the extra that a URL needs is not installed.
    """
    shared = _open_url(url, key) if store is None and url is not None else store
    if shared is None:
        return MirroredStore(_open_directory(directory), PROCESS, strict=strict)
    local = MirroredStore(_open_directory(directory), PROCESS)
    return MirroredStore(shared, local, strict=strict)


def serves(store: Store, record: TokenRecord, identity: Identified, margin: float) -> bool:
    """Tell whether a kept token may be handed out.

    Args:
        store: Where it is kept.
        record: The token.
        identity: Who asks for it.
        margin: How long it must live at least, in seconds.
    """
    token = record.token
    if token is None or not token.serves(margin) or not record.is_of(identity):
        return False
    if not record.mark.ledger:
        return True
    return not store.read_ledger(_Account(identity, record.account)).has_ended(record.mark)


class _Account:
    """The account of a kept token, which who asks for it need not be able to name.

    Args:
        identity: Who asks.
        ledger_name: Under which name the account's attempts are kept.
    """

    def __init__(self, identity: Identified, ledger_name: str) -> None:
        self.app = identity.app
        self.ledger_name = ledger_name or identity.ledger_name
        self.user = self.user_id = self.pin = self.triple = None
        self.fingerprint = ""


def _open_directory(directory: str | os.PathLike[str] | None) -> Store:
    try:
        return _store_at(cache_path(directory))
    except OSError as error:
        return UnusableStore("the cache directory", error)


@lru_cache(maxsize=32)
def _store_at(path: str) -> FileStore:
    return FileStore(Path(path))


def _open_url(url: Hideable, key: Hideable | None) -> Store:
    try:
        module = import_module("upstox_totp._cache.redis_store")
    except ImportError:
        pass
    else:
        opened: Store = module.open_url(hidden(url), hidden(key))
        return opened
    raise ConfigurationError(missing_extra("cache_url (UPSTOX_CACHE_URL)", "redis") + ".")
