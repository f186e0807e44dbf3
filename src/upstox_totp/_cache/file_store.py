"""FileStore: keeps tokens and attempts in files of the user's own.

Reading needs nothing but the standard library, so that a kept token is found at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._cache.files import PrivateDirectory
from upstox_totp._cache.ledger_record import LedgerRecord
from upstox_totp._cache.lifetime import IST, as_datetime, moment
from upstox_totp._cache.record import TokenRecord
from upstox_totp._cache.store import LockLostError
from upstox_totp._log import logger
from upstox_totp._redact import HiddenBytes

if TYPE_CHECKING:
    from upstox_totp._cache.file_lock import HeldLock
    from upstox_totp._cache.identified import Identified

_MOST_WORDS: Final = 4
_MOST_WORDS_READ: Final = 120
_WORD: Final = re.compile(r"[0-9a-f]+\.[0-9]{1,15}\.used")

# Asked for again and again, and seldom another than the time before.
_parse_ledger = lru_cache(maxsize=8)(LedgerRecord.parse)
_parse_token = lru_cache(maxsize=8)(TokenRecord.parse)


class FileStore:
    """Keeps tokens and attempts in a directory; the processes of a machine take turns in it.

    Args:
        directory: Where it lies; made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = PrivateDirectory(directory)

    def __repr__(self) -> str:
        """Return the path."""
        return f"FileStore({str(self._directory.path)!r})"

    def read_token(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token, an empty record if nothing of use is.

        Args:
            identity: Whose it is.

        Raises:
            OSError: If the directory is not the user's own, or the file cannot be read.
        """
        name = f"{identity.app}.json"
        content = self._directory.read(name)
        record = None if content is None else _parse_token(content)
        if content is not None and record is None:
            self._ignore(name, "token")
        return record or TokenRecord()

    def read_ledger(self, identity: Identified) -> LedgerRecord:
        """Return what is kept of an account's attempts, an empty record if nothing of use is.

        Args:
            identity: Whose they are.

        Raises:
            OSError: If the directory is not the user's own, or the file cannot be read.
        """
        name = f"{identity.ledger_name}.ledger"
        content = self._directory.read(name)
        record = None if content is None else _parse_ledger(content)
        if content is not None and record is None:
            self._ignore(name, "ledger of attempts")
        return record or LedgerRecord()

    def read_words(self, identity: Identified) -> LedgerRecord:
        """Return the ledger, with the codes that a turn left word of and could not write into it.

        Args:
            identity: Whose attempts they are.

        Raises:
            OSError: As `read_ledger`.
        """
        periods = [int(name.split(".")[1]) for name in self._words(identity)]
        return self.read_ledger(identity).with_periods(periods)

    def take_turn(self, identity: Identified) -> FileTurn | None:
        """Return the account's turn, None while another process holds it.

        Args:
            identity: Whose turn it is.

        Raises:
            OSError: If the directory cannot be made or is not the user's own, or has no locks.
        """
        free, anchor = self._take_anchor(identity)
        if not free:
            return None
        lock = None
        try:
            lock = self.relock(identity)
            return None if lock is None else FileTurn(self, identity, lock, anchor)
        finally:
            if lock is None and anchor is not None:
                anchor.release()

    def _take_anchor(self, identity: Identified) -> tuple[bool, HeldLock | None]:
        """Take a lock outside the directory, which may be removed while a login is under way."""
        import tempfile  # noqa: PLC0415 - reading needs no locks

        from upstox_totp._cache.file_lock import take_lock  # noqa: PLC0415 - as above

        user = os.getuid() if hasattr(os, "getuid") else "user"
        place = json.dumps([str(self._directory.path.absolute()), identity.ledger_name])
        name = hashlib.sha256(place.encode()).hexdigest()
        try:
            anchors = PrivateDirectory(Path(tempfile.gettempdir()) / f"upstox-totp-{user}")
            anchors.make()
            lock = take_lock(anchors.path / f"{name}.lock")
        except OSError:
            return True, None
        return lock is not None, lock

    def describe_holder(self, identity: Identified) -> str | None:
        """Return which process holds the account's turn, and since when.

        Args:
            identity: Whose turn it is.
        """
        try:
            told = json.loads(self._directory.read(f"{identity.ledger_name}.holder") or b"")
            since = as_datetime(moment(told["since"])).astimezone(IST)
            process = f"process {int(told['pid'])} on {str(told['host'])[:100]}"
        except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError):
            return None
        return f"{process}, since {since:%H:%M:%S} IST"

    def describe(self) -> str:
        """Return where the store is."""
        return str(self._directory.path)

    def write_token(self, identity: Identified, record: TokenRecord) -> None:
        """Replace what is kept of an app's token; for who holds the turn.

        Args:
            identity: Whose it is.
            record: What to keep.

        Raises:
            OSError: If that is not possible.
        """
        self._directory.write(f"{identity.app}.json", record.to_content())

    def write_ledger(self, identity: Identified, record: LedgerRecord) -> None:
        """Replace what is kept of an account's attempts; for who holds the turn.

        Args:
            identity: Whose they are.
            record: What to keep.

        Raises:
            OSError: If that is not possible.
        """
        words = self._words(identity)
        content = record.with_periods(self.read_words(identity).periods).to_content()
        try:
            # It must outlast the process, which may be killed; not a power failure.
            self._directory.write(f"{identity.ledger_name}.ledger", content, durable=False)
        except OSError:
            with suppress(OSError):
                self.leave_word(identity, record)
            raise
        for name in words:
            self._directory.remove(name)

    def leave_word(self, identity: Identified, record: LedgerRecord) -> None:
        """Tell who takes the next turn which codes were used, where no ledger can be written.

        Args:
            identity: Whose codes they are.
            record: The ledger that knows of them.

        Raises:
            OSError: If that is not possible.
        """
        for period in record.periods[-_MOST_WORDS:]:
            self._directory.mark(f"{identity.ledger_name}.{period}.used")

    def _words(self, identity: Identified) -> list[str]:
        names = self._directory.names(f"{identity.ledger_name}.*.used")
        return [name for name in names if _WORD.fullmatch(name)][-_MOST_WORDS_READ:]

    def relock(self, identity: Identified) -> HeldLock | None:
        """Return the lock of an account, None if another has it.

        Args:
            identity: Whose lock it is.

        Raises:
            OSError: As `take_turn`.
        """
        import platform  # noqa: PLC0415 - as above

        from upstox_totp._cache.file_lock import take_lock  # noqa: PLC0415 - as above

        self._directory.make()
        lock = take_lock(self._directory.path / f"{identity.ledger_name}.lock")
        if lock is not None:
            told = {"pid": os.getpid(), "host": platform.node(), "since": _clock.time()}
            content = HiddenBytes(json.dumps(told).encode())
            # A full disk has no room for it: then nobody knows who holds the turn.
            with suppress(OSError):
                self._directory.write(f"{identity.ledger_name}.holder", content, durable=False)
        return lock

    def forget_holder(self, identity: Identified) -> None:
        """Remove the word on who holds the turn.

        Args:
            identity: Whose turn it was.
        """
        self._directory.remove(f"{identity.ledger_name}.holder")

    def _ignore(self, name: str, what: str) -> None:
        logger.warning(
            "Ignoring %s, which holds no %s as this release keeps it; the next login replaces it",
            self._directory.path / name,
            what,
        )


class FileTurn:
    """An account's turn in a `FileStore`.

    Args:
        store: The store.
        identity: Whose turn it is.
        lock: The lock that makes it one.
        anchor: The lock outside the directory, None where there is no place for it.
    """

    def __init__(
        self, store: FileStore, identity: Identified, lock: HeldLock, anchor: HeldLock | None
    ) -> None:
        self._store = store
        self._identity = identity
        self._lock: HeldLock | None = lock
        self._anchor = anchor
        self._ledger = store.read_words(identity)

    def read_token(self) -> TokenRecord:
        """Return what is kept of the app's token."""
        return self._store.read_token(self._identity)

    def write_token(self, record: TokenRecord) -> None:
        """Replace what is kept of the app's token.

        Args:
            record: What to keep.

        Raises:
            LockLostError: If the turn is another's now.
        """
        self.confirm(0)
        self._store.write_token(self._identity, record)

    def read_ledger(self) -> LedgerRecord:
        """Return what is kept of the account's attempts."""
        return self._store.read_words(self._identity)

    def write_ledger(self, record: LedgerRecord) -> None:
        """Replace what is kept of the account's attempts.

        Args:
            record: What to keep.

        Raises:
            LockLostError: If the turn is another's now.
        """
        self._ledger = record
        self.confirm(0)
        self._store.write_ledger(self._identity, record)

    def confirm(self, seconds: float) -> None:  # noqa: ARG002 - a lock is not lost by time
        """Make sure that the turn is still held, and take it again if the directory was removed.

        Args:
            seconds: How long the next request may take.

        Raises:
            LockLostError: If it is another's now.
        """
        if self._lock is not None and self._lock.is_in_place:
            return
        if self._lock is not None:
            self._lock.release()
            self._lock = self._store.relock(self._identity)
            if self._lock is None:
                self._store.leave_word(self._identity, self._ledger)
        if self._lock is None:
            raise LockLostError("the directory was removed, and another login has begun")
        self._store.write_ledger(self._identity, self._ledger)

    def release(self) -> None:
        """End the turn."""
        lock, self._lock = self._lock, None
        if lock is not None:
            if lock.is_in_place:
                self._store.forget_holder(self._identity)
            lock.release()
        if self._anchor is not None:
            self._anchor.release()
