"""Backend: keeps bytes under names, and knows nothing of what they are; the one in memory."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from upstox_totp import _clock
from upstox_totp._cache.lifetime import IST, as_datetime
from upstox_totp.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._redact import HiddenBytes


class LockLostError(Exception):
    """The lock is another's now: nothing more may be sent or written."""


class UnreadableError(CacheError):
    """A record that is there, and that this machine cannot read."""


class Entry(NamedTuple):
    """What is kept under a name.

    ``seconds`` is how long to keep it. What is read says whether only its ``own``er could have
    written it, and for how many seconds it is ``left``, where the backend forgets by itself.
    """

    content: HiddenBytes
    seconds: float = 0.0
    own: bool = True
    left: float | None = None


class Holder(NamedTuple):
    """Who holds a lock, since when, and after how many seconds it ends by itself, if it does."""

    who: str
    seconds: float | None = None


def this_process() -> str:
    """Return what to tell of this process as the holder of a lock."""
    now = as_datetime(_clock.time()).astimezone(IST)
    return f"process {os.getpid()} on {socket.gethostname()}, since {now:%H:%M:%S} IST"


class Lock(Protocol):
    """Names that are locked: nobody else writes there."""

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Replace what is kept under names; raises `LockLostError`, OSError or `CacheError`."""

    def extend(self, seconds: float) -> None:
        """Make sure that the lock is held for so long; raises as `write`."""

    def release(self) -> None:
        """End the lock. A second call does nothing; no call raises."""


class Backend(Protocol):
    """Keeps bytes under names, which are plain file names.

    A method may raise OSError, where the login shall go on without this backend, or `CacheError`,
    where it must not.
    """

    def read(self, name: str) -> Entry | None:
        """Return what is kept under a name, None if nothing is."""

    def lock(self, names: tuple[str, ...]) -> Lock | None:
        """Return a lock of all the names, None while another holds one. Never waits."""

    def holder(self, name: str) -> Holder | None:
        """Return who holds a name, None if nobody does or nobody knows."""

    def describe(self) -> str:
        """Return where it is, for messages; never raises."""


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
