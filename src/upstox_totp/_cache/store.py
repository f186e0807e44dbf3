"""Store: the records of tokens and attempts in a backend, attempts in its replicas too."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self, TypeVar

from upstox_totp import _clock
from upstox_totp._cache.attempts import cleared, has_ended, merged, with_blocks
from upstox_totp._cache.backend import PROCESS, Entry, UnreadableError
from upstox_totp._cache.encryption import hidden
from upstox_totp._cache.files import FileBackend
from upstox_totp._cache.records import AttemptRecord, TokenRecord, dump, load, new_id
from upstox_totp._log import logger, warn_user
from upstox_totp.errors import CacheError, ConfigurationError, missing_extra

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from upstox_totp._cache.backend import Backend, Holder, Lock
    from upstox_totp._cache.encryption import Hideable
    from upstox_totp._redact import HiddenBytes
    from upstox_totp._settings.identity import Identity

_DAYS: Final = 90 * 86400.0
_NOTHING_STORED: Final = "Nothing of this login can be stored"
RecordT = TypeVar("RecordT", TokenRecord, AttemptRecord)


def open_store(
    directory: str | os.PathLike[str] | None,
    *,
    url: Hideable | None = None,
    key: Hideable | None = None,
    backend: Backend | None = None,
    strict: bool = False,
) -> Store:
    """Return the store of a cache: at a URL or in a backend, else in files.

    The attempts of this machine lie in its files and in the memory of this process, too. ``strict``
    makes an error of a store that cannot be used.
    """
    files = FileBackend(directory)
    shared = _open_url(hidden(url), hidden(key)) if backend is None and url else backend
    if shared is None:
        return Store(files, PROCESS, strict=strict)
    return Store(shared, files, PROCESS, strict=strict)


@lru_cache(maxsize=8)
def _open_url(url: HiddenBytes, key: HiddenBytes) -> Backend:
    """Return the backend at a URL, the same for all who ask in this process: it has connections."""
    try:
        from upstox_totp._cache.redis import RedisStore  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            missing_extra("cache_url (UPSTOX_CACHE_URL)", "redis") + "."
        ) from None
    return RedisStore.from_url(url, key=key)


class Store:
    """Tokens and attempts in a backend, the attempts in replicas of it, too.

    Where the backend cannot be used, the user is warned, no token is stored, and the replicas hold
    the attempts. What blocks is believed whoever could have written it; a token, or what releases,
    is believed of what its owner alone could have written.
    """

    def __init__(self, backend: Backend, *replicas: Backend, strict: bool = False) -> None:
        self.own = backend
        self.strict = strict
        self._backends = (backend, *replicas)
        self._warned: set[int] = set()

    def describe(self) -> str:
        """Return where it is, for messages."""
        return self.own.describe()

    def find(self, identity: Identity, margin: float) -> TokenRecord:
        """Return what is stored of an app's token: the token in it may be handed out."""
        record = self.read_token(identity)
        token = record.token
        served = token is not None and token.serves(margin) and record.is_of(identity)
        return record if served and not self._has_ended(record) else record._replace(token=None)

    def _has_ended(self, record: TokenRecord) -> bool:
        # Where the token lies, whatever ended it is noted, too.
        with suppress(OSError):
            found = self._load(AttemptRecord, self.own, _attempts_name(record.account))
            return found is not None and has_ended(found[0], record.login)
        return False

    def read_token(self, identity: Identity) -> TokenRecord:
        """Return what is stored of an app's token, an empty record if nothing of use is."""
        for backend in self._backends:
            with self.doing_without(backend):
                for name in _token_names(identity):
                    found = self._load(TokenRecord, backend, name)
                    if found is not None:
                        return found[0]
                break
        return TokenRecord()

    def read_attempts(self, identity: Identity, *, replacing: bool = False) -> AttemptRecord:
        """Return what is stored of an account's attempts, an empty record if nothing of use is.

        ``replacing`` passes over what cannot be read, for a caller who replaces it.
        """
        name = _attempts_name(identity.attempts_name)
        passed_over = (UnreadableError,) if replacing else ()
        record, doubtful = AttemptRecord(), []
        for backend in self._backends:
            with self.doing_without(backend), suppress(*passed_over):
                found = self._load(AttemptRecord, backend, name)
                if found is not None and found[1]:
                    record = merged(record, found[0])
                elif found is not None:
                    doubtful.append(found[0])
        for one in doubtful:
            record = with_blocks(record, one)
        return record

    def acquire(self, identity: Identity) -> AccountLock | None:
        """Return the account's lock in each backend, None while another holds it in any."""
        lock = AccountLock(self, identity)
        with ExitStack() as failed:
            failed.callback(lock.release)
            if all(map(lock.acquire, reversed(self._backends))):
                failed.pop_all()
                return lock
        return None

    def holder(self, identity: Identity) -> Holder | None:
        """Return who holds the account's lock, None if nobody does or nobody knows."""
        for backend in reversed(self._backends):
            for name in _lock_names(identity):
                with suppress(OSError):
                    holder = backend.holder(name)
                    if holder is not None:
                        return holder
        return None

    @contextmanager
    def doing_without(
        self, backend: Backend, what: str = "Logging in without a cache"
    ) -> Iterator[None]:
        """End a block where a backend cannot be used, with a warning; raise if that is an error."""
        try:
            yield
        except OSError as error:
            own = backend is self.own
            if self.strict and own:
                raise
            if id(backend) in self._warned:
                return
            self._warned.add(id(backend))
            where = f"{backend.describe()} cannot be used ({error.strerror or error})"
            if own:
                warn_user(
                    f"{what}: {where}. Each call logs in, and rejected credentials are remembered "
                    "by this process alone. Name another directory in UPSTOX_CACHE_DIR."
                )
            else:
                logger.warning("Attempts are not stored in %s", where)

    def _load(
        self, kind: type[RecordT], backend: Backend, name: str
    ) -> tuple[RecordT, bool] | None:
        """Return a record, and whether only its owner could have written it."""
        entry = backend.read(name)
        if entry is None:
            return None
        record = load(kind, entry.content)
        if record is None or not (entry.own or kind is AttemptRecord):
            logger.warning(
                "Ignoring %s in %s, which this release cannot read or others could have written; "
                "the next login replaces it",
                name,
                backend.describe(),
            )
            return None
        token = record.token if isinstance(record, TokenRecord) else None
        if entry.left is not None and token is not None:
            # A machine whose clock is off hands it out as long as it is there.
            offset = token.expires_at - entry.left - _clock.time()
            record = record._replace(token=token._replace(clock_offset=offset))
        return record, entry.own


class AccountLock:
    """The lock of an account and of an app in a store: nobody else logs in meanwhile."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._store, self._identity = store, identity
        self._held: list[tuple[Backend, Lock]] = []
        self._in_flight = self._away = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self, backend: Backend) -> bool:
        """Acquire it in a backend, if that can be used; False if another holds it."""
        with self._store.doing_without(backend):
            lock = backend.lock(_lock_names(self._identity))
            if lock is None:
                return False
            self._held.append((backend, lock))
        return True

    def read_token(self) -> TokenRecord:
        """Return what is stored of the app's token."""
        return self._store.read_token(self._identity)

    def read_attempts(self) -> AttemptRecord:
        """Return what is stored of the account's attempts."""
        return self._store.read_attempts(self._identity)

    def write_token(self, record: TokenRecord) -> None:
        """Replace what is stored of the app's token; raises `LockLostError`.

        The token lies in the backend alone, until it expires, and what else is known for 90 days.
        """
        token, app = _token_names(self._identity)
        seconds = _DAYS if record.token is None else max(0.0, record.token.expires_in)
        other = {app: Entry(dump(record._replace(token=None)), _DAYS)}
        whole = {token: Entry(dump(record), seconds), **other}
        for backend, lock in self._held:
            self._write(backend, lock, whole if backend is self._store.own else other)

    def write_attempts(self, record: AttemptRecord) -> None:
        """Replace what is stored of the account's attempts; raises `LockLostError`.

        Credentials that are in flight are written where other machines read before they are written
        here, or `CacheError` is raised: nothing goes out that they could not know of.
        """
        self._in_flight = record.in_flight is not None
        name = _attempts_name(self._identity.attempts_name)
        entries = {name: Entry(dump(record), _DAYS)}
        for backend, lock in self._held[::-1] if self._in_flight else self._held:
            self._write(backend, lock, entries)

    def clear(self) -> None:
        """Forget the token and the failures; what cannot be read is replaced."""
        attempts = self._store.read_attempts(self._identity, replacing=True)
        self.write_token(TokenRecord(version=new_id()))
        self.write_attempts(cleared(attempts))

    def extend(self, seconds: float) -> None:
        """Make sure, before a request of so many seconds, that the lock is held.

        Where the shared backend is away, the login goes on unless credentials are in flight.
        """
        if self._away and not self._in_flight:
            return
        for backend, lock in self._held:
            try:
                with self._store.doing_without(backend, _NOTHING_STORED):
                    lock.extend(seconds)
            except CacheError:
                self._away = True
                if self._in_flight:
                    raise
                logger.debug("The lock could not be extended; no credential is in flight")

    def release(self) -> None:
        """End the lock; a second call does nothing."""
        while self._held:
            backend, lock = self._held.pop()
            # Where a backend is away, each question takes its time, and the lock ends by itself.
            if not (self._away and backend is self._store.own):
                lock.release()

    def _write(self, backend: Backend, lock: Lock, entries: dict[str, Entry]) -> None:
        try:
            with self._store.doing_without(backend, _NOTHING_STORED):
                lock.write(entries)
            # Of a replica, that tells nothing.
            self._away = self._away and backend is not self._store.own
        except CacheError as error:
            self._away = True
            if self._in_flight or self._store.strict:
                raise
            warn_user(f"The result of this login could not be saved. {error.message}")


def _token_names(identity: Identity) -> tuple[str, str]:
    return f"{identity.app}.token", f"{identity.app}.app"


def _attempts_name(account: str) -> str:
    return f"{account}.attempts"


def _lock_names(identity: Identity) -> tuple[str, ...]:
    return tuple(dict.fromkeys((identity.attempts_name, identity.app)))
