"""The sockets: one listening on the loopback interface, and the connections it accepts."""

import contextlib
import logging
import os
import selectors
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from email.utils import formatdate
from socketserver import ThreadingTCPServer
from typing import Any

from werkzeug.serving import WSGIRequestHandler
from werkzeug.wrappers import Response

HOST = "127.0.0.1"
POLL = 0.01
JOIN = 5.0
LINGER_ZERO = struct.pack("ii", 1, 0)

logger = logging.getLogger(__name__)


class Wire(WSGIRequestHandler):
    """One client's connection: reads its requests, and sends answers whole, in parts or not."""

    protocol_version = "HTTP/1.1"
    server_version = "upstox-totp-sandbox"
    disable_nagle_algorithm = True
    server: "Server"  # type: ignore[assignment]
    # Host, port and number of the connection.
    client_address: tuple[str, int, int]  # type: ignore[assignment]

    def run_wsgi(self) -> None:
        """Answer one request."""
        # werkzeug's own way to an application ends every connection after one request.
        self.environ = self.make_environ()
        self.server.respond(self.environ, self)

    def send_head(self, response: Response, **added: str) -> bytes:
        """Send status line and headers, and those `added` as they are; return the body."""
        parts, status, headers = response.get_wsgi_response(self.environ)
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in (*headers, *added.items()):
            self.send_header(name, value)
        self.end_headers()
        return b"".join(parts)

    def send(self, response: Response, **added: str) -> None:
        """Send an answer as it should be, with the headers `added` as they are."""
        self.wfile.write(self.send_head(response, **added))

    def gone_within(self, seconds: float | None) -> bool:
        """Wait, and tell whether the client hung up or the sandbox stopped meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def hang_up(self) -> None:
        """End the connection in order once the answer is sent."""
        self.close_connection = True

    def reset(self) -> None:
        """End the connection at once, with a reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        # The descriptor is only closed, and the reset sent, when the reader lets go of it too. A
        # shutdown first would send an orderly end.
        self.rfile.close()
        self.connection.close()

    def version_string(self) -> str:
        """Return the `Server` header."""
        return self.server_version

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the `Date` header, by the sandbox's clock."""
        return formatdate(self.server.now() if timestamp is None else timestamp, usegmt=True)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Log nothing."""


def _started(work: Callable[..., None], *args: Any) -> threading.Thread:
    """Return a thread that works, and that no program waits for at its end."""
    thread = threading.Thread(target=work, args=args, name="sandbox", daemon=True)
    thread.start()
    return thread


class Server(ThreadingTCPServer):
    """Listens on the loopback interface, and can stop to while connections go on."""

    # On Windows it would let two servers share a port.
    allow_reuse_address = os.name == "posix"
    request_queue_size = 128
    # What werkzeug asks of the server.
    multithread, multiprocess = True, False

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None,
        respond: Callable[[dict[str, Any], Wire], None],
        now: Callable[[], float],
        accepted: int,
    ) -> None:
        super().__init__((HOST, port), Wire)
        self.ssl_context = context
        self.respond = respond
        self.now = now
        self.accepted = accepted
        self._lock = threading.RLock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._listen()

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection, whose number joins its address."""
        connection, address = super().get_request()
        if self.ssl_context is not None:
            # The handshake is left to the connection's own thread.
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.accepted += 1
        return connection, (*address, self.accepted)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that can be waited for."""
        thread = _started(self.process_request_thread, request, client_address)
        living = {one: peer for one, peer in self._connections.items() if one.is_alive()}
        self._connections = living | {thread: request}

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - inherited
        """Report a mistake of the sandbox or of a fault's function; clients may hang up."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("the sandbox failed to answer %s", client_address[:2], exc_info=error)

    def close(self) -> None:
        """Stop listening and end every connection."""
        with self._lock:
            self._stop_listening()
        for thread, peer in self._connections.items():
            # Past the TLS layer, which is not made for two threads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(peer, socket.SHUT_RDWR)
            thread.join(JOIN)

    def refuse(self) -> None:
        """Stop listening; a socket that is only bound keeps the port, and connects are refused."""
        with self._lock:
            if self._listening.is_alive():
                self._stop_listening()
                self._bind()

    def resume(self) -> None:
        """Listen again on the same port, if it was stopped."""
        with self._lock:
            if not self._listening.is_alive():
                self.server_close()
                self._bind()
                self.server_activate()
                self._listen()

    def _listen(self) -> None:
        self._listening = _started(self.serve_forever, POLL)

    def _stop_listening(self) -> None:
        self.shutdown()
        self._listening.join(JOIN)
        self.server_close()

    def _bind(self) -> None:
        self.socket = socket.socket()
        self.server_bind()
