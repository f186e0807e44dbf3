"""What an answer that grants nothing means: the error, and what it says about a credential."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from upstox_totp import _clock
from upstox_totp._api.advice import (
    ABSENT,
    ABSENT_OF_REVISION,
    BY_STATUS,
    CLOUDFLARE_ERRORS,
    DOWN,
    MAINTENANCE,
    NO_ROUTE,
    NO_ROUTE_OF_REVISION,
    NO_TOTP_LOGIN,
    OTHER_CLOUDFLARE,
    REFUSED,
    REJECTED,
    TOTP_LOGIN_CODES,
    UNKNOWN_CODE,
    WENT_WRONG,
)
from upstox_totp._api.routes import NO_SUCH_ROUTE
from upstox_totp._cache.attempts import Outcome
from upstox_totp._http.answers import Answer, Complaint
from upstox_totp.errors import (
    CHANGED,
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
    from collections.abc import Mapping

    import requests

    from upstox_totp._redact import Secrets

UPSTOX: Final = "Upstox"
"""``details["answered_by"]`` where the answer came in an envelope of Upstox."""

CLOUDFLARE: Final = "Cloudflare"
"""``details["answered_by"]`` where it names an error of Cloudflare, before Upstox."""

BLOCK_PAGE: Final = "a block page"
"""``details["answered_by"]`` where it is HTML that blocks."""

PAGE: Final = "a page"
"""``details["answered_by"]`` where it is other HTML."""

SOMEBODY: Final = "somebody else"
"""``details["answered_by"]`` where nothing tells who spoke."""

LONGEST_WAIT: Final = 86_400.0
"""The longest wait that Upstox may ask for, in seconds."""

LONGEST_WAIT_OF_OTHERS: Final = 600.0
"""The longest wait that an answer outside Upstox's envelope may ask for, in seconds."""

_ABOUT_ROUTES: Final = frozenset(
    {
        ErrorCode.REQUEST_NOT_SUPPORTED,
        ErrorCode.API_VERSION_UNKNOWN,
        ErrorCode.NO_SUCH_RESOURCE,
    }
)
ABOUT_ADDRESSES: Final = frozenset(
    {ErrorCode.STATIC_ADDRESS_DIFFERS, ErrorCode.STATIC_ADDRESS_REQUIRED}
)
"""Codes that say nothing about a token, and that the call did not come from the right address."""
_FIELD_MISSING: Final = frozenset(
    {
        ErrorCode.CLIENT_ID_MISSING,
        ErrorCode.REDIRECT_URI_MISSING,
        ErrorCode.CODE_MISSING,
        ErrorCode.GRANT_TYPE_MISSING,
        ErrorCode.CLIENT_SECRET_MISSING,
    }
)
# What Upstox says at its own TOTP login that is about none of its credentials.
_OTHER_MATTERS: Final = _ABOUT_ROUTES | ABOUT_ADDRESSES | {ErrorCode.INTERNAL_ERROR}
# What each of these steps sends, by the settings that it comes from.
_SENT_AT: Final[Mapping[Step | None, str]] = {
    Step.OTP_VERIFY: "totp_secret",
    Step.PIN: "pin_code",
}
_CREDENTIAL_STEPS: Final = frozenset({*_SENT_AT, Step.TOTP_LOGIN})
_REVISED_STEPS: Final = frozenset({Step.OTP_VERIFY, Step.PIN})
_BEARER_STEPS: Final = frozenset({Step.PROFILE, Step.QUOTE, Step.ADDRESSES, Step.LOGOUT})
_BLOCKING: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_BLOCKED_BY: Final = frozenset({CLOUDFLARE, BLOCK_PAGE})
# Statuses that say nothing about what a login of one request sent.
_NOT_JUDGING: Final = frozenset(
    {
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
# What proxies and gateways say of their own; with another status, words of nobody may be Upstox'.
_BEFORE_UPSTOX: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)
_SERVER: Final = HTTPStatus.INTERNAL_SERVER_ERROR
_LONGEST_MESSAGE: Final = 300
_MAINTENANCE: Final = "maintenance"
# Compiled by the first refusal: a login that goes well has none.
_ATTEMPTS: Final = (
    r"\b(\d{1,3})\s+(?:more|remaining|further)\s+attempt",
    r"\b(\d{1,3})\s+attempts?\s+(?:left|remain|more)",
    r"attempts?\s+(?:left|remaining)\W{0,3}(\d{1,3})\b",
)
_PIN_WORDS: Final = r"\bm?pin(?:[ _-]?code)?\b"
_CODE_WORDS: Final = r"\b(?:t?otp|one[ -]?time|authenticator|verification code|security code)\b"


def check_granted(answer: Answer, step: Step | None, secrets: Secrets) -> None:
    """Raise the error that an answer stands for, if it grants nothing.

    Its ``details`` say who answered (``answered_by``). What it says about a credential is told by
    `judge`.
    """
    if answer.refuses:
        raise _refusal(answer, step, secrets)


def judge(error: BaseException) -> Outcome:
    """Return what a failure says about the credentials that were sent."""
    if isinstance(error, UpstoxError):
        return Outcome[vars(error).get("_outcome", Outcome.UNANSWERED.name)]
    # A failure of the network tells whether a byte may have gone out.
    return Outcome.UNANSWERED if getattr(error, "sent", True) else Outcome.NOT_SENT


def leaves_unjudged(error: Exception) -> bool:
    """Tell whether it is certain that nothing was judged, so that another method may try.

    It is where the connection was refused, where a block page answered, and where the route does
    not exist.
    """
    if not isinstance(error, UpstoxError):
        return bool(getattr(error, "refused", False))
    status, by = error.details.get("http_status"), error.details.get("answered_by")
    if not isinstance(error, APIError) or not isinstance(status, int):
        return False
    if status in NO_SUCH_ROUTE:
        return error.error_code in _ABOUT_ROUTES or by != UPSTOX
    return by in _BLOCKED_BY and status < _SERVER


def blocked_by(answer: Answer) -> Explanation | None:
    """Return what a block page before Upstox means, None for any other answer."""
    if answer.edge_error is not None:
        return CLOUDFLARE_ERRORS.get(answer.edge_error, OTHER_CLOUDFLARE)
    blocks = {*_BLOCKING, HTTPStatus.SERVICE_UNAVAILABLE}
    if answer.is_page and answer.response.status_code in blocks:
        return BY_STATUS[HTTPStatus.FORBIDDEN]
    return None


def _refusal(answer: Answer, step: Step | None, secrets: Secrets) -> UpstoxError:
    told = answer.complaint or Complaint()
    message = plain_words(told.message, secrets)
    status = answer.response.status_code
    details: dict[str, Any] = {"http_status": status, "answered_by": _speaker(answer, told)}
    left = _attempts_left(message) if told.own and status < _SERVER else None
    if left is not None:
        details["attempts_left"] = left
    if details["answered_by"] == CLOUDFLARE:
        details["edge_error"] = answer.edge_error
    code = _known(told.code, step, secrets)
    explanation, outcome = _read(answer, step, code, message, details)
    words = message or f"{explanation.meaning} ({answer.received})"
    error = explanation.error(
        words, error_code=code, details=details, suggestions=explanation.suggestions
    )
    if isinstance(error, AuthenticationError):
        error.settings = explanation.settings
    if isinstance(error, RateLimitError):
        longest = LONGEST_WAIT if told.own else LONGEST_WAIT_OF_OTHERS
        error.retry_after = _retry_after(answer.response, explanation.retry_after, longest)
    # By its name, so that the error can be pickled.
    vars(error)["_outcome"] = outcome.name
    return error


def _speaker(answer: Answer, told: Complaint) -> str:
    if told.own:
        return UPSTOX
    if answer.edge_error is not None:
        return CLOUDFLARE
    if not answer.is_page:
        return SOMEBODY
    return BLOCK_PAGE if answer.response.status_code in _BLOCKING else PAGE


_Code = ErrorCode | int | str | None
_Reading = tuple[Explanation, Outcome]


def _read(
    answer: Answer, step: Step | None, code: _Code, message: str, details: dict[str, Any]
) -> _Reading:
    """Return what a refusal means, and what it says about a credential that the step sent.

    In answer to a credential, whatever is said of another matter may hide a rejection, and counts
    as unanswered; the attempts that are left count first.
    """
    status, left = answer.response.status_code, "attempts_left" in details
    known = None
    if isinstance(code, ErrorCode) and not (status in NO_SUCH_ROUTE and code in _ABOUT_ROUTES):
        known = _explain_known(code, step, status, message)
    # The code of a wrong one-time password is not known; its message speaks of attempts left.
    if left and step in REJECTED and (known is None or _hides_rejection(known, step)):
        return _rejected(step, message), Outcome.REJECTED
    if known is not None:
        return known, _judge_known(known, code, step, status, left=left)
    return _read_unknown(answer, step, code, message, details)


def _read_unknown(
    answer: Answer, step: Step | None, code: _Code, message: str, details: dict[str, Any]
) -> _Reading:
    """Read a refusal whose code tells nothing."""
    status, by = answer.response.status_code, details["answered_by"]
    own = by == UPSTOX
    unclear = Outcome.UNANSWERED if step in _CREDENTIAL_STEPS else Outcome.NOT_JUDGED
    if answer.speaks_of_maintenance:
        details["notice"] = _MAINTENANCE
        blocked = by in _BLOCKED_BY and status < _SERVER
        return MAINTENANCE, Outcome.NOT_JUDGED if blocked else unclear
    if status in NO_SUCH_ROUTE and (code in _ABOUT_ROUTES or not own):
        return _explain_no_route(step), unclear if own else Outcome.NOT_JUDGED
    if step is Step.TOTP_LOGIN and _rejects_totp_login(answer, own=own):
        return _rejected(step, message), Outcome.REJECTED
    if (
        code is None
        and status == HTTPStatus.UNAUTHORIZED
        and _says_of_bearer(answer, step, own=own)
    ):
        return ErrorCode.INVALID_TOKEN.explanation, Outcome.NOT_JUDGED
    explanation = _explain_status(answer, step, own=own)
    return explanation, _judge_status(explanation, step, status, by)


def _says_of_bearer(answer: Answer, step: Step | None, *, own: bool) -> bool:
    """Tell whether a 401 without a code is Upstox's, who says that the access token is dead."""
    document = answer.document
    # What the logout is documented to answer then, in no envelope.
    throwable = isinstance(document, dict) and {"stackTrace", "localizedMessage"} <= document.keys()
    return step in _BEARER_STEPS and (own or (step is Step.LOGOUT and throwable))


def _explain_known(code: ErrorCode, step: Step | None, status: int, message: str) -> Explanation:
    explanation = code.explanation
    if code is ErrorCode.INVALID_MOBILE_NUMBER and step is not Step.OTP_GENERATE:
        explanation = WENT_WRONG
    if step is not Step.TOTP_LOGIN or status >= _SERVER:
        return explanation
    if code in _OTHER_MATTERS:
        return explanation
    # Which credential of three it was is told by a few codes only, or by the words.
    return TOTP_LOGIN_CODES.get(code) or _rejected(step, message)


def _hides_rejection(known: Explanation, step: Step | None) -> bool:
    """Tell whether a known code speaks of another matter than a credential that was sent."""
    return step in _CREDENTIAL_STEPS and not known.settings and known.error is not RateLimitError


def _judge_known(
    known: Explanation, code: _Code, step: Step | None, status: int, *, left: bool
) -> Outcome:
    credential = step in _CREDENTIAL_STEPS
    if known.error is RateLimitError:
        return Outcome.REJECTED if credential and left else Outcome.NOT_JUDGED
    if known.settings:
        # Something else than what the step sends is to blame.
        sent = _SENT_AT.get(step)
        named = sent is None or sent in known.settings
        return Outcome.REJECTED if named else Outcome.UNEXPLAINED
    if credential:
        # Seen in answer to PINs, and nobody knows what it means there.
        unclear = code is ErrorCode.INVALID_MOBILE_NUMBER
        return Outcome.UNEXPLAINED if unclear else Outcome.UNANSWERED
    return Outcome.UNANSWERED if status >= _SERVER else Outcome.NOT_JUDGED


def _rejected(step: Step | None, message: str) -> Explanation:
    """Return what the rejection of a step's credentials means, by the words where several went."""
    if step is Step.TOTP_LOGIN:
        pin, code = (
            re.search(words, message, re.IGNORECASE) is not None
            for words in (_PIN_WORDS, _CODE_WORDS)
        )
        if pin != code:
            return REJECTED[Step.PIN if pin else Step.OTP_VERIFY]
    return REJECTED[step]


def _rejects_totp_login(answer: Answer, *, own: bool) -> bool:
    """Tell whether a refusal of a login of one request must be taken for a rejection."""
    status = answer.response.status_code
    if status in _NOT_JUDGING or status >= _SERVER:
        return False
    return own or not (answer.is_page or answer.edge_error)


def _explain_no_route(step: Step | None) -> Explanation:
    if step is Step.TOTP_LOGIN:
        return NO_TOTP_LOGIN
    return NO_ROUTE_OF_REVISION if step in _REVISED_STEPS else NO_ROUTE


def _explain_status(answer: Answer, step: Step | None, *, own: bool) -> Explanation:
    """Explain what rejects no credential by its status, and by who answered."""
    status = answer.response.status_code
    if status in NO_SUCH_ROUTE:
        return ABSENT_OF_REVISION if step in _REVISED_STEPS else ABSENT
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return BY_STATUS[status]
    if not own and answer.edge_error is not None:
        return CLOUDFLARE_ERRORS.get(answer.edge_error, OTHER_CLOUDFLARE)
    if status >= _SERVER:
        return DOWN
    return UNKNOWN_CODE if own else BY_STATUS.get(status, REFUSED)


def _judge_status(explanation: Explanation, step: Step | None, status: int, by: str) -> Outcome:
    if explanation.error is RateLimitError:
        return Outcome.NOT_JUDGED
    if status >= _SERVER:
        return Outcome.UNANSWERED
    if by == UPSTOX:
        return Outcome.UNEXPLAINED
    # In whatever words a wrong PIN or code is refused, it must not go out without end.
    refused = status == HTTPStatus.UNAUTHORIZED and step in _SENT_AT
    judged = by == SOMEBODY and (refused or status not in _BEFORE_UPSTOX)
    return Outcome.UNANSWERED if judged else Outcome.NOT_JUDGED


def unexpected(answer: Answer, expected: str) -> ValidationError:
    """Return the error for an answer that is not what the protocol says."""
    return ValidationError(
        f"The answer is not what the protocol says: expected {expected}; "
        f"received {answer.received}.",
        details={
            "http_status": answer.response.status_code,
            "expected": expected,
            "received": answer.received,
        },
        suggestions=[CHANGED],
    )


def _known(code: int | str | None, step: Step | None, secrets: Secrets) -> _Code:
    if code is None:
        return None
    try:
        known = ErrorCode(code)  # type: ignore[arg-type]
    except ValueError:
        masked = secrets.mask(str(code))
        return code if masked == str(code) else masked
    # Outside the login the same numbers mean other things.
    return known.value if step in _BEARER_STEPS and known in _FIELD_MISSING else known


def plain_words(message: str | None, secrets: Secrets) -> str:
    """Return what a server says, its secrets masked, without control characters, cut if long."""
    plain = "".join(c if c.isprintable() else " " for c in message or "")
    return " ".join(secrets.mask(plain).split())[:_LONGEST_MESSAGE]


def _attempts_left(message: str) -> int | None:
    found = (re.search(pattern, message, re.IGNORECASE) for pattern in _ATTEMPTS)
    return next((int(match.group(1)) for match in found if match), None)


def _retry_after(
    response: requests.Response, default: float | None, longest: float
) -> float | None:
    header = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", header):
        return min(float(header), longest)
    until = _clock.parse_http_date(header)
    if until is None:
        return default
    now = _clock.parse_http_date(response.headers.get("Date"))
    return min(max(0.0, until - (_clock.time() if now is None else now)), longest)
