"""MemoryBackend: keeps bytes in this process, for as long as it lives."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from upstox_totp._cache.backend import Holder, LockLostError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._cache.backend import Entry


class MemoryBackend:
    """Keeps bytes in memory. A fork hands them to the child, and no lock that is held."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._locks: dict[str, _MemoryLock] = {}
        _BACKENDS.add(self)

    def __repr__(self) -> str:
        return "MemoryBackend()"

    def describe(self) -> str:
        """Return where it is."""
        return "the memory of this process"

    def read(self, name: str) -> Entry | None:
        """Return what is kept under a name."""
        return self._entries.get(name)

    def lock(self, names: tuple[str, ...]) -> _MemoryLock | None:
        """Return a lock of all the names, None while another thread holds one."""
        with self._guard:
            if any(name in self._locks for name in names):
                return None
            lock = _MemoryLock(self, names)
            self._locks |= dict.fromkeys(names, lock)
            return lock

    def holder(self, name: str) -> Holder | None:
        """Return which thread holds a name."""
        lock = self._locks.get(name)
        return None if lock is None else Holder(lock.holder)

    def check(self, lock: _MemoryLock) -> None:
        """Raise `LockLostError` for a lock that is not held."""
        if self._locks.get(lock.names[0]) is not lock:
            raise LockLostError("the lock was released")

    def keep(self, lock: _MemoryLock, entries: Mapping[str, Entry]) -> None:
        """Keep bytes for whoever holds the lock."""
        with self._guard:
            self.check(lock)
            self._entries |= entries

    def end(self, lock: _MemoryLock) -> None:
        """End a lock, if it is held."""
        with self._guard:
            self._locks = {name: one for name, one in self._locks.items() if one is not lock}

    def forget(self) -> None:
        """Forget everything, the locks that are held included."""
        with self._guard:
            self._entries, self._locks = {}, {}

    def after_fork(self) -> None:
        """Make it usable in the child of a fork, whichever thread held its lock."""
        self._guard, self._locks = threading.Lock(), {}


class _MemoryLock:
    def __init__(self, backend: MemoryBackend, names: tuple[str, ...]) -> None:
        self._backend, self.names = backend, names
        self.holder = f"thread {threading.current_thread().name!r} of this process"

    def write(self, entries: Mapping[str, Entry]) -> None:
        self._backend.keep(self, entries)

    def extend(self, seconds: float) -> None:  # noqa: ARG002 - memory is not lost by time
        self._backend.check(self)

    def release(self) -> None:
        self._backend.end(self)


_BACKENDS: Final[WeakSet[MemoryBackend]] = WeakSet()


def _after_fork() -> None:
    for backend in _BACKENDS:
        backend.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

PROCESS: Final = MemoryBackend()
"""The memory of this process: the attempts of every login lie in it, too."""
