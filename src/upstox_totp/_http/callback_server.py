"""Answers the one loopback address that a browser comes back to."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import socket
import threading
from contextlib import ExitStack
from functools import partial
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, TCPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Callable

    Answering = Callable[[SecretStr], tuple[HTTPStatus, str]]

_POLL: Final = 0.05
_STYLE: Final = """
body { max-width: 34rem; margin: 4rem auto; padding: 0 1rem; font: 1.1rem/1.6 system-ui, sans-serif;
  overflow-wrap: anywhere; }
"""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{paragraphs}
<p><small>This page comes from upstox_totp on your own machine.</small></p>
</body>
</html>
"""
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; style-src 'sha256-"
        f"{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
    ),
    "Connection": "close",
}


def write_page(title: str, *paragraphs: str) -> str:
    """Return a page as HTML, without script or anything from elsewhere."""
    texts = "\n".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return _PAGE.format(title=escape(title), style=_STYLE, paragraphs=texts)


def listen(host: str, port: int, *, authority: str, path: str, answer: Answering) -> ExitStack:
    """Answer the requests for one address, each in a thread of its own, until the stack is closed.

    ``localhost`` means both loopback addresses; ``authority`` is what a browser must send as
    ``Host``; ``answer`` returns status and page for the query of a request.
    """
    handler = partial(_Handler, authority, path, answer)
    addresses = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    with ExitStack() as stack:
        for address in addresses:
            try:
                server = stack.enter_context(_Server(address, port, handler))
            except OSError as error:
                # A machine without IPv6 is no reason to stop, another program at this port is one.
                if address == addresses[0] or error.errno in {errno.EADDRINUSE, errno.EACCES}:
                    raise
            else:
                threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True).start()
                stack.callback(server.shutdown)
        return stack.pop_all()


class _Server(ThreadingHTTPServer):
    """Listens at one address; when it is closed, an answer that is on its way may leave."""

    # Outside POSIX the option lets two programs have the same port, as the other does everywhere.
    allow_reuse_address = os.name == "posix"
    allow_reuse_port = False
    daemon_threads = False

    def __init__(self, host: str, port: int, handler: Callable[..., BaseRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        # HTTPServer asks the DNS for a name here, which can take long.
        TCPServer.server_bind(self)

    def handle_error(self, *_: object) -> None:
        """Say nothing: the standard library would print what was sent."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    # As long as this, a connection on which nothing comes may hold up the end.
    timeout = 2.0

    def __init__(self, authority: str, path: str, answer: Answering, *connection: Any) -> None:
        self._authority, self._path, self._answer = authority, path, answer
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer, if the request is for this address."""
        path, _, query = self.path.partition("?")
        hosts = [host.strip().lower() for host in self.headers.get_all("Host", [])]
        if hosts != [self._authority]:
            page = write_page("Wrong address", "This page was asked for under another name.")
            self._reply(HTTPStatus.BAD_REQUEST, page)
        elif unquote(path) != unquote(self._path):
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._reply(*self._answer(SecretStr(query)))

    def send_error(self, code: int, *_: Any, **__: Any) -> None:
        """Say what was wrong with a request, and nothing of what it held."""
        status = HTTPStatus(code)
        self._reply(status, write_page("Nothing to see here", f"{status.phrase}."))

    def _reply(self, status: HTTPStatus, page: str) -> None:
        body = page.encode()
        self.send_response_only(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the address holds the authorization code."""
