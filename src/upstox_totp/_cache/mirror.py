"""MirroredStore: a store whose ledger is held a second time, so that it outlives the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from upstox_totp._cache.ledger_record import LedgerRecord, union
from upstox_totp._log import warn_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.record import TokenRecord
    from upstox_totp._cache.store import Store, Turn

_T = TypeVar("_T")


class MirroredStore:
    """A store, and another one that holds the same ledger.

    Where the first cannot be used, the person is warned, no token is kept, and the ledger holds
    in the second. Of two ledgers the newer one is read, with the codes that either knows.

    Args:
        store: Where tokens and attempts are kept.
        mirror: Where attempts are kept, too; takes turns first.
        strict: Whether a store that cannot be used is an error.
    """

    def __init__(self, store: Store, mirror: Store, *, strict: bool = False) -> None:
        self._store = store
        self._mirror = mirror
        self._strict = strict
        self._warned = False

    def __repr__(self) -> str:
        """Return both stores."""
        return f"MirroredStore({self._store!r}, {self._mirror!r})"

    def read_token(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token.

        Args:
            identity: Whose it is.
        """
        try:
            return self._store.read_token(identity)
        except OSError as error:
            self.give_up(error)
        return self._mirror.read_token(identity)

    def read_ledger(self, identity: Identified) -> LedgerRecord:
        """Return what is kept of an account's attempts.

        Args:
            identity: Whose they are.
        """
        try:
            kept = self._store.read_ledger(identity)
        except OSError as error:
            self.give_up(error)
            kept = LedgerRecord()
        return union(kept, self._mirror.read_ledger(identity))

    def take_turn(self, identity: Identified) -> MirroredTurn | None:
        """Return the account's turn in both stores, None while another holds it in either.

        Args:
            identity: Whose turn it is.
        """
        second = self._mirror.take_turn(identity)
        if second is None:
            return None
        first = None
        try:
            first = self._store.take_turn(identity)
        except OSError as error:
            try:
                self.give_up(error)
            except OSError:
                second.release()
                raise
        except BaseException:
            second.release()
            raise
        else:
            if first is None:
                second.release()
                return None
        return MirroredTurn(self, first, second)

    def describe_holder(self, identity: Identified) -> str | None:
        """Return who holds the account's turn.

        Args:
            identity: Whose turn it is.
        """
        own = self._mirror.describe_holder(identity)
        if own is not None:
            return own
        try:
            return self._store.describe_holder(identity)
        except OSError:
            return None

    def describe(self) -> str:
        """Return where the store is."""
        return self._store.describe()

    def give_up(self, error: OSError, what: str = "Logging in without a cache") -> None:
        """Warn that nothing can be kept.

        Args:
            error: Why.
            what: What comes of it.

        Raises:
            OSError: If that is an error here.
        """
        if self._strict:
            raise error
        if self._warned:
            return
        self._warned = True
        warn_user(
            f"{what}: {self.describe()} cannot be used ({error.strerror or error}). Each call "
            "logs in, and rejected credentials are remembered by this process alone. Name another "
            "directory in UPSTOX_CACHE_DIR."
        )


class MirroredTurn:
    """An account's turn in two stores.

    Args:
        store: Says that the first store cannot be used.
        first: The turn in the first store, None if that cannot be used.
        second: The turn in the second store.
    """

    def __init__(self, store: MirroredStore, first: Turn | None, second: Turn) -> None:
        self._store = store
        self._first = first
        self._second = second

    def read_token(self) -> TokenRecord:
        """Return what is kept of the app's token."""
        return self._with_first(lambda turn: turn.read_token()) or self._second.read_token()

    def write_token(self, record: TokenRecord) -> None:
        """Replace what is kept of the app's token.

        Args:
            record: What to keep.
        """
        # Those who wait share a failure though nothing can be kept; a token lies in one place.
        self._second.write_token(record._replace(token=None))
        self._with_first(lambda turn: turn.write_token(record))

    def read_ledger(self) -> LedgerRecord:
        """Return what is kept of the account's attempts."""
        kept = self._with_first(lambda turn: turn.read_ledger()) or LedgerRecord()
        return union(kept, self._second.read_ledger())

    def write_ledger(self, record: LedgerRecord) -> None:
        """Replace what is kept of the account's attempts.

        Args:
            record: What to keep.
        """
        self._second.write_ledger(record)
        self._with_first(lambda turn: turn.write_ledger(record))

    def confirm(self, seconds: float) -> None:
        """Make sure that the turn is still held.

        Args:
            seconds: How long the next request may take.

        Raises:
            LockLostError: If it is another's now.
        """
        self._second.confirm(seconds)
        self._with_first(lambda turn: turn.confirm(seconds))

    def release(self) -> None:
        """End the turn in both stores."""
        try:
            if self._first is not None:
                self._first.release()
        finally:
            self._second.release()

    def _with_first(self, use: Callable[[Turn], _T]) -> _T | None:
        if self._first is None:
            return None
        try:
            return use(self._first)
        except OSError as error:
            # Its lock, where it has one, still keeps others from logging in meanwhile.
            self._store.give_up(error, "Nothing of this login can be kept")
        return None
