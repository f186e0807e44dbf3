"""The paths of the protocol, and how a request on one becomes an answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox import api, login_page, service
from upstox_totp.sandbox.calls import (
    LOOP_PATH,
    Api,
    Call,
    Refusal,
    Reply,
    RequestRecord,
    Revision,
    Service,
    Step,
)
from upstox_totp.sandbox.faults import PROPER, Alteration
from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.server import Wire
from upstox_totp.sandbox.state import State

OTP = "/login/open/v6/auth/1fa/otp/generate"
VERIFY = "/login/open/v{}/auth/1fa/otp-totp/verify"
TOTP_LOGIN = "/v2/totp-login/authorization/token"
TOTP_LOGIN_COUNTS = ("totp_login", "code", "pin")
TOKEN_REQUEST = "/v3/login/auth/token/request/"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path of one host; a step of None is none of the protocol."""

    step: Step | None
    method: str
    stage: str
    path: str
    answer: Callable[[State, Call], Reply]
    # None belongs to both.
    revision: Revision | None = None
    # What a request counts as, whatever is answered.
    counts: tuple[str, ...] = ()

    def offered(self, rules: Rules) -> bool:
        """Tell whether a service of these rules knows this path."""
        known = self.revision is None or rules.revision in {"both", self.revision}
        return known and (rules.totp_login or self.step != "totp_login")


def _loop(_: State, call: Call) -> Reply:
    return Reply(call.url, render=redirect)


ROUTES: tuple[Route, ...] = (
    Route("dialog", "GET", "api", "/v2/login/authorization/dialog", api.dialog),
    Route("login_page", "GET", "login", "/open/start", login_page.lead),
    Route("login_page", "GET", "login", "/", login_page.answer),
    Route("login_page", "POST", "login", "/mobile", login_page.answer, counts=("otp_request",)),
    Route("login_page", "POST", "login", "/code", login_page.answer, counts=("code",)),
    Route("login_page", "POST", "login", "/pin", login_page.answer, counts=("pin",)),
    Route("login_page", "POST", "login", "/approval", login_page.answer),
    Route("otp", "POST", "service", OTP, service.otp, counts=("otp_request",)),
    Route("verify", "POST", "service", VERIFY.format(4), service.verify, "older", ("code",)),
    Route("verify", "POST", "service", VERIFY.format(5), service.verify, "newer", ("code",)),
    Route("pin", "POST", "service", "/login/open/v3/auth/2fa", service.pin, "older", ("pin",)),
    Route("pin", "POST", "service", "/login/open/v4/auth/2fa", service.pin, "newer", ("pin",)),
    Route("authorize", "POST", "service", "/login/v2/oauth/authorize", service.authorize),
    Route("redirect", "GET", "api", "/login/authorization/redirect", service.follow),
    Route("token", "POST", "api", "/v2/login/authorization/token", api.token),
    Route("profile", "GET", "api", "/v2/user/profile", api.profile),
    Route("logout", "DELETE", "api", "/v2/logout", api.logout),
    Route("totp_login", "POST", "api", TOTP_LOGIN, api.totp_login, None, TOTP_LOGIN_COUNTS),
    Route("token_request", "POST", "api", f"{TOKEN_REQUEST}<client_id>", api.token_request),
    Route("token_request", "POST", "api", TOKEN_REQUEST, api.token_request),
    Route("quote", "GET", "api", "/v3/market-quote/ltp", api.quote),
    Route("order", "POST", "api", "/v3/order/place", api.order),
    Route("address", "GET", "api", "/v2/user/ip", api.addresses),
    Route("address", "PUT", "api", "/v2/user/ip", api.addresses),
    Route(None, "GET", "login", LOOP_PATH, _loop),
)


def map_of(routes: Iterable[Route]) -> Map:
    """Return what finds a route by method and path, whose first segment is the stage."""
    rules = (Rule(f"/{one.stage}{one.path}", methods=[one.method], endpoint=one) for one in routes)
    return Map(rules, strict_slashes=False, merge_slashes=False)


MAP = map_of(ROUTES)


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
    offered = route if route and route.offered(state.rules) else None
    with state.lock:
        state.received.append(record)
        state.counts.update(offered.counts if offered else ())
        fault = state.next_fault(offered.step) if offered else PROPER
    if offered is None:
        response = _unknown(call, error)
    else:
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
    code = Api.NOT_SUPPORTED if call.record.stage == "api" else Service.MALFORMED
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
