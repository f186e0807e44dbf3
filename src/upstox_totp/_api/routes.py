"""Hosts, paths, revisions and headers of Upstox: the one place that a change there touches.

What is known of them, and how surely, is in the protocol page of the documentation.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Mapping


class Route(NamedTuple):
    """One address of Upstox."""

    step: Step
    method: str
    stage: str
    path: str

    def url(self, base_domain: str) -> str:
        """Return the absolute URL."""
        return address(self.stage, base_domain, self.path)

    def __str__(self) -> str:
        """Return the route as messages name it, for example ``POST service /login/…``."""
        return f"{self.method} {self.stage} {self.path}"


class Revision(NamedTuple):
    """One revision of the login service: a session begun with its verification stays with it."""

    name: str
    verify: Route
    two_factor: Route
    names_profile: bool


DIALOG: Final = Route(Step.DIALOG, "GET", "api", "/v2/login/authorization/dialog")
OTP_GENERATE: Final = Route(
    Step.OTP_GENERATE, "POST", "service", "/login/open/v6/auth/1fa/otp/generate"
)
AUTHORIZE: Final = Route(Step.AUTHORIZE, "POST", "service", "/login/v2/oauth/authorize")
TOKEN: Final = Route(Step.TOKEN, "POST", "api", "/v2/login/authorization/token")

CODE_EXCHANGE: Final = TOKEN._replace(step=Step.CODE_EXCHANGE)
TOTP_LOGIN: Final = Route(Step.TOTP_LOGIN, "POST", "api", "/v2/totp-login/authorization/token")
TOKEN_REQUEST: Final = Route(Step.TOKEN_REQUEST, "POST", "api", "/v3/login/auth/token/request")
PROFILE: Final = Route(Step.PROFILE, "GET", "api", "/v2/user/profile")
QUOTE: Final = Route(Step.QUOTE, "GET", "api", "/v3/market-quote/ltp")
ADDRESSES: Final = Route(Step.ADDRESSES, "GET", "api", "/v2/user/ip")
LOGOUT: Final = Route(Step.LOGOUT, "DELETE", "api", "/v2/logout")

NEWER: Final = Revision(
    "newer",
    Route(Step.OTP_VERIFY, "POST", "service", "/login/open/v5/auth/1fa/otp-totp/verify"),
    Route(Step.PIN, "POST", "service", "/login/open/v4/auth/2fa"),
    names_profile=True,
)
OLDER: Final = Revision(
    "older",
    Route(Step.OTP_VERIFY, "POST", "service", "/login/open/v4/auth/1fa/otp-totp/verify"),
    Route(Step.PIN, "POST", "service", "/login/open/v3/auth/2fa"),
    names_profile=False,
)
REVISIONS: Final[Mapping[str, tuple[Revision, ...]]] = {
    "auto": (NEWER, OLDER),
    "newer": (NEWER,),
    "older": (OLDER,),
}
"""The revisions to try, in their order, by the setting ``login_revision``."""

NO_SUCH_ROUTE: Final = frozenset({404, 405, 410})
"""HTTP statuses of a route that does not exist."""

# One browser in both headers, on the most common desktop; its address bar shows no more of the
# version than the first number, and neither does its User-Agent.
_BROWSER: Final = "Chrome"
_VERSION: Final = "150.0.0.0"
_USER_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    f"{_BROWSER}/{_VERSION} Safari/537.36"
)
_DEVICE: Final = (
    f"platform=WEB|osName=Windows/10|osVersion={_BROWSER}/{_VERSION}|appVersion=4.0.0|"
    f"modelName={_BROWSER}|manufacturer=Google|uuid={{uuid}}|userAgent=Upstox 3.0 {{user_agent}}"
)


def address(stage: str, base_domain: str, path: str = "/") -> str:
    """Return the address of a path on a host, by default of the host itself."""
    return f"{base_domain.replace('{stage}', stage)}/{path.removeprefix('/')}"


def page_headers() -> dict[str, str]:
    """Return the headers of a browser that opens a page."""
    return {
        "User-Agent": _USER_AGENT,
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Encoding": "gzip, deflate",
        "Accept-Language": "en-GB,en;q=0.9",
        "Connection": "keep-alive",
    }


def service_headers(
    base_domain: str, request_id: str, user_agent: str | None = None
) -> dict[str, str]:
    """Return the headers of the login page, whose `User-Agent` may be the user's own."""
    login_page = base_domain.replace("{stage}", "login")
    scheme, _, rest = login_page.partition("://")
    return page_headers() | {
        "Accept": "application/json, text/plain, */*",
        "Origin": f"{scheme}://{rest.partition('/')[0]}",
        "Referer": f"{login_page}/",
        "X-Device-Details": _DEVICE.format(
            # One for the life of a client, as its request id is.
            uuid=hashlib.sha256(request_id.encode()).hexdigest()[:20],
            user_agent=_USER_AGENT if user_agent is None else user_agent,
        ),
        "X-Request-ID": request_id,
    }


def profile_headers(profile_id: int, user_id: str) -> dict[str, str]:
    """Return the headers that go with a PIN in the newer revision."""
    return {"X-Profile-Id": str(profile_id), "X-User-Id": user_id}


def api_headers() -> dict[str, str]:
    """Return the headers of a program that asks the API."""
    return page_headers() | {"Accept": "application/json"}
