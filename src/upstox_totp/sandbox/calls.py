"""One request as the protocol's steps see it, and what they answer to it."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal, get_args

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request, Response

from upstox_totp.sandbox.rules import Rules

Step = Literal[
    "dialog",
    "login_page",
    "otp",
    "verify",
    "pin",
    "authorize",
    "redirect",
    "token",
    "profile",
    "logout",
    "totp_login",
    "token_request",
    "quote",
    "order",
    "address",
]
Revision = Literal["newer", "older"]
Code = int | str

STEPS: tuple[str, ...] = get_args(Step)
LOOP_PATH = "/open/redirect-loop"

JSON = "application/json"
SIX_DIGITS = re.compile(r"[0-9]{6}")


class Service(IntEnum):
    """The codes of the `service` host."""

    MOBILE = 1017016
    OTP_BLOCKED = 1017069
    SESSION = 1017076
    LOCKED = 1017090
    WRONG_PIN = 1017106
    # The real codes of these two are not known; nothing real is numbered like them.
    MALFORMED = 1017998
    WRONG_CODE = 1017999


class Api(StrEnum):
    """The codes of the `api` host."""

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
    OTHER_ADDRESS = "UDAPI1154"
    STATIC_ADDRESS = "UDAPI1221"


# At the login's routes alone; elsewhere the same numbers mean other things.
MISSING = {
    "client_id": "UDAPI1017",
    "redirect_uri": "UDAPI1018",
    "code": "UDAPI1022",
    "grant_type": "UDAPI1023",
    "client_secret": "UDAPI1024",
}
# Documented as 4xx only; which 4xx is our choice: 400 for what is not here.
STATUSES: dict[Code, int] = {
    Api.INVALID_CREDENTIALS: 401,
    Api.INVALID_TOKEN: 401,
    Api.INVALID_CODE: 401,
    Api.INVALID_CLIENT: 401,
    Api.EXTENDED: 401,
    Api.STATIC_ADDRESS: 401,
    Api.OTHER_ADDRESS: 403,
    Api.TOO_MANY: 429,
}


@dataclass(slots=True, eq=False)
class RequestRecord:
    """One request as it was received.

    The repr leaves out query, headers and body, since they carry the secrets.

    Args:
        step: The step of the protocol, or None for an unknown path or method. A path of a revision
            the sandbox does not offer, or of a TOTP login that is not offered, keeps its step; its
            status is 404.
        revision: The revision of the protocol the path belongs to, or None for both.
        method: The HTTP method.
        stage: The first segment of the path, which stands for the host.
        path: The path on that host, without the stage.
        query: The query's parameters, the first of each name.
        headers: The headers, looked up in any case.
        body: The body as it came.
        json: The decoded body of a JSON request, else None.
        form: The decoded body of a form, the first of each name, else None.
        connection: The number of the TCP connection the request came over.
        status: The HTTP status of the answer, or None when none was sent.
    """

    step: Step | None
    revision: Revision | None
    method: str
    stage: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    json: Any = field(repr=False)
    form: Mapping[str, str] | None = field(repr=False)
    connection: int
    status: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """What a step answers: JSON, or what `render` makes a response of, and cookies to set."""

    payload: Any
    status: int = 200
    cookies: Mapping[str, str] = field(default_factory=dict)
    render: Callable[[Any], Response] | None = None


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - an answer like any other, not a mistake
    """A step's answer when something is wrong; an echoing sandbox repeats the rejected value."""

    code: Code
    message: str
    value: object = None
    name: str | None = None
    hint: str = ""

    def text(self, *, echo: bool) -> str:
        """Return the message, with the rejected value when `echo`."""
        value = f" {self.value}" if echo and self.value is not None else ""
        return f"{self.message}{value}. {self.hint}".rstrip()


def demand(
    truth: object, code: Code, message: str, value: object = None, name: str | None = None
) -> None:
    """Raise a `Refusal` unless `truth` holds."""
    if not truth:
        raise Refusal(code, message, value, name)


def demand_field(name: str, sent: object) -> None:
    """Refuse a request of the login without one of its fields (its OpenAPI description)."""
    demand(sent, MISSING[name], f"{name} is required", name=name)


def leaves(value: object) -> Iterator[str]:
    """Yield the texts and numbers anywhere in a decoded JSON `value`, as text."""
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from leaves(child)
    elif value is not None:
        yield str(value)


class Call(Request):
    """A request that the protocol knows, of any size: the peer is on this machine."""

    max_form_memory_size = None
    record: RequestRecord
    rules: Rules
    # The open segments of the path, by name.
    segments: Mapping[str, str]

    @property
    def bearer(self) -> str:
        """The token of the `Authorization: Bearer` header, or an empty text."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def wrapped(self) -> dict[str, Any]:
        """Return the object under `data`, the envelope of every `service` request."""
        wrong = "Content-Type must be application/json, not"
        demand(self.mimetype == JSON, Service.MALFORMED, wrong, self.content_type)
        body = self.record.json
        data = body.get("data") if isinstance(body, dict) else None
        demand(isinstance(data, dict), Service.MALFORMED, 'The body must be {"data": {...}}')
        return dict(data or {})

    def fields(self, *names: str, optional: Collection[str] = ()) -> dict[str, Any]:
        """Return the body of an `api` request, a JSON object of these names and no others."""
        wrong = f"Content-Type must be {JSON}, not"
        demand(self.mimetype == JSON, Api.INVALID_INPUT, wrong, self.mimetype)
        body = self.record.json
        shape = ", ".join(f'"{name}": ...' for name in names)
        exact = isinstance(body, dict) and set(body) - set(optional) == set(names)
        demand(exact, Api.INVALID_INPUT, f"The body must be {{{shape}}} and no more")
        return dict(body)

    def address(self, stage: str, path: str) -> str:
        """Return the sandbox's own address of `path` on the host `stage`."""
        return f"{self.host_url}{stage}{path}"

    def sent(self) -> list[str]:
        """Return every value the request carried: query, body and bearer token."""
        body = leaves(self.record.json)
        return [*filter(None, (*self.args.values(), *body, *self.form.values(), self.bearer))]

    def failed(
        self,
        code: Code,
        message: str,
        value: object = None,
        name: str | None = None,
        status: int | None = None,
    ) -> Reply:
        """Return the host's envelope of a failure, with its usual status unless another is given.

        `service` says it with 200 (one client, live), `api` with each key in both spellings.
        """
        if self.record.stage != "api":
            error = {"code": code, "message": message}
            return Reply({"success": False, "error": error}, status or 200)
        keys = {"error_code": code, "property_path": name, "invalid_value": value}
        older = {"errorCode": code, "propertyPath": name, "invalidValue": value}
        errors = [{"message": message, **older, **keys}]
        return Reply({"status": "error", "errors": errors}, status or STATUSES.get(code, 400))

    def response(self, reply: Reply) -> Response:
        """Return what goes out, JSON with exactly the sandbox's `Content-Type`."""
        if reply.render is not None:
            response = reply.render(reply.payload)
        else:
            charset = f";charset={self.rules.charset.upper()}" if self.rules.charset else ""
            text = json.dumps(reply.payload)
            response = Response(text, reply.status, content_type=f"{JSON}{charset}")
        for name, value in reply.cookies.items():
            secure = self.is_secure
            response.set_cookie(name, value, httponly=True, secure=secure, samesite="Lax")
        return response
