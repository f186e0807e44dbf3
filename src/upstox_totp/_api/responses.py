"""What an HTTP answer that grants nothing stands for: the error to raise."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from upstox_totp import _clock
from upstox_totp._api.advice import (
    ABSENT,
    ABSENT_OF_REVISION,
    BY_STATUS,
    CHANGED,
    DOWN,
    EDGE,
    MAINTENANCE,
    NO_ROUTE,
    NO_ROUTE_OF_REVISION,
    OTHER_EDGE,
    REFUSED,
    REJECTED,
    TOTP_LOGIN_CODES,
    UNKNOWN_CODE,
)
from upstox_totp._api.routes import NO_SUCH_ROUTE
from upstox_totp._http.answers import Answer, Complaint
from upstox_totp.errors import (
    EXPLANATIONS,
    APIError,
    AuthenticationError,
    ErrorCode,
    Explanation,
    RateLimitError,
    UpstoxError,
    ValidationError,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    import requests

    from upstox_totp._redact import Secrets

UPSTOX: Final = "Upstox"
"""``details["answered_by"]`` where the answer came in an envelope of Upstox."""

CLOUDFLARE: Final = "Cloudflare"
"""``details["answered_by"]`` where it names an error of Cloudflare, before Upstox."""

BLOCK_PAGE: Final = "an edge's page"
"""``details["answered_by"]`` where it is HTML that blocks."""

PAGE: Final = "a page"
"""``details["answered_by"]`` where it is other HTML."""

SOMEBODY: Final = "somebody else"
"""``details["answered_by"]`` where nothing tells who spoke."""

LONGEST_WAIT: Final = 86_400.0
"""The longest wait that an answer may ask for, in seconds."""

ABOUT_ROUTES: Final = frozenset(
    {
        ErrorCode.REQUEST_NOT_SUPPORTED,
        ErrorCode.API_VERSION_UNKNOWN,
        ErrorCode.NO_SUCH_RESOURCE,
    }
)
"""Codes that say that a route does not exist."""

_LONGEST_MESSAGE: Final = 300
_MAINTENANCE: Final = "maintenance"
# Compiled by the first refusal: a login that goes well has none.
_ATTEMPTS: Final = (
    r"\b(\d{1,3})\s+(?:more|remaining|further)\s+attempt",
    r"\b(\d{1,3})\s+attempts?\s+(?:left|remain|more)",
    r"attempts?\s+(?:left|remaining)\W{0,3}(\d{1,3})\b",
)
_BLOCKING: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_REVISED: Final = frozenset({Step.OTP_VERIFY, Step.PIN})
# What such a status of a one-request login may be, but no verdict on what was sent.
_NO_VERDICT: Final = frozenset(
    {
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_BEARER_STEPS: Final = frozenset({Step.PROFILE, Step.LOGOUT})


def check_granted(answer: Answer, step: Step | None, secrets: Secrets) -> None:
    """Raise the error that an answer stands for, if it grants nothing.

    Its ``details`` say who answered (``answered_by``): a credential is called rejected only where
    the answer has the form of a verdict.

    Args:
        answer: The answer.
        step: What was asked, None if nothing of a login.
        secrets: What must be masked in the server's words.

    Raises:
        UpstoxError: If the answer grants nothing.
    """
    if answer.refuses:
        raise _refusal(answer, step, secrets)


def _refusal(answer: Answer, step: Step | None, secrets: Secrets) -> UpstoxError:
    told = answer.complaint or Complaint()
    message = plain_words(told.message, secrets)
    status = answer.response.status_code
    details: dict[str, Any] = {"http_status": status, "answered_by": _speaker(answer, told)}
    attempts = _attempts_left(message) if told.own and status < _SERVER else None
    if attempts is not None:
        details["attempts_left"] = attempts
    code = _known(told.code, secrets)
    if details["answered_by"] == CLOUDFLARE:
        details["edge_error"] = answer.edge_error
    explanation = _explain(answer, step, code, details)
    words = message or f"{explanation.meaning} ({answer.received})"
    error = explanation.error(
        words, error_code=code, details=details, suggestions=explanation.suggestions
    )
    if isinstance(error, AuthenticationError):
        error.settings = explanation.settings
    if isinstance(error, RateLimitError):
        error.retry_after = _retry_after(answer.response, explanation.retry_after)
    return error


_SERVER: Final = HTTPStatus.INTERNAL_SERVER_ERROR


def _speaker(answer: Answer, told: Complaint) -> str:
    if told.own:
        return UPSTOX
    if answer.edge_error is not None:
        return CLOUDFLARE
    if not answer.is_page:
        return SOMEBODY
    return BLOCK_PAGE if answer.response.status_code in _BLOCKING else PAGE


def _explain(
    answer: Answer, step: Step | None, code: ErrorCode | int | str | None, details: dict[str, Any]
) -> Explanation:
    status = answer.response.status_code
    absent = status in NO_SUCH_ROUTE
    own = details["answered_by"] == UPSTOX
    if isinstance(code, ErrorCode) and not (absent and code in ABOUT_ROUTES):
        return _explain_known(code, step, status)
    if answer.speaks_of_maintenance:
        details["notice"] = _MAINTENANCE
        return MAINTENANCE
    if absent and (code in ABOUT_ROUTES or not own):
        return NO_ROUTE_OF_REVISION if step in _REVISED else NO_ROUTE
    # The code of a wrong one-time password is not known; its message speaks of attempts left.
    judged = "attempts_left" in details or _judges_totp_login(answer, step, own=own)
    if step in REJECTED and judged:
        return REJECTED[step]
    if step in _BEARER_STEPS and own and code is None and status == HTTPStatus.UNAUTHORIZED:
        return EXPLANATIONS[ErrorCode.INVALID_TOKEN]
    return _explain_status(status, step, details)


def _explain_status(status: int, step: Step | None, details: dict[str, Any]) -> Explanation:
    """Explain what is no verdict on a credential by its status, and by who answered."""
    if status in NO_SUCH_ROUTE:
        return ABSENT_OF_REVISION if step in _REVISED else ABSENT
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return BY_STATUS[status]
    if details["answered_by"] == CLOUDFLARE:
        return EDGE.get(details["edge_error"], OTHER_EDGE)
    if status >= _SERVER:
        return DOWN
    if details["answered_by"] == UPSTOX:
        return UNKNOWN_CODE
    return BY_STATUS.get(status, REFUSED)


def _explain_known(code: ErrorCode, step: Step | None, status: int) -> Explanation:
    explanation = EXPLANATIONS[code]
    if step is not Step.TOTP_LOGIN or status >= _SERVER:
        return explanation
    if explanation.error is APIError and code in _OTHER_MATTERS:
        return explanation
    # Which credential of three it was is told by a few codes only.
    return TOTP_LOGIN_CODES.get(code, REJECTED[Step.TOTP_LOGIN])


_OTHER_MATTERS: Final = ABOUT_ROUTES | {
    ErrorCode.STATIC_ADDRESS_DIFFERS,
    ErrorCode.STATIC_ADDRESS_REQUIRED,
    ErrorCode.INTERNAL_ERROR,
}


def _judges_totp_login(answer: Answer, step: Step | None, *, own: bool) -> bool:
    """Tell whether a refusal of a login by one request must be taken for a verdict."""
    status = answer.response.status_code
    if step is not Step.TOTP_LOGIN or status in _NO_VERDICT or status >= _SERVER:
        return False
    return own or not (answer.is_page or answer.edge_error)


def speaks_of_maintenance(error: UpstoxError) -> bool:
    """Tell whether an error stands for an answer that speaks of maintenance.

    Args:
        error: The error.
    """
    return error.details.get("notice") == _MAINTENANCE


def unexpected(answer: Answer, expected: str) -> ValidationError:
    """Return the error for an answer that is not what the protocol says.

    Args:
        answer: The answer.
        expected: What should have come.
    """
    return ValidationError(
        f"The answer is not what the protocol says: expected {expected}; "
        f"received {answer.received}.",
        details={
            "http_status": answer.response.status_code,
            "expected": expected,
            "received": answer.received,
        },
        suggestions=CHANGED,
    )


def _known(code: int | str | None, secrets: Secrets) -> ErrorCode | int | str | None:
    if code is None:
        return None
    try:
        return ErrorCode(code)  # type: ignore[arg-type]
    except ValueError:
        masked = secrets.mask(str(code))
        return code if masked == str(code) else masked


def plain_words(message: str | None, secrets: Secrets) -> str:
    """Return what a server says, its secrets masked, without control characters, cut if long.

    Args:
        message: The words as they came, None if there are none.
        secrets: What must be masked in them.
    """
    plain = "".join(c if c.isprintable() else " " for c in message or "")
    return " ".join(secrets.mask(plain).split())[:_LONGEST_MESSAGE]


def _attempts_left(message: str) -> int | None:
    found = (re.search(pattern, message, re.IGNORECASE) for pattern in _ATTEMPTS)
    return next((int(match.group(1)) for match in found if match), None)


def _retry_after(response: requests.Response, default: float | None) -> float | None:
    header = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", header):
        return min(float(header), LONGEST_WAIT)
    until = _clock.parse_http_date(header)
    if until is None:
        return default
    now = _clock.parse_http_date(response.headers.get("Date"))
    return min(max(0.0, until - (_clock.time() if now is None else now)), LONGEST_WAIT)
