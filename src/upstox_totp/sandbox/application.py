"""From a request on the wire to its answer: routing, recording, faults and envelopes."""

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import (
    Api,
    Call,
    Refusal,
    Reply,
    RequestRecord,
    Service,
    failure,
    failure_status,
)
from upstox_totp.sandbox.faults import PROPER, Alteration, Fault
from upstox_totp.sandbox.routes import MAP, Route
from upstox_totp.sandbox.server import Wire
from upstox_totp.sandbox.state import State

# Each fault as often as it was asked for.
Coming = deque[Iterator[Fault]]


def _record(call: Call, route: Route | None, connection: int) -> RequestRecord:
    stage, _, path = call.path.removeprefix("/").partition("/")
    is_form = call.mimetype.endswith("form-urlencoded")
    return RequestRecord(
        step=route.step if route else None,
        revision=route.revision if route else None,
        method=call.method,
        stage=stage,
        path=f"/{path}",
        query=call.args.to_dict(),
        headers=Headers(list(call.headers)),
        body=call.get_data(),
        json=call.get_json(silent=True) if call.is_json else None,
        form=call.form.to_dict() if is_form else None,
        connection=connection,
    )


def _unknown(call: Call, error: HTTPException | None) -> Response:
    """Answer a path or method outside the protocol."""
    code = Api.NOT_SUPPORTED if call.stage == "api" else Service.MALFORMED
    payload = failure(call.stage, code, f"No {call.method} {call.path} here")
    response = call.reply(payload, (error and error.code) or 404)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.valid_methods or ())
    return response


def _refused(call: Call, refusal: Refusal) -> Reply:
    echo = call.rules.echo
    value = refusal.value if echo else None
    payload = failure(call.stage, refusal.code, refusal.text(echo=echo), value, refusal.name)
    return Reply(payload, failure_status(call.stage, refusal.code))


class Application:
    """Answers requests by the protocol, or as a fault will have it, and remembers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        # Each request, and the route that took it, if one is offered.
        self.received: list[tuple[RequestRecord, Route | None]] = []
        # By step, in the order they were asked for.
        self.faults: defaultdict[str | None, Coming] = defaultdict(deque)

    def counted(self, kind: str) -> int:
        """Return how many requests counted as `kind`, whatever was answered."""
        return sum(kind in route.counts for _, route in tuple(self.received) if route)

    def respond(self, environ: dict[str, Any], wire: Wire) -> None:
        """Record one request and answer it."""
        call = Call(environ)
        call.get_data()
        call.rules, call.segments = self._state.rules, {}
        route: Route | None = None
        error: HTTPException | None = None
        try:
            route, call.segments = MAP.bind_to_environ(environ).match()
        except HTTPException as unknown:
            error = unknown
        call.record = _record(call, route, wire.client_address[2])
        if route is not None and not route.offered(call.rules):
            route = None
        self.received.append((call.record, route))
        if route is None:
            fault, response = PROPER, _unknown(call, error)
        else:
            carried, fault = route, self._fault(route.step)
            response = fault.answer(call, lambda alter: self._proceed(carried, call, alter))
        call.record.status = response.status_code if fault.answered else None
        fault.deliver(wire, response)

    def _fault(self, step: str | None) -> Fault:
        """Return the fault of the next request of `step`; `PROPER` if there is none."""
        with self._state.lock:
            coming = self.faults[step]
            while coming:
                if fault := next(coming[0], None):
                    return fault
                coming.popleft()
        return PROPER

    def _proceed(self, route: Route, call: Call, alter: Alteration) -> Response:
        """Carry a step out and make the response of what `alter` makes of its payload."""
        with self._state.lock:
            try:
                reply = route.answer(self._state, call)
            except Refusal as refusal:
                reply = _refused(call, refusal)
        payload = alter(reply.payload)
        response = reply.render(payload) if reply.render else call.reply(payload, reply.status)
        for name, value in reply.cookies.items():
            secure = call.is_secure
            response.set_cookie(name, value, httponly=True, secure=secure, samesite="Lax")
        return response
