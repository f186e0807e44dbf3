"""TokenFile: the file of one account, its owner's alone, written whole or not at all.

Needs nothing but the standard library, so that a kept token is found at once; platformdirs is
asked only where no directory is named.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from upstox_totp import _clock
from upstox_totp._extras import missing
from upstox_totp._log import logger
from upstox_totp._secrecy import HiddenBytes
from upstox_totp._tokens.record import TokenRecord

_APPLICATION: Final = "upstox-totp"
_MOST_BYTES: Final = 1024 * 1024
_OTHERS: Final = 0o077
_WRITABLE: Final = 0o022
_POSIX: Final = os.name == "posix"
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_WINDOWS_TRIES: Final = 50
_WINDOWS_PAUSE: Final = 0.01


class NotPrivateError(OSError):
    """A directory that cannot be made the user's own."""


def cache_directory(named: str | os.PathLike[str] | None = None) -> Path:
    """Return where tokens are kept.

    Args:
        named: The directory to use; by default one of the user's cache directory.

    Raises:
        ImportError: If none is named, and the extra that finds it is not installed.
    """
    if named is not None:
        return Path(named).expanduser()
    try:
        import platformdirs  # noqa: PLC0415 - an extra, and loaded only where it is asked
    except ImportError:
        pass
    else:
        return platformdirs.user_cache_path(_APPLICATION, appauthor=False)
    raise ImportError(missing("TokenCache", "cache"))


class TokenFile:
    """The file of one account in a directory of its owner's.

    Args:
        directory: Where it lies; made if it is not there.
        name: The account, as `account_name` names it.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self.path = directory / f"{name}.json"

    def __repr__(self) -> str:
        """Return the path."""
        return f"TokenFile({str(self.path)!r})"

    @property
    def lock_path(self) -> Path:
        """The file that is locked while one caller logs in."""
        return self._directory / f"{self._name}.lock"

    @property
    def _draft(self) -> Path:
        return self._directory / f"{self._name}.tmp"

    def read(self) -> TokenRecord:
        """Return what is kept, an empty record if there is nothing, or nothing of use.

        Warns of a file that is torn, foreign or of another format, and of one that others could
        read, whose mode is repaired.

        Raises:
            OSError: If the directory is not the user's own, or the file cannot be read.
        """
        try:
            self._check_directory()
            descriptor = os.open(self.path, _READ | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return TokenRecord()
        except OSError:
            if not self.path.is_symlink():
                raise
            descriptor = None
        content = None if descriptor is None else self._content(descriptor)
        record = None if content is None else TokenRecord.parse(content)
        if record is None:
            logger.warning(
                "Ignoring %s, which holds no token as this release keeps it; the next login "
                "replaces it",
                self.path,
            )
        return record or TokenRecord()

    def _content(self, descriptor: int) -> HiddenBytes | None:
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or not self._is_private(state, descriptor):
                return None
            return HiddenBytes(os.read(descriptor, min(state.st_size, _MOST_BYTES)))
        finally:
            os.close(descriptor)

    def _is_private(self, state: os.stat_result, descriptor: int) -> bool:
        if not _POSIX or not (state.st_mode & _OTHERS or state.st_uid != os.geteuid()):
            return True
        # What others could write is not believed, and replaced by the next login.
        if state.st_mode & _WRITABLE or state.st_uid != os.geteuid():
            return False
        logger.warning("%s could be read by others; it is the user's alone now", self.path)
        os.fchmod(descriptor, 0o600)
        return True

    def write(self, record: TokenRecord) -> None:
        """Replace what is kept, in one step; to be called by one process at a time.

        Args:
            record: What to keep.

        Raises:
            OSError: If that is not possible; what was kept before is still there then.
        """
        self.make_directory()
        self._draft.unlink(missing_ok=True)
        descriptor = os.open(self._draft, _CREATE, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(record.to_content())
                file.flush()
                os.fsync(descriptor)
            self._replace()
        except BaseException:
            with contextlib.suppress(OSError):
                self._draft.unlink()
            raise

    def _replace(self) -> None:
        for _ in range(_WINDOWS_TRIES):
            try:
                self._draft.replace(self.path)
            except PermissionError:
                # Windows replaces no file while another process reads it.
                if _POSIX:
                    raise
                _clock.sleep(_WINDOWS_PAUSE)
            else:
                return
        self._draft.replace(self.path)

    def make_directory(self) -> None:
        """Make the directory if it is not there, the user's alone.

        Raises:
            OSError: If that is not possible.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_directory()

    def _check_directory(self) -> None:
        if not _POSIX:
            return
        # The link's own owner counts, too, if it is a link.
        state, own = os.lstat(self._directory), os.geteuid()
        if stat.S_ISLNK(state.st_mode) and state.st_uid == own:
            state = self._directory.stat()
        if state.st_uid != own:
            raise NotPrivateError(f"{self._directory} belongs to somebody else")
        if not stat.S_ISDIR(state.st_mode):
            raise NotADirectoryError(f"{self._directory} is no directory")
        if not state.st_mode & _OTHERS:
            return
        if any(path.suffix not in {".json", ".lock", ".tmp"} for path in self._directory.iterdir()):
            raise NotPrivateError(
                f"{self._directory} is open to others and holds other files: name a directory "
                "that is for tokens alone"
            )
        logger.warning("%s was open to others; it is the user's alone now", self._directory)
        self._directory.chmod(0o700)
