"""The bound on one HTTP answer: on its time and on what it sends, however it comes.

Everything of an answer, from the status line over interim answers, headers, chunk sizes and
compressed data to the last trailer, is read by ``http.client`` and urllib3 from one file,
``HTTPResponse.fp``. So the bound sits there, under all of them, and a peer that drips meets it at
each byte, on every platform, over TLS and through a proxy, whose answer to ``CONNECT`` is read the
same way. It takes no thread, and nothing of a connection but the class of its answers.

An answer has its time from its first byte on: how long to wait for that is the read timeout's.
The last wait is cut to what is left of the time, so that the bound is exact. Two waits are not
seen from here. The handshake of TLS is bounded by the timeout to connect. One record of TLS, of at
most 16 KiB, that drips is bounded by the standard library's ``ssl``; not so where urllib3 reads the
record by itself, for TLS in TLS (an ``https://`` proxy before an ``https://`` host) and for
pyOpenSSL: there each byte of it may take the read timeout.
"""

from __future__ import annotations

import io
import math
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from upstox_totp import _clock

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer
    from requests.adapters import BaseAdapter
    from urllib3 import PoolManager
    from urllib3.connectionpool import HTTPConnectionPool


class Bound:
    """What an answer may take, and whether it took more.

    Args:
        seconds: The longest that an answer may take, from its first byte on.
        size: The most bytes that may come, headers included, before decompression.

    Attributes:
        lifted: Whether the rest of the answer may take what it likes.
        too_slow: Whether the time ran out.
        too_large: Whether more bytes came.
    """

    def __init__(self, seconds: float, size: int) -> None:
        self.seconds = seconds
        self.size = size
        self.lifted = False
        self.too_slow = False
        self.too_large = False


_BOUND: ContextVar[Bound | None] = ContextVar("_BOUND", default=None)


@contextmanager
def bounded(seconds: float, size: int) -> Iterator[Bound]:
    """Bound the answers to what is sent meanwhile through an adapter that `watch` has seen.

    Args:
        seconds: The longest that an answer may take, from its first byte on.
        size: The most bytes that may come, headers included, before decompression.

    Yields:
        The bound, which tells afterwards whether it was reached.
    """
    bound = Bound(seconds, size)
    token = _BOUND.set(bound)
    try:
        yield bound
    finally:
        _BOUND.reset(token)


def watch(adapter: BaseAdapter) -> None:
    """Let an adapter's connections, through its proxies too, keep the bound where one is set.

    Args:
        adapter: An adapter; one that is no ``HTTPAdapter`` has no connections that are known.
    """
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


class _WatchedPool:
    """A pool of connections whose answers are `_Answer`, whatever kind of connection it makes."""

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.response_class = _Answer
        return connection


@cache
def _watched(kind: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    if issubclass(kind, _WatchedPool):
        return kind
    return type(kind.__name__, (_WatchedPool, kind), {})


def covers(raw: object) -> bool:
    """Return whether a bound holds for what is read of an answer.

    Args:
        raw: The answer, as urllib3 has it.
    """
    return isinstance(getattr(raw, "_original_response", None), _Answer)


class _Answer(HTTPResponse):
    """An answer that is read through `_BoundedFile` where a bound is set."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        bound = _BOUND.get()
        if bound:
            self.fp = io.BufferedReader(_BoundedFile(self.fp.detach(), sock, bound))


class _BoundedFile(io.RawIOBase):
    """The bytes of one answer, until it has taken too long or sent too much."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, bound: Bound) -> None:
        super().__init__()
        self._raw = raw
        # pyOpenSSL's socket cannot be asked for its timeout, but holds one that can.
        self._sock = getattr(sock, "socket", sock)
        self._bound = bound
        self._ends = math.inf
        self._left = bound.size

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._bound.lifted:
            return self._raw.readinto(buffer)
        seconds = self._ends - _clock.monotonic()
        self._bound.too_slow = seconds <= 0
        self._bound.too_large = self._left < 0
        if self._bound.too_slow or self._bound.too_large:
            # Of the kind that nobody repeats: what came may be a verdict on a credential.
            raise TimeoutError
        count = self._read_within(seconds, buffer)
        self._left -= count or 0
        if self._ends == math.inf:
            self._ends = _clock.monotonic() + self._bound.seconds
        return count

    def _read_within(self, seconds: float, buffer: WriteableBuffer) -> int | None:
        patience = self._sock.gettimeout()
        if seconds >= (math.inf if patience is None else patience):
            return self._raw.readinto(buffer)
        self._sock.settimeout(seconds)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            self._bound.too_slow = True
            raise
        finally:
            self._sock.settimeout(patience)
