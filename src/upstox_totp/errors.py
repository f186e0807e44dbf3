"""What can go wrong, and what the user can do about it.

A failure of the network is not an ``UpstoxError``: it stays a ``requests.RequestException``. What
you must know while the login goes on is an ``UpstoxWarning``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upstox_totp.transcript import Exchange, Step

__all__ = [
    "EXPLANATIONS",
    "APIError",
    "AuthenticationError",
    "CacheError",
    "ConfigurationError",
    "ErrorCode",
    "Explanation",
    "LoginWaitError",
    "RateLimitError",
    "UpstoxError",
    "UpstoxWarning",
    "ValidationError",
]

_LONGEST_CODE: Final = 40
_LONGEST_MESSAGE: Final = 4000


class UpstoxWarning(UserWarning):
    """What you must know while the login goes on: for example, that no token can be cached.

    Python's default filters show it on stderr, once for each line of the program that it comes
    from. It is never raised, not even under ``-W error``: ending the login would waste an attempt.
    """


class UpstoxError(Exception):
    """A login that failed for a reason which is not the network.

    Catch this class for everything that the library itself raises. No attribute ever holds a
    password, PIN, TOTP secret, one-time password, client secret, authorization code or access
    token.

    Args:
        message: What failed, in one sentence; at most 4,000 characters of it are kept, of
            which at most 300 are a server's.
        error_code: The code of Upstox, where it gave one: an `ErrorCode` if it is known, else
            the number or text as it came, without control characters, at most 40 characters.
        details: Further facts, for example ``http_status`` or ``attempts_left``.
        suggestions: What the user can do next, a sentence each.
        step: At which request it failed, None before the first.
        transcript: The requests and answers of this login so far, without a value of any of
            them: safe to paste into a public report.

    Each argument is an attribute of that name; iterables become lists.
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
        message = message[:_LONGEST_MESSAGE]
        super().__init__(message)
        self.message = message
        self.error_code = _bounded(error_code)
        self.details: dict[str, Any] = dict(details or {})
        self.suggestions = list(suggestions)
        self.step = step
        self.transcript = list(transcript)

    def __str__(self) -> str:
        """Return step, message, code and suggestions in one line."""
        where = "" if self.step is None else f"{str(self.step)[0].upper()}{str(self.step)[1:]}: "
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


class LoginWaitError(APIError):
    """A login did not end in time: another's of the same account, or one that a user finishes.

    ``details["holder"]`` says whose it is, as far as anybody knows.
    """


class CacheError(APIError):
    """The cache that several machines share cannot be used, or not be read: nothing was sent.

    Without it, each of the machines would log in for itself.
    """


def _bounded(code: ErrorCode | int | str | None) -> ErrorCode | int | str | None:
    if isinstance(code, int):
        return code if abs(code) < 10**_LONGEST_CODE else hex(code)[:_LONGEST_CODE]
    if code is None or isinstance(code, ErrorCode):
        return code
    return "".join(letter for letter in code if letter.isprintable())[:_LONGEST_CODE]


def missing_extra(what: str, extra: str) -> str:
    """Return what to say where something needs an extra that is not installed."""
    # The name upstox-totp on the registry is another project's.
    return (
        f'{what} needs an extra: pip install ".[{extra}]" in the folder of its checkout '
        "(on PyPI, the name upstox-totp is another project's)"
    )


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


def explain(
    error: type[UpstoxError], meaning: str, *suggestions: str, retry_after: float | None = None
) -> Explanation:
    """Return an explanation; ``{pin_code}`` in a suggestion blames a setting, and names it."""
    settings = dict.fromkeys(re.findall(r"{(\w+)}", " ".join(suggestions)))
    named = {setting: f"{setting} (UPSTOX_{setting.upper()})" for setting in settings}
    advice = tuple(suggestion.format_map(named) for suggestion in suggestions)
    return Explanation(error, meaning, advice, tuple(settings), retry_after)


CHANGED: Final = (
    "Upstox may have changed its login: look for a newer release, and report error.transcript."
)
APPS: Final = "https://account.upstox.com/developer/apps"
_AGAIN: Final = (
    "Start the login again; nothing was wrong with a credential.",
    "If this repeats, lower UPSTOX_SLEEP_TIME.",
)
_ADDRESS: Final = (
    f"Register this machine's address with your app ({APPS}), or send from the registered address. "
    "Token and credentials are not to blame."
)
_NEWEST_APP: Final = (
    "Since April 2026 Upstox keeps only the newest app of each user, and deletes the older ones."
)
_COMPARE: Final = f"Compare {{client_id}} and {{client_secret}} with your app: {APPS}"
_SESSION_INVALID: Final = "The session of this login is no longer valid."
_TOO_MANY: Final = "Too many requests were sent to the API."
_FEWER: Final = "Wait a minute, and send fewer requests."
_MISSING: Final = "Upstox says that {} is missing from the request.".format


def _row(
    error: type[UpstoxError], code: str, meaning: str, *advice: str, **more: float
) -> tuple[str, Explanation]:
    return code, explain(error, meaning, *(advice or [CHANGED]), **more)


_refused: Final = partial(_row, APIError)
_rejected: Final = partial(_row, AuthenticationError)
_limited: Final = partial(_row, RateLimitError)


class ErrorCode(StrEnum):
    """The error codes that are known, by their text on the wire, each with its explanation.

    The login service sends its codes as numbers, the API as text; ``ErrorCode(1017106)`` and
    ``ErrorCode("1017106")`` are the same member.

    Attributes:
        explanation: What the code means and what to do about it.
    """

    _value_: str
    explanation: Explanation

    def __new__(cls, code: str, *row: Explanation) -> Self:
        """Make a member from its row."""
        member = str.__new__(cls, code)
        member._value_ = code
        (member.explanation,) = row
        return member

    AUTHORIZATION_SESSION_STALE = _refused(
        "4000001", "The session of this login was no longer valid at the authorization.", *_AGAIN
    )
    PIN_SESSION_INVALID = _refused(
        "1017007", "The session of this login was no longer valid at the PIN.", *_AGAIN
    )
    INVALID_MOBILE_NUMBER = _rejected(
        "1017016",
        "The mobile number is not registered with Upstox.",
        "Check {username}: the 10 digits that you log in with.",
    )
    TOO_MANY_OTPS = _limited(
        "1017069",
        "Too many one-time passwords were requested: blocked for 10 minutes.",
        "Wait 10 minutes. Cache the day's token instead of logging in again.",
        retry_after=600,
    )
    VERSION_OUTDATED = _refused(
        "1017072",
        "Upstox says that this version of its login is outdated.",
        CHANGED,
        "Servers of some hosting companies get this answer, too: try another network.",
    )
    OTP_SESSION_EXPIRED = _refused(
        "1017076", "The one-time password came too late: its session has expired.", *_AGAIN
    )
    TOO_MANY_WRONG_OTPS = _limited(
        "1017078",
        "Too many wrong one-time passwords: Upstox takes no more for 10 minutes.",
        "Wait 10 minutes. Check {totp_secret} and the clock before the next login.",
        retry_after=600,
    )
    LOGIN_SESSION_INVALID = _refused("1017079", _SESSION_INVALID, *_AGAIN)
    LOGIN_SESSION_INVALID_2 = _refused("1017084", _SESSION_INVALID, *_AGAIN)
    ACCOUNT_LOCKED = _rejected(
        "1017090",
        "The account is locked after too many wrong PINs.",
        "On the Upstox login page choose Forgot PIN, enter your PAN and a one-time password, "
        "and set a new PIN of six digits. Then put it into {pin_code}.",
    )
    LOGIN_SESSION_INVALID_3 = _refused("1017095", _SESSION_INVALID, *_AGAIN)
    LOGIN_SESSION_INVALID_4 = _refused("1017105", _SESSION_INVALID, *_AGAIN)
    INCORRECT_PIN = _rejected(
        "1017106",
        "The PIN is wrong.",
        "Check {pin_code} before the next login: five wrong PINs lock the account.",
    )
    OTP_FORM_DISABLED = _rejected(
        "1017125",
        "Upstox takes no one-time passwords for this mobile number.",
        "Log in once on the Upstox page, and check {username}.",
    )
    CLIENT_ID_MISSING = _refused("UDAPI1017", _MISSING("client_id"))
    REDIRECT_URI_MISSING = _refused("UDAPI1018", _MISSING("redirect_uri"))
    CODE_MISSING = _refused("UDAPI1022", _MISSING("code"))
    GRANT_TYPE_MISSING = _refused("UDAPI1023", _MISSING("grant_type"))
    CLIENT_SECRET_MISSING = _refused("UDAPI1024", _MISSING("client_secret"))
    NO_NOTIFIER_URL = _refused(
        "UDAPI1123",
        "The app has no notifier URL, to which Upstox sends an approved token.",
        f"Set the notifier URL of your app: {APPS}",
    )
    NOT_AN_INDIVIDUAL = _refused(
        "UDAPI1124",
        "A token can be requested only for the app of an individual.",
        "Use an app of your own account, or another login method.",
    )
    STATIC_ADDRESS_DIFFERS = _refused(
        "UDAPI1154",
        "The request must come from the static address that is registered with the app.",
        _ADDRESS,
    )
    APP_UNDER_REVIEW = _refused(
        "UDAPI1155",
        "The app is under review, or was rejected.",
        f"Look at the state of your app: {APPS}",
    )
    APP_KEY_EXPIRED = _rejected(
        "UDAPI1157",
        "The key of the app has expired.",
        f"Renew it ({APPS}). Then check {{client_id}} and {{client_secret}}.",
    )
    STATIC_ADDRESS_REQUIRED = _refused(
        "UDAPI1221", "The app's registered static address is required for this.", _ADDRESS
    )
    REQUEST_NOT_SUPPORTED = _refused("UDAPI10000", "Upstox does not know this address.")
    TOO_MANY_REQUESTS = _limited("UDAPI10005", _TOO_MANY, _FEWER)
    TOO_MANY_REQUESTS_2 = _limited("UDAPI10006", _TOO_MANY, _FEWER)
    API_VERSION_UNKNOWN = _refused("UDAPI100015", "Upstox does not know this version of its API.")
    INVALID_CREDENTIALS = _rejected(
        "UDAPI100016", "The credentials of the app are invalid.", _COMPARE
    )
    INVALID_INPUT = _refused("UDAPI100036", "Upstox found the input invalid.")
    INVALID_INPUT_VALUE = _refused("UDAPI100038", "Upstox found a value of the input invalid.")
    INVALID_TOKEN = _rejected(
        "UDAPI100050",
        "The access token is invalid or has expired.",
        "Log in again: every access token expires at 03:30 Indian time.",
    )
    INVALID_AUTHORIZATION_CODE = _rejected(
        "UDAPI100057",
        "The authorization code is invalid, was used before or has expired.",
        "Start the login again. If this repeats, compare redirect_uri (UPSTOX_REDIRECT_URI) "
        f"with your app: {APPS}",
    )
    NO_ACTIVE_SEGMENTS = _refused(
        "UDAPI100058", "The account has no active segments.", "Activate a segment in your account."
    )
    NO_SUCH_RESOURCE = _refused("UDAPI100060", "What was asked for does not exist.")
    EXTENDED_TOKEN_NOT_PERMITTED = _refused(
        "UDAPI100067",
        "This is not permitted with an extended token.",
        "Use the access token instead.",
    )
    WRONG_CLIENT_ID_OR_REDIRECT_URI = _rejected(
        "UDAPI100068",
        "The client id or the redirect URI is wrong.",
        f"{{client_id}} and {{redirect_uri}} must be exactly those of your app: {APPS}",
        _NEWEST_APP,
    )
    INVALID_CLIENT = _rejected(
        "UDAPI100069",
        "The app is unknown, or its secret is wrong.",
        _COMPARE,
        _NEWEST_APP,
    )
    REDIRECT_URI_DIFFERS = _rejected(
        "UDAPI100070",
        "The redirect URI differs from the app's.",
        f"{{redirect_uri}} must be exactly that of your app: {APPS}",
    )
    CLIENT_ID_INACTIVE = _rejected(
        "UDAPI100073",
        "The app is inactive.",
        f"Activate it ({APPS}), or use another {{client_id}}.",
        _NEWEST_APP,
    )
    INTERNAL_ERROR = _refused(
        "UDAPI100500",
        "Something went wrong at Upstox.",
        "Upstox has a problem of its own: try again in a few minutes.",
    )

    @classmethod
    def _missing_(cls, value: object) -> ErrorCode | None:
        return cls._value2member_map_.get(str(value)) if isinstance(value, int) else None  # type: ignore[return-value]


EXPLANATIONS: Final[Mapping[ErrorCode, Explanation]] = {
    code: code.explanation for code in ErrorCode
}
"""What each known code means, which error it raises, and what to do about it."""
