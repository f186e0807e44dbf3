"""Store: how often a login reads and writes what is stored."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from upstox_totp import CacheError, TokenCache, UpstoxTOTP
from upstox_totp._cache.attempts import sending
from upstox_totp._cache.backend import MemoryBackend
from upstox_totp._cache.records import AttemptRecord, Credential
from upstox_totp._cache.store import Store
from upstox_totp._settings.identity import identify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from upstox_totp._cache.backend import Entry, Lock
    from upstox_totp.sandbox import Sandbox


class CountingLock:
    """Counts what is written."""

    def __init__(self, lock: Lock, counted: Counter[str]) -> None:
        self._lock, self._counted = lock, counted

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Count, and write."""
        self._counted.update(f"write {name.rpartition('.')[2]}" for name in entries)
        self._lock.write(entries)

    def extend(self, seconds: float) -> None:
        """Extend."""
        self._lock.extend(seconds)

    def release(self) -> None:
        """Release."""
        self._lock.release()


class CountingBackend(MemoryBackend):
    """Counts what is read, and what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def read(self, name: str) -> Entry | None:
        """Count, and read."""
        self.counted[f"read {name.rpartition('.')[2]}"] += 1
        return super().read(name)

    def lock(self, names: tuple[str, ...]) -> CountingLock | None:  # type: ignore[override]
        """Return a lock that counts."""
        lock = super().lock(names)
        return None if lock is None else CountingLock(lock, self.counted)


def test_a_login_reads_and_writes_little(
    client: UpstoxTOTP, sandbox: Sandbox, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts five and seven times at most, and no directory is listed."""

    def list_nothing(*_: object) -> Iterator[Path]:
        raise AssertionError("a directory was listed")

    for name in ("iterdir", "glob"):
        monkeypatch.setattr(Path, name, list_nothing)
    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, list_nothing)
    backend = CountingBackend()
    cache = TokenCache(store=backend)
    for refresh in (False, True):
        backend.counted.clear()
        cache.get_access_token(client, refresh=refresh)
        assert backend.counted["read attempts"] <= 5
        assert backend.counted["write attempts"] <= 7
        assert backend.counted["write token"] == 1
    assert sandbox.logins == 2
    backend.counted.clear()
    cache.get_access_token(client)
    assert backend.counted == Counter({"read token": 1, "read attempts": 1})


class LockThatFails(CountingLock):
    """Writes nothing."""

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Fail as a server does that went away."""
        raise CacheError("away")


class BackendThatWentAway(CountingBackend):
    """Can be locked and read, and not written."""

    def lock(self, names: tuple[str, ...]) -> CountingLock | None:  # type: ignore[override]
        """Return a lock that cannot write."""
        lock = MemoryBackend.lock(self, names)
        return None if lock is None else LockThatFails(lock, self.counted)


def test_what_other_machines_cannot_know_of_does_not_go_out() -> None:
    """Where they read is written first, so nothing is noted here either as in flight."""
    identity = identify({"client_id": "a client id"}, "https://{stage}.upstox.com")
    assert identity is not None
    replica = MemoryBackend()
    lock = Store(BackendThatWentAway(), replica).acquire(identity)
    assert lock is not None
    with pytest.raises(CacheError, match="away"):
        lock.write_attempts(sending(AttemptRecord(), (Credential.PIN,), None, 1_800_000_000.0))
    assert replica.entries == {}
    lock.release()
