"""What can go wrong, and what the user can do about it.

::

    UpstoxError
    ├── ConfigurationError   a setting is missing or invalid; nothing was sent
    ├── ValidationError      an answer is not what the protocol says
    ├── AuthenticationError  a credential was rejected; trying again costs an attempt
    ├── RateLimitError       too many requests or one-time passwords; wait
    └── APIError             Upstox refused for any other reason

A failure of the network is no ``UpstoxError``: it stays a ``requests.RequestException``. What a
person must know while the login goes on is an ``UpstoxWarning``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upstox_totp.transcript import Exchange, Step


class ErrorCode(StrEnum):
    """The error codes that are known, by their text on the wire.

    The login service sends its codes as numbers, the API as text; ``ErrorCode(1017106)`` and
    ``ErrorCode("1017106")`` are the same member. What each means and what to do about it is in
    `EXPLANATIONS`.
    """

    INVALID_MOBILE_NUMBER = "1017016"
    TOO_MANY_OTPS = "1017069"
    OTP_SESSION_EXPIRED = "1017076"
    ACCOUNT_LOCKED = "1017090"
    INCORRECT_PIN = "1017106"
    OTP_FORM_DISABLED = "1017125"
    REQUEST_NOT_SUPPORTED = "UDAPI10000"
    TOO_MANY_REQUESTS = "UDAPI10005"
    API_VERSION_UNKNOWN = "UDAPI100015"
    INVALID_CREDENTIALS = "UDAPI100016"
    INVALID_INPUT = "UDAPI100036"
    INVALID_INPUT_VALUE = "UDAPI100038"
    INVALID_TOKEN = "UDAPI100050"  # noqa: S105 - the name of a code
    INVALID_AUTHORIZATION_CODE = "UDAPI100057"
    NO_ACTIVE_SEGMENTS = "UDAPI100058"
    EXTENDED_TOKEN_NOT_PERMITTED = "UDAPI100067"  # noqa: S105 - the name of a code
    WRONG_CLIENT_ID_OR_REDIRECT_URI = "UDAPI100068"
    INVALID_CLIENT = "UDAPI100069"
    CLIENT_ID_INACTIVE = "UDAPI100073"
    INTERNAL_ERROR = "UDAPI100500"

    @classmethod
    def _missing_(cls, value: object) -> ErrorCode | None:
        return cls._value2member_map_.get(str(value)) if isinstance(value, int) else None  # type: ignore[return-value]


class UpstoxWarning(UserWarning):
    """What a person must know, while the login goes on: for example, that no token can be kept.

    Python's default filters show it, on stderr, once for each line of the program that it comes
    from. It is never raised, not even under ``-W error``: a login that it ended would have spent
    an attempt for nothing.
    """


class UpstoxError(Exception):
    """A login that failed for a reason which is not the network.

    Catch this class for everything that the library itself raises. No attribute ever holds a
    password, PIN, TOTP secret, one-time password, client secret, authorization code or access
    token.

    Args:
        message: What failed, in one sentence.
        error_code: The code of Upstox, where it gave one: an `ErrorCode` if it is known, else
            the number or text as it came.
        details: Further facts, for example ``http_status`` or ``attempts_left``.
        suggestions: What the user can do next, a sentence each.
        step: At which of the six requests it failed, None before the first.
        transcript: The requests and answers of this login so far.

    Attributes:
        message: As the argument.
        error_code: As the argument.
        details: As the argument, a ``dict``.
        suggestions: As the argument, a ``list``.
        step: As the argument.
        transcript: A ``list`` with one entry for each request and its answer, without a value
            of any of them: safe to paste into a public report.
    """

    def __init__(
        self,
        message: str = "",
        *,
        error_code: ErrorCode | int | str | None = None,
        details: Mapping[str, Any] | None = None,
        suggestions: Iterable[str] = (),
        step: Step | None = None,
        transcript: Iterable[Exchange] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.details: dict[str, Any] = dict(details or {})
        self.suggestions = list(suggestions)
        self.step = step
        self.transcript = list(transcript)

    def __str__(self) -> str:
        """Return step, message, code and suggestions in one line."""
        where = "" if self.step is None else f"S{str(self.step)[1:]}: "
        code = "" if self.error_code is None else f" [{self.error_code}]"
        return " ".join([f"{where}{self.message}{code}", *self.suggestions])


class ConfigurationError(UpstoxError):
    """A setting is missing or invalid; the message names all of them. Nothing was sent."""


class ValidationError(UpstoxError):
    """An answer is not what the protocol says: the page may have changed, or a proxy answered."""


class AuthenticationError(UpstoxError):
    """A credential was rejected, or the account does not allow this login.

    Final: sending the same again costs one of the few attempts before the account is locked.
    ``settings`` names the settings that may be to blame.
    """

    settings: tuple[str, ...] = ()

    @property
    def attempts_left(self) -> int | None:
        """How many attempts are left before the account is locked, if Upstox told."""
        return self.details.get("attempts_left")


class RateLimitError(UpstoxError):
    """Too many requests, or too many one-time passwords requested.

    ``retry_after`` says how many seconds to wait, None if Upstox did not tell.
    """

    retry_after: float | None = None


class APIError(UpstoxError):
    """Upstox refused for a reason other than a credential or a limit."""


@dataclass(frozen=True)
class Explanation:
    """What a code means and what to do about it.

    Attributes:
        error: The class of error that the code raises.
        meaning: What the code stands for.
        suggestions: What the user can do, a sentence each.
        settings: The settings that may be to blame.
        retry_after: How long to wait, in seconds, where the code itself implies it.
    """

    error: type[UpstoxError]
    meaning: str
    suggestions: tuple[str, ...]
    settings: tuple[str, ...] = ()
    retry_after: float | None = None


_LATER = ("Upstox has a problem of its own: try again in a few minutes.",)
_CHANGED = (
    "Upstox may have changed its login: look for a newer release, and report error.transcript.",
)

EXPLANATIONS: Final[Mapping[ErrorCode, Explanation]] = {
    ErrorCode.INVALID_MOBILE_NUMBER: Explanation(
        AuthenticationError,
        "The mobile number is not registered with Upstox.",
        ("Check username (UPSTOX_USERNAME): the 10 digits that you log in with.",),
        ("username",),
    ),
    ErrorCode.TOO_MANY_OTPS: Explanation(
        RateLimitError,
        "Too many one-time passwords were requested: blocked for 10 minutes.",
        ("Wait 10 minutes. Keep the day's token instead of logging in again.",),
        retry_after=600,
    ),
    ErrorCode.OTP_SESSION_EXPIRED: Explanation(
        APIError,
        "The OTP session has expired.",
        ("Start the login again; if this repeats, lower sleep_time (UPSTOX_SLEEP_TIME).",),
    ),
    ErrorCode.ACCOUNT_LOCKED: Explanation(
        AuthenticationError,
        "The account is locked after too many wrong PINs.",
        (
            (
                "Unlock it on the Upstox login page, then check pin_code (UPSTOX_PIN_CODE) "
                "before the next login."
            ),
        ),
        ("pin_code",),
    ),
    ErrorCode.INCORRECT_PIN: Explanation(
        AuthenticationError,
        "The PIN is wrong.",
        (
            (
                "Check pin_code (UPSTOX_PIN_CODE) before the next login: "
                "five wrong PINs lock the account."
            ),
        ),
        ("pin_code",),
    ),
    ErrorCode.OTP_FORM_DISABLED: Explanation(
        AuthenticationError,
        "The OTP form is disabled for this mobile number.",
        ("Log in once on the Upstox page, and check username (UPSTOX_USERNAME).",),
        ("username",),
    ),
    ErrorCode.REQUEST_NOT_SUPPORTED: Explanation(
        APIError, "Upstox does not know this address.", _CHANGED
    ),
    ErrorCode.TOO_MANY_REQUESTS: Explanation(
        RateLimitError,
        "Too many requests were sent to the API.",
        ("Wait a minute, and send fewer requests.",),
    ),
    ErrorCode.API_VERSION_UNKNOWN: Explanation(
        APIError, "Upstox does not know this version of its API.", _CHANGED
    ),
    ErrorCode.INVALID_CREDENTIALS: Explanation(
        AuthenticationError,
        "The credentials of the app are invalid.",
        (
            (
                "Check client_id (UPSTOX_CLIENT_ID) and client_secret (UPSTOX_CLIENT_SECRET) "
                "against your app on the Upstox developer page."
            ),
        ),
        ("client_id", "client_secret"),
    ),
    ErrorCode.INVALID_INPUT: Explanation(APIError, "Upstox found the input invalid.", _CHANGED),
    ErrorCode.INVALID_INPUT_VALUE: Explanation(
        APIError, "Upstox found a value of the input invalid.", _CHANGED
    ),
    ErrorCode.INVALID_TOKEN: Explanation(
        AuthenticationError,
        "The access token is invalid or has expired.",
        ("Log in again: every access token dies at 03:30 Indian time.",),
    ),
    ErrorCode.INVALID_AUTHORIZATION_CODE: Explanation(
        AuthenticationError,
        "The authorization code is invalid, was used before or has expired.",
        (
            (
                "Start the login again; if this repeats, check redirect_uri (UPSTOX_REDIRECT_URI) "
                "against your app on the Upstox developer page."
            ),
        ),
    ),
    ErrorCode.NO_ACTIVE_SEGMENTS: Explanation(
        APIError,
        "The account has no active segments.",
        ("Activate a segment in your Upstox account.",),
    ),
    ErrorCode.EXTENDED_TOKEN_NOT_PERMITTED: Explanation(
        APIError,
        "This is not permitted with an extended token.",
        ("Use the access token instead.",),
    ),
    ErrorCode.WRONG_CLIENT_ID_OR_REDIRECT_URI: Explanation(
        AuthenticationError,
        "The client id or the redirect URI is wrong.",
        (
            (
                "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI): "
                "the URI must equal the one of your app to the letter."
            ),
        ),
        ("client_id", "redirect_uri"),
    ),
    ErrorCode.INVALID_CLIENT: Explanation(
        AuthenticationError,
        "The app is unknown, or its secret is wrong.",
        ("Check client_id (UPSTOX_CLIENT_ID) and client_secret (UPSTOX_CLIENT_SECRET).",),
        ("client_id", "client_secret"),
    ),
    ErrorCode.CLIENT_ID_INACTIVE: Explanation(
        AuthenticationError,
        "The app is inactive.",
        ("Activate the app on the Upstox developer page, or use another client_id.",),
        ("client_id",),
    ),
    ErrorCode.INTERNAL_ERROR: Explanation(APIError, "Something went wrong at Upstox.", _LATER),
}
"""What each known code means, which error it raises, and what to do about it."""
