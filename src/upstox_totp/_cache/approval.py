"""Waiting until a token that was asked for on the phone is in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.store import Store

_LOOK: Final = 1.0
_MINUTE: Final = 60


def wait_for_approval(
    store: Store, identity: Identified, *, ends: float, answered: Callable[[], bool]
) -> bool:
    """Wait, without the account's turn, and tell whether the token came.

    Args:
        store: Where it will be.
        identity: Whose it is.
        ends: Until when to wait, in seconds since the epoch.
        answered: Tells whether it is there.
    """
    said = -1
    while not answered():
        left = ends - _clock.time()
        if left <= 0:
            return False
        if said != left // _MINUTE:
            said = int(left // _MINUTE)
            logger.info("Waiting for the approval on the phone, for %d more minutes", said + 1)
        _clock.sleep(min(_LOOK, left))
    _note_answered(store, identity)
    return True


def _note_answered(store: Store, identity: Identified) -> None:
    turn = store.take_turn(identity)
    if turn is not None:
        record = turn.read_ledger()
        if record.asked_until:
            turn.write_ledger(record._replace(asked_until=0.0).stamped())
        turn.release()
