"""Backend: keeps bytes under names, and knows nothing of what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from upstox_totp.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upstox_totp._redact import HiddenBytes


class LockLostError(Exception):
    """The lock is another's now: nothing more may be sent or written."""


class BackendError(OSError):
    """A backend that cannot be used, for a reason that the operating system does not know."""


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


class Released(Protocol):
    """What can be released."""

    def release(self) -> None:
        """End it. A second call does nothing; no call raises."""


class Lock(Released, Protocol):
    """Names that are locked: nobody else writes there."""

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Replace what is kept under names; raises `LockLostError`, OSError or `CacheError`."""

    def extend(self, seconds: float) -> None:
        """Make sure that the lock is held for so long; raises as `write`."""


LockT = TypeVar("LockT", bound=Released)


def acquired(lock: LockT, acquire: Callable[[], bool]) -> LockT | None:
    """Return a lock if it could be acquired; released otherwise, and None."""
    done = False
    try:
        done = acquire()
    finally:
        if not done:
            lock.release()
    return lock if done else None


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
