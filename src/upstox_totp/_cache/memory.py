"""MemoryBackend: keeps bytes in this process, for as long as it lives."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from upstox_totp._cache.backend import Holder, LockLostError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._cache.backend import Entry


class MemoryBackend:
    """Keeps bytes in memory. A fork hands them to the child, and no lock that is held."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.entries: dict[str, Entry] = {}
        self.locks: dict[str, _MemoryLock] = {}

    def __repr__(self) -> str:
        return "MemoryBackend()"

    def describe(self) -> str:
        """Return where it is."""
        return "the memory of this process"

    def read(self, name: str) -> Entry | None:
        """Return what is kept under a name."""
        return self.entries.get(name)

    def lock(self, names: tuple[str, ...]) -> _MemoryLock | None:
        """Return a lock of all the names, None while another thread holds one."""
        with self.guard:
            if any(name in self.locks for name in names):
                return None
            lock = _MemoryLock(self, names)
            self.locks |= dict.fromkeys(names, lock)
            return lock

    def holder(self, name: str) -> Holder | None:
        """Return which thread holds a name."""
        lock = self.locks.get(name)
        return None if lock is None else Holder(lock.holder)

    def forget(self) -> None:
        """Forget everything, the locks that are held included."""
        with self.guard:
            self.entries, self.locks = {}, {}

    def after_fork(self) -> None:
        """Make it usable in the child of a fork, whichever thread held its lock."""
        self.guard, self.locks = threading.Lock(), {}


class _MemoryLock:
    def __init__(self, backend: MemoryBackend, names: tuple[str, ...]) -> None:
        self._backend, self._names = backend, names
        self.holder = f"thread {threading.current_thread().name!r} of this process"

    def write(self, entries: Mapping[str, Entry]) -> None:
        with self._backend.guard:
            self.extend(0)
            self._backend.entries |= entries

    def extend(self, seconds: float) -> None:  # noqa: ARG002 - memory is not lost by time
        if self._backend.locks.get(self._names[0]) is not self:
            raise LockLostError("the lock was released")

    def release(self) -> None:
        with self._backend.guard:
            others = {name: one for name, one in self._backend.locks.items() if one is not self}
            self._backend.locks = others


PROCESS: Final = MemoryBackend()
"""The memory of this process: the attempts of every login lie in it, too."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.after_fork)
