"""FileBackend: keeps bytes in files of the user's own, for the processes of a machine."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._cache.backend import BackendError, Entry, Holder, LockLostError, acquired
from upstox_totp._cache.lifetime import IST, as_datetime, moment
from upstox_totp._private_files import PrivateDirectory
from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import missing_extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filelock import FileLock

_APPLICATION: Final = "upstox-totp"


def has_locks() -> bool:
    """Tell whether what the extra ``cache`` brings is installed; others bring older releases."""
    try:
        import filelock  # noqa: PLC0415 - reading needs no locks
        import platformdirs  # noqa: F401, PLC0415 - as above
    except ImportError:
        return False
    return "fallback_to_soft" in signature(filelock.FileLock.__init__).parameters


class FileBackend:
    """Keeps bytes in files of a directory, by default in the user's cache directory.

    The directory is made when something is locked. Where there can be none, each method but
    `describe` raises why.
    """

    def __init__(self, named: str | os.PathLike[str] | None = None) -> None:
        self._named = named

    def __repr__(self) -> str:
        return f"FileBackend({self.describe()!r})"

    @cached_property
    def _directory(self) -> PrivateDirectory:
        path = os.fspath(_default() if self._named is None else self._named)
        if "\0" in path:
            raise BackendError("a path with a zero byte in it names no directory")
        # Unlike Path's own, it leaves the mark where nobody knows the home.
        path = os.path.expanduser(path)  # noqa: PTH111
        if path.startswith("~"):
            raise BackendError(f"{path} lies in a home directory, and this user has none")
        return PrivateDirectory(Path(path))

    def describe(self) -> str:
        """Return where it is."""
        try:
            return str(self._directory.path)
        except OSError:
            return "the cache directory"

    def read(self, name: str) -> Entry | None:
        """Return what is kept under a name; OSError if the directory is not the user's own."""
        found = self._directory.read(f"{name}.json")
        return None if found is None else Entry(found[0], own=found[1])

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Replace files; for whoever holds the lock."""
        for name, entry in entries.items():
            self._directory.write(f"{name}.json", entry.content)

    def lock(self, names: tuple[str, ...]) -> FilesLock | None:
        """Return a lock, None while another process holds one; OSError if the disk has no locks."""
        lock = FilesLock(self, names)
        return acquired(lock, lock.acquire)

    def holder(self, name: str) -> Holder | None:
        """Return which process holds a name, and since when."""
        try:
            content, _ = self._directory.read(f"{name}.holder") or (b"", True)
            told = json.loads(content)
            since = as_datetime(moment(told["since"])).astimezone(IST)
            process = f"process {int(told['pid'])} on {str(told['host'])[:100]}"
        except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError):
            return None
        return Holder(f"{process}, since {since:%H:%M:%S} IST")

    def lock_file(self, name: str) -> LockedFile | None:
        """Lock the file of a name, and note who holds it; None while another does."""
        import platform  # noqa: PLC0415 - reading needs no locks

        self._directory.make()
        locked = LockedFile.acquire(self._directory.path / f"{name}.lock")
        if locked is not None:
            told = {"pid": os.getpid(), "host": platform.node(), "since": _clock.time()}
            # A full disk has no room for it: then nobody knows who holds the lock.
            with suppress(OSError):
                self._directory.write(f"{name}.holder", HiddenBytes(json.dumps(told).encode()))
        return locked

    def forget_holder(self, name: str) -> None:
        """Remove the note of who holds a name."""
        self._directory.remove(f"{name}.holder")

    def anchor(self, name: str) -> LockedFile | None:
        """Lock a file outside the directory, which may be removed while a login is under way."""
        import tempfile  # noqa: PLC0415 - as above

        user = os.getuid() if hasattr(os, "getuid") else "user"
        place = json.dumps([str(self._directory.path.absolute()), name]).encode()
        anchors = PrivateDirectory(Path(tempfile.gettempdir()) / f"{_APPLICATION}-{user}")
        anchors.make()
        return LockedFile.acquire(anchors.path / f"{hashlib.sha256(place).hexdigest()}.lock")


class FilesLock:
    """A lock of names in a `FileBackend`: of a file beside what is kept, and of one outside."""

    def __init__(self, files: FileBackend, names: tuple[str, ...]) -> None:
        self._files, self._names = files, names
        self._anchors: list[LockedFile] = []
        self._locked: dict[str, LockedFile] = {}
        self._written: dict[str, Entry] = {}

    def acquire(self) -> bool:
        """Lock all names at once, and tell whether that succeeded; release in any case."""
        for name in self._names:
            # Without a place for it, the file beside what is kept is enough.
            with suppress(OSError):
                anchor = self._files.anchor(name)
                if anchor is None:
                    return False
                self._anchors.append(anchor)
            if not self._lock(name):
                return False
        return True

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Replace what is kept under names."""
        self._written |= entries
        self.extend(0)
        self._files.write(entries)

    def extend(self, seconds: float) -> None:  # noqa: ARG002 - it is not lost by time
        """Make sure that the lock is held, and lock anew if the directory was removed."""
        if not self._locked:
            raise LockLostError("the lock was released")
        if all(locked.is_in_place for locked in self._locked.values()):
            return
        self._unlock()
        if not all(self._lock(name) for name in self._names):
            self._unlock()
            raise LockLostError("the directory was removed, and another login has begun")
        self._files.write(self._written)

    def release(self) -> None:
        """End the lock."""
        for name, locked in self._locked.items():
            if locked.is_in_place:
                self._files.forget_holder(name)
        self._unlock()
        while self._anchors:
            self._anchors.pop().release()

    def _lock(self, name: str) -> bool:
        locked = self._files.lock_file(name)
        if locked is not None:
            self._locked[name] = locked
        return locked is not None

    def _unlock(self) -> None:
        while self._locked:
            self._locked.popitem()[1].release()


class LockedFile:
    """The lock of a file, held."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._path, self._lock = path, lock
        self._file = _identify(path)

    @classmethod
    def acquire(cls, path: Path) -> LockedFile | None:
        """Return the lock of a file, None while another process holds it; OSError without locks."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - reading needs no locks

        lock = FileLock(path, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return cls(path, lock)

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is locked still lies where others look for it."""
        return self._file is not None and self._file == _identify(self._path)

    def release(self) -> None:
        """Release the lock; the child of a fork, which does not hold it, is left alone."""
        with suppress(OSError, RuntimeError):
            self._lock.release()


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _default() -> Path:
    try:
        import platformdirs  # noqa: PLC0415 - an extra, and loaded only where it is asked

        return platformdirs.user_cache_path(_APPLICATION, appauthor=False)
    except ImportError:
        pass
    except RuntimeError as error:
        raise BackendError(str(error)) from None
    raise ImportError(missing_extra("TokenCache", "cache"))
