"""A server of WebSocket streams that refuses the first connection with 401 and takes the next."""

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
    """Serves streams one after the other; `tokens` are those that clients came with.

    Args:
        refusing: What to do before a connection is refused, with its token.
        refusals: How many connections to refuse.
    """

    def __init__(self, refusing: Callable[[str], object], refusals: int = 1) -> None:
        self.tokens: list[str] = []
        self._refusing = refusing
        self._refusals = refusals
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
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(65536)
        key, token = (
            match[1]
            for name in (rb"Sec-WebSocket-Key: ", rb"Authorization: Bearer ")
            if (match := re.search(name + rb"(\S+)", head))
        )
        self.tokens.append(token.decode())
        if len(self.tokens) <= self._refusals:
            self._refusing(self.tokens[-1])
            connection.sendall(_REFUSED)
            return
        accepted = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())  # noqa: S324 - RFC 6455
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n" + _MESSAGE
        )
        while connection.recv(65536):
            pass
