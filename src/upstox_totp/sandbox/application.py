"""From a request on the wire to its answer: routing, recording, faults and envelopes."""

from dataclasses import replace
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import Api, Call, Refusal, RequestRecord, Service
from upstox_totp.sandbox.faults import PROPER, Alteration
from upstox_totp.sandbox.routes import MAP, Route
from upstox_totp.sandbox.server import Wire
from upstox_totp.sandbox.state import State


def respond(state: State, environ: dict[str, Any], wire: Wire) -> None:
    """Record one request and answer it by the protocol, or as a fault will have it."""
    call = Call(environ)
    call.get_data()
    call.rules, call.segments = state.rules, {}
    route: Route | None = None
    error: HTTPException | None = None
    try:
        route, call.segments = MAP.bind_to_environ(environ).match()
    except HTTPException as unknown:
        error = unknown
    call.record = record = _record(call, route, wire.client_address[2])
    if route is None or not route.offered(state.rules):
        state.received.append((record, ()))
        fault, response = PROPER, _unknown(call, error)
    else:
        offered = route
        with state.lock:
            state.received.append((record, route.counts))
            fault = state.next_fault(route.step)
        response = fault.answer(call, lambda alter: _carry_out(state, offered, call, alter))
    record.status = response.status_code if fault.answered else None
    fault.deliver(wire, response)


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
    message = f"No {call.method} {call.path} here"
    response = call.response(call.failed(code, message, status=(error and error.code) or 404))
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.valid_methods or ())
    return response


def _carry_out(state: State, route: Route, call: Call, alter: Alteration) -> Response:
    """Carry a step out and make the response of what `alter` makes of its payload."""
    echo = state.rules.echo
    with state.lock:
        try:
            reply = route.answer(state, call)
        except Refusal as refusal:
            value = refusal.value if echo else None
            reply = call.failed(refusal.code, refusal.text(echo=echo), value, refusal.name)
    return call.response(replace(reply, payload=alter(reply.payload)))
