"""RedisTurn: an account's turn in Redis, and the names that its keys have there."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from upstox_totp import _clock
from upstox_totp._cache.lifetime import IST, as_datetime
from upstox_totp._cache.record import TokenRecord
from upstox_totp._cache.redis_records import Kept, name_of
from upstox_totp._cache.store import LockLostError
from upstox_totp._log import logger, warn_user
from upstox_totp.errors import CacheError

if TYPE_CHECKING:
    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.ledger_record import LedgerRecord

_KEPT_MS: Final = 90 * 86400 * 1000


class Locks(Protocol):
    """What a turn needs of its store; `RedisStore` has it."""

    lease: float

    def read_marked(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token, with the mark of its login."""

    def read_ledger(self, identity: Identified) -> LedgerRecord:
        """Return what is kept of an account's attempts."""

    def lock(self, name: str, holder: str) -> Any:
        """Return a lock that was taken, None while another holds it."""

    def extend(self, locks: list[Any], seconds: float) -> float:
        """Make locks last for a request, and return for how long they do, in seconds."""

    def unlock(self, lock: Any) -> None:
        """Release a lock."""

    def write(self, lock: Any, stamp: tuple[str, int], *records: Kept) -> None:
        """Write records, if the lock is still held."""


class RedisTurn:
    """The turn of an account and of an app in a `RedisStore`: a lock of each.

    Args:
        store: The store.
        identity: Whose turn it is.
    """

    def __init__(self, store: Locks, identity: Identified) -> None:
        self._store = store
        self._identity = identity
        self._locks: list[Any] = []
        self._id = secrets.token_hex(8)
        self._writes = 0
        self._until = (0.0, 0.0)
        self._begun = self._away = False
        self._token = TokenRecord()

    def take(self) -> bool:
        """Take both locks at once, and tell whether that succeeded; release in any case."""
        now = as_datetime(_clock.time()).astimezone(IST)
        holder = f"process {os.getpid()} on {socket.gethostname()}, since {now:%H:%M:%S} IST"
        began = _clocks()
        for tag in tags_of(self._identity):
            lock = self._store.lock(name_of(tag, "turn"), holder)
            if lock is None:
                return False
            self._locks.append(lock)
        self._until = _later(began, self._store.lease)
        return True

    def read_token(self) -> TokenRecord:
        """Return what is kept of the app's token; with Redis away in mid-login, what was read last.

        Raises:
            CacheError: If Redis cannot be used, and was not found away before.
        """
        if not self._away:
            self._token = self._store.read_marked(self._identity)
        return self._token

    def read_ledger(self) -> LedgerRecord:
        """Return what is kept of the account's attempts."""
        return self._store.read_ledger(self._identity)

    def write_token(self, record: TokenRecord) -> None:
        """Replace what is kept of the app's token; the token itself lasts until it dies.

        Args:
            record: What to keep.

        Raises:
            LockLostError: If the turn is another's now.
        """
        left = 0.0 if record.token is None else record.token.expires_in
        app = self._identity.app
        kept = (
            Kept(name_of(app, "app"), record._replace(token=None).to_content(), _KEPT_MS),
            Kept(name_of(app, "token"), record.to_content(), max(0, int(left * 1000))),
        )
        try:
            self._write(-1, *kept)
        except CacheError as error:
            warn_user(f"The outcome of this login could not be kept. {error.message}")

    def write_ledger(self, record: LedgerRecord) -> None:
        """Replace what is kept of the account's attempts, for 90 days.

        What comes of an attempt costs a warning where Redis is away, and not the login: the next
        one finds that the attempt was begun.

        Args:
            record: What to keep.

        Raises:
            LockLostError: If the turn is another's now.
            CacheError: If Redis cannot be used, and an attempt is about to begin.
        """
        self._begun = record.begun is not None
        name = name_of(self._identity.ledger_name, "ledger")
        try:
            self._write(0, Kept(name, record.to_content(), _KEPT_MS))
        except CacheError as error:
            if self._begun:
                raise
            warn_user(f"What came of an attempt could not be kept. {error.message}")

    def confirm(self, seconds: float) -> None:
        """Make the turn last for a request.

        Where Redis cannot be asked, the login goes on as long as it sends nothing that costs an
        attempt, or the lease has not passed.

        Args:
            seconds: How long the request may take.

        Raises:
            LockLostError: If the turn is another's now.
            CacheError: If Redis cannot be asked, an attempt is to be sent, and the lease may have
                passed by then.
        """
        self._check()
        if self._away and not self._begun:
            return
        began = _clocks()
        try:
            lease = self._store.extend(self._locks, seconds)
        except CacheError:
            self._away = True
            if self._begun and any(
                now + seconds >= end for now, end in zip(began, self._until, strict=True)
            ):
                raise
            logger.debug("The turn could not be extended; nothing is sent that costs an attempt")
        else:
            self._until = _later(began, lease)

    def release(self) -> None:
        """End the turn. A second call does nothing, and a turn that is another's stays."""
        while self._locks:
            lock = self._locks.pop()
            # Where Redis is away, each question to it takes its time, and the lease ends by itself.
            if not self._away:
                with suppress(CacheError, LockLostError):
                    self._store.unlock(lock)

    def _write(self, which: int, *records: Kept) -> None:
        self._check()
        self._writes += 1
        try:
            self._store.write(self._locks[which], (self._id, self._writes), *records)
        except CacheError:
            self._away = True
            raise
        self._away = False

    def _check(self) -> None:
        if not self._locks:
            raise LockLostError("the turn has ended")


def tags_of(identity: Identified) -> tuple[str, ...]:
    """Return what a turn locks, in order: the account, and the app where that is not the same.

    Args:
        identity: Whose turn it is.
    """
    return tuple(dict.fromkeys((identity.ledger_name, identity.app)))


def _clocks() -> tuple[float, float]:
    # A machine that slept has a monotonic clock that stood still, and a right one on the wall.
    return _clock.monotonic(), _clock.time()


def _later(clocks: tuple[float, float], seconds: float) -> tuple[float, float]:
    return clocks[0] + seconds, clocks[1] + seconds
