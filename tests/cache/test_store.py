"""Store: how often a login reads and writes what is stored."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp._cache.memory import MemoryBackend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

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
