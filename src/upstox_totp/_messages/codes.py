"""The error codes of Upstox that are known, by name."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The error codes that are known, by their text on the wire.

    The login service sends its codes as numbers, the API as text; ``ErrorCode(1017106)`` and
    ``ErrorCode("1017106")`` are the same member. What each means and what to do about it is in
    ``upstox_totp.errors.EXPLANATIONS``.
    """

    AUTHORIZATION_SESSION_STALE = "4000001"
    PIN_SESSION_INVALID = "1017007"
    INVALID_MOBILE_NUMBER = "1017016"
    TOO_MANY_OTPS = "1017069"
    VERSION_OUTDATED = "1017072"
    OTP_SESSION_EXPIRED = "1017076"
    TOO_MANY_WRONG_OTPS = "1017078"
    LOGIN_SESSION_INVALID = "1017079"
    LOGIN_SESSION_INVALID_2 = "1017084"
    ACCOUNT_LOCKED = "1017090"
    LOGIN_SESSION_INVALID_3 = "1017095"
    LOGIN_SESSION_INVALID_4 = "1017105"
    INCORRECT_PIN = "1017106"
    OTP_FORM_DISABLED = "1017125"
    FIELD_MISSING = "UDAPI1017"
    FIELD_MISSING_2 = "UDAPI1018"
    FIELD_MISSING_3 = "UDAPI1022"
    FIELD_MISSING_4 = "UDAPI1023"
    FIELD_MISSING_5 = "UDAPI1024"
    NO_NOTIFIER_URL = "UDAPI1123"
    NOT_AN_INDIVIDUAL = "UDAPI1124"
    STATIC_ADDRESS_DIFFERS = "UDAPI1154"
    APP_UNDER_REVIEW = "UDAPI1155"
    APP_KEY_EXPIRED = "UDAPI1157"
    STATIC_ADDRESS_REQUIRED = "UDAPI1221"
    REQUEST_NOT_SUPPORTED = "UDAPI10000"
    TOO_MANY_REQUESTS = "UDAPI10005"
    API_VERSION_UNKNOWN = "UDAPI100015"
    INVALID_CREDENTIALS = "UDAPI100016"
    INVALID_INPUT = "UDAPI100036"
    INVALID_INPUT_VALUE = "UDAPI100038"
    INVALID_TOKEN = "UDAPI100050"  # noqa: S105 - the name of a code
    INVALID_AUTHORIZATION_CODE = "UDAPI100057"
    NO_ACTIVE_SEGMENTS = "UDAPI100058"
    NO_SUCH_RESOURCE = "UDAPI100060"
    EXTENDED_TOKEN_NOT_PERMITTED = "UDAPI100067"  # noqa: S105 - the name of a code
    WRONG_CLIENT_ID_OR_REDIRECT_URI = "UDAPI100068"
    INVALID_CLIENT = "UDAPI100069"
    CLIENT_ID_INACTIVE = "UDAPI100073"
    INTERNAL_ERROR = "UDAPI100500"

    @classmethod
    def _missing_(cls, value: object) -> ErrorCode | None:
        return cls._value2member_map_.get(str(value)) if isinstance(value, int) else None  # type: ignore[return-value]
