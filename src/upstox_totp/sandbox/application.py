"""From a request on the wire to its answer: routing, recording, faults and envelopes."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from upstox_totp.sandbox.api import ApiSteps
from upstox_totp.sandbox.calls import (
    MALFORMED,
    NOT_SUPPORTED,
    Call,
    Refusal,
    Reply,
    UnlimitedRequest,
    failure,
    failure_status,
    json_response,
)
from upstox_totp.sandbox.faults import PROPER, Alteration, FaultQueue
from upstox_totp.sandbox.login_page import LoginPage
from upstox_totp.sandbox.records import RequestLog, RequestRecord
from upstox_totp.sandbox.routes import MAP, Route
from upstox_totp.sandbox.server import Wire
from upstox_totp.sandbox.service import ServiceSteps
from upstox_totp.sandbox.state import State

Carry = Callable[[Call], Reply]
Match = tuple[Route | None, Mapping[str, str], HTTPException | None]


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
    """Answers requests by the protocol, or as a fault will have it."""

    def __init__(self, state: State, faults: FaultQueue, log: RequestLog) -> None:
        self._state = state
        self._rules = state.rules
        self._faults = faults
        self._log = log
        service, api = ServiceSteps(state), ApiSteps(state)
        self._steps: dict[str | None, Carry] = {
            "dialog": api.dialog,
            "login_page": LoginPage(state).answer,
            "otp": service.otp,
            "verify": service.verify,
            "pin": service.pin,
            "authorize": service.authorize,
            "redirect": service.follow,
            "token": api.token,
            "profile": api.profile,
            "logout": api.logout,
            "totp_login": api.totp_login,
            "token_request": state.phone.request,
            "quote": api.quote,
            "order": api.order,
            "address": api.address,
            None: lambda call: Reply(call.request.url, render=redirect),
        }

    def respond(self, environ: dict[str, Any], wire: Wire) -> None:
        """Record one request and answer it."""
        request = UnlimitedRequest(environ)
        request.get_data()
        route, segments, error = _match(environ)
        offered = route if route is not None and self._offers(route) else None
        record = _record(request, route, wire.number)
        self._log.add(record, offered)
        if offered is None:
            response = self._unknown(request, record.stage, error)
            record.status = response.status_code
            PROPER.deliver(wire, response)
            return
        call = Call(offered, request, record.json, self._rules, segments)
        fault = self._faults.take(offered.step)
        response = fault.answer(call, lambda alter: self._proceed(call, alter))
        record.status = response.status_code if fault.answered else None
        fault.deliver(wire, response)

    def _offers(self, route: Route) -> bool:
        missing = route.step == "totp_login" and not self._rules.totp_login
        return route.offered(self._rules.revision) and not missing

    def _unknown(self, request: Request, stage: str, error: HTTPException | None) -> Response:
        """Answer a path or method outside the protocol."""
        code = NOT_SUPPORTED if stage == "api" else MALFORMED
        status = (error and error.code) or 404
        payload = failure(stage, code, f"No {request.method} {request.path} here")
        response = json_response(self._rules, payload, status)
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(error.valid_methods or ())
        return response

    def _proceed(self, call: Call, alter: Alteration) -> Response:
        """Carry a step out and make the response of what `alter` makes of its payload."""
        with self._state.lock:
            try:
                reply = self._steps[call.route.step](call)
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
