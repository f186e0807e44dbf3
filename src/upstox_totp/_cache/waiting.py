"""Waiting for another's login, with a bound and a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from upstox_totp import _clock
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.attempts import asked
from upstox_totp._cache.backend import PROCESS, Holder
from upstox_totp._cache.files import FileBackend, has_locks
from upstox_totp._cache.lifetime import as_datetime, when
from upstox_totp._cache.store import Store
from upstox_totp._http.addresses import is_loopback
from upstox_totp._log import logger
from upstox_totp.errors import LoginWaitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._cache.store import AccountLock
    from upstox_totp._settings.identity import Identity

ResultT = TypeVar("ResultT")

PATIENCE: Final = 180.0
"""How long to wait while the lock neither changes hands nor is extended, in seconds."""

# How often to look, in seconds: not much later than what was waited for, and no more often than
# a hundred processes of a fleet may.
_LOOK: Final = 0.05
_LOOK_MOST: Final = 0.5
_LOOK_SHARE: Final = 0.1
_LOOK_FOR_APPROVAL: Final = 1.0
_SAY_AFTER: Final = 3.0
_SAY_AGAIN: Final = 30.0
_NOBODY: Final = Holder("nobody knows whose it is")


def locked(
    store: Store,
    identity: Identity,
    answer: Callable[[], ResultT | None] = lambda: None,
) -> AccountLock | ResultT:
    """Return the account's lock, for a ``with`` block; or an answer that comes before it is free.

    Raises `LoginWaitError` where the lock does not change hands for so many seconds, and does not
    end by itself meanwhile.
    """
    who, waited, say_at = "", 0.0, _SAY_AFTER
    while True:
        found = store.acquire(identity) or answer()
        if found is not None:
            return found
        holder = store.holder(identity) or _NOBODY
        if holder.who != who:
            who, waited, say_at = holder.who, 0.0, _SAY_AFTER
        # A lock that ends by itself is waited for, since whoever held it may be gone.
        if waited >= PATIENCE and holder.seconds is None:
            raise LoginWaitError(
                f"Another login of this account has not ended for {PATIENCE:.0f} seconds: "
                f"{who}, at {store.describe()}.",
                details={"waited": PATIENCE, "holder": None if holder is _NOBODY else who},
                suggestions=["See what that program does; end it if it hangs, then try again."],
            )
        if waited >= say_at:
            say_at += _SAY_AGAIN
            logger.info(
                "Waiting for another login of this account: %s (%.0f of %.0f seconds)",
                who,
                waited,
                max(PATIENCE, waited + (holder.seconds or 0.0)),
            )
        # Counted, not measured: a machine that was suspended did not wait.
        look = look_after(waited)
        _clock.pause(look)
        waited += look


def look_after(waited: float) -> float:
    """Return how long to wait before the next look, in seconds."""
    return min(_LOOK_MOST, max(_LOOK, waited * _LOOK_SHARE))


def wait_for_approval(
    store: Store, identity: Identity, *, ends: float, answer: Callable[[], ResultT | None]
) -> ResultT | None:
    """Wait, without the lock, for a token that was asked for on the phone; None if none came."""
    logger.info("Waiting for the approval on the phone until %s", when(as_datetime(ends)))
    while (found := answer()) is None:
        left = ends - _clock.time()
        if left <= 0:
            return None
        _clock.sleep(min(_LOOK_FOR_APPROVAL, left))
    lock = store.acquire(identity)
    if lock is not None:
        with lock:
            record = lock.read_attempts()
            if record.asked_until:
                lock.write_attempts(asked(record, 0.0))
    return found


def log_in_alone(client: Any, log_in: Callable[[AttemptLog], ResultT]) -> ResultT:
    """Log in without caching the token, when nobody else on this machine logs in to the account.

    ``client`` is an `UpstoxTOTP`, which lies above.
    """
    directory = client.config.cache_dir
    own_server = is_loopback(urlsplit(client.base_domain).hostname)
    # The attempts of a login at Upstox are stored all the same, where files can be locked.
    in_files = has_locks() and not (own_server and directory is None)
    store = Store(FileBackend(directory), PROCESS) if in_files else Store(PROCESS)
    with locked(store, client.identity) as lock:
        log = AttemptLog(lock, client.identity, mask=client.secrets.mask, cached=False)
        log.check()
        try:
            return log_in(log)
        except Exception as error:
            log.note_failure(error)
            raise
