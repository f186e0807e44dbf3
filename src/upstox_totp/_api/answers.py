"""What an HTTP answer says: a validated model, or the error that it stands for."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pydantic
from pydantic_core import from_json

from upstox_totp import clock
from upstox_totp._api.routes import NO_SUCH_ROUTE
from upstox_totp.errors import (
    EXPLANATIONS,
    APIError,
    AuthenticationError,
    ErrorCode,
    Explanation,
    RateLimitError,
    Step,
    UpstoxError,
    ValidationError,
)
from upstox_totp.transcript import media_type

if TYPE_CHECKING:
    import requests

    from upstox_totp.logging import Secrets

ModelT = TypeVar("ModelT", bound=pydantic.BaseModel)

_LONGEST_MESSAGE: Final = 300
_ATTEMPTS: Final = (
    re.compile(r"\b(\d{1,3})\s+(?:\w+\s+)?attempt", re.IGNORECASE),
    re.compile(r"attempts?\s+(?:left|remaining)\W{0,3}(\d{1,3})\b", re.IGNORECASE),
)
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_OK: Final = range(200, 300)
_NOT_JSON: Final = object()

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


@dataclass(frozen=True)
class Complaint:
    """What an answer says went wrong.

    Attributes:
        code: The error code as it came, None if there is none.
        message: What the server says, None if nothing.
    """

    code: int | str | None
    message: str | None


class Answer:
    """One answer, its JSON decoded; never shows what it holds.

    Args:
        response: The response, read whole.
    """

    __slots__ = ("_document", "response")

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self._document: Any = _NOT_JSON
        with contextlib.suppress(ValueError):
            # Names come again in the next answer; values do not, and some are secret.
            self._document = from_json(
                response.content.removeprefix(_UTF8_MARK), cache_strings="keys"
            )

    def __repr__(self) -> str:
        """Return status and media type."""
        return f"Answer({self.received})"

    @property
    def document(self) -> object:
        """The decoded JSON; None if there is none."""
        return None if self._document is _NOT_JSON else self._document

    @property
    def received(self) -> str:
        """What came, in a few words: status, media type, kind of JSON."""
        kind = media_type(self.response.headers.get("Content-Type")) or "no media type"
        if not self.response.content:
            what = "an empty body"
        elif self._document is _NOT_JSON:
            what = "no valid JSON"
        else:
            what = f"JSON of type {type(self._document).__name__}"
        return f"HTTP {self.response.status_code}, {kind}, {what}"

    @property
    def complaint(self) -> Complaint | None:
        """What the answer says went wrong, in either envelope; None if it says nothing."""
        document = self._document
        granted = isinstance(document, dict) and document.get("success") is True
        if not isinstance(document, dict) or (granted and self.response.status_code in _OK):
            return None
        told = [document.get("error"), *_items(document.get("errors"))]
        for error in told:
            if isinstance(error, dict):
                return _complaint(error)
            if isinstance(error, str) and error:
                return _complaint({"code": error, "message": document.get("error_description")})
        failed = document.get("success") is False or document.get("status") == "error"
        return _complaint(document) if failed else None

    def parse(self, model: type[ModelT]) -> tuple[ModelT | None, str]:
        """Validate the answer.

        Args:
            model: What it has to be.

        Returns:
            The model and an empty text, or None and what was expected.
        """
        expected = ""
        try:
            return model.model_validate(self.document), expected
        except pydantic.ValidationError as error:
            # Where and what kind alone: pydantic's error holds the values.
            found = error.errors(include_input=False, include_context=False, include_url=False)
            expected = ", ".join(
                f"{'.'.join(map(str, item['loc'])) or 'an object'} ({item['type']})"
                for item in found[:5]
            )
        return None, expected


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _complaint(error: dict[str, Any]) -> Complaint:
    codes = (error.get(key) for key in ("errorCode", "error_code", "code"))
    code = next((c for c in codes if isinstance(c, int | str) and not isinstance(c, bool)), None)
    message = error.get("message")
    return Complaint(code, message if isinstance(message, str) else None)


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
    until = clock.parse_http_date(header)
    if until is None:
        return default
    now = clock.parse_http_date(response.headers.get("Date"))
    return max(0.0, until - (clock.time() if now is None else now))
