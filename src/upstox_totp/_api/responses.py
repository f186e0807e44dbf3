"""What an answer that grants nothing means: the error, and what it says about a credential."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._api import advice
from upstox_totp._api.routes import NO_SUCH_ROUTE
from upstox_totp._cache.attempts import Outcome
from upstox_totp._http.answers import Answer, ReportedError
from upstox_totp._http.server_clock import parse_http_date
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

# Who answered: ``details["answered_by"]``.
_UPSTOX: Final = "Upstox"
_CLOUDFLARE: Final = "Cloudflare"
_BLOCK_PAGE: Final = "a block page"
_PAGE: Final = "a page"
_SOMEBODY: Final = "somebody else"
BLOCKED_BY: Final = frozenset({_CLOUDFLARE, _BLOCK_PAGE})
"""``details["answered_by"]`` where a block page answered, before Upstox."""
# The longest wait that Upstox may ask for, and that anybody else may, in seconds.
_LONGEST_WAIT: Final = 86_400.0
_LONGEST_WAIT_OF_OTHERS: Final = 600.0

ABOUT_ADDRESSES: Final = frozenset(
    {ErrorCode.STATIC_ADDRESS_DIFFERS, ErrorCode.STATIC_ADDRESS_REQUIRED}
)
"""Codes that say nothing about a token, and that the call did not come from the right address."""
_ABOUT_ROUTES: Final = frozenset(
    {ErrorCode.REQUEST_NOT_SUPPORTED, ErrorCode.API_VERSION_UNKNOWN, ErrorCode.NO_SUCH_RESOURCE}
)
# What Upstox says at its own TOTP login that is about none of its credentials.
_OTHER_MATTERS: Final = _ABOUT_ROUTES | ABOUT_ADDRESSES | {ErrorCode.INTERNAL_ERROR}
_FIELD_MISSING: Final = frozenset(code for code in ErrorCode if code.name.endswith("_MISSING"))
# What each of these steps sends, by the settings that it comes from.
_SENT_AT: Final[Mapping[Step | None, str]] = {
    Step.OTP_VERIFY: "totp_secret",
    Step.PIN: "pin_code",
}
_CREDENTIAL_STEPS: Final = frozenset({*_SENT_AT, Step.TOTP_LOGIN})
_BEARER_STEPS: Final = frozenset({Step.PROFILE, Step.QUOTE, Step.ADDRESSES, Step.LOGOUT})
_BLOCKING: Final = frozenset({403, 429})
# Statuses that say nothing about what a login of one request sent.
_NOT_JUDGING: Final = frozenset({407, 408, 429})
# What proxies and gateways say of their own; with another status, words of nobody may be Upstox'.
_BEFORE_UPSTOX: Final = frozenset({401, 403, 407})
_SERVER: Final = HTTPStatus.INTERNAL_SERVER_ERROR
_LONGEST_MESSAGE: Final = 300
_ATTEMPTS: Final = (
    r"\b(\d{1,3})\s+(?:more|remaining|further)\s+attempt",
    r"\b(\d{1,3})\s+attempts?\s+(?:left|remain|more)",
    r"attempts?\s+(?:left|remaining)\W{0,3}(\d{1,3})\b",
)
_PIN_WORDS: Final = r"\bm?pin(?:[ _-]?code)?\b"
_CODE_WORDS: Final = r"\b(?:t?otp|one[ -]?time|authenticator|verification code|security code)\b"


def check_granted(answer: Answer, step: Step | None, secrets: Secrets) -> None:
    """Raise the error that an answer stands for, if it grants nothing.

    Its ``details`` say who answered (``answered_by``), and its ``_outcome`` what that says about a
    credential, by the name of an `Outcome`.
    """
    if answer.refuses:
        raise _ErrorResponse(answer, step, secrets).to_error()


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
        return error.error_code in _ABOUT_ROUTES or by != _UPSTOX
    return by in BLOCKED_BY and status < _SERVER


def blocked_by(answer: Answer) -> Explanation | None:
    """Return what a block page before Upstox means, None for any other answer."""
    if answer.edge_error is not None:
        return advice.of_cloudflare(answer.edge_error)
    blocks = {*_BLOCKING, HTTPStatus.SERVICE_UNAVAILABLE}
    if answer.is_page and answer.response.status_code in blocks:
        return advice.BY_STATUS[HTTPStatus.FORBIDDEN]
    return None


class _ErrorResponse:
    """An answer that grants nothing: who says what, in answer to which step."""

    def __init__(self, answer: Answer, step: Step | None, secrets: Secrets) -> None:
        told = answer.reported or ReportedError()
        self._answer, self._step, self._own = answer, step, told.own
        self._status = answer.response.status_code
        self._by = self._find_speaker()
        self._message = plain_words(told.message, secrets)
        self._code = _known(told.code, step, secrets)
        found = _attempts_left(self._message)
        self._left = found if told.own and self._status < _SERVER else None

    def _find_speaker(self) -> str:
        if self._own:
            return _UPSTOX
        if self._answer.edge_error is not None:
            return _CLOUDFLARE
        if not self._answer.is_page:
            return _SOMEBODY
        return _BLOCK_PAGE if self._status in _BLOCKING else _PAGE

    def to_error(self) -> UpstoxError:
        """Return the error, which knows what the answer says about a credential."""
        explanation, outcome = self._read()
        details = {
            "http_status": self._status,
            "answered_by": self._by,
            "attempts_left": self._left,
            "edge_error": self._answer.edge_error if self._by == _CLOUDFLARE else None,
            "notice": "maintenance" if explanation is advice.MAINTENANCE else None,
        }
        error = explanation.error(
            self._message or f"{explanation.meaning} ({self._answer.received})",
            error_code=self._code,
            details={name: value for name, value in details.items() if value is not None},
            suggestions=explanation.suggestions,
        )
        if isinstance(error, AuthenticationError):
            error.settings = explanation.settings
        if isinstance(error, RateLimitError):
            longest = _LONGEST_WAIT if self._own else _LONGEST_WAIT_OF_OTHERS
            error.retry_after = _retry_after(
                self._answer.response, explanation.retry_after, longest
            )
        vars(error)["_outcome"] = outcome.name
        return error

    def _read(self) -> tuple[Explanation, Outcome]:
        """Return what it means, and what it says about a credential that the step sent.

        In answer to a credential, whatever is said of another matter may hide a rejection, and
        counts as unanswered; the attempts that are left count first.
        """
        known, step = self._explain_code(), self._step
        of_other_matter = known is None or (
            step in _CREDENTIAL_STEPS and not known.settings and known.error is not RateLimitError
        )
        # The code of a wrong one-time password is not known; its message speaks of attempts left.
        if self._left is not None and step in advice.REJECTED and of_other_matter:
            return self._rejected(), Outcome.REJECTED
        if known is not None:
            return known, self._judge_code(known)
        return self._read_unknown()

    def _explain_code(self) -> Explanation | None:
        """Return what a known code means in answer to the step, None without one."""
        code, step = self._code, self._step
        if not isinstance(code, ErrorCode):
            return None
        if self._status in NO_SUCH_ROUTE and code in _ABOUT_ROUTES:
            return None
        if step is Step.TOTP_LOGIN and self._status < _SERVER and code not in _OTHER_MATTERS:
            # Which credential of three it was is told by a few codes only, or by the words.
            return advice.TOTP_LOGIN_CODES.get(code) or self._rejected()
        # Seen in answer to PINs, too, and nobody knows what it means there.
        unclear = code is ErrorCode.INVALID_MOBILE_NUMBER and step is not Step.OTP_GENERATE
        return None if unclear else code.explanation

    def _judge_code(self, known: Explanation) -> Outcome:
        credential = self._step in _CREDENTIAL_STEPS
        if known.error is RateLimitError:
            return Outcome.REJECTED if credential and self._left is not None else Outcome.NOT_JUDGED
        if known.settings:
            # Something else than what the step sends is to blame.
            sent = _SENT_AT.get(self._step)
            return Outcome.REJECTED if sent in {None, *known.settings} else Outcome.UNEXPLAINED
        unclear = credential or self._status >= _SERVER
        return Outcome.UNANSWERED if unclear else Outcome.NOT_JUDGED

    def _rejected(self) -> Explanation:
        """Return what the rejection of a credential means, by the words where several went."""
        if self._step is Step.TOTP_LOGIN:
            pin, code = (
                re.search(words, self._message, re.IGNORECASE) is not None
                for words in (_PIN_WORDS, _CODE_WORDS)
            )
            if pin != code:
                return advice.REJECTED[Step.PIN if pin else Step.OTP_VERIFY]
        return advice.REJECTED[self._step]

    def _read_unknown(self) -> tuple[Explanation, Outcome]:
        """Read what has no code that tells."""
        status, step, by = self._status, self._step, self._by
        unclear = Outcome.UNANSWERED if step in _CREDENTIAL_STEPS else Outcome.NOT_JUDGED
        if self._answer.speaks_of_maintenance:
            blocked = by in BLOCKED_BY and status < _SERVER
            return advice.MAINTENANCE, Outcome.NOT_JUDGED if blocked else unclear
        if status in NO_SUCH_ROUTE and (self._code in _ABOUT_ROUTES or not self._own):
            return advice.no_route(step), unclear if self._own else Outcome.NOT_JUDGED
        judging = status not in _NOT_JUDGING and status < _SERVER
        if step is Step.TOTP_LOGIN and by in {_UPSTOX, _SOMEBODY} and judging:
            return self._rejected(), Outcome.REJECTED
        if self._code is None and status == HTTPStatus.UNAUTHORIZED and self._is_about_token():
            return ErrorCode.INVALID_TOKEN.explanation, Outcome.NOT_JUDGED
        return self._explain_status(), self._judge_status()

    def _is_about_token(self) -> bool:
        if self._step is Step.LOGOUT and isinstance(self._answer.document, dict):
            # What it is documented to answer then, in no envelope.
            return self._own or {"stackTrace", "localizedMessage"} <= set(self._answer.document)
        return self._step in _BEARER_STEPS and self._own

    def _explain_status(self) -> Explanation:
        status = self._status
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return advice.BY_STATUS[status]
        if self._by == _CLOUDFLARE:
            return advice.of_cloudflare(self._answer.edge_error)
        if status >= _SERVER:
            return advice.DOWN
        return advice.UNKNOWN_CODE if self._own else advice.BY_STATUS.get(status, advice.REFUSED)

    def _judge_status(self) -> Outcome:
        status = self._status
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return Outcome.NOT_JUDGED
        if status >= _SERVER:
            return Outcome.UNANSWERED
        if self._own:
            return Outcome.UNEXPLAINED
        # In whatever words a wrong PIN or code is refused, it must not go out without end.
        refused = status == HTTPStatus.UNAUTHORIZED and self._step in _SENT_AT
        judged = self._by == _SOMEBODY and (refused or status not in _BEFORE_UPSTOX)
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


def _known(
    code: int | str | None, step: Step | None, secrets: Secrets
) -> ErrorCode | int | str | None:
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
    until = parse_http_date(header)
    if until is None:
        return default
    now = parse_http_date(response.headers.get("Date"))
    return min(max(0.0, until - (_clock.time() if now is None else now)), longest)
