"""FileBackend: stores bytes in files of the user's own, for the processes of a machine."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import ExitStack, suppress
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp._cache.backend import Entry, Holder, this_process
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
        import filelock  # noqa: PLC0415 - an extra, and reading needs no locks
        import platformdirs  # noqa: F401, PLC0415 - as above
    except ImportError:
        return False
    return "fallback_to_soft" in signature(filelock.FileLock.__init__).parameters


class FileBackend:
    """Stores bytes in files of a directory, by default in the user's cache directory.

    The directory is made when something is locked. Where there can be none, each method but
    `describe` raises why.
    """

    def __init__(self, named: str | os.PathLike[str] | None = None) -> None:
        self._named = named

    @cached_property
    def _directory(self) -> PrivateDirectory:
        path = os.fspath(_default() if self._named is None else self._named)
        # Unlike Path's own, it leaves the mark where nobody knows the home.
        path = os.path.expanduser(path)  # noqa: PTH111
        if path.startswith("~"):
            raise OSError(f"{path} lies in a home directory, and this user has none")
        return PrivateDirectory(Path(path))

    def describe(self) -> str:
        """Return where it is."""
        try:
            return str(self._directory.path)
        except OSError:
            return "the cache directory"

    def read(self, name: str) -> Entry | None:
        """Return what is stored under a name; OSError if the directory is not the user's own."""
        found = self._directory.read(f"{name}.json")
        return None if found is None else Entry(found[0], own=found[1])

    def lock(self, names: tuple[str, ...]) -> FilesLock | None:
        """Return a lock, None while another process holds one; OSError if the disk has no locks."""
        with ExitStack() as held:
            if all(self._lock_one(name, held) for name in names):
                return FilesLock(self._directory, held.pop_all())
        return None

    def holder(self, name: str) -> Holder | None:
        """Return which process holds a name, and since when."""
        found = self._directory.read(f"{name}.holder")
        # What somebody else could have written is not shown.
        who = bytes(found[0]).decode(errors="replace") if found is not None and found[1] else ""
        return Holder(who) if who else None

    def _lock_one(self, name: str, held: ExitStack) -> bool:
        # Without a place for it, the file beside what is stored is enough.
        with suppress(OSError):
            if not _lock_file(self._anchor(name), held):
                return False
        self._directory.make()
        if not _lock_file(self._directory.path / f"{name}.lock", held):
            return False
        held.callback(self._directory.remove, f"{name}.holder")
        # A full disk has no room for it: then nobody knows who holds the lock.
        with suppress(OSError):
            self._directory.write(f"{name}.holder", HiddenBytes(this_process().encode()))
        return True

    def _anchor(self, name: str) -> Path:
        """Return a file outside the directory, which may be removed while a login is under way."""
        user = os.getuid() if hasattr(os, "getuid") else "user"
        place = json.dumps([str(self._directory.path.absolute()), name]).encode()
        anchors = PrivateDirectory(Path(tempfile.gettempdir()) / f"{_APPLICATION}-{user}")
        anchors.make()
        return anchors.path / f"{hashlib.sha256(place).hexdigest()}.lock"


class FilesLock:
    """A lock of names in a `FileBackend`: of a file beside what is stored, and of one outside."""

    def __init__(self, directory: PrivateDirectory, held: ExitStack) -> None:
        self._directory, self._held = directory, held

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Replace what is stored under names."""
        for name, entry in entries.items():
            self._directory.write(f"{name}.json", entry.content)

    def extend(self, seconds: float) -> None:
        """Do nothing: the lock is not lost by time."""

    def release(self) -> None:
        """End the lock."""
        self._held.close()


def _lock_file(path: Path, held: ExitStack) -> bool:
    """Lock a file until a stack is closed, unless another process does; OSError without locks."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - an extra, and reading needs no locks

    lock = FileLock(path, mode=0o600, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    held.callback(_release, lock)
    return True


def _release(lock: FileLock) -> None:
    # The child of a fork, which does not hold it, is left alone.
    with suppress(OSError, RuntimeError):
        lock.release()


def _default() -> Path:
    try:
        import platformdirs  # noqa: PLC0415 - an extra, and loaded only where it is asked

        return platformdirs.user_cache_path(_APPLICATION, appauthor=False)
    except ImportError:
        pass
    except RuntimeError as error:
        raise OSError(str(error)) from None
    raise ImportError(missing_extra("TokenCache", "cache"))
