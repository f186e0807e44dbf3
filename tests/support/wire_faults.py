"""Faults on the wire that only this library's own tests need: drips, floods, black holes."""

from __future__ import annotations

import functools
import gzip
import socket
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Response

from upstox_totp.sandbox import Fault

if TYPE_CHECKING:
    from upstox_totp.sandbox.calls import Call
    from upstox_totp.sandbox.faults import Proceed
    from upstox_totp.sandbox.server import Wire

DRIPPED_LENGTH: Final = 50 * 2**20
FILLERS: Final = 64
FILLED_AFTER: Final = 0.05


@functools.cache
def _padding(size: int, *, compressed: bool) -> bytes:
    head, tail = b'{"success": true, "data": {"padding": "', b'"}}'
    whole = head + b"x" * (size - len(head) - len(tail)) + tail
    return gzip.compress(whole, compresslevel=1) if compressed else whole


def large(size: int = 40 * 2**20, *, compressed: bool = False) -> Fault:
    """Return a fault that answers valid JSON of a size, gzipped to be small on the wire or not."""
    headers = {"Content-Encoding": "gzip"} if compressed else {}

    def answer(call: Call, _: Proceed) -> Response:
        body = _padding(size, compressed=compressed)
        return Response(body, 200, headers, content_type="application/json")

    return Fault("large", answer)


def drip(interval: float = 1.0, *, chunked: bool = False) -> Fault:
    """Return a fault that carries the step out, and sends the body byte by byte without an end."""

    def deliver(wire: Wire, response: Response) -> None:
        if chunked:
            response.automatically_set_content_length = False
            response.headers["Transfer-Encoding"] = "chunked"
        else:
            response.headers["Content-Length"] = str(DRIPPED_LENGTH)
        body = wire.send_head(response)
        for byte in chain(body, repeat(0x20)):
            if wire.gone_within(interval):
                break
            wire.wfile.write(b"1\r\n%c\r\n" % byte if chunked else bytes([byte]))
        wire.hang_up()

    return Fault("drip", deliver=deliver)


def last_on_connection(*, announce: bool = True) -> Fault:
    """Return a fault that answers properly and ends the connection, telling so or not."""
    added = {"Connection": "close"} if announce else {}

    def deliver(wire: Wire, response: Response) -> None:
        wire.send(response, **added)
        wire.hang_up()

    return Fault("last on connection", deliver=deliver)


def then_blackhole() -> Fault:
    """Return a fault that answers properly; every connect then waits until `Sandbox.resume`.

    It relies on how Linux treats a full queue of connections.
    """
    refuse = Fault.then_refuse().deliver

    def deliver(wire: Wire, response: Response) -> None:
        wire.server.refuse()
        wire.server.socket.listen(0)
        for _ in range(FILLERS):
            # One that hung up stays in the queue until it is accepted.
            with socket.socket() as filler:
                filler.settimeout(FILLED_AFTER)
                try:
                    filler.connect(wire.server.server_address)
                except TimeoutError:
                    break
        # The port is held already; what is left of refusing is to answer and to hang up.
        refuse(wire, response)

    return Fault("then blackhole", deliver=deliver)
