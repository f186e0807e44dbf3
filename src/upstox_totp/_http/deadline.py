"""The deadline of an answer: a watchdog hangs up, at whatever stage the answer drips."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests.adapters import BaseAdapter
    from urllib3 import PoolManager
    from urllib3.connectionpool import HTTPConnectionPool


_LINGER: Final = 5.0


class _Watchdog:
    """Hangs up what is late, by one thread for all deadlines: each start of one takes its time."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.due: dict[Deadline, float] = {}
        self._wakes = 0.0

    def add(self, deadline: Deadline, due: float) -> None:
        """Have something hang up then, by the monotonic clock."""
        with self.changed:
            self.due[deadline] = due
            if due < self._wakes:
                self.changed.notify()
            elif not self._wakes:
                # A program that ends starts no thread any more.
                with suppress(RuntimeError):
                    threading.Thread(target=self._run, daemon=True).start()
                    self._wakes = due

    def _run(self) -> None:
        with self.changed:
            while self.due:
                now = time.monotonic()
                self._wakes = min(now + _LINGER, *self.due.values())
                self.changed.wait(self._wakes - now)
                for one in [one for one, due in self.due.items() if due <= time.monotonic()]:
                    del self.due[one]
                    one.hang_up()
            self._wakes = 0.0


_WATCHDOG = _Watchdog()


def _start_anew() -> None:
    # The child of a fork has the lock, which may be taken for ever, and no thread.
    global _WATCHDOG  # noqa: PLW0603 - the one of this process
    _WATCHDOG = _Watchdog()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


class Deadline:
    """Hangs up on an answer that takes too long: whoever reads it gets nothing more."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._socket: socket.socket | None = None

    def start(self, sock: Any = None) -> None:
        """Give an answer its time from now on."""
        # The socket under TLS, whose layers are not made for two threads.
        self._socket = getattr(sock, "socket", sock)
        _WATCHDOG.add(self, time.monotonic() + self._seconds)

    def stop(self) -> None:
        """Let the answer take what it likes."""
        with _WATCHDOG.changed:
            _WATCHDOG.due.pop(self, None)

    def hang_up(self) -> None:
        """End the connection under whoever reads from it."""
        self.passed = True
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_DEADLINE: ContextVar[Deadline | None] = ContextVar("_DEADLINE", default=None)


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Give each answer to what a block sends so many seconds from its first byte to its last."""
    deadline = Deadline(seconds)
    token = _DEADLINE.set(deadline)
    try:
        yield deadline
    finally:
        deadline.stop()
        _DEADLINE.reset(token)


def current() -> Deadline:
    """Return the deadline of the block that is running."""
    return _DEADLINE.get() or Deadline(0)


def watch(adapter: BaseAdapter) -> None:
    """Let an adapter's connections, through its proxies too, keep a deadline where one is set."""
    if not isinstance(adapter, HTTPAdapter) or "proxy_manager_for" in vars(adapter):
        return
    make_manager = adapter.proxy_manager_for

    def proxy_manager_for(*args: Any, **kwargs: Any) -> Any:
        return _watch_pools(make_manager(*args, **kwargs))

    _watch_pools(adapter.poolmanager)
    vars(adapter)["proxy_manager_for"] = proxy_manager_for


def _watch_pools(manager: PoolManager) -> PoolManager:
    kinds = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {name: _watched(kind) for name, kind in kinds.items()}
    return manager


@cache
def _watched(kind: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    return kind if issubclass(kind, _WatchedPool) else type(kind.__name__, (_WatchedPool, kind), {})


class _WatchedPool:
    """A pool of connections whose answers are `Answer`, whatever kind of connection it makes."""

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.response_class = Answer
        return connection


class Answer(HTTPResponse):
    """An answer, to CONNECT too, whose deadline begins with its first byte."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._awaited: socket.socket | None = sock
        self._deadline: Deadline | None = None

    def _read_status(self) -> Any:
        sock, deadline = self._awaited, _DEADLINE.get()
        # Interim answers are read here, too: they have no time of their own.
        if sock is not None and deadline is not None:
            self._awaited, self._deadline = None, deadline
            # Until then, only the read timeout ends the wait.
            self.fp.peek(1)
            deadline.start(sock)
        return super()._read_status()  # type: ignore[misc]

    def close(self) -> None:
        deadline, self._deadline = self._deadline, None
        super().close()
        if self.headers is None and deadline is not None and deadline.passed:
            # An answer to CONNECT that was cut off would pass for a whole one.
            raise TimeoutError
