"""What can go wrong at a step: `Fault`."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import LOOP_PATH, Api, Call, Code, Reply
from upstox_totp.sandbox.server import Wire

Alteration = Callable[[Any], Any]
Proceed = Callable[[Alteration], Response]
Answering = Callable[[Call, Proceed], Response]
Delivery = Callable[[Wire, Response], None]
When = Literal["before", "middle"]

BLOCK_PAGE = """<!doctype html>
<html lang="en">
<head><title>Access Denied</title></head>
<body><h1>Access Denied</h1>The request was blocked. Reference&#32;&#35;18.7a1c2f17</body>
</html>
"""


def _properly(_: Call, proceed: Proceed) -> Response:
    return proceed(lambda payload: payload)


def _unanswered(_: Call, __: Proceed) -> Response:
    return Response(status=500)


def _place(payload: Any, path: str) -> tuple[Any, Any]:
    """Return what holds the last name of a dotted `path`, and its key there."""
    *names, last = path.split(".")
    for name in names:
        payload = payload[int(name) if isinstance(payload, list) else name]
    return payload, int(last) if isinstance(payload, list) else last


def removed(payload: Any, path: str) -> Any:
    """Return a payload without the field at a dotted path, or as it is if there is none."""
    with contextlib.suppress(LookupError, TypeError, ValueError):
        holder, key = _place(payload, path)
        del holder[key]
    return payload


def replaced(payload: Any, path: str, value: object) -> Any:
    """Return a payload with `value` at a dotted path, whose last name may be new."""
    with contextlib.suppress(LookupError, TypeError, ValueError):
        holder, key = _place(payload, path)
        holder[key] = value
    return payload


@dataclass(frozen=True, slots=True)
class Fault:
    """One way a step can misbehave; made by the class methods.

    Those that answer properly carry the step out, so the account's state changes: `change`,
    `without`, `replace`, `late`, `then_refuse`, and `reset` and `close` in the middle. The others
    only record the request.

    Args:
        name: What the fault is called in reprs.
        answer: Makes the response.
        deliver: Brings it to the client, or does not.
        answered: Whether the client gets a status line.
    """

    name: str
    answer: Answering = _properly
    deliver: Delivery = Wire.send
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
        return cls(
            f"status {code}",
            lambda *_: Response(body, code, dict(headers or {}), content_type=content_type),
        )

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
            reply = call.failed(Api.TOO_MANY, "Too Many Request Sent", status=status)
            response = call.response(reply)
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
        return cls("json", lambda call, _: call.response(Reply(value, status)))

    @classmethod
    def body(cls, body: bytes, content_type: str = "application/json") -> Self:
        """Answer 200 with these bytes.

        Args:
            body: The body: broken JSON, nothing, anything.
            content_type: The exact `Content-Type`.
        """
        return replace(cls.status(200, body, content_type), name="body")

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
        cls, code: Code, message: str, status: int | None = None, *, echo: bool | None = None
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
            text = " ".join([message, *(call.sent() if repeated else [])])
            return call.response(call.failed(code, text, status=status))

        return cls(f"refuse {code}", answer)

    @classmethod
    def hang(cls, seconds: float | None = None) -> Self:
        """Take the request and answer nothing.

        Args:
            seconds: When to hang up; None for not before the client does or the sandbox stops.
        """

        def deliver(wire: Wire, _: Response) -> None:
            wire.gone_within(seconds)
            wire.hang_up()

        return cls("hang", _unanswered, deliver, answered=False)

    @classmethod
    def late(cls, seconds: float) -> Self:
        """Carry the step out at once and answer `seconds` later."""

        def deliver(wire: Wire, response: Response) -> None:
            if wire.gone_within(seconds):
                wire.hang_up()
            else:
                wire.send(response)

        return cls("late", deliver=deliver)

    @classmethod
    def reset(cls, when: When = "before") -> Self:
        """End the connection with a TCP reset.

        Args:
            when: "before" a byte of the answer, or in the "middle" of its body.
        """
        return cls._cut("reset", when, Wire.reset)

    @classmethod
    def close(cls, when: When = "before") -> Self:
        """End the connection in order, but too early.

        Args:
            when: "before" a byte of the answer, or in the "middle" of its body.
        """
        return cls._cut("close", when, Wire.hang_up)

    @classmethod
    def _cut(cls, name: str, when: When, end: Callable[[Wire], None]) -> Self:
        middle = when == "middle"

        def deliver(wire: Wire, response: Response) -> None:
            if middle:
                body = wire.send_head(response)
                wire.wfile.write(body[: len(body) // 2])
            end(wire)

        answer = _properly if middle else _unanswered
        return cls(f"{name} {when}", answer, deliver, answered=middle)

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Self:
        """Answer with a redirect.

        Args:
            location: Where to, as it will stand in the header.
            status: The HTTP status.
        """
        # Past werkzeug, which would mend the address, or fail on one that it cannot read.
        return replace(
            cls.status(status),
            deliver=lambda wire, response: wire.send(response, Location=location),
        )

    @classmethod
    def redirect_loop(cls) -> Self:
        """Answer with a redirect to an address of the login host that leads to itself."""
        return cls("redirect loop", lambda call, _: redirect(call.address("login", LOOP_PATH)))

    @classmethod
    def then_refuse(cls) -> Self:
        """Answer properly, then refuse every connection until `Sandbox.resume`."""

        def deliver(wire: Wire, response: Response) -> None:
            # Before the answer, so that a client that has it cannot be faster.
            wire.server.refuse()
            wire.send(response, Connection="close")
            wire.hang_up()

        return cls("then refuse", deliver=deliver)


PROPER = Fault("none")
