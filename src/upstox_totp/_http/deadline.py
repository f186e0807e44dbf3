"""The deadline of an answer: a timer that hangs up, at whatever stage the answer drips."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests.adapters import BaseAdapter
    from urllib3 import PoolManager
    from urllib3.connectionpool import HTTPConnectionPool


class Deadline:
    """Hangs up on an answer that takes too long: whoever reads it gets nothing more."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def start(self, sock: Any = None) -> None:
        """Give an answer its time from now on."""
        self.stop()
        # The socket under TLS, whose layers are not made for two threads.
        self._socket = getattr(sock, "socket", sock)
        self._timer = threading.Timer(self._seconds, self._hang_up)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Let the answer take what it likes."""
        if self._timer is not None:
            self._timer.cancel()

    def _hang_up(self) -> None:
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
