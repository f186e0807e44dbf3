"""HeldLock: the lock of a file, taken at once or not at all, and never kept by a forked child."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from upstox_totp.errors import missing_extra

try:
    from filelock import FileLock, Timeout
except ImportError:
    FileLock = None  # type: ignore[assignment, misc]
if FileLock is None:
    raise ImportError(missing_extra("TokenCache", "cache"))

if TYPE_CHECKING:
    from pathlib import Path

_HELD: Final = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK})
_CREATE: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_DESCRIPTORS: Final = "/dev/fd"


class HeldLock:
    """A lock that is held.

    Args:
        path: The file that is locked.
        lock: The lock.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path = path
        self._lock: FileLock | None = lock
        self._file = _identify(path)
        _LOCKS.add(self)

    def __repr__(self) -> str:
        """Return the path."""
        return f"HeldLock({str(self._path)!r})"

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is locked still lies where others look for it."""
        held = self._lock is not None and self._file is not None
        return held and self._file == _identify(self._path)

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(OSError):
                lock.release()

    def abandon(self) -> None:
        """Let the parent alone hold the lock, in the child of a fork."""
        if self._lock is not None:
            # Its end would release the parent's.
            _ABANDONED.append(self._lock)
            self._lock = None
            _close(self._file)


def take_lock(path: Path) -> HeldLock | None:
    """Return the lock of a file, None while another holds it.

    Args:
        path: The file to lock; made if it is not there.

    Raises:
        OSError: If the disk has no locks.
    """
    # Asked for first: releases of filelock differ in what they make of a disk that has no locks.
    if _is_held(path):
        return None
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0, poll_interval=0)
    except Timeout:
        return None
    return HeldLock(path, lock)


def _is_held(path: Path) -> bool:
    """Tell whether another process holds a lock, as far as that can be known without taking it.

    Raises:
        OSError: If the disk has no locks, or the file cannot be made.
    """
    try:
        import fcntl  # noqa: PLC0415 - POSIX alone has it
    except ImportError:
        return False
    descriptor = os.open(path, _CREATE, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return True
        raise
    finally:
        os.close(descriptor)
    return False


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _close(file: tuple[int, int] | None) -> None:
    """Close what this process inherited of a file; a newer filelock has done so itself."""
    with suppress(OSError):
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - as plain as it gets after a fork
            with suppress(OSError, ValueError):
                state = os.fstat(int(name))
                if (state.st_dev, state.st_ino) == file:
                    os.close(int(name))


_LOCKS: Final[WeakSet[HeldLock]] = WeakSet()
_ABANDONED: Final[list[FileLock]] = []


def _after_fork() -> None:
    for lock in list(_LOCKS):
        lock.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
