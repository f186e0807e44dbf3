"""What a refusal means and what to do about it, where no known code tells."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from upstox_totp.errors import (
    EXPLANATIONS,
    APIError,
    AuthenticationError,
    ErrorCode,
    Explanation,
    RateLimitError,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANGED: Final = (
    "Upstox may have changed its login: look for a newer release, and report error.transcript.",
)
_USED_BEFORE: Final = (
    "If a login has just been made, by another run of this program for example, its code was used "
    "up: wait half a minute, and keep the day's token with TokenCache or upstox_cli token."
)
_ELSEWHERE: Final = "nothing was said about a credential"

REJECTED: Final[Mapping[Step | None, Explanation]] = {
    Step.OTP_VERIFY: Explanation(
        AuthenticationError,
        "The one-time password was rejected.",
        (
            _USED_BEFORE,
            (
                "Otherwise check totp_secret (UPSTOX_TOTP_SECRET) before the next login: wrong "
                "codes lock the account."
            ),
        ),
        ("totp_secret",),
    ),
    Step.PIN: EXPLANATIONS[ErrorCode.INCORRECT_PIN],
    Step.TOKEN: EXPLANATIONS[ErrorCode.INVALID_CREDENTIALS],
    Step.CODE_EXCHANGE: EXPLANATIONS[ErrorCode.INVALID_CREDENTIALS],
    Step.TOTP_LOGIN: Explanation(
        AuthenticationError,
        "Upstox refused the login, and does not tell which credential was wrong.",
        (
            _USED_BEFORE,
            (
                "Otherwise check, before the next login, client_id (UPSTOX_CLIENT_ID), "
                "totp_secret (UPSTOX_TOTP_SECRET) and pin_code (UPSTOX_PIN_CODE), and that TOTP is "
                "set up for the account: wrong ones lock it."
            ),
        ),
        ("client_id", "totp_secret", "pin_code"),
    ),
}
"""What a verdict on a credential means, by what was asked."""

_KEY: Final = Explanation(
    AuthenticationError,
    "Upstox does not know the API key.",
    ("Check client_id (UPSTOX_CLIENT_ID) against your app on the Upstox developer page.",),
    ("client_id",),
)

TOTP_LOGIN_CODES: Final[Mapping[ErrorCode, Explanation]] = {
    ErrorCode.INVALID_CLIENT: _KEY,
    ErrorCode.WRONG_CLIENT_ID_OR_REDIRECT_URI: _KEY,
    ErrorCode.CLIENT_ID_INACTIVE: EXPLANATIONS[ErrorCode.CLIENT_ID_INACTIVE],
    ErrorCode.APP_KEY_EXPIRED: Explanation(
        AuthenticationError,
        EXPLANATIONS[ErrorCode.APP_KEY_EXPIRED].meaning,
        ("Renew it on the Upstox developer page, then check client_id (UPSTOX_CLIENT_ID).",),
        ("client_id",),
    ),
    ErrorCode.ACCOUNT_LOCKED: EXPLANATIONS[ErrorCode.ACCOUNT_LOCKED],
    ErrorCode.INCORRECT_PIN: EXPLANATIONS[ErrorCode.INCORRECT_PIN],
    ErrorCode.TOO_MANY_OTPS: EXPLANATIONS[ErrorCode.TOO_MANY_OTPS],
    ErrorCode.TOO_MANY_REQUESTS: EXPLANATIONS[ErrorCode.TOO_MANY_REQUESTS],
    ErrorCode.TOO_MANY_REQUESTS_2: EXPLANATIONS[ErrorCode.TOO_MANY_REQUESTS_2],
    ErrorCode.TOO_MANY_WRONG_OTPS: EXPLANATIONS[ErrorCode.TOO_MANY_WRONG_OTPS],
}
"""What the codes mean that tell more of Upstox's own TOTP login than that it was refused."""

NO_ROUTE: Final = Explanation(APIError, "The route does not exist.", CHANGED)
NO_ROUTE_OF_REVISION: Final = Explanation(
    APIError,
    "The route does not exist.",
    (
        (
            "Upstox may have changed its login: set UPSTOX_LOGIN_REVISION to newer or older to "
            "choose the other revision, look for a newer release, and report error.transcript."
        ),
    ),
)
DOWN: Final = Explanation(
    APIError, "Upstox has a problem of its own.", ("Try again in a few minutes.",)
)
MAINTENANCE: Final = Explanation(
    APIError,
    "Upstox is under maintenance.",
    (f"Try again later; {_ELSEWHERE}.",),
)
UNKNOWN_CODE: Final = Explanation(
    APIError,
    "Upstox refused the request, for a reason that is not known.",
    (
        (
            "Log in once on the Upstox login page: it may ask for something that a program cannot "
            "do. If that works and this does not, look for a newer release, and report "
            "error.transcript."
        ),
    ),
)
# The service's own code with a status of routes: which of the two it speaks of, nobody knows.
ABSENT: Final = replace(
    UNKNOWN_CODE, suggestions=(*UNKNOWN_CODE.suggestions, *NO_ROUTE.suggestions)
)
ABSENT_OF_REVISION: Final = replace(
    UNKNOWN_CODE, suggestions=(*UNKNOWN_CODE.suggestions, *NO_ROUTE_OF_REVISION.suggestions)
)
_NOT_YET: Final = (
    "The TOTP API is new, and your app may not have it yet: set UPSTOX_LOGIN_METHOD=api,page, and "
    "the login page is used until it has."
)
NO_TOTP_LOGIN: Final = Explanation(APIError, "The route does not exist.", (_NOT_YET, *CHANGED))
ABSENT_TOTP_LOGIN: Final = replace(
    UNKNOWN_CODE, suggestions=(_NOT_YET, *UNKNOWN_CODE.suggestions, *CHANGED)
)
REFUSED: Final = Explanation(APIError, "The request was refused.", CHANGED)
_NO_ENVELOPE: Final = Explanation(
    APIError,
    "The request was refused, and not in the words of Upstox.",
    (
        (
            f"A proxy, a gateway or another machine on the way may have answered; {_ELSEWHERE}. "
            "Try another network, or later."
        ),
    ),
)
BY_STATUS: Final[Mapping[int, Explanation]] = {
    HTTPStatus.TOO_MANY_REQUESTS: Explanation(
        RateLimitError,
        "Upstox asks for fewer requests.",
        ("Wait before the next login, and keep the day's token.",),
    ),
    HTTPStatus.UNAUTHORIZED: _NO_ENVELOPE,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: _NO_ENVELOPE,
    HTTPStatus.FORBIDDEN: Explanation(
        APIError,
        "The request was blocked.",
        (
            (
                "Something between here and Upstox refused it: try another network, or later; "
                "a server abroad may be blocked for good."
            ),
        ),
    ),
}
"""What a status means that came without a code of Upstox."""

CLOUDFLARE_ERRORS: Final[Mapping[str, Explanation]] = {
    "1010": Explanation(
        APIError,
        "Cloudflare, before Upstox, blocked this program by its signature (error 1010).",
        (
            (
                "Try another network, or later; with headers of your own, leave User-Agent to the "
                f"library. It blocks browsers at times, too; {_ELSEWHERE}."
            ),
        ),
    ),
    "1015": Explanation(
        APIError,
        "Cloudflare, before Upstox, blocked this address for too many requests (error 1015).",
        (
            (
                "Wait some minutes, and keep the day's token instead of logging in again; "
                f"{_ELSEWHERE}."
            ),
        ),
    ),
}
"""What Cloudflare's errors mean, by number."""

OTHER_CLOUDFLARE: Final = Explanation(
    APIError,
    "Cloudflare, before Upstox, blocked the request.",
    (f"Try another network, or later; {_ELSEWHERE}.",),
)
