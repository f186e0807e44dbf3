"""From a request on the wire to its answer: routing, recording, faults and envelopes."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from upstox_totp.sandbox.calls import (
    MALFORMED,
    NOT_SUPPORTED,
    Call,
    Refusal,
    Reply,
    RequestRecord,
    failure,
    failure_status,
    json_response,
)
from upstox_totp.sandbox.faults import PROPER, Alteration, Fault
from upstox_totp.sandbox.routes import MAP, Route
from upstox_totp.sandbox.server import Wire
from upstox_totp.sandbox.state import State

Match = tuple[Route | None, Mapping[str, str], HTTPException | None]
# One that is asked for without a number never ends.
Coming = deque[Iterator[Fault]]


class UnlimitedRequest(Request):
    """A request whose form may be of any size: the peer is on this machine."""

    max_form_memory_size = None


def _match(environ: dict[str, Any]) -> Match:
    try:
        route, segments = MAP.bind_to_environ(environ).match()
    except HTTPException as error:
        return None, {}, error
    return route, segments, None


def _record(request: Request, route: Route | None, connection: int) -> RequestRecord:
    stage, _, path = request.path.removeprefix("/").partition("/")
    is_form = request.mimetype.endswith("form-urlencoded")
    return RequestRecord(
        step=route.step if route else None,
        revision=route.revision if route else None,
        method=request.method,
        stage=stage,
        path=f"/{path}",
        query=request.args.to_dict(),
        headers=Headers(list(request.headers)),
        body=request.get_data(),
        json=request.get_json(silent=True) if request.is_json else None,
        form=request.form.to_dict() if is_form else None,
        connection=connection,
    )


class Application:
    """Answers requests by the protocol, or as a fault will have it, and remembers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules
        # Each request, and the route that took it, if one is offered.
        self.received: list[tuple[RequestRecord, Route | None]] = []
        # By step, in the order they were asked for.
        self.faults: defaultdict[str | None, Coming] = defaultdict(deque)

    def counted(self, kind: str) -> int:
        """Return how many requests counted as `kind`, whatever was answered."""
        return sum(kind in route.counts for _, route in tuple(self.received) if route)

    def respond(self, environ: dict[str, Any], wire: Wire) -> None:
        """Record one request and answer it."""
        request = UnlimitedRequest(environ)
        request.get_data()
        route, segments, error = _match(environ)
        offered = route if route is not None and route.offered(self._rules) else None
        record = _record(request, route, wire.client_address[2])
        self.received.append((record, offered))
        if offered is None:
            response = self._unknown(request, record.stage, error)
            record.status = response.status_code
            wire.send(response)
            return
        call = Call(request, record, self._rules, segments)
        fault = self._fault(offered.step)
        response = fault.answer(call, lambda alter: self._proceed(offered, call, alter))
        record.status = response.status_code if fault.answered else None
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

    def _unknown(self, request: Request, stage: str, error: HTTPException | None) -> Response:
        """Answer a path or method outside the protocol."""
        code = NOT_SUPPORTED if stage == "api" else MALFORMED
        status = (error and error.code) or 404
        payload = failure(stage, code, f"No {request.method} {request.path} here")
        response = json_response(self._rules, payload, status)
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(error.valid_methods or ())
        return response

    def _proceed(self, route: Route, call: Call, alter: Alteration) -> Response:
        """Carry a step out and make the response of what `alter` makes of its payload."""
        with self._state.lock:
            try:
                reply = route.answer(self._state, call)
            except Refusal as refusal:
                reply = self._refused(call, refusal)
        payload = alter(reply.payload)
        response = reply.render(payload) if reply.render else call.answer(payload, reply.status)
        for name, value in reply.cookies.items():
            secure = call.request.is_secure
            response.set_cookie(name, value, httponly=True, secure=secure, samesite="Lax")
        return response

    def _refused(self, call: Call, refusal: Refusal) -> Reply:
        echo = self._rules.echo
        value = refusal.value if echo else None
        payload = failure(call.stage, refusal.code, refusal.text(echo=echo), value, refusal.name)
        return Reply(payload, failure_status(call.stage, refusal.code))
