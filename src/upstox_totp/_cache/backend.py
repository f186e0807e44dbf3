"""Backend: stores bytes under names, and knows nothing of what they are; the one in memory."""

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
    """What is stored under a name.

    ``seconds`` is how long to store it. What is read says whether only its ``own``er could have
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
        """Replace what is stored under names; raises `LockLostError`, OSError or `CacheError`."""

    def extend(self, seconds: float) -> None:
        """Make sure that the lock is held for so long; raises as `write`."""

    def release(self) -> None:
        """End the lock. A second call does nothing; no call raises."""


class Backend(Protocol):
    """Stores bytes under names, which are plain file names.

    A method may raise OSError, where the login shall go on without this backend, or `CacheError`,
    where it must not.
    """

    def read(self, name: str) -> Entry | None:
        """Return what is stored under a name, None if nothing is."""

    def lock(self, names: tuple[str, ...]) -> Lock | None:
        """Return a lock of all the names, None while another holds one. Never waits."""

    def holder(self, name: str) -> Holder | None:
        """Return who holds a name, None if nobody does or nobody knows."""

    def describe(self) -> str:
        """Return where it is, for messages; never raises."""


class MemoryBackend:
    """Stores bytes in memory. A fork hands them to the child, and no lock that is held."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.entries: dict[str, Entry] = {}
        self.holders: dict[str, Holder] = {}

    def describe(self) -> str:
        """Return where it is."""
        return "the memory of this process"

    def read(self, name: str) -> Entry | None:
        """Return what is stored under a name."""
        return self.entries.get(name)

    def lock(self, names: tuple[str, ...]) -> _MemoryLock | None:
        """Return a lock of all the names, None while another thread holds one."""
        with self.guard:
            if not self.holders.keys().isdisjoint(names):
                return None
            holder = Holder(f"thread {threading.current_thread().name!r} of this process")
            self.holders |= dict.fromkeys(names, holder)
            return _MemoryLock(self, names)

    def holder(self, name: str) -> Holder | None:
        """Return which thread holds a name."""
        return self.holders.get(name)

    def forget(self) -> None:
        """Forget everything, the locks that are held included."""
        self.entries = {}
        self.forget_locks()

    def forget_locks(self) -> None:
        """Make it usable in the child of a fork, whichever thread held a lock."""
        self.guard, self.holders = threading.Lock(), {}


class _MemoryLock:
    def __init__(self, backend: MemoryBackend, names: tuple[str, ...]) -> None:
        self._backend, self._names = backend, names

    def write(self, entries: Mapping[str, Entry]) -> None:
        self._backend.entries |= entries

    def extend(self, seconds: float) -> None:
        """Do nothing: the lock is not lost by time."""

    def release(self) -> None:
        names, self._names = self._names, ()
        for name in names:
            self._backend.holders.pop(name, None)


PROCESS: Final = MemoryBackend()
"""The memory of this process: the attempts of every login lie in it, too."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.forget_locks)
