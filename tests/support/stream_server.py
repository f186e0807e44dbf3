"""A server of WebSocket streams that takes some tokens and refuses others with 401."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import threading
from typing import TYPE_CHECKING, Self

from conftest import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

# RFC 6455, section 1.3.
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# A binary message without content, which is an empty message of the SDK's.
_MESSAGE = b"\x82\x00"


class StreamServer:
    """Serves streams, a thread each; `tokens` are those that clients came with.

    Args:
        takes: Tells whether a connection with this token is taken.
        taken: What to do with one that was taken and has got its message; then it is cut.
    """

    def __init__(
        self, takes: Callable[[str], bool], taken: Callable[[str], object] | None = None
    ) -> None:
        self.tokens: list[str] = []
        self._takes = takes
        self._taken = taken
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(65536)
            key, bearer = (
                match[1]
                for name in (rb"Sec-WebSocket-Key: ", rb"Authorization: Bearer ")
                if (match := re.search(name + rb"(\S+)", head))
            )
            token = bearer.decode()
            self.tokens.append(token)
            if not self._takes(token):
                connection.sendall(_REFUSED)
                return
            accepted = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())  # noqa: S324 - RFC 6455
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accepted + b"\r\n\r\n" + _MESSAGE
            )
            if self._taken is not None:
                self._taken(token)
                return
            while connection.recv(65536):
                pass
