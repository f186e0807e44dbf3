"""What each error code means and what the user can do about it, as a table of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp._messages.codes import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class Advice(NamedTuple):
    """One code, explained; ``upstox_totp.errors.Explanation`` has the same with the class itself.

    Attributes:
        error: The name of the class of error that the code raises.
        meaning: What the code stands for.
        suggestions: What the user can do, a sentence each.
        settings: The settings that may be to blame.
        retry_after: How long to wait, in seconds, where the code itself implies it.
    """

    error: str
    meaning: str
    suggestions: tuple[str, ...]
    settings: tuple[str, ...] = ()
    retry_after: float | None = None


_LATER = ("Upstox has a problem of its own: try again in a few minutes.",)
_CHANGED = (
    "Upstox may have changed its login: look for a newer release, and report error.transcript.",
)
_AGAIN = (
    "Start the login again; nothing was wrong with a credential.",
    "If this repeats, lower sleep_time (UPSTOX_SLEEP_TIME).",
)
_ADDRESS = (
    (
        "Register this machine's address with your app on the Upstox developer page, or send from "
        "the one that is registered; token and credentials are not to blame."
    ),
)
_SESSION_INVALID = Advice("APIError", "The session of this login is no longer valid.", _AGAIN)
_FIELD_MISSING = Advice("APIError", "Upstox misses a field of the token exchange.", _CHANGED)

ADVICE: Final[Mapping[ErrorCode, Advice]] = {
    ErrorCode.AUTHORIZATION_SESSION_STALE: Advice(
        "APIError", "The session of this login was no longer valid at the authorization.", _AGAIN
    ),
    ErrorCode.PIN_SESSION_INVALID: Advice(
        "APIError", "The session of this login was no longer valid at the PIN.", _AGAIN
    ),
    ErrorCode.INVALID_MOBILE_NUMBER: Advice(
        "AuthenticationError",
        "The mobile number is not registered with Upstox.",
        ("Check username (UPSTOX_USERNAME): the 10 digits that you log in with.",),
        ("username",),
    ),
    ErrorCode.TOO_MANY_OTPS: Advice(
        "RateLimitError",
        "Too many one-time passwords were requested: blocked for 10 minutes.",
        ("Wait 10 minutes. Keep the day's token instead of logging in again.",),
        retry_after=600,
    ),
    ErrorCode.VERSION_OUTDATED: Advice(
        "APIError",
        "Upstox calls this version of its login outdated.",
        (*_CHANGED, "Some servers of hosting companies were told so, too: try another network."),
    ),
    ErrorCode.OTP_SESSION_EXPIRED: Advice(
        "APIError",
        "The OTP session has expired.",
        ("Start the login again; if this repeats, lower sleep_time (UPSTOX_SLEEP_TIME).",),
    ),
    ErrorCode.TOO_MANY_WRONG_OTPS: Advice(
        "RateLimitError",
        "Too many wrong one-time passwords: the OTP form is disabled for 10 minutes.",
        (
            (
                "Wait 10 minutes, and check totp_secret (UPSTOX_TOTP_SECRET) and the clock before "
                "the next login."
            ),
        ),
        ("totp_secret",),
        retry_after=600,
    ),
    ErrorCode.LOGIN_SESSION_INVALID: _SESSION_INVALID,
    ErrorCode.LOGIN_SESSION_INVALID_2: _SESSION_INVALID,
    ErrorCode.ACCOUNT_LOCKED: Advice(
        "AuthenticationError",
        "The account is locked after too many wrong PINs.",
        (
            (
                "Unlock it on the Upstox login page, then check pin_code (UPSTOX_PIN_CODE) "
                "before the next login."
            ),
        ),
        ("pin_code",),
    ),
    ErrorCode.LOGIN_SESSION_INVALID_3: _SESSION_INVALID,
    ErrorCode.LOGIN_SESSION_INVALID_4: _SESSION_INVALID,
    ErrorCode.INCORRECT_PIN: Advice(
        "AuthenticationError",
        "The PIN is wrong.",
        (
            (
                "Check pin_code (UPSTOX_PIN_CODE) before the next login: "
                "five wrong PINs lock the account."
            ),
        ),
        ("pin_code",),
    ),
    ErrorCode.OTP_FORM_DISABLED: Advice(
        "AuthenticationError",
        "The OTP form is disabled for this mobile number.",
        ("Log in once on the Upstox page, and check username (UPSTOX_USERNAME).",),
        ("username",),
    ),
    ErrorCode.FIELD_MISSING: _FIELD_MISSING,
    ErrorCode.FIELD_MISSING_2: _FIELD_MISSING,
    ErrorCode.FIELD_MISSING_3: _FIELD_MISSING,
    ErrorCode.FIELD_MISSING_4: _FIELD_MISSING,
    ErrorCode.FIELD_MISSING_5: _FIELD_MISSING,
    ErrorCode.NO_NOTIFIER_URL: Advice(
        "APIError",
        "The app has no notifier URL, to which an approved token is sent.",
        ("Set the notifier URL of your app on the Upstox developer page.",),
    ),
    ErrorCode.NOT_AN_INDIVIDUAL: Advice(
        "APIError",
        "A token can be requested for the app of an individual only.",
        ("Use an app that belongs to your own account, or another way to log in.",),
    ),
    ErrorCode.STATIC_ADDRESS_DIFFERS: Advice(
        "APIError",
        "The request must come from the static address that is registered with the app.",
        _ADDRESS,
    ),
    ErrorCode.APP_UNDER_REVIEW: Advice(
        "APIError",
        "The app is under review, or was rejected.",
        ("Look at the state of your app on the Upstox developer page.",),
    ),
    ErrorCode.APP_KEY_EXPIRED: Advice(
        "AuthenticationError",
        "The key of the app has expired.",
        (
            (
                "Renew it on the Upstox developer page, then check client_id (UPSTOX_CLIENT_ID) "
                "and client_secret (UPSTOX_CLIENT_SECRET)."
            ),
        ),
        ("client_id", "client_secret"),
    ),
    ErrorCode.STATIC_ADDRESS_REQUIRED: Advice(
        "APIError",
        "A static address must be registered with the app for this.",
        _ADDRESS,
    ),
    ErrorCode.REQUEST_NOT_SUPPORTED: Advice(
        "APIError", "Upstox does not know this address.", _CHANGED
    ),
    ErrorCode.TOO_MANY_REQUESTS: Advice(
        "RateLimitError",
        "Too many requests were sent to the API.",
        ("Wait a minute, and send fewer requests.",),
    ),
    ErrorCode.API_VERSION_UNKNOWN: Advice(
        "APIError", "Upstox does not know this version of its API.", _CHANGED
    ),
    ErrorCode.INVALID_CREDENTIALS: Advice(
        "AuthenticationError",
        "The credentials of the app are invalid.",
        (
            (
                "Check client_id (UPSTOX_CLIENT_ID) and client_secret (UPSTOX_CLIENT_SECRET) "
                "against your app on the Upstox developer page."
            ),
        ),
        ("client_id", "client_secret"),
    ),
    ErrorCode.INVALID_INPUT: Advice("APIError", "Upstox found the input invalid.", _CHANGED),
    ErrorCode.INVALID_INPUT_VALUE: Advice(
        "APIError", "Upstox found a value of the input invalid.", _CHANGED
    ),
    ErrorCode.INVALID_TOKEN: Advice(
        "AuthenticationError",
        "The access token is invalid or has expired.",
        ("Log in again: every access token dies at 03:30 Indian time.",),
    ),
    ErrorCode.INVALID_AUTHORIZATION_CODE: Advice(
        "AuthenticationError",
        "The authorization code is invalid, was used before or has expired.",
        (
            (
                "Start the login again; if this repeats, check redirect_uri (UPSTOX_REDIRECT_URI) "
                "against your app on the Upstox developer page."
            ),
        ),
    ),
    ErrorCode.NO_ACTIVE_SEGMENTS: Advice(
        "APIError",
        "The account has no active segments.",
        ("Activate a segment in your Upstox account.",),
    ),
    ErrorCode.NO_SUCH_RESOURCE: Advice("APIError", "What was asked for does not exist.", _CHANGED),
    ErrorCode.EXTENDED_TOKEN_NOT_PERMITTED: Advice(
        "APIError",
        "This is not permitted with an extended token.",
        ("Use the access token instead.",),
    ),
    ErrorCode.WRONG_CLIENT_ID_OR_REDIRECT_URI: Advice(
        "AuthenticationError",
        "The client id or the redirect URI is wrong.",
        (
            (
                "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI): "
                "the URI must equal the one of your app to the letter."
            ),
        ),
        ("client_id", "redirect_uri"),
    ),
    ErrorCode.INVALID_CLIENT: Advice(
        "AuthenticationError",
        "The app is unknown, or its secret is wrong.",
        ("Check client_id (UPSTOX_CLIENT_ID) and client_secret (UPSTOX_CLIENT_SECRET).",),
        ("client_id", "client_secret"),
    ),
    ErrorCode.CLIENT_ID_INACTIVE: Advice(
        "AuthenticationError",
        "The app is inactive.",
        (
            (
                "Activate the app on the Upstox developer page, or use another client_id "
                "(UPSTOX_CLIENT_ID)."
            ),
        ),
        ("client_id",),
    ),
    ErrorCode.INTERNAL_ERROR: Advice("APIError", "Something went wrong at Upstox.", _LATER),
}
"""What each known code means, the class of error that it raises by its name, and what to do."""
