"""What an HTTP answer says: a validated model, or the error that it stands for."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from upstox_totp import _clock
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

    from upstox_totp._secrecy import Secrets


_LONGEST_MESSAGE: Final = 300
_ATTEMPTS: Final = (
    re.compile(r"\b(\d{1,3})\s+(?:\w+\s+)?attempt", re.IGNORECASE),
    re.compile(r"attempts?\s+(?:left|remaining)\W{0,3}(\d{1,3})\b", re.IGNORECASE),
)
_OK: Final = range(200, 300)

CHANGED: Final = (
    "Upstox may have changed its login: look for a newer release, and report error.transcript.",
)
_REJECTED: Final[dict[Step, Explanation]] = {
    Step.OTP_VERIFY: Explanation(
        AuthenticationError,
        "The one-time password was rejected.",
        (
            (
                "Check totp_secret (UPSTOX_TOTP_SECRET) before the next login, and that no other "
                "program used the same code: wrong codes lock the account."
            ),
        ),
        ("totp_secret",),
    ),
    Step.PIN: EXPLANATIONS[ErrorCode.INCORRECT_PIN],
    Step.TOKEN: EXPLANATIONS[ErrorCode.INVALID_CREDENTIALS],
}
_TOO_MANY: Final = Explanation(
    RateLimitError,
    "Upstox asks for fewer requests.",
    ("Wait before the next login, and keep the day's token.",),
)
_BLOCKED: Final = Explanation(
    APIError,
    "The request was blocked.",
    (
        (
            "Something between here and Upstox refused it: try another network, or later; "
            "a server abroad may be blocked for good."
        ),
    ),
)
_ABSENT: Final = Explanation(APIError, "The route does not exist.", CHANGED)
_REVISION_ABSENT: Final = Explanation(
    APIError,
    "The route does not exist.",
    (
        (
            "Upstox may have changed its login: set UPSTOX_LOGIN_REVISION to newer or older to "
            "choose the other revision, look for a newer release, and report error.transcript."
        ),
    ),
)
_DOWN: Final = Explanation(
    APIError, "Upstox has a problem of its own.", ("Try again in a few minutes.",)
)
_REFUSED: Final = Explanation(APIError, "Upstox refused the request.", CHANGED)


def refusal(answer: Answer, step: Step | None, secrets: Secrets) -> UpstoxError | None:
    """Return the error that an answer stands for, None if it grants the request.

    Args:
        answer: The answer.
        step: The step that asked, None outside a login.
        secrets: What must be masked in the server's words.
    """
    status = answer.response.status_code
    complaint = answer.complaint
    if complaint is None and status < _OK.stop:
        return None
    told = complaint or Complaint(None, None)
    message = plain_words(told.message, secrets)
    attempts = _attempts_left(message)
    code = _known(told.code, secrets)
    explanation = _explain(code, status, step, attempts)
    details: dict[str, Any] = {"http_status": status}
    if attempts is not None:
        details["attempts_left"] = attempts
    error = explanation.error(
        message or f"{explanation.meaning} ({answer.received})",
        error_code=code,
        details=details,
        suggestions=explanation.suggestions,
    )
    if isinstance(error, AuthenticationError):
        error.settings = explanation.settings
    if isinstance(error, RateLimitError):
        error.retry_after = _retry_after(answer.response, explanation.retry_after)
    return error


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
    found = (pattern.search(message) for pattern in _ATTEMPTS)
    return next((int(match.group(1)) for match in found if match), None)


def _explain(
    code: ErrorCode | int | str | None, status: int, step: Step | None, attempts: int | None
) -> Explanation:
    absent = status in NO_SUCH_ROUTE
    if isinstance(code, ErrorCode) and not (absent and code in _ABOUT_ROUTES):
        return EXPLANATIONS[code]
    # The code of a wrong one-time password is not known; its message speaks of attempts left.
    if step in _REJECTED and (attempts is not None or status == HTTPStatus.UNAUTHORIZED):
        return _REJECTED[step]
    if absent:
        return _REVISION_ABSENT if step in _REVISED else _ABSENT
    other = _DOWN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _REFUSED
    return _BY_STATUS.get(status, other)


_ABOUT_ROUTES: Final = frozenset({ErrorCode.REQUEST_NOT_SUPPORTED, ErrorCode.API_VERSION_UNKNOWN})
_REVISED: Final = frozenset({Step.OTP_VERIFY, Step.PIN})
_BY_STATUS: Final[dict[int, Explanation]] = {
    HTTPStatus.TOO_MANY_REQUESTS: _TOO_MANY,
    HTTPStatus.FORBIDDEN: _BLOCKED,
}


def _retry_after(response: requests.Response, default: float | None) -> float | None:
    header = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", header):
        return float(header)
    until = _clock.parse_http_date(header)
    if until is None:
        return default
    now = _clock.parse_http_date(response.headers.get("Date"))
    return max(0.0, until - (_clock.time() if now is None else now))
