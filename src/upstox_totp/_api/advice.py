"""What a refusal means and what to do about it, where no known code tells."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from upstox_totp.errors import (
    APPS,
    CHANGED,
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    explain,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp.errors import Explanation

_USED_BEFORE: Final = (
    "If another run of this program has just logged in, this one-time password was used up: wait "
    "half a minute, and cache the day's token with TokenCache or upstox_cli token."
)
_NOT_JUDGED: Final = "Nothing was said about a credential."
_OTHER_NETWORK: Final = "Try another network, or later."
_OTHER_REVISION: Final = "Set UPSTOX_LOGIN_REVISION to newer or older to choose the other revision."
_NOT_YET: Final = (
    "The TOTP API is new, and your app may not have it yet: set UPSTOX_LOGIN_METHOD=api,page, and "
    "the login page is used until it has."
)

REJECTED: Final[Mapping[Step | None, Explanation]] = {
    Step.OTP_VERIFY: explain(
        AuthenticationError,
        "The one-time password was rejected.",
        _USED_BEFORE,
        "Otherwise check {totp_secret} before the next login: wrong ones lock the account.",
    ),
    Step.PIN: ErrorCode.INCORRECT_PIN.explanation,
    Step.TOKEN: ErrorCode.INVALID_CREDENTIALS.explanation,
    Step.CODE_EXCHANGE: ErrorCode.INVALID_CREDENTIALS.explanation,
    Step.TOTP_LOGIN: explain(
        AuthenticationError,
        "Upstox refused the login, and does not tell which credential was wrong.",
        _USED_BEFORE,
        "Otherwise check {client_id}, {totp_secret} and {pin_code} before the next login, and that "
        "TOTP is turned on for the account: wrong ones lock it.",
    ),
}
"""What the rejection of a credential means, by what was asked."""

_KEY: Final = explain(
    AuthenticationError,
    "Upstox does not know the API key.",
    f"Compare {{client_id}} with your app: {APPS}",
    *ErrorCode.INVALID_CLIENT.explanation.suggestions[1:],
)

TOTP_LOGIN_CODES: Final[Mapping[ErrorCode, Explanation]] = {
    ErrorCode.INVALID_CLIENT: _KEY,
    ErrorCode.WRONG_CLIENT_ID_OR_REDIRECT_URI: _KEY,
    ErrorCode.APP_KEY_EXPIRED: explain(
        AuthenticationError,
        ErrorCode.APP_KEY_EXPIRED.explanation.meaning,
        f"Renew it ({APPS}). Then check {{client_id}}.",
    ),
    **{
        code: code.explanation
        for code in (
            ErrorCode.CLIENT_ID_INACTIVE,
            ErrorCode.ACCOUNT_LOCKED,
            ErrorCode.INCORRECT_PIN,
            ErrorCode.TOO_MANY_OTPS,
            ErrorCode.TOO_MANY_REQUESTS,
            ErrorCode.TOO_MANY_REQUESTS_2,
            ErrorCode.TOO_MANY_WRONG_OTPS,
        )
    },
}
"""What the codes mean that tell more of Upstox's own TOTP login than that it was refused."""

DOWN: Final = explain(APIError, "Upstox has a problem of its own.", "Try again in a few minutes.")
MAINTENANCE: Final = explain(
    APIError, "Upstox is under maintenance.", "Try again later.", _NOT_JUDGED
)
UNKNOWN_CODE: Final = explain(
    APIError,
    "Upstox refused the request, for a reason that is not known.",
    "Log in once on the Upstox login page: it may ask for something that a program cannot do. If "
    "that works and this does not, look for a newer release, and report error.transcript.",
)
REFUSED: Final = explain(
    APIError,
    "The request was refused, and not in the words of Upstox.",
    "A proxy, a gateway or another machine on the way may have answered.",
    _OTHER_NETWORK,
    CHANGED,
)
BY_STATUS: Final[Mapping[int, Explanation]] = {
    HTTPStatus.TOO_MANY_REQUESTS: explain(
        RateLimitError,
        "Upstox asks for fewer requests.",
        "Wait before the next login, and cache the day's token.",
    ),
    HTTPStatus.FORBIDDEN: explain(
        APIError,
        "The request was blocked.",
        "Something between here and Upstox refused it: try another network, or later.",
        "A server abroad may be blocked for good.",
    ),
    HTTPStatus.LOCKED: explain(
        APIError,
        "What was asked for is locked.",
        "Log in once on the Upstox login page, to see whether the account is locked.",
    ),
}
"""What a status means that came without a code of Upstox."""

_CLOUDFLARE_ERRORS: Final[Mapping[str | None, Explanation]] = {
    "1010": explain(
        APIError,
        "Cloudflare, before Upstox, blocked this program by its signature (error 1010).",
        _OTHER_NETWORK,
        "If you set headers of your own, leave User-Agent to the library.",
        "It blocks browsers at times, too.",
        _NOT_JUDGED,
    ),
    "1015": explain(
        APIError,
        "Cloudflare, before Upstox, blocked this address for too many requests (error 1015).",
        "Wait some minutes, and cache the day's token instead of logging in again.",
        _NOT_JUDGED,
    ),
}
_OTHER_CLOUDFLARE: Final = explain(
    APIError, "Cloudflare, before Upstox, blocked the request.", _OTHER_NETWORK, _NOT_JUDGED
)

_INSTEAD: Final[Mapping[Step | None, tuple[str, ...]]] = {
    Step.OTP_VERIFY: (_OTHER_REVISION,),
    Step.PIN: (_OTHER_REVISION,),
    Step.TOTP_LOGIN: (_NOT_YET,),
}


def no_route(step: Step | None) -> Explanation:
    """Return what it means that the route of a step does not exist."""
    return explain(APIError, "The route does not exist.", *_INSTEAD.get(step, ()), CHANGED)


def of_cloudflare(number: str | None) -> Explanation:
    """Return what an error of Cloudflare means, by its number."""
    return _CLOUDFLARE_ERRORS.get(number, _OTHER_CLOUDFLARE)
