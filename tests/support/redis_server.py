"""A real redis-server for tests: on a socket of its own, keeping nothing on disk."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import redis

from conftest import wait_until
from support.real_parts import real_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


class RedisServer:
    """A redis-server, as a context manager.

    Args:
        options: Further options of its command line.

    Attributes:
        url: Where it is.
        admin: A client of the test's own.
    """

    def __init__(self, *options: str) -> None:
        self._program = real_part("redis-server")
        self._options = options
        # pytest's own folders have names that are too long for a socket.
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.url = f"unix://{self._folder}/socket"
        self.admin = redis.Redis.from_url(self.url)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self._leave_nothing()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, and leave nothing."""
        self._leave_nothing()

    def _leave_nothing(self) -> None:
        self.stop()
        self.admin.close()
        shutil.rmtree(self._folder)

    def url_of(self, user: str, password: str) -> str:
        """Return where it is for one user."""
        return f"unix://{user}:{password}@{self._folder}/socket"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - found by its name
            [self._program, "--unixsocket", f"{self._folder}/socket", "--port", "0",
             "--save", "", "--appendonly", "no", "--dir", str(self._folder), *self._options],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers, "redis-server does not answer")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "redis-server has ended"
        try:
            self.admin.ping()
        except redis.ConnectionError:
            return False
        return True

    def stop(self) -> None:
        """Stop it at once; what it held is lost."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def drop(self, user: str) -> None:
        """End the connections of a user, and let them make no more.

        Args:
            user: The user.
        """
        self.admin.acl_setuser(user, enabled=False)
        send: Any = self.admin.execute_command
        send("CLIENT", "KILL", "USER", user)

    def everything(self) -> str:
        """Return every key and value there is."""
        names: Any = self.admin.keys()
        return "\n".join(f"{name!r} {self.admin.get(name)!r}" for name in names)

    @contextmanager
    def monitored(self) -> Iterator[Path]:
        """Yield a file that fills with every command that arrives."""
        written = self._folder / "monitor"
        with written.open("wb") as output:
            listener = subprocess.Popen(  # noqa: S603 - found by its name
                [real_part("redis-cli", "redis-tools"), "-s", f"{self._folder}/socket", "monitor"],
                stdout=output,
            )
            try:
                self._see(written, "the begin")
                yield written
                self._see(written, "the end")
            finally:
                listener.kill()
                listener.wait()

    def _see(self, written: Path, word: str) -> None:
        def seen() -> bool:
            self.admin.echo(word)
            return word in written.read_text()

        wait_until(seen, "redis-cli does not say what it sees")
