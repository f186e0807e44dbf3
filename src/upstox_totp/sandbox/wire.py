"""One client's connection, down to the bytes and the way it ends."""

import selectors
import socket
import struct
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Protocol

from werkzeug.wrappers import Response

LINGER_ZERO = struct.pack("ii", 1, 0)
BODY_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


class Listening(Protocol):
    """What can be done to the listening socket while a request is answered."""

    def refuse(self) -> None:
        """Stop listening; the next connect is refused."""

    def blackhole(self) -> None:
        """Stop accepting; the next connect is never completed."""


class Wire:
    """The connection a request came over.

    Args:
        handler: The handler of the connection.
        environ: The request, as WSGI has it.
        listening: The listening socket the connection was accepted from.
    """

    def __init__(
        self,
        handler: BaseHTTPRequestHandler,
        environ: dict[str, object],
        listening: Listening,
    ) -> None:
        self._handler = handler
        self._environ = environ
        self.listening = listening

    def send_head(
        self,
        response: Response,
        replaced: Mapping[str, str] | None = None,
        added: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send the status line and the headers of `response`.

        Args:
            response: The response.
            replaced: Headers about the body's length, in place of the response's own.
            added: Headers to send besides.

        Returns:
            The body, not sent yet.
        """
        parts, status, headers = response.get_wsgi_response(self._environ)
        body = b"".join(parts)
        code, _, phrase = status.partition(" ")
        self._handler.send_response(int(code), phrase)
        kept = [(k, v) for k, v in headers if not replaced or k.lower() not in BODY_HEADERS]
        for name, value in (*kept, *(replaced or {}).items(), *(added or {}).items()):
            self._handler.send_header(name, value)
        self._handler.end_headers()
        return body

    def write(self, data: bytes) -> None:
        """Send `data` at once."""
        self._handler.wfile.write(data)

    def gone_within(self, seconds: float | None) -> bool:
        """Wait, and tell whether the client hung up or the sandbox stopped meanwhile.

        Args:
            seconds: How long to wait at most; None for as long as it takes.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._handler.connection, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def finish(self) -> None:
        """End the connection in order once the answer is sent."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection at once, with a reset."""
        self._handler.close_connection = True
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        # The descriptor is only closed, and the reset sent, when the reader lets go of it too. A
        # shutdown first would send an orderly end.
        self._handler.rfile.close()
        connection.close()
