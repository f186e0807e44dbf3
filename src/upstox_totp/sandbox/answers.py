"""Answers before they are sent: replies, refusals, and the envelope of each host."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from werkzeug.wrappers import Response

MOBILE = 1017016
OTP_BLOCKED = 1017069
SESSION = 1017076
LOCKED = 1017090
WRONG_PIN = 1017106
# The real codes of these two are not known; nothing real is numbered like them.
MALFORMED = 1017998
WRONG_CODE = 1017999

NOT_SUPPORTED = "UDAPI10000"
TOO_MANY = "UDAPI10005"
INVALID_CREDENTIALS = "UDAPI100016"
INVALID_INPUT = "UDAPI100036"
INVALID_TOKEN = "UDAPI100050"  # noqa: S105 - an error code
INVALID_CODE = "UDAPI100057"
EXTENDED = "UDAPI100067"
WRONG_CLIENT = "UDAPI100068"
INVALID_CLIENT = "UDAPI100069"
NO_NOTIFIER = "UDAPI1123"

# Documented as 4xx only; which 4xx is our choice.
_API_STATUS = {
    INVALID_CREDENTIALS: 401,
    INVALID_TOKEN: 401,
    INVALID_CODE: 401,
    INVALID_CLIENT: 401,
    EXTENDED: 401,
    TOO_MANY: 429,
}

Code = int | str


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """What a step answers.

    Args:
        payload: The JSON to answer, or what `render` makes a response of.
        status: The HTTP status of plain JSON.
        cookies: Cookies to set.
        render: Makes the response; None for plain JSON.
    """

    payload: Any
    status: int = 200
    cookies: Mapping[str, str] = field(default_factory=dict)
    render: Callable[[Any], Response] | None = None


class Refusal(Exception):  # noqa: N818 - an answer like any other, not a mistake
    """A step's answer when something is wrong.

    Args:
        code: The service's number or the api's code.
        message: What is wrong.
        value: The rejected value, repeated in the message by an echoing sandbox.
        name: The rejected value's name.
        hint: What follows the rejected value in the message.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        value: object = None,
        *,
        name: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.value = value
        self.name = name
        self.hint = hint

    def recoded(self, code: Code, name: str | None = None) -> Self:
        """Return the same refusal as another host says it.

        Args:
            code: That host's code.
            name: The rejected value's name there.
        """
        return type(self)(code, self.message, self.value, name=name, hint=self.hint)

    def text(self, *, echo: bool) -> str:
        """Return the message, with the rejected value when `echo`."""
        value = f" {self.value}" if echo and self.value is not None else ""
        return f"{self.message}{value}. {self.hint}".rstrip()


def demand(
    truth: object,
    code: Code,
    message: str,
    value: object = None,
    *,
    name: str | None = None,
) -> None:
    """Refuse unless `truth` holds.

    Args:
        truth: What must hold.
        code: The error's code.
        message: What is wrong otherwise.
        value: The rejected value.
        name: The rejected value's name.

    Raises:
        Refusal: It does not hold.
    """
    if not truth:
        raise Refusal(code, message, value, name=name)


def service_failure(code: Code, message: str) -> dict[str, Any]:
    """Return the `service` host's envelope of a failure (public clients)."""
    return {"success": False, "error": {"code": code, "message": message}}


def api_failure(
    code: Code,
    message: str,
    value: object = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Return the `api` host's envelope of a failure, each key in both spellings (documented)."""
    error = {
        "errorCode": code,
        "message": message,
        "propertyPath": name,
        "invalidValue": value,
        "error_code": code,
        "property_path": name,
        "invalid_value": value,
    }
    return {"status": "error", "errors": [error]}


def failure(stage: str, code: Code, message: str) -> dict[str, Any]:
    """Return the failure envelope of the host `stage`; only `api` has one of its own."""
    return api_failure(code, message) if stage == "api" else service_failure(code, message)


def failure_status(stage: str, code: Code) -> int:
    """Return the HTTP status of a failure: 200 on `service` (one client, live), 4xx on `api`."""
    return _API_STATUS.get(str(code), 400) if stage == "api" else 200


def json_response(value: object, content_type: str, status: int = 200) -> Response:
    """Return `value` as a JSON response.

    Args:
        value: Anything JSON can hold.
        content_type: The exact `Content-Type`.
        status: The HTTP status.
    """
    return Response(json.dumps(value), status, content_type=content_type)
