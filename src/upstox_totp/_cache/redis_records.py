"""RedisRecords: records as they lie in Redis, and the names of their keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from upstox_totp import _clock
from upstox_totp._cache.encryption import SealError, hidden
from upstox_totp._cache.ledger_record import LedgerRecord
from upstox_totp._cache.record import TokenRecord
from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._cache.encryption import Seal

ResultT = TypeVar("ResultT")

_PREFIX: Final = "upstox_totp"
_STAMP: Final = re.compile(rb"[0-9a-f]+\.[0-9]+:")


class Kept(NamedTuple):
    """A record to write.

    Attributes:
        name: The name of its key.
        content: What to keep.
        life: For how long, in milliseconds; 0 deletes what is kept.
    """

    name: str
    content: HiddenBytes
    life: int


class RedisRecords:
    """Opens and seals records, each with the stamp of the turn that wrote it before it.

    Args:
        seal: Encrypts them.
        where: Names the Redis, for messages.
    """

    def __init__(self, seal: Seal, where: str) -> None:
        self._seal = seal
        self._where = where
        self._opened: dict[str, tuple[HiddenBytes, Any]] = {}

    def __repr__(self) -> str:
        """Return where they lie."""
        return f"<RedisRecords: {self._where}>"

    def pack(self, record: Kept, stamp: str) -> HiddenBytes:
        """Return what to keep of a record.

        Args:
            record: The record.
            stamp: The turn and the number of the write in it.
        """
        return HiddenBytes(f"{stamp}:".encode() + self._seal.seal(record.name, record.content))

    def token(self, app: str, answer: list[Any]) -> TokenRecord:
        """Return the record of a token, with the life that its key has left.

        Args:
            app: Whose token it is.
            answer: The record and its life in milliseconds; emptied.

        Raises:
            CacheError: If it cannot be read.
        """
        life = answer[1]
        kept = hidden(answer[0])
        # The frame of a caller may be shown, too.
        answer.clear()
        if not kept:
            return TokenRecord()
        record = self.open(token_names(app)[life is None], kept, TokenRecord.parse)
        if record.token is None or life is None or life < 0:
            return record
        offset = record.token.expires_at - life / 1000 - _clock.time()
        return record._replace(token=record.token._replace(clock_offset=offset))

    def ledger(self, account: str, answer: Any) -> LedgerRecord:
        """Return the record of attempts.

        Args:
            account: Whose they are.
            answer: The record, None if there is none.

        Raises:
            CacheError: If it cannot be read.
        """
        kept = hidden(answer)
        if not kept:
            return LedgerRecord()
        return self.open(name_of(account, "ledger"), kept, LedgerRecord.parse)

    def open(
        self, name: str, kept: HiddenBytes, parse: Callable[[HiddenBytes], ResultT | None]
    ) -> ResultT:
        """Return a record that was kept.

        Args:
            name: The name of its key.
            kept: What lies there.
            parse: Reads it, and returns None if it is no such record.

        Raises:
            CacheError: If it cannot be read.
        """
        before: tuple[bytes, Any] = self._opened.get(name, (b"", None))
        if before[0] == kept:
            record: ResultT | None = before[1]
            assert record is not None  # noqa: S101 - none is remembered
            return record
        stamp = _STAMP.match(kept)
        problem = "it is none of this package's"
        if stamp is not None:
            try:
                record = parse(self._seal.open(name, HiddenBytes(kept[stamp.end() :])))
            except SealError as error:
                problem = str(error)
            else:
                if record is not None:
                    # Most reads find what the last one found, and records are never changed.
                    self._opened = {**self._opened, name: (kept, record)}
                    return record
                problem = "another release of this package wrote it"
        # A match holds what was matched.
        del stamp
        raise CacheError(
            f"The record {name} in {self._where} cannot be read: {problem}",
            suggestions=[
                "No login is made meanwhile: it might end the token that is in the record.",
                "To begin anew, stop every login and delete the keys upstox_totp:* there.",
            ],
        )


def name_of(tag: str, kind: str) -> str:
    """Return the name of a key.

    Args:
        tag: The app or the account; the hash tag in a cluster.
        kind: What is kept under it.
    """
    return f"{_PREFIX}:{{{tag}}}:{kind}"


def token_names(app: str) -> tuple[str, str]:
    """Return the names of the two keys of an app: its token, and what outlives that.

    Args:
        app: The app.
    """
    return name_of(app, "token"), name_of(app, "app")
