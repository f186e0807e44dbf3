"""A directory of files that are their owner's alone, each written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._log import logger, warn_user
from upstox_totp._redact import HiddenBytes

if TYPE_CHECKING:
    from pathlib import Path

# What the files of a store end with; a directory that has others is not for tokens alone.
_SUFFIXES: Final = {".json", ".lock", ".holder", ".tmp"}
# An answer has two MiB at most, and JSON writes six characters for some of its bytes.
_MOST_BYTES: Final = 16 * 1024 * 1024
_OTHERS: Final = 0o077
_WRITABLE: Final = 0o022
_ROOT: Final = 0
_POSIX: Final = os.name == "posix"
_BINARY: Final = getattr(os, "O_BINARY", 0)
_READ: Final = os.O_RDONLY | _BINARY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
_WINDOWS_TRIES: Final = 50
_WINDOWS_PAUSE: Final = 0.01
# Directories on disks where modes have no effect, of which the user was warned.
_MODELESS: Final[set[Path]] = set()


class PrivateDirectory:
    """A directory of files of its owner's; what cannot be made private is an OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> tuple[HiddenBytes, bool] | None:
        """Return the content of a file, and whether only its owner could have written it.

        None if there is none; what is no file, or a link, is empty. A file that others could read
        is closed to them, with a warning.
        """
        path = self.path / name
        try:
            self.check()
            descriptor = os.open(path, _READ)
        except FileNotFoundError:
            return None
        except OSError:
            if not path.is_symlink():
                raise
            return HiddenBytes(), False
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                return HiddenBytes(), False
            own = self._is_own(path, state, descriptor)
            return HiddenBytes(os.read(descriptor, min(state.st_size, _MOST_BYTES))), own
        finally:
            os.close(descriptor)

    def _is_own(self, path: Path, state: os.stat_result, descriptor: int) -> bool:
        if not _POSIX:
            return True
        if state.st_uid != os.geteuid():
            return False
        if not state.st_mode & _OTHERS or self.path in _MODELESS:
            return True
        if state.st_mode & _WRITABLE:
            return False
        logger.warning("%s could be read by others; it is the user's alone now", path)
        os.fchmod(descriptor, 0o600)
        return True

    def write(self, name: str, content: HiddenBytes) -> None:
        """Replace a file, in one step; to be called by one process at a time."""
        self.make()
        write_whole(self.path / name, content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there and can be removed."""
        with suppress(OSError):
            (self.path / name).unlink()

    def make(self) -> None:
        """Make the directory and its parents if they are not there, the user's alone."""
        if not self.path.exists():
            for path in (*reversed(self.path.parents), self.path):
                path.mkdir(mode=0o700, exist_ok=True)
        self.check()

    def check(self) -> None:
        """Make sure that the directory is the user's own, and close it to others."""
        if not _POSIX:
            return
        state = self._state()
        if state.st_uid != os.geteuid():
            raise PermissionError(f"{self.path} belongs to somebody else")
        if not stat.S_ISDIR(state.st_mode):
            raise NotADirectoryError(f"{self.path} is no directory")
        if not state.st_mode & _OTHERS or self.path in _MODELESS:
            return
        if any(path.suffix not in _SUFFIXES for path in self.path.iterdir()):
            raise PermissionError(
                f"{self.path} is open to others and holds other files: name a directory "
                "that is for tokens alone"
            )
        with suppress(PermissionError):
            self.path.chmod(0o700)
        if self._state().st_mode & _OTHERS:
            _MODELESS.add(self.path)
            warn_user(
                f"The disk of {self.path} ignores modes: others on this machine may read the "
                "tokens that are cached there, and put in their own. Name a directory on "
                "another disk in UPSTOX_CACHE_DIR."
            )
        else:
            logger.warning("%s was open to others; it is the user's alone now", self.path)

    def _state(self) -> os.stat_result:
        # A link's own owner counts, too: root's is as good as one's own, as systemd makes them.
        state = os.lstat(self.path)
        if stat.S_ISLNK(state.st_mode) and state.st_uid in {os.geteuid(), _ROOT}:
            state = self.path.stat()
        return state


def others_can_read(path: Path) -> bool:
    """Tell whether other users may read or change a file; never where the system has no modes."""
    return _POSIX and bool(path.stat().st_mode & _OTHERS)


def write_whole(path: Path, content: HiddenBytes) -> None:
    """Replace a file by one that is its owner's alone, in one step."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.unlink(missing_ok=True)
    # Made for its owner alone, unlike a file that is opened and then changed.
    descriptor = os.open(draft, _CREATE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        _replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _replace(draft: Path, path: Path) -> None:
    for tries_left in reversed(range(_WINDOWS_TRIES)):
        try:
            draft.replace(path)
            break
        except PermissionError:
            # Windows replaces no file while another process reads it.
            if _POSIX or not tries_left:
                raise
            _clock.sleep(_WINDOWS_PAUSE)
