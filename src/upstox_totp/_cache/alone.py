"""A login without a cache: its attempts are counted in the memory of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.memory_store import PROCESS
from upstox_totp._cache.turns import turn_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._cache.identified import Identified

_T = TypeVar("_T")


def log_in_alone(identity: Identified, log_in: Callable[[AttemptLog], _T]) -> _T:
    """Log in when no other thread of this process logs in to the same account.

    Args:
        identity: Who logs in.
        log_in: Logs in, and counts its attempts in the ledger that it is given.

    Returns:
        What ``log_in`` returned.

    Raises:
        UpstoxError: If something holds the login, or it failed.
    """
    with turn_of(PROCESS, identity) as turn:
        assert turn is not None  # noqa: S101 - nothing else answers this wait
        ledger = AttemptLog(turn, identity)
        ledger.check()
        try:
            return log_in(ledger)
        except Exception as error:
            ledger.note_failure(error)
            raise
