"""The ways a step can misbehave, and which step is to misbehave next."""

import functools
import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox import delivery
from upstox_totp.sandbox.answers import TOO_MANY, Code, failure, failure_status
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.paths import removed, replaced
from upstox_totp.sandbox.routes import LOOP_PATH, STEPS
from upstox_totp.sandbox.wire import Wire

Alteration = Callable[[Any], Any]
Proceed = Callable[[Alteration], Response]
Answering = Callable[[Call, Proceed], Response]

BLOCK_PAGE = """<!doctype html>
<html lang="en">
<head><title>Access Denied</title></head>
<body>
<h1>Access Denied</h1>
<p>You don't have permission to access this resource. The request was blocked at the edge.</p>
<p>Reference&#32;&#35;18.7a1c2f17.1758600000.3b9d04e</p>
</body>
</html>
"""


def _properly(_: Call, proceed: Proceed) -> Response:
    """Carry the step out."""
    return proceed(lambda payload: payload)


def _instead(response: Callable[[], Response]) -> Answering:
    """Answer something else; the step is not carried out."""
    return lambda _call, _proceed: response()


def _unanswered(_: Call, __: Proceed) -> Response:
    """Make the answer that is never sent."""
    return Response(status=500)


@functools.cache
def _padding(size: int) -> bytes:
    head, tail = b'{"success": true, "data": {"padding": "', b'"}}'
    return head + b"x" * max(0, size - len(head) - len(tail)) + tail


@functools.cache
def _zipped(size: int) -> bytes:
    return gzip.compress(_padding(size), compresslevel=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way a step can misbehave; made by the class methods.

    Those that answer properly carry the step out, so the account's state changes: `change`,
    `without`, `replace`, `late`, `drip`, `last_on_connection`, `then_refuse`, `then_blackhole`, and
    `reset` and `close` in the middle. The others only record the request.

    Args:
        name: What the fault is called in reprs.
        answer: Makes the response.
        deliver: Brings it to the client, or does not.
        answered: Whether the client gets a status line.
    """

    name: str
    answer: Answering = _properly
    deliver: delivery.Delivery = delivery.whole
    answered: bool = True

    def __repr__(self) -> str:
        """Return the fault's name."""
        return f"<Fault {self.name}>"

    @classmethod
    def status(
        cls,
        code: int,
        body: bytes | str = b"",
        content_type: str = "text/plain",
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Answer with an HTTP status.

        Args:
            code: The HTTP status.
            body: The body.
            content_type: The exact `Content-Type`.
            headers: Further headers.
        """
        make = functools.partial(
            Response,
            body,
            code,
            dict(headers or {}),
            content_type=content_type,
        )
        return cls(f"status {code}", _instead(make))

    @classmethod
    def html(cls, status: int = 200) -> Self:
        """Answer with a block page as a content network shows it, by default with 200.

        Args:
            status: The HTTP status; the page seen in public clients came with 403.
        """
        return cls.status(status, BLOCK_PAGE, "text/html")

    @classmethod
    def retry_after(cls, value: float | str, status: int = 429) -> Self:
        """Answer with too many requests and a `Retry-After` header.

        Args:
            value: Seconds, or an HTTP date.
            status: The HTTP status.
        """

        def answer(call: Call, _: Proceed) -> Response:
            response = call.answer(failure(call.stage, TOO_MANY, "Too Many Request Sent"), status)
            response.headers["Retry-After"] = str(value)
            return response

        return cls(f"retry after {value}", answer)

    @classmethod
    def json(cls, value: object, status: int = 200) -> Self:
        """Answer with `value` as JSON.

        Args:
            value: Anything JSON can hold.
            status: The HTTP status.
        """
        return cls("json", lambda call, _: call.answer(value, status))

    @classmethod
    def body(cls, body: bytes, content_type: str = "application/json") -> Self:
        """Answer 200 with these bytes.

        Args:
            body: The body: broken JSON, nothing, anything.
            content_type: The exact `Content-Type`.
        """
        return cls("body", _instead(functools.partial(Response, body, content_type=content_type)))

    @classmethod
    def change(cls, function: Alteration) -> Self:
        """Carry the step out and pass the answer's JSON through `function`.

        Args:
            function: Takes the payload and returns the one to send. For the dialog the payload is
                the dict of the login page's query, for the login page its HTML or the address it
                leads to, for a redirect that address.
        """
        return cls("change", lambda _, proceed: proceed(function))

    @classmethod
    def without(cls, path: str) -> Self:
        """Carry the step out and leave a field out of the answer.

        Args:
            path: The field's path, dotted, with numbers for places in a list:
                `data.accounts.0.userId`. A path that leads nowhere changes nothing.
        """
        return cls.change(functools.partial(removed, path=path))

    @classmethod
    def replace(cls, path: str, value: object) -> Self:
        """Carry the step out and put `value` at `path` of the answer.

        Args:
            path: As in `without`; a last name that is not there is added.
            value: Anything JSON can hold.
        """
        return cls.change(functools.partial(replaced, path=path, value=value))

    @classmethod
    def refuse(
        cls,
        code: Code,
        message: str,
        status: int | None = None,
        *,
        echo: bool | None = None,
    ) -> Self:
        """Answer with the failure envelope of the step's host.

        Args:
            code: The error's code: a number on `service`, a text on `api`.
            message: The error's message.
            status: The HTTP status; None for the host's own: 200 on `service`, 4xx on `api`.
            echo: Whether the message goes on with every value the request carried; None for the
                sandbox's `echo`.
        """

        def answer(call: Call, _: Proceed) -> Response:
            repeated = call.rules.echo if echo is None else echo
            text = " ".join([message, *(call.values() if repeated else [])])
            usual = failure_status(call.stage, code)
            return call.answer(failure(call.stage, code, text), usual if status is None else status)

        return cls(f"refuse {code}", answer)

    @classmethod
    def hang(cls, seconds: float | None = None) -> Self:
        """Take the request and answer nothing.

        Args:
            seconds: When to hang up; None for not before the client does or the sandbox stops.
        """
        return cls("hang", _unanswered, delivery.silent(seconds), answered=False)

    @classmethod
    def late(cls, seconds: float) -> Self:
        """Carry the step out at once and answer `seconds` later."""
        return cls("late", deliver=delivery.late(seconds))

    @classmethod
    def reset(cls, when: delivery.When = "before") -> Self:
        """End the connection with a TCP reset.

        Args:
            when: "before" a byte of the answer, or in the "middle" of its body.
        """
        return cls._cut("reset", when, Wire.reset)

    @classmethod
    def close(cls, when: delivery.When = "before") -> Self:
        """End the connection in order, but too early.

        Args:
            when: "before" a byte of the answer, or in the "middle" of its body.
        """
        return cls._cut("close", when, Wire.finish)

    @classmethod
    def _cut(
        cls,
        name: str,
        when: delivery.When,
        end: Callable[[Wire], None],
    ) -> Self:
        middle = when == "middle"
        answer = _properly if middle else _unanswered
        return cls(f"{name} {when}", answer, delivery.cut(when, end), answered=middle)

    @classmethod
    def drip(cls, interval: float = 1.0, *, chunked: bool = False) -> Self:
        """Carry the step out and send the answer's body byte by byte, without an end.

        Args:
            interval: Seconds from byte to byte.
            chunked: Whether the length is left open instead of given as 50 MiB.
        """
        return cls("drip", deliver=delivery.drip(interval, chunked=chunked))

    @classmethod
    def large(cls, size: int = 40 * 2**20, *, compressed: bool = False) -> Self:
        """Answer with valid JSON that is too much.

        Args:
            size: Its size in bytes.
            compressed: Whether it comes gzipped, so that it is small on the wire.
        """
        make = _zipped if compressed else _padding
        headers = {"Content-Encoding": "gzip"} if compressed else {}

        def answer(call: Call, _: Proceed) -> Response:
            return Response(make(size), 200, headers, content_type=call.rules.content_type)

        return cls("large", answer)

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Self:
        """Answer with a redirect.

        Args:
            location: Where to, as it will stand in the header.
            status: The HTTP status.
        """
        # werkzeug would mend the address, or fail on one that it cannot read.
        return replace(cls.status(status), deliver=delivery.leading_to(location))

    @classmethod
    def redirect_loop(cls) -> Self:
        """Answer with a redirect to an address of the login host that leads to itself."""
        return cls("redirect loop", lambda call, _: redirect(call.url("login", LOOP_PATH)))

    @classmethod
    def last_on_connection(cls, *, announce: bool = True) -> Self:
        """Answer properly, then end the connection: the next request has to connect anew.

        Args:
            announce: Whether a `Connection: close` header says so. Without it the client may find
                out only when it sends the next request.
        """
        return cls("last on connection", deliver=delivery.last(announce=announce))

    @classmethod
    def then_refuse(cls) -> Self:
        """Answer properly, then refuse every connection until `Sandbox.resume`."""
        return cls("then refuse", deliver=delivery.then(lambda wire: wire.listening.refuse()))

    @classmethod
    def then_blackhole(cls) -> Self:
        """Answer properly, then let every connect wait for ever until `Sandbox.resume`.

        It relies on how Linux treats a full queue of connections.
        """
        return cls("then blackhole", deliver=delivery.then(lambda wire: wire.listening.blackhole()))


PROPER = Fault("none")


@dataclass(slots=True)
class _Order:
    fault: Fault
    times: int | None


class FaultQueue:
    """The faults to come, step by step, in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[str, list[_Order]] = {}

    def add(self, step: str, fault: Fault, times: int | None) -> None:
        """Let `step` misbehave `times` times, or until `clear` if None.

        Raises:
            ValueError: There is no such step, or `times` is less than one.
        """
        if step not in STEPS:
            raise ValueError(f"no step {step!r}; the steps are {', '.join(STEPS)}")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1")
        with self._lock:
            self._orders.setdefault(step, []).append(_Order(fault, times))

    def take(self, step: str | None) -> Fault:
        """Return the fault of the next request of `step`; `PROPER` if there is none."""
        with self._lock:
            orders = self._orders.get(step or "", [])
            if not orders:
                return PROPER
            order = orders[0]
            if order.times is not None:
                order.times -= 1
                orders[:] = [kept for kept in orders if kept.times != 0]
            return order.fault

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._orders.clear()
