"""The ways an answer can reach a client, or fail to."""

from collections.abc import Callable
from itertools import chain, repeat
from typing import Literal

from werkzeug.wrappers import Response

from upstox_totp.sandbox.wire import Wire

Delivery = Callable[[Wire, Response], None]
When = Literal["before", "middle"]
DRIPPED_LENGTH = 50 * 2**20


def whole(wire: Wire, response: Response) -> None:
    """Send the answer as it should be."""
    wire.write(wire.send_head(response))


def leading_to(location: str) -> Delivery:
    """Send the answer with a `Location` to the letter.

    Args:
        location: The address, which need not be one.
    """
    return lambda wire, response: wire.write(wire.send_head(response, added={"Location": location}))


def silent(seconds: float | None) -> Delivery:
    """Send nothing for `seconds`, then end the connection."""

    def deliver(wire: Wire, _: Response) -> None:
        wire.gone_within(seconds)
        wire.finish()

    return deliver


def late(seconds: float) -> Delivery:
    """Send the answer `seconds` late."""

    def deliver(wire: Wire, response: Response) -> None:
        if wire.gone_within(seconds):
            wire.finish()
        else:
            whole(wire, response)

    return deliver


def _nothing(_: Wire, __: Response) -> None:
    """Send nothing."""


def _half(wire: Wire, response: Response) -> None:
    """Send the headers and half of the body."""
    body = wire.send_head(response)
    wire.write(body[: len(body) // 2])


def cut(when: When, end: Callable[[Wire], None]) -> Delivery:
    """Send part of the answer and end the connection with `end`."""
    part = {"before": _nothing, "middle": _half}[when]

    def deliver(wire: Wire, response: Response) -> None:
        part(wire, response)
        end(wire)

    return deliver


def drip(interval: float, *, chunked: bool) -> Delivery:
    """Send the headers, then the body byte by byte and blanks for ever after."""
    length = (
        {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(DRIPPED_LENGTH)}
    )
    frame = (lambda byte: b"1\r\n" + byte + b"\r\n") if chunked else bytes

    def deliver(wire: Wire, response: Response) -> None:
        body = wire.send_head(response, length)
        for byte in chain(body, repeat(0x20)):
            if wire.gone_within(interval):
                break
            wire.write(frame(bytes([byte])))
        wire.finish()

    return deliver


def last(*, announce: bool) -> Delivery:
    """Send the answer and end the connection, telling so in a header if `announce`."""
    added = {"Connection": "close"} if announce else {}

    def deliver(wire: Wire, response: Response) -> None:
        wire.write(wire.send_head(response, added=added))
        wire.finish()

    return deliver


def then(act: Callable[[Wire], None]) -> Delivery:
    """Do something to the listening socket, then send the answer and end the connection."""

    def deliver(wire: Wire, response: Response) -> None:
        # Before the answer, so that a client that has it cannot be faster.
        act(wire)
        last(announce=True)(wire, response)

    return deliver
