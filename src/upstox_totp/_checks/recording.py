"""A browser's recording of its requests (a HAR), reduced to names: no value of it is kept."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus, urlsplit

from upstox_totp._http.addresses import is_loopback
from upstox_totp._settings.hosts import STAGES
from upstox_totp.errors import ErrorCode
from upstox_totp.transcript import field_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LARGEST: Final = 20_000_000
"""The largest recording that is read, in bytes."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UPSTOX: Final = ".upstox.com"
_HOST_LABEL: Final = re.compile(r"[a-z]{1,20}(-v\d{1,2})?")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
_FORM: Final = "application/x-www-form-urlencoded"
_REFUSED: Final = 400


class NotAHarError(Exception):
    """A file is no recording that can be read; the message says why, without a word of it."""


@dataclass(frozen=True)
class Recorded:
    """One request to Upstox and its answer, by the names in them.

    Attributes:
        method: The HTTP method, ``?`` if it is none that is known.
        host: The host as it may be shown.
        stage: Which of Upstox's hosts it is, None if it is none that is known.
        path: The path on that host; it may hold an id.
        query: The names in the query.
        headers: The names of the request's headers, in lower case.
        body: The names of the fields in the body, None if it was not recorded.
        answer: The names of the fields in the answer, None if it was not recorded.
        granted: Whether the answer granted the request.
        code: The error code of the answer, if it is one that is known.
        leads_to: The names in the query of the address that the answer leads to.
    """

    method: str
    host: str
    stage: str | None
    path: str = field(repr=False)
    query: frozenset[str]
    headers: frozenset[str]
    body: tuple[str, ...] | None
    answer: tuple[str, ...] | None
    granted: bool
    code: ErrorCode | None
    leads_to: frozenset[str]


def read_recording(path: Path) -> list[Recorded]:
    """Return the requests to Upstox, or to a sandbox on this machine, in their order.

    Args:
        path: The HAR, as a browser's developer tools export it.

    Raises:
        NotAHarError: If the file is larger than `LARGEST`, or no whole HAR.
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise NotAHarError(
            f"The file is larger than {LARGEST // 1_000_000} MB: record the login alone, "
            "in a window of its own."
        )
    document: Any = None
    # What json raises holds the whole document.
    try:
        document = json.loads(content.decode("utf-8-sig"))
        broken = False
    except (ValueError, RecursionError):
        broken = True
    if broken:
        raise NotAHarError("The file is no whole JSON: it ends too early, or is no HAR.")
    entries = _mapping(_mapping(document).get("log")).get("entries")
    if not isinstance(entries, list):
        raise NotAHarError("The file is JSON, but no HAR: it has no log.entries.")
    return [one for one in map(_recorded, entries) if one is not None]


def _recorded(entry: object) -> Recorded | None:
    request = _mapping(_mapping(entry).get("request"))
    response = _mapping(_mapping(entry).get("response"))
    place = _place(_text(request.get("url")))
    if place is None:
        return None
    host, stage, path, query = place
    answered = _answer(_mapping(response.get("content")))
    document = _decoded(answered)
    status = response.get("status")
    method = _text(request.get("method")).upper()
    return Recorded(
        method=method if method in _METHODS else "?",
        host=host,
        stage=stage,
        path=path,
        query=_plain([*_query_names(query), *_names(request.get("queryString"))]),
        headers=frozenset(name.lower() for name in _plain(_names(request.get("headers")))),
        body=_body(request),
        answer=None if answered is None else field_names(document),
        granted=isinstance(status, int) and 0 < status < _REFUSED and not _denied(document),
        code=_code(document),
        leads_to=_plain(_query_names(_target(response, document))),
    )


def _place(url: str) -> tuple[str, str | None, str, str] | None:
    """Return host, stage, path and query of an address of Upstox or a sandbox, None of another."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if host.endswith(_UPSTOX):
        label = host.removesuffix(_UPSTOX)
        shown = label if _HOST_LABEL.fullmatch(label) else "?"
        return f"{shown}{_UPSTOX}", label if label in STAGES else None, parts.path, parts.query
    if is_loopback(host):
        stage, _, rest = parts.path.removeprefix("/").partition("/")
        if stage in STAGES:
            return stage, stage, f"/{rest}", parts.query
    return None


def _body(request: dict[str, Any]) -> tuple[str, ...] | None:
    data = _mapping(request.get("postData"))
    if not data:
        return None
    text = data.get("text")
    if data.get("encoding") == "base64":
        text = _from_base64(_text(text))
    if _text(data.get("mimeType")).startswith(_FORM):
        names = _names(data.get("params")) or _query_names(_text(text))
        return tuple(sorted(_plain(names))) if names else None
    return field_names(_decoded(text)) if isinstance(text, str) and text else None


def _answer(content: dict[str, Any]) -> str | None:
    text = content.get("text")
    if content.get("encoding") == "base64":
        return _from_base64(_text(text))
    return text if isinstance(text, str) else None


def _from_base64(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError):
        return None


def _decoded(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _denied(document: object) -> bool:
    told = _mapping(document)
    return told.get("success") is False or told.get("status") == "error"


def _code(document: object) -> ErrorCode | None:
    told = _mapping(document)
    errors = told.get("errors")
    for error in (told.get("error"), *(errors if isinstance(errors, list) else [errors])):
        for key in ("errorCode", "error_code", "code"):
            code = _mapping(error).get(key)
            if isinstance(code, int | str) and code in _CODES:
                return _CODES[code]
    return None


_CODES: Final[dict[int | str, ErrorCode]] = {
    **{code.value: code for code in ErrorCode},
    **{int(code): code for code in ErrorCode if code.isdigit()},
}


def _target(response: dict[str, Any], document: object) -> str:
    told = _mapping(_mapping(document).get("data")).get("redirectUri")
    location = next(_values(response.get("headers"), "location"), "")
    return _address_query(_text(told) or _text(response.get("redirectURL")) or location)


def _address_query(address: str) -> str:
    return address.partition("#")[0].partition("?")[2]


def _query_names(query: str) -> list[str]:
    # What has no equals sign is a value without a name, and may be a secret.
    named = [part for part in query.split("&") if part]
    return [unquote_plus(part.partition("=")[0]) if "=" in part else "?" for part in named]


def _names(items: object) -> list[str]:
    return [_text(_mapping(one).get("name")) for one in items] if isinstance(items, list) else []


def _values(items: object, name: str) -> Iterator[str]:
    for one in items if isinstance(items, list) else ():
        if _text(_mapping(one).get("name")).lower() == name:
            yield _text(_mapping(one).get("value"))


def _plain(names: Iterable[str]) -> frozenset[str]:
    # Pseudo headers of HTTP/2 are the transport's; a name that is no word may be somebody's id.
    named = (name for name in names if not name.startswith(":"))
    return frozenset(name if _NAME.fullmatch(name) else "?" for name in named)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
