"""MemoryStore: keeps tokens and attempts in this process, for as long as it lives."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from upstox_totp import _clock
from upstox_totp._cache.ledger_record import LedgerRecord
from upstox_totp._cache.record import TokenRecord
from upstox_totp._cache.store import LockLostError

if TYPE_CHECKING:
    from upstox_totp._cache.identified import Identified

_NO_TOKEN: Final = TokenRecord()
_NO_LEDGER: Final = LedgerRecord()


class MemoryStore:
    """Keeps tokens and attempts in memory; threads of a process take turns in it.

    A process that forks hands what is kept to its child, and no turn that is held.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, TokenRecord] = {}
        self._ledgers: dict[str, LedgerRecord] = {}
        self._turns: dict[str, MemoryTurn] = {}
        _STORES.add(self)

    def __repr__(self) -> str:
        """Return a name without what is kept."""
        return "MemoryStore()"

    def read_token(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token.

        Args:
            identity: Whose it is.
        """
        with self._lock:
            return self._tokens.get(identity.app, _NO_TOKEN)

    def read_ledger(self, identity: Identified) -> LedgerRecord:
        """Return what is kept of an account's attempts.

        Args:
            identity: Whose they are.
        """
        with self._lock:
            return self._ledgers.get(identity.ledger_name, _NO_LEDGER)

    def take_turn(self, identity: Identified) -> MemoryTurn | None:
        """Return the account's turn, None while another thread holds it.

        Args:
            identity: Whose turn it is.
        """
        with self._lock:
            if identity.ledger_name in self._turns:
                return None
            turn = MemoryTurn(self, identity)
            self._turns[identity.ledger_name] = turn
            return turn

    def describe_holder(self, identity: Identified) -> str | None:
        """Return which thread holds the account's turn, and since when.

        Args:
            identity: Whose turn it is.
        """
        with self._lock:
            turn = self._turns.get(identity.ledger_name)
        return None if turn is None else turn.holder

    def describe(self) -> str:
        """Return where the store is."""
        return "the memory of this process"

    def forget(self) -> None:
        """Forget everything, the turns that are held included."""
        with self._lock:
            self._tokens.clear()
            self._ledgers.clear()
            self._turns.clear()

    def after_fork(self) -> None:
        """Make the store usable in the child of a fork, whichever thread held its lock."""
        self._lock = threading.Lock()
        self._turns = {}

    def keep(self, turn: MemoryTurn, record: TokenRecord | LedgerRecord) -> None:
        """Keep a token, or attempts, for who holds the turn.

        Args:
            turn: The turn.
            record: What to keep.

        Raises:
            LockLostError: If the turn is not held.
        """
        with self._lock:
            self._check(turn)
            if isinstance(record, LedgerRecord):
                self._ledgers[turn.identity.ledger_name] = record
            else:
                self._tokens[turn.identity.app] = record

    def confirm(self, turn: MemoryTurn) -> None:
        """Make sure that a turn is held.

        Args:
            turn: The turn.

        Raises:
            LockLostError: If it is not held.
        """
        with self._lock:
            self._check(turn)

    def end_turn(self, turn: MemoryTurn) -> None:
        """End a turn, if it is held.

        Args:
            turn: The turn.
        """
        with self._lock:
            if self._turns.get(turn.identity.ledger_name) is turn:
                del self._turns[turn.identity.ledger_name]

    def _check(self, turn: MemoryTurn) -> None:
        if self._turns.get(turn.identity.ledger_name) is not turn:
            raise LockLostError("the turn has ended")


class MemoryTurn:
    """An account's turn in a `MemoryStore`.

    Args:
        store: The store.
        identity: Whose turn it is.
    """

    def __init__(self, store: MemoryStore, identity: Identified) -> None:
        self._store = store
        self.identity = identity
        self.holder = f"thread {threading.current_thread().name!r} of this process"
        self.since = _clock.time()

    def read_token(self) -> TokenRecord:
        """Return what is kept of the app's token."""
        return self._store.read_token(self.identity)

    def write_token(self, record: TokenRecord) -> None:
        """Replace what is kept of the app's token.

        Args:
            record: What to keep.
        """
        self._store.keep(self, record)

    def read_ledger(self) -> LedgerRecord:
        """Return what is kept of the account's attempts."""
        return self._store.read_ledger(self.identity)

    def write_ledger(self, record: LedgerRecord) -> None:
        """Replace what is kept of the account's attempts.

        Args:
            record: What to keep.
        """
        self._store.keep(self, record)

    def confirm(self, seconds: float) -> None:  # noqa: ARG002 - memory is not lost by time
        """Make sure that the turn is still held.

        Args:
            seconds: How long the next request may take.
        """
        self._store.confirm(self)

    def release(self) -> None:
        """End the turn."""
        self._store.end_turn(self)


_STORES: Final[WeakSet[MemoryStore]] = WeakSet()


def _after_fork() -> None:
    for store in _STORES:
        store.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

PROCESS: Final = MemoryStore()
"""The store of this process: what a client without a cache counts its attempts in."""
