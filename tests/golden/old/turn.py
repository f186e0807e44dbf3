"""The old account's turn, in memory."""

from __future__ import annotations

from old.ledger_record import LedgerRecord

WARNED: list[str] = []
"""What a user would have been warned of."""


class TurnLostError(Exception):
    """The turn is another's now."""


class Turn:
    """Holds the attempts of one account; each `Ledger` over it is one login's."""

    def __init__(self) -> None:
        self.record = LedgerRecord()

    def read_ledger(self) -> LedgerRecord:
        """Return the attempts."""
        return self.record

    def write_ledger(self, record: LedgerRecord) -> None:
        """Replace the attempts."""
        self.record = record

    def confirm(self, seconds: float) -> None:
        """Always still held."""


def warn_user(message: str) -> None:
    """Note a warning."""
    WARNED.append(message)
