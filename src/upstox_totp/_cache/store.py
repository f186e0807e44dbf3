"""What keeps tokens and attempts: the protocol of a store, and of an account's turn in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.ledger_record import LedgerRecord
    from upstox_totp._cache.record import TokenRecord


class LockLostError(Exception):
    """The turn is another's now: nothing more may be sent or kept in it."""


class StoreError(OSError):
    """A store that cannot be used, for a reason that the operating system does not know."""


class Turn(Protocol):
    """The account's turn, held: nobody else logs in meanwhile. Every method may raise OSError."""

    def read_token(self) -> TokenRecord:
        """Return what is kept of the app's token, an empty record if nothing of use is."""

    def write_token(self, record: TokenRecord) -> None:
        """Replace what is kept of the app's token.

        Args:
            record: What to keep.
        """

    def read_ledger(self) -> LedgerRecord:
        """Return what is kept of the account's attempts, an empty record if nothing is."""

    def write_ledger(self, record: LedgerRecord) -> None:
        """Replace what is kept of the account's attempts.

        Args:
            record: What to keep.
        """

    def confirm(self, seconds: float) -> None:
        """Make sure, before a request, that the turn is still held.

        Args:
            seconds: How long the request may take.

        Raises:
            LockLostError: If it is another's now.
        """

    def release(self) -> None:
        """End the turn. A second call does nothing; no call raises."""


class Store(Protocol):
    """Where tokens and attempts are kept. Every method but `describe` may raise OSError."""

    def read_token(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token, an empty record if nothing of use is.

        Args:
            identity: Whose it is.
        """

    def read_ledger(self, identity: Identified) -> LedgerRecord:
        """Return what is kept of an account's attempts, an empty record if nothing of use is.

        Args:
            identity: Whose they are.
        """

    def take_turn(self, identity: Identified) -> Turn | None:
        """Return the account's turn, None while another holds it. Never waits.

        Args:
            identity: Whose turn it is.
        """

    def describe_holder(self, identity: Identified) -> str | None:
        """Return who holds the account's turn, and since when; None if nobody knows.

        Args:
            identity: Whose turn it is.
        """

    def describe(self) -> str:
        """Return where the store is, for messages."""


class UnusableStore:
    """A store that was named and cannot be used: every method but `describe` says why.

    Args:
        where: Where it is.
        reason: Why it cannot be used.
    """

    def __init__(self, where: str, reason: OSError) -> None:
        self._where = where
        self._reason = reason

    def __repr__(self) -> str:
        """Return where it is."""
        return f"UnusableStore({self._where!r})"

    def describe(self) -> str:
        """Return where it is."""
        return self._where

    def read_token(self, *_: object) -> NoReturn:
        """Raise why it cannot be used."""
        raise StoreError(str(self._reason))

    read_ledger = take_turn = describe_holder = read_token
