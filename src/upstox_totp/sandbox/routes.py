"""The paths of the protocol, and who answers each."""

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect

from upstox_totp.sandbox import api, login_page, service
from upstox_totp.sandbox.calls import LOOP_PATH, Call, Reply, Revision, Step
from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.state import State

OTP = "/login/open/v6/auth/1fa/otp/generate"
VERIFY = "/login/open/v{}/auth/1fa/otp-totp/verify"
TOTP_LOGIN = "/v2/totp-login/authorization/token"
TOTP_LOGIN_COUNTS = ("totp_login", "code", "pin")
TOKEN_REQUEST = "/v3/login/auth/token/request/"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path of one host.

    Attributes:
        step: The protocol step, or None outside the protocol.
        method: The HTTP method, or None for any.
        stage: The host's name before `.upstox.com`.
        path: The path on that host; a name in angle brackets stands for any segment.
        answer: Carries the step out.
        revision: The revision of the protocol the path belongs to, or None for both.
        counts: What a request counts as, whatever is answered.
    """

    step: Step | None
    method: str | None
    stage: str
    path: str
    answer: Callable[[State, Call], Reply]
    revision: Revision | None = None
    counts: tuple[str, ...] = ()

    def offered(self, rules: Rules) -> bool:
        """Tell whether a service of these rules knows this path."""
        known = self.revision is None or rules.revision in {"both", self.revision}
        return known and (rules.totp_login or self.step != "totp_login")

    def rule(self) -> Rule:
        """Return the routing rule, on the stage's path prefix."""
        methods = [self.method] if self.method else None
        return Rule(f"/{self.stage}{self.path}", methods=methods, endpoint=self)


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
    Route("address", "GET", "api", "/v2/user/ip", api.address),
    Route("address", "PUT", "api", "/v2/user/ip", api.address),
    Route(None, None, "login", LOOP_PATH, _loop),
)

MAP = Map([route.rule() for route in ROUTES], strict_slashes=False, merge_slashes=False)
