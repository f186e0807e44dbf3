"""What the failure of a request says about the credentials that it carried."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._api.responses import (
    ABOUT_ROUTES,
    BLOCK_PAGE,
    CLOUDFLARE,
    SOMEBODY,
    UPSTOX,
    speaks_of_maintenance,
)
from upstox_totp._api.routes import NO_SUCH_ROUTE
from upstox_totp._cache.attempts import Outcome
from upstox_totp.errors import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    UpstoxError,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

_EDGE: Final = frozenset({CLOUDFLARE, BLOCK_PAGE})
_NOTICES: Final = frozenset({ErrorCode.STATIC_ADDRESS_DIFFERS, ErrorCode.STATIC_ADDRESS_REQUIRED})
# What proxies and gateways say of their own; with another status, words of nobody may be Upstox'.
_BEFORE_UPSTOX: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)
# A verdict on something else than what the step sends is none on that.
_SENT_AT: Final[Mapping[Step | None, str]] = {
    Step.OTP_VERIFY: "totp_secret",
    Step.PIN: "pin_code",
}


def judge(error: BaseException) -> Outcome:
    """Return what a failure says about the credentials that were sent.

    Args:
        error: What the request raised.
    """
    if not isinstance(error, UpstoxError):
        # A failure of the network tells whether a byte may have gone out.
        return Outcome.UNANSWERED if getattr(error, "sent", True) else Outcome.NOT_SENT
    if isinstance(error, AuthenticationError):
        return _judge_rejection(error)
    if isinstance(error, RateLimitError) or leaves_unjudged(error):
        return Outcome.NOT_JUDGED
    if not isinstance(error, APIError):
        return Outcome.UNANSWERED
    return _judge_refusal(error, error.details)


def leaves_unjudged(error: Exception) -> bool:
    """Tell whether it is certain that nobody judged what was sent, so that another way may try.

    It is where the connection was refused, where the page of an edge before Upstox answered, and
    where the route does not exist.

    Args:
        error: What the request raised.
    """
    if not isinstance(error, UpstoxError):
        return bool(getattr(error, "refused", False))
    status = error.details.get("http_status")
    if not isinstance(error, APIError) or not isinstance(status, int):
        return False
    by = error.details.get("answered_by")
    if status in NO_SUCH_ROUTE:
        return error.error_code in ABOUT_ROUTES or by != UPSTOX
    return by in _EDGE and status < HTTPStatus.INTERNAL_SERVER_ERROR


def _judge_rejection(error: AuthenticationError) -> Outcome:
    if not error.settings:
        return Outcome.NOT_JUDGED
    sent = _SENT_AT.get(error.step)
    return Outcome.REJECTED if sent is None or sent in error.settings else Outcome.UNEXPLAINED


def _judge_refusal(error: APIError, details: Mapping[str, Any]) -> Outcome:
    if error.error_code in _NOTICES or speaks_of_maintenance(error):
        return Outcome.NOT_JUDGED
    status = details.get("http_status")
    if not isinstance(status, int) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.UNANSWERED
    if details.get("answered_by") != UPSTOX:
        nobody = details.get("answered_by") == SOMEBODY
        # In whatever words a wrong PIN or code is refused, it must not go out without end.
        refused = status == HTTPStatus.UNAUTHORIZED and error.step in _SENT_AT
        judged = nobody and (refused or status not in _BEFORE_UPSTOX)
        return Outcome.UNANSWERED if judged else Outcome.NOT_JUDGED
    return Outcome.NOT_JUDGED if isinstance(error.error_code, ErrorCode) else Outcome.UNEXPLAINED
