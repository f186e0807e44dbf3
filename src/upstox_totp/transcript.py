"""What happened in a login, request by request, told without a value of any of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_KEYS: Final = 60
_DEEPEST: Final = 4
# Names of fields are letters; what has digits, dots or spaces in it may be somebody's id or name.
_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
_CONTENT_TYPE: Final = re.compile(
    r"[a-z]+/[a-z0-9.+-]{1,40}(;\s*charset=[a-z0-9_-]{1,20})?", re.IGNORECASE | re.ASCII
)
# A path that a server chose may hold somebody's id: keep words, versions, and the factors' names.
_PLAIN_SEGMENT: Final = re.compile(r"[A-Za-z_.-]{0,31}|v\d{1,2}|[12]fa")


class Step(IntEnum):
    """What a request is for.

    The six requests of the login page are numbered in their order; the numbers above six, of
    other login methods and of questions, mean nothing.

    Attributes:
        title: What the step does, in a few words.
    """

    _value_: int
    title: str

    def __new__(cls, number: int, title: str = "") -> Self:
        """Make a member from its row: the number, and what the step does in a few words."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.title = title
        return member

    DIALOG = 1, "login dialog"
    OTP_GENERATE = 2, "OTP request"
    OTP_VERIFY = 3, "TOTP verification"
    PIN = 4, "PIN"
    AUTHORIZE = 5, "authorization"
    TOKEN = 6, "token exchange"
    TIME = 11, "server time"
    TOTP_LOGIN = 12, "TOTP login"
    TOKEN_REQUEST = 13, "token request"
    CODE_EXCHANGE = 14, "token exchange"
    BROWSER = 15, "browser login"
    PROFILE = 21, "profile"
    LOGOUT = 22, "logout"
    HOST = 23, "host"
    QUOTE = 24, "quote"
    ADDRESSES = 25, "registered addresses"

    def __str__(self) -> str:
        """Return the step as messages name it: ``step 4 of 6 (PIN)``, or ``TOTP login``."""
        return f"step {self.value} of 6 ({self.title})" if self <= Step.TOKEN else self.title


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


def shown(
    path: str, content_type: str | None, document: object, mask: Callable[[str], str]
) -> dict[str, Any]:
    """Return path, content type and field names of an exchange as it shows them."""
    # Masked all at once: each call looks for every spelling of every secret.
    texts = [path, media_type(content_type) or "", *field_names(document)]
    path, kind, *keys = mask("\n".join(texts)).split("\n")
    return {"path": plain_path(path), "content_type": kind or None, "keys": tuple(keys)}


def field_names(document: object) -> tuple[str, ...]:
    """Return the dotted names of the fields in a decoded JSON document, without any value.

    Names that are not plain words are shown as ``?``, since they may be somebody's id; deep and
    numerous ones are left out.
    """
    return tuple(dict.fromkeys(_names(document, "", _DEEPEST)))[:_MOST_KEYS]


def _names(document: object, prefix: str, depth: int) -> Iterator[str]:
    if isinstance(document, list):
        for item in document[:_DEEPEST]:
            yield from _names(item, f"{prefix}[]", depth)
    elif isinstance(document, dict) and depth:
        for key, value in document.items():
            name = key if _FIELD_NAME.fullmatch(key) else "?"
            dotted = f"{prefix}.{name}" if prefix else name
            yield dotted
            yield from _names(value, dotted, depth - 1)


def media_type(header: str | None) -> str | None:
    """Return a content type reduced to type, subtype and charset."""
    match = _CONTENT_TYPE.match(header or "")
    return match.group() if match else None


def plain_path(path: str) -> str:
    """Return a path with every segment that may be an id replaced by ``?``."""
    segments = path.split("/")
    return "/".join(one if _PLAIN_SEGMENT.fullmatch(one) else "?" for one in segments)
