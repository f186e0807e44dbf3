"""What keeps tokens and attempts: the protocol of a store, and of an account's turn in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from upstox_totp._tokens.ledger_record import LedgerRecord
    from upstox_totp._tokens.token_record import TokenRecord


class TurnLostError(Exception):
    """The turn is another's now: nothing more may be sent or kept in it."""


class StoreError(OSError):
    """A store that cannot be used, for a reason that the operating system does not know."""


class Identified(Protocol):
    """What tells accounts apart: `upstox_totp._settings.account.Identity` has it."""

    @property
    def app(self) -> str:
        """Under which the token is kept."""

    @property
    def ledger_name(self) -> str:
        """Under which the attempts are kept."""

    @property
    def user(self) -> str | None:
        """Stands for the user name, None if none is set."""

    @property
    def user_id(self) -> str | None:
        """The user id that the token must be of, None if none is set."""

    @property
    def pin(self) -> str | None:
        """Stands for the PIN; written down only once it was rejected."""

    @property
    def triple(self) -> str | None:
        """Stands for app, secret and PIN."""

    @property
    def fingerprint(self) -> str:
        """Stands for all settings."""


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
            TurnLostError: If it is another's now.
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
