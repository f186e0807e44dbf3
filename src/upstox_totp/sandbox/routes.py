"""The paths of the protocol, and which step and revision each belongs to."""

from dataclasses import dataclass
from typing import Literal, get_args

from werkzeug.routing import Map, Rule

Step = Literal[
    "dialog",
    "login_page",
    "otp",
    "verify",
    "pin",
    "authorize",
    "redirect",
    "token",
    "profile",
    "logout",
    "totp_login",
    "token_request",
    "quote",
    "order",
    "address",
]
Revision = Literal["newer", "older"]
Offer = Literal["both", "newer", "older"]
Carried = Literal["otp_request", "code", "pin"]

STEPS: tuple[str, ...] = get_args(Step)
OFFERS: tuple[str, ...] = get_args(Offer)
LOOP_PATH = "/open/redirect-loop"
VERIFY = "/login/open/v{}/auth/1fa/otp-totp/verify"


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path of one host.

    Attributes:
        step: The protocol step, or None outside the protocol.
        stage: The host's name before `.upstox.com`.
        path: The path on that host; a name in angle brackets stands for any segment.
        method: The HTTP method, or None for any.
        revision: The revision of the protocol the path belongs to, or None for both.
        carries: What a request costs the account: the asking for a one-time password, a code, a
            PIN.
    """

    step: Step | None
    stage: str
    path: str
    method: str | None = "POST"
    revision: Revision | None = None
    carries: tuple[Carried, ...] = ()

    def offered(self, offer: Offer) -> bool:
        """Tell whether a service that offers `offer` knows this path."""
        return self.revision is None or offer in {"both", self.revision}

    def rule(self) -> Rule:
        """Return the routing rule, on the stage's path prefix."""
        return Rule(
            f"/{self.stage}{self.path}",
            methods=[self.method] if self.method else None,
            endpoint=self,
        )


ROUTES: tuple[Route, ...] = (
    Route("dialog", "api", "/v2/login/authorization/dialog", "GET"),
    Route("login_page", "login", "/", "GET"),
    Route("login_page", "login", "/open/start", "GET"),
    Route("login_page", "login", "/mobile", carries=("otp_request",)),
    Route("login_page", "login", "/code", carries=("code",)),
    Route("login_page", "login", "/pin", carries=("pin",)),
    Route("login_page", "login", "/approval"),
    Route("otp", "service", "/login/open/v6/auth/1fa/otp/generate", carries=("otp_request",)),
    Route("verify", "service", VERIFY.format(4), revision="older", carries=("code",)),
    Route("verify", "service", VERIFY.format(5), revision="newer", carries=("code",)),
    Route("pin", "service", "/login/open/v3/auth/2fa", revision="older", carries=("pin",)),
    Route("pin", "service", "/login/open/v4/auth/2fa", revision="newer", carries=("pin",)),
    Route("authorize", "service", "/login/v2/oauth/authorize"),
    Route("redirect", "api", "/login/authorization/redirect", "GET"),
    Route("token", "api", "/v2/login/authorization/token"),
    Route("profile", "api", "/v2/user/profile", "GET"),
    Route("logout", "api", "/v2/logout", "DELETE"),
    Route("totp_login", "api", "/v2/totp-login/authorization/token", carries=("code", "pin")),
    Route("token_request", "api", "/v3/login/auth/token/request/<client_id>"),
    Route("token_request", "api", "/v3/login/auth/token/request/"),
    Route("quote", "api", "/v3/market-quote/ltp", "GET"),
    Route("order", "api", "/v3/order/place"),
    Route("address", "api", "/v2/user/ip", "GET"),
    Route("address", "api", "/v2/user/ip", "PUT"),
    Route(None, "login", LOOP_PATH, None),
)

MAP = Map([route.rule() for route in ROUTES], strict_slashes=False, merge_slashes=False)
