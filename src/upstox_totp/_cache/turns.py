"""Waiting for an account's turn: bounded, and with a word on who is waited for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._log import logger
from upstox_totp.errors import LoginWaitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.store import Store, Turn

PATIENCE: Final = 180.0
"""How long to wait without the turn changing hands, in seconds."""

# How often to look, in seconds: not much later than what was waited for, and no more often than
# a hundred processes of a fleet may.
_LOOK: Final = 0.05
_LOOK_MOST: Final = 0.5
_LOOK_SHARE: Final = 0.1
_SAY_AFTER: Final = 3.0
_SAY_AGAIN: Final = 30.0


def _never() -> bool:
    return False


@contextmanager
def turn_of(
    store: Store,
    identity: Identified,
    *,
    patience: float = PATIENCE,
    answered: Callable[[], bool] = _never,
) -> Iterator[Turn | None]:
    """Block the account's turn for a block.

    Args:
        store: Whose turns they are.
        identity: Whose turn it is.
        patience: How long to wait without the turn changing hands, in seconds.
        answered: Is asked now and then; once it says yes, the wait ends without the turn.

    Yields:
        The turn, None if the wait was answered.

    Raises:
        LoginWaitError: If the turn did not change hands for that long.
    """
    turn = _wait(store, identity, patience, answered)
    try:
        yield turn
    finally:
        if turn is not None:
            turn.release()


def look_after(waited: float) -> float:
    """Return how long to wait before the next look, in seconds.

    Args:
        waited: How long was waited already, in seconds.
    """
    return min(_LOOK_MOST, max(_LOOK, waited * _LOOK_SHARE))


def _wait(
    store: Store, identity: Identified, patience: float, answered: Callable[[], bool]
) -> Turn | None:
    holder, waited, say_at = None, 0.0, _SAY_AFTER
    while True:
        turn = store.take_turn(identity)
        if turn is not None:
            return turn
        if answered():
            return None
        now_holding = store.describe_holder(identity)
        if now_holding != holder:
            holder, waited, say_at = now_holding, 0.0, _SAY_AFTER
        if waited >= patience:
            raise LoginWaitError(
                f"Another login of this account has not ended for {patience:.0f} seconds: "
                f"{holder or 'nobody knows whose it is'}, at {store.describe()}.",
                details={"waited": patience, "holder": holder},
                suggestions=["See what that program does; end it if it hangs, then try again."],
            )
        if waited >= say_at:
            say_at += _SAY_AGAIN
            logger.info(
                "Waiting for another login of this account: %s (%.0f of %.0f seconds)",
                holder or "nobody knows whose it is",
                waited,
                patience,
            )
        # Counted, not measured: a machine that was suspended did not wait.
        look = look_after(waited)
        _clock.pause(look)
        waited += look
