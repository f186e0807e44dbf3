"""The sockets: one listening on the loopback interface, and the connections it accepts."""

import contextlib
import itertools
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from upstox_totp.sandbox.wire import Wire

HOST = "127.0.0.1"
POLL = 0.01
BACKLOG = 128
JOIN = 5.0
FILLERS = 64
FILLED_AFTER = 0.05

Respond = Callable[[dict[str, Any], int, Wire], None]
logger = logging.getLogger(__name__)


class Connections:
    """The connections being served, each by its own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[threading.Thread, tuple[int, socket.socket]] = {}
        self.accepted = 0

    def serve(self, connection: socket.socket, work: Callable[[], None]) -> None:
        """Do `work` for `connection` in a thread of its own."""

        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    del self._open[thread]

        thread = threading.Thread(target=run, name="sandbox-connection", daemon=True)
        with self._lock:
            self.accepted = next(self._numbers)
            self._open[thread] = (self.accepted, connection)
        thread.start()

    def number(self) -> int:
        """Return the number of the connection this thread serves."""
        with self._lock:
            return self._open[threading.current_thread()][0]

    def end(self) -> None:
        """End every connection and wait for its thread."""
        with self._lock:
            served = dict(self._open)
        for _, connection in served.values():
            # Past the TLS layer, which is not made for two threads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in served:
            thread.join(JOIN)


class Server(ThreadedWSGIServer):
    """Accepts connections from a socket that already listens.

    Args:
        listener: The listening socket; it is duplicated.
        context: The TLS context, or None for plain HTTP.
        connections: Where accepted connections are kept.
        home: The listener the server belongs to.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext | None,
        connections: Connections,
        home: "Listener",
    ) -> None:
        # The handler answers by itself: werkzeug's own way to a WSGI application ends every
        # connection after one request.
        host, port = listener.getsockname()
        super().__init__(host, port, NotFound(), Handler, fd=listener.fileno())
        self.ssl_context = context
        self._connections = connections
        self.home = home

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; the handshake is left to its own thread."""
        connection, address = super().get_request()
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(
                connection,
                server_side=True,
                do_handshake_on_connect=False,
            )
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that can be waited for."""
        self._connections.serve(
            request,
            lambda: self.process_request_thread(request, client_address),
        )

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - inherited
        """Report a mistake of the sandbox or of a fault's function; clients may hang up."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("the sandbox failed to answer %s", client_address, exc_info=error)


class Handler(WSGIRequestHandler):
    """Reads requests from one connection until it ends."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        self.server.home.respond(environ, Wire(self, environ, self.server.home))

    def version_string(self) -> str:
        """Return the `Server` header."""
        return "upstox-totp-sandbox"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the `Date` header, by the sandbox's clock."""
        return formatdate(self.server.home.now() if timestamp is None else timestamp, usegmt=True)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Log nothing."""


class Listener:
    """Listens on the loopback interface, and can stop to while connections go on.

    Args:
        port: The port, 0 for a free one.
        context: The TLS context, or None for plain HTTP.
        respond: Answers a request.
        now: The server's time in epoch seconds.
    """

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None,
        respond: Respond,
        now: Callable[[], float],
    ) -> None:
        self._asked = port
        self._context = context
        self._respond = respond
        self.now = now
        self.port: int | None = None
        self.connections = Connections()
        self._lock = threading.RLock()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._held: list[socket.socket] = []

    def respond(self, environ: dict[str, Any], wire: Wire) -> None:
        """Answer a request on the connection of this thread."""
        self._respond(environ, self.connections.number(), wire)

    def open(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken.
        """
        with self._lock, self._bound(self.port or self._asked) as listener:
            self.port = listener.getsockname()[1]
            listener.listen(BACKLOG)
            self._server = Server(listener, self._context, self.connections, self)
            self._thread = threading.Thread(
                target=self._server.serve_forever,
                args=(POLL,),
                name="sandbox-listener",
                daemon=True,
            )
            self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        with self._lock:
            self._deafen()
            self._release()
        self.connections.end()
        self.port = None

    def refuse(self) -> None:
        """Stop listening; the port stays taken, so that connects are refused."""
        with self._lock:
            if self._server is not None:
                self._hold()

    def blackhole(self) -> None:
        """Let connects wait: the queue of connections nobody accepts is full."""
        with self._lock:
            if self._server is not None:
                self._fill(self._hold())

    def resume(self) -> None:
        """Listen again on the same port, if it was stopped."""
        with self._lock:
            if self._held:
                self._release()
                self.open()

    def _hold(self) -> socket.socket:
        """Stop listening, and return a socket that keeps the port."""
        self._deafen()
        holder = self._bound(self.port or 0)
        self._held.append(holder)
        return holder

    def _fill(self, holder: socket.socket) -> None:
        """Connect until the queue of `holder` takes no more."""
        holder.listen(0)
        for _ in range(FILLERS):
            filler = socket.socket()
            self._held.append(filler)
            filler.settimeout(FILLED_AFTER)
            try:
                filler.connect(holder.getsockname())
            except TimeoutError:
                break

    def _deafen(self) -> None:
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join(JOIN)

    def _release(self) -> None:
        for held in self._held:
            held.close()
        self._held.clear()

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
