"""A peer that answers by script, byte for byte, over TLS or as a proxy too."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from conftest import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\n"
GOOD = OK + b"Content-Length: 4\r\n\r\ngood"


@dataclass(frozen=True)
class Script:
    """What a peer sends: a start at once, then parts, one after each pause.

    Attributes:
        start: Sent at once.
        part: Sent again and again.
        pause: Seconds between two parts.
        parts: How many; None for parts without end.
    """

    start: bytes
    part: bytes
    pause: float = 0.002
    parts: int | None = None


class Peer:
    """A server of one script, and of good answers where it has none; a proxy that knows CONNECT.

    Attributes:
        script: What it answers; None for `GOOD`.
        proxy_script: What it answers to CONNECT; None to open a tunnel.
        connections: How many were opened.
        requests: How many were read, those for a tunnel left out.
        before_part: Called before each part of a script.
        left: Set when a client has closed its connection in the midst of a script.
    """

    def __init__(self, tls: ssl.SSLContext, *, secure: bool) -> None:
        self.script: Script | None = None
        self.proxy_script: Script | None = None
        self.connections = self.requests = 0
        self.left = threading.Event()
        self.before_part: Callable[[], None] = lambda: None
        self._stopping = threading.Event()
        self._tls = tls
        self._secure = secure
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            if self._secure:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._sockets.append(connection)
            while head := _head(connection):
                if head.startswith(b"CONNECT"):
                    self._play(connection, self.proxy_script or Script(OK + b"\r\n", b"", 0, 0))
                    connection = self._tls.wrap_socket(connection, server_side=True)
                    self._sockets.append(connection)
                    continue
                self.requests += 1
                self._play(connection, self.script or Script(GOOD, b"", 0, 0))
        connection.close()

    def _play(self, connection: socket.socket, script: Script) -> None:
        connection.sendall(script.start)
        try:
            for _ in repeat(None) if script.parts is None else repeat(None, script.parts):
                self._stopping.wait(script.pause)
                self.before_part()
                connection.sendall(script.part)
        except OSError:
            self.left.set()
            raise


def _head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            return b""
        head += piece
    return head


@contextlib.contextmanager
def drip_records(peer: Peer) -> Iterator[str]:
    """Relay one connection to a peer of TLS; records of more than 8 KiB drip.

    Args:
        peer: The peer.

    Yields:
        The relay's address.
    """
    host, _, port = peer.address.partition(":")
    stopping = threading.Event()

    def forward(source: socket.socket, sink: socket.socket, *, slowly: bool) -> None:
        with contextlib.suppress(OSError), source.makefile("rb", buffering=0) as file:
            while data := file.read(65536):
                if not slowly or len(data) < 8192:
                    sink.sendall(data)
                    continue
                for one in data:
                    stopping.wait(0.002)
                    sink.sendall(bytes([one]))
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
            sink.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        client, _ = listening.accept()
        with client, socket.create_connection((host, int(port))) as server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(
                target=forward, args=(server, client), kwargs={"slowly": True}, daemon=True
            )
            back.start()
            forward(client, server, slowly=False)
            back.join(PATIENCE)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        stopping.set()
        thread.join(PATIENCE)
