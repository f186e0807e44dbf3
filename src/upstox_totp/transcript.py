"""What happened in a login, request by request, told without a value of any of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_MOST_KEYS: Final = 60
_DEEPEST: Final = 4
# Names of fields are letters; what has digits, dots or spaces in it may be somebody's id or name.
_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
# Both cases of letters by hand: with re.IGNORECASE it takes four times as long to compile.
_CONTENT_TYPE: Final = re.compile(
    r"[A-Za-z]+/[A-Za-z0-9.+-]{1,40}"
    r"(;\s*[Cc][Hh][Aa][Rr][Ss][Ee][Tt]=[A-Za-z0-9_-]{1,20})?"
)
# A path that a server chose may hold somebody's id: keep words, versions, and the factors' names.
_PLAIN_SEGMENT: Final = re.compile(r"[A-Za-z_.-]{0,31}|v\d{1,2}|[12]fa")


class Step(IntEnum):
    """What a request is for.

    The six requests of the login page are numbered in their order; ways to a token that take one
    request, and questions, have numbers above six, which mean nothing.
    """

    DIALOG = 1
    OTP_GENERATE = 2
    OTP_VERIFY = 3
    PIN = 4
    AUTHORIZE = 5
    TOKEN = 6
    TIME = 11
    TOTP_LOGIN = 12
    TOKEN_REQUEST = 13
    CODE_EXCHANGE = 14
    BROWSER = 15
    PROFILE = 21
    LOGOUT = 22
    HOST = 23
    QUOTE = 24
    ADDRESSES = 25

    @property
    def title(self) -> str:
        """What the step does, in a few words."""
        return _TITLES[self]

    @property
    def position(self) -> str | None:
        """Which of the six requests of the login page it is, ``4 of 6``; None if none of them."""
        return f"{self.value} of {PAGE_STEPS}" if self <= PAGE_STEPS else None

    def __str__(self) -> str:
        """Return the step as messages name it: ``step 4 of 6 (PIN)``, or ``TOTP login``."""
        return self.title if self.position is None else f"step {self.position} ({self.title})"


PAGE_STEPS: Final = 6
"""How many requests the login page's way takes."""

_TITLES: Final = {
    Step.DIALOG: "login dialog",
    Step.OTP_GENERATE: "OTP request",
    Step.OTP_VERIFY: "TOTP verification",
    Step.PIN: "PIN",
    Step.AUTHORIZE: "authorization",
    Step.TOKEN: "token exchange",
    Step.TIME: "server time",
    Step.TOTP_LOGIN: "TOTP login",
    Step.TOKEN_REQUEST: "token request",
    Step.CODE_EXCHANGE: "token exchange",
    Step.BROWSER: "browser login",
    Step.PROFILE: "profile",
    Step.LOGOUT: "logout",
    Step.HOST: "host",
    Step.QUOTE: "quote",
    Step.ADDRESSES: "registered addresses",
}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer.

    Attributes:
        step: What the request was for.
        method: The HTTP method.
        host: The host asked, with its port if it is not the scheme's own.
        path: The path asked, without the query.
        status: The HTTP status, None if no answer came.
        content_type: The media type of the answer, None if it had none.
        milliseconds: From sending the request to the end of the answer.
        keys: The names of the fields in a JSON answer, dotted, no values.
        failure: The class of the network error, None if an answer came.
    """

    step: Step
    method: str
    host: str
    path: str
    status: int | None
    content_type: str | None
    milliseconds: int
    keys: tuple[str, ...] = ()
    failure: str | None = None

    def __str__(self) -> str:
        """Return the exchange in one line."""
        outcome = self.failure if self.status is None else f"{self.status} {self.content_type}"
        keys = f" {{{', '.join(self.keys)}}}" if self.keys else ""
        return (
            f"{self.step}: {self.method} {self.host}{self.path}"
            f" -> {outcome}, {self.milliseconds} ms{keys}"
        )


def field_names(document: object) -> tuple[str, ...]:
    """Return the dotted names of the fields in a decoded JSON document, without any value.

    Args:
        document: The decoded JSON. Names that are not plain words are shown as ``?``, since
            they may be somebody's id; deep and numerous ones are left out.
    """
    names: dict[str, None] = {}
    _collect(names, document, "", _DEEPEST)
    return tuple(names)


def _collect(names: dict[str, None], document: object, prefix: str, depth: int) -> None:
    if isinstance(document, list):
        for item in document[:_DEEPEST]:
            _collect(names, item, f"{prefix}[]", depth)
    elif isinstance(document, dict) and depth:
        for key, value in document.items():
            if len(names) == _MOST_KEYS:
                return
            name = key if _FIELD_NAME.fullmatch(key) else "?"
            dotted = f"{prefix}.{name}" if prefix else name
            names[dotted] = None
            if isinstance(value, dict | list):
                _collect(names, value, dotted, depth - 1)


def media_type(header: str | None) -> str | None:
    """Return a content type reduced to type, subtype and charset.

    Args:
        header: The ``Content-Type`` as it came.
    """
    match = _CONTENT_TYPE.match(header or "")
    return match.group() if match else None


def plain_path(path: str) -> str:
    """Return a path with every segment that may be an id replaced by ``?``.

    Args:
        path: The path of a URL that a server chose.
    """
    segments = path.split("/")
    return "/".join(one if _PLAIN_SEGMENT.fullmatch(one) else "?" for one in segments)
