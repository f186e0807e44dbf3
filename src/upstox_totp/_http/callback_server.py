"""CallbackServer: listens on the loopback interface for the browser that comes back."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote

from pydantic import SecretStr

from upstox_totp._http.callback_page import HEADERS, write_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Respond = tuple[HTTPStatus, str]

_MOST_CONNECTIONS: Final = 16
_MOST_HEAD: Final = 128 * 1024
_HEAD_SECONDS: Final = 10.0
_POLL: Final = 0.05
_LEAVE: Final = 2.0
_WORDS: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address can only be opened.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long.",
}


class CallbackServer:
    """Answers the requests for one address of the loopback interface, until it is closed.

    What a request holds is bounded in size and time, and so is the number of connections: the
    oldest one that has not asked yet makes room for a new one.

    Args:
        host: ``localhost`` for both loopback addresses, or one of them.
        port: The port.
        authority: Host and port as the browser must name them.
        path: The path that is answered; all others are not there.
        answer: Returns status and page for the query of a request. Called in other threads.

    Raises:
        OSError: If it cannot listen there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        authority: str,
        path: str,
        answer: Callable[[SecretStr], Respond],
    ) -> None:
        self.authority = authority
        self.path = path
        self.answer = answer
        self._servers: list[_Server] = []
        try:
            self._listen(host, port)
        except OSError:
            for server in self._servers:
                server.server_close()
            raise

    def _listen(self, host: str, port: int) -> None:
        addresses = ["127.0.0.1", "::1"] if host == "localhost" else [host]
        missing: OSError | None = None
        for address in addresses:
            try:
                self._servers.append(_Server(address, port, self))
            except OSError as error:
                # A machine without IPv6 is no reason, another program at this port is one.
                if address != "::1" or len(addresses) == 1 or _is_taken(error):
                    raise
                missing = error
        if not self._servers and missing is not None:
            raise missing

    def __enter__(self) -> Self:
        """Begin to answer."""
        for server in self._servers:
            server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening; an answer that is under way has two seconds to leave."""
        for server in self._servers:
            server.stop()


class _Server(HTTPServer):
    """Listens at one address."""

    # Elsewhere than on POSIX, the option lets two programs have the same port.
    allow_reuse_address = os.name == "posix"
    request_queue_size = _MOST_CONNECTIONS

    def __init__(self, host: str, port: int, owner: CallbackServer) -> None:
        self.owner = owner
        self.waiting: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004 - a version of IP
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL,), name="upstox_totp callback", daemon=True
        )
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        # HTTPServer asks the DNS for a name here, which can take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        with self._lock:
            silent, threads = list(self.waiting), list(self._threads)
        for connection in silent:
            _hang_up(connection)
        for thread in threads:
            thread.join(_LEAVE)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._threads = [one for one in self._threads if one.is_alive()]
            if len(self.waiting) >= _MOST_CONNECTIONS:
                _hang_up(self.waiting.pop(0))
            self.waiting.append(request)
            thread = threading.Thread(
                target=self._handle, args=(request, client_address), daemon=True
            )
            self._threads.append(thread)
        thread.start()

    def _handle(self, request: Any, client_address: Any) -> None:
        late = threading.Timer(_HEAD_SECONDS, self.give_up, [request])
        late.daemon = True
        late.start()
        # A connection that broke is nobody's loss, and its error would show what was sent.
        with contextlib.suppress(OSError):
            self.finish_request(request, client_address)
        late.cancel()
        self.no_longer_waits(request)
        self.shutdown_request(request)

    def give_up(self, connection: socket.socket) -> None:
        """Hang up, if no whole request has come.

        Args:
            connection: The connection.
        """
        with self._lock:
            if connection in self.waiting:
                _hang_up(connection)

    def no_longer_waits(self, connection: socket.socket) -> None:
        """Note that a connection has sent its request.

        Args:
            connection: The connection.
        """
        with self._lock:
            if connection in self.waiting:
                self.waiting.remove(connection)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    timeout = _HEAD_SECONDS

    def setup(self) -> None:
        super().setup()
        self.rfile = _Bounded(self.rfile)  # type: ignore[assignment]

    def do_GET(self) -> None:
        """Answer, if the request is for this address."""
        self.server.no_longer_waits(self.connection)
        owner = self.server.owner
        hosts = self.headers.get_all("Host", [])
        path, _, query = self.path.partition("?")
        if [host.strip().lower() for host in hosts] != [owner.authority]:
            page = write_page("Wrong address", "This page was asked for under another name.")
            self._send(HTTPStatus.BAD_REQUEST, page)
        elif unquote(path) != unquote(owner.path):
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._send(*owner.answer(SecretStr(query)))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say what was wrong with a request, and nothing of what it held.

        Args:
            code: The HTTP status.
            message: Not used: it may repeat the request.
            explain: Not used, as ``message``.
        """
        del message, explain
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        words = _WORDS.get(status, "The request could not be understood.")
        self._send(status, write_page("Nothing to see here", words))

    def _send(self, status: HTTPStatus, page: str) -> None:
        body = page.encode()
        self.send_response_only(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base
        """Log nothing: the address holds the authorization code.

        Args:
            format: What would be logged.
            args: What would be filled in.
        """


class _Bounded:
    """The head of a request, of which no more than `_MOST_HEAD` bytes are read.

    Args:
        stream: Where the request comes from.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _MOST_HEAD

    def readline(self, size: int) -> bytes:
        """Return the next line.

        Args:
            size: How much of it at most, in bytes.

        Raises:
            ConnectionError: If the head is too large.
        """
        line: bytes = self._stream.readline(min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise ConnectionError("the head of the request is too large")
        return line

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    @property
    def closed(self) -> bool:
        """Whether the stream is closed."""
        return bool(self._stream.closed)


def _is_taken(error: OSError) -> bool:
    return error.errno in {errno.EADDRINUSE, errno.EACCES}


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
