"""The sockets: one listening on the loopback interface, and the connections it accepts."""

import contextlib
import logging
import selectors
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import partial
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response

HOST = "127.0.0.1"
POLL = 0.01
BACKLOG = 128
JOIN = 5.0
LINGER_ZERO = struct.pack("ii", 1, 0)
BODY_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})

logger = logging.getLogger(__name__)


class Wire(WSGIRequestHandler):
    """One client's connection: reads its requests, and sends answers whole, in parts or not."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def run_wsgi(self) -> None:
        """Answer one request."""
        self.environ = self.make_environ()
        self.server.listener.respond(self.environ, self)

    @property
    def number(self) -> int:
        """The number of this connection, counted from 1."""
        thread = threading.current_thread()
        return thread.number if isinstance(thread, Connection) else 0

    def send_head(
        self,
        response: Response,
        replaced: Mapping[str, str] | None = None,
        added: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send status line and headers, `replaced` for those of the length; return the body."""
        parts, status, headers = response.get_wsgi_response(self.environ)
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        kept = [(k, v) for k, v in headers if not replaced or k.lower() not in BODY_HEADERS]
        for name, value in (*kept, *(replaced or {}).items(), *(added or {}).items()):
            self.send_header(name, value)
        self.end_headers()
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        """Send `data` at once."""
        self.wfile.write(data)

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
        return "upstox-totp-sandbox"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the `Date` header, by the sandbox's clock."""
        return formatdate(
            self.server.listener.now() if timestamp is None else timestamp, usegmt=True
        )

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Log nothing."""


Respond = Callable[[dict[str, Any], Wire], None]


class Connection(threading.Thread):
    """Serves one connection, whose number it knows."""

    def __init__(self, number: int, peer: socket.socket, work: Callable[[], None]) -> None:
        super().__init__(target=work, name="sandbox-connection", daemon=True)
        self.number = number
        self.peer = peer

    def end(self) -> None:
        """End the connection and wait for its thread."""
        # Past the TLS layer, which is not made for two threads.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.peer, socket.SHUT_RDWR)
        self.join(JOIN)


class Server(ThreadedWSGIServer):
    """Accepts connections from a socket that already listens, which it duplicates."""

    def __init__(
        self, listening: socket.socket, context: ssl.SSLContext | None, listener: "Listener"
    ) -> None:
        # The handler answers by itself: werkzeug's own way to a WSGI application ends every
        # connection after one request.
        host, port = listening.getsockname()
        super().__init__(host, port, NotFound(), Wire, fd=listening.fileno())
        self.ssl_context = context
        self.listener = listener

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; the handshake is left to its own thread."""
        connection, address = super().get_request()
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that can be waited for."""
        self.listener.serve(request, partial(self.process_request_thread, request, client_address))

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - inherited
        """Report a mistake of the sandbox or of a fault's function; clients may hang up."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("the sandbox failed to answer %s", client_address, exc_info=error)


class Listener:
    """Listens on the loopback interface, and can stop to while connections go on."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None,
        respond: Respond,
        now: Callable[[], float],
    ) -> None:
        self._asked = port
        self._context = context
        self.respond = respond
        self.now = now
        self.port: int | None = None
        self.connections: list[Connection] = []
        self.accepted = 0
        self._lock = threading.RLock()
        self._serving: tuple[Server, threading.Thread] | None = None
        self.held: list[socket.socket] = []

    def open(self) -> None:
        """Listen, or raise an OSError if the port is taken."""
        with self._lock, self._bound(self.port or self._asked) as listening:
            self.port = listening.getsockname()[1]
            listening.listen(BACKLOG)
            server = Server(listening, self._context, self)
            thread = threading.Thread(
                target=server.serve_forever, args=(POLL,), name="sandbox-listener", daemon=True
            )
            self._serving = (server, thread)
            thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        with self._lock:
            self._deafen()
            self._release()
        for connection in self.connections:
            connection.end()
        self.port = None

    def serve(self, peer: socket.socket, work: Callable[[], None]) -> None:
        """Do `work` for a connection in a thread of its own."""
        # Only the thread that accepts connections comes here.
        self.accepted += 1
        living = [connection for connection in self.connections if connection.is_alive()]
        connection = Connection(self.accepted, peer, work)
        self.connections = [*living, connection]
        connection.start()

    def refuse(self) -> None:
        """Stop listening; a socket in `held` keeps the port, so that connects are refused."""
        with self._lock:
            if self._serving is not None:
                self._deafen()
                self.held.append(self._bound(self.port or 0))

    def resume(self) -> None:
        """Listen again on the same port, if it was stopped."""
        with self._lock:
            if self.held:
                self._release()
                self.open()

    def _deafen(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            server, thread = serving
            server.shutdown()
            thread.join(JOIN)

    def _release(self) -> None:
        for held in self.held:
            held.close()
        self.held.clear()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        """Return a socket bound to `port` on the loopback interface."""
        bound = socket.socket()
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((HOST, port))
        except OSError:
            bound.close()
            raise
        return bound
