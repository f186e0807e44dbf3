"""Compares a login that a browser recorded (a HAR) with what this package sends, by names alone."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPMethod, HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, get_args, get_origin
from urllib.parse import unquote_plus, urlsplit

from pydantic import BaseModel

from upstox_totp import models
from upstox_totp._api import routes
from upstox_totp._api.routes import Route
from upstox_totp._http.addresses import STAGES, is_loopback
from upstox_totp.transcript import Step, field_names, plain_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_UPSTOX: Final = ".upstox.com"
_HOST_LABEL: Final = re.compile(r"[a-z]{1,20}(-v\d{1,2})?")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
_VERSION: Final = re.compile(r"(?<=/)v\d{1,3}(?=/)")
_PLAIN_TEXT: Final = re.compile(r"\s*[{\[]|[\w.]+=[^=]")
# What any browser sends, and what monitoring adds: no sign of a change at Upstox.
_COMMON: Final = re.compile(
    r"accept(-.+)?|user-agent|origin|referer|connection|content-(length|type)|cookie|host|pragma"
    r"|cache-control|dnt|priority|te|upgrade-insecure-requests|if-.+|sec-.+|keep-alive"
    r"|traceparent|tracestate|baggage|sentry-trace|newrelic|x-newrelic-.+|x-datadog-.+|b3|x-b3-.+"
)
# The kinds of names, as a difference calls them.
_QUERY: Final = "query parameter"
_HEADER: Final = "header"
_BODY: Final = "body field"
_LEADS: Final = "parameter of the address it leads to"
_ANSWER: Final = "answer field"

_APP: Final = "client_id redirect_uri"
_PROFILE: Final = "x-profile-id x-user-id"
_PIN: Final = "twoFAMethod inputText"
# By route: names in the body, in the query, in the headers and in the address that the answer
# leads to, and the model of the answer.
_ROWS: Final[dict[Route, tuple[str, str, str, str, type[BaseModel] | None]]] = {
    routes.DIALOG: ("", f"{_APP} response_type", "", f"{_APP} user_id", None),
    routes.OTP_GENERATE:
        ("mobileNumber countryIsdCode userId", "", "", "", models.OTPGenerationResponse),
    routes.NEWER.verify: ("otp validateOtpToken", "", "", "", models.OTPValidationResponse),
    routes.OLDER.verify: ("otp validateOtpToken", "", "", "", models.OTPValidationResponse),
    routes.NEWER.two_factor:
        (f"{_PIN} profileId", _APP, _PROFILE, "", models.TwoFactorAuthenticationResponse),
    routes.OLDER.two_factor: (_PIN, _APP, "", "", models.TwoFactorAuthenticationResponse),
    routes.AUTHORIZE: ("userOAuthApproval", f"{_APP} requestId response_type", "", "code",
                       models.OAuthAuthorizationResponse),
}  # fmt: skip


class Outcome(StrEnum):
    """What a comparison comes to."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_A_LOGIN = "not a login"


@dataclass(frozen=True)
class Compared:
    """One request of a login, how it differs in a line each, and what of it was not recorded."""

    request: str
    recorded: bool
    differences: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What came of a recording; ``others`` may be a step that has moved."""

    outcome: Outcome
    revision: str | None = None
    problem: str | None = None
    requests: tuple[Compared, ...] = ()
    others: tuple[str, ...] = ()


_Expected = dict[str, tuple[frozenset[str], frozenset[str]]]


class _Recorded(NamedTuple):
    """One request to Upstox and its answer; a kind of names that was not recorded is left out."""

    method: str
    host: str
    stage: str | None
    path: str
    names: dict[str, frozenset[str]]
    granted: bool


_Kind = TypeVar("_Kind")
_Sent = list[_Recorded]
_Pairs = list[tuple[Route, _Recorded | None]]


def compare(path: Path) -> Comparison:
    """Compare the recording in a file; `OSError` where it cannot be read."""
    recording = _read(path)
    if isinstance(recording, str):
        return Comparison(Outcome.NOT_A_LOGIN, problem=recording)
    # A browser asks the server's leave with OPTIONS first.
    sent = [one for one in recording if one.method != "OPTIONS"]
    granted = {one.path for one in sent if one.granted}
    revisions = routes.REVISIONS["auto"]
    revision = next((one for one in revisions if one.verify.path in granted), revisions[0])
    steps = (routes.DIALOG, routes.OTP_GENERATE, revision.verify, revision.two_factor)
    pairs = [(route, _choose(sent, route)) for route in (*steps, routes.AUTHORIZE)]
    if not any(one for _, one in pairs):
        problem = "No request of an Upstox login is in this recording."
        return Comparison(Outcome.NOT_A_LOGIN, problem=problem)
    gaps = _gaps(pairs)
    compared = tuple(_compare(route, one, sent, wanted=route in gaps) for route, one in pairs)
    others = _others(sent, pairs)
    problem = _failure(pairs)
    if not problem and not others:
        problem = _cut_off(pairs, gaps)
    if not problem and any(one.unknown for one in compared):
        problem = "Bodies or answers were not recorded: export the recording with their content."
    outcome = Outcome.DIFFERS if any(one.differences for one in compared) else Outcome.SAME
    outcome = Outcome.NOT_A_LOGIN if problem else outcome
    return Comparison(outcome, revision.name, problem or None, compared, others)


def _choose(sent: _Sent, route: Route) -> _Recorded | None:
    """Return the last request to a route that was granted, or else the last one."""
    mine = [one for one in sent if _is_path(route, one.path)]
    return next(reversed([one for one in mine if one.granted] or mine), None)


def _is_path(route: Route, path: str) -> bool:
    """Tell whether a path is a route's, whatever version is in it."""
    return _VERSION.sub("v", route.path) == _VERSION.sub("v", path.rstrip("/"))


def _others(sent: _Sent, pairs: _Pairs) -> tuple[str, ...]:
    """Return requests that may be a step of a login, and are none that is known."""
    # The code is exchanged by the app's own program, not by the browser.
    known = [*(route for route, _ in pairs), routes.TOKEN]
    shown = (
        f"{one.method} {one.stage or one.host} {plain_path(one.path)}"
        for one in sent
        # The dialog is a page of the API's host; other pages are no step of a login.
        if one.method in {"POST", "PUT", "PATCH"} or (one.method, one.stage) == ("GET", "api")
        if not any(_is_path(route, one.path) for route in known)
    )
    return tuple(dict.fromkeys(shown))[:20]


def _gaps(pairs: _Pairs) -> list[Route]:
    """Return the routes that lack; a PIN may already lead to the code that authorization gives."""
    has_code = any("code" in one.names[_LEADS] for it, one in pairs if one and it.step is Step.PIN)
    return [
        route
        for route, one in pairs
        if one is None and not (has_code and route is routes.AUTHORIZE)
    ]


def _failure(pairs: _Pairs) -> str:
    recorded = [(route, one) for route, one in pairs if one is not None]
    if not recorded or recorded[-1][1].granted:
        return ""
    return f"The login failed at {recorded[-1][0].step}: record one that succeeds."


def _cut_off(pairs: _Pairs, gaps: list[Route]) -> str:
    """Return what lacks before the first and after the last request of a login."""
    recorded = [place for place, (_, one) in enumerate(pairs) if one is not None]
    inside = [route for route, _ in pairs[recorded[0] : recorded[-1]]]
    missing = ", ".join(str(route.step) for route in gaps if route not in inside)
    return missing and f"The recording lacks {missing}: start it before the login page opens."


def _compare(route: Route, one: _Recorded | None, sent: _Sent, *, wanted: bool) -> Compared:
    if one is None:
        missing = (f"request: {route} is missing",) if wanted else ()
        return Compared(str(route.step), recorded=False, differences=missing)
    expected = _expect(route)
    # A browser follows every redirect: what counts is where they led to in the end.
    pages = [page.names for page in sent if page.method == "GET" and page is not one]
    ends = [one.names[_LEADS], *(names[kind] for names in pages for kind in (_QUERY, _LEADS))]
    end = max(ends, key=lambda names: len(names & expected[_LEADS][0]))
    gone = [kind for kind in (_BODY, _ANSWER) if expected[kind][0] and kind not in one.names]
    unknown = tuple(kind.partition(" ")[0] for kind in gone)
    names = {**one.names, _LEADS: expected[_LEADS][0] if _ANSWER in gone else end}
    differences = tuple(_differences(route, expected, one._replace(names=names)))
    return Compared(str(route.step), recorded=True, differences=differences, unknown=unknown)


def _differences(route: Route, expected: _Expected, one: _Recorded) -> Iterator[str]:
    versions = zip(*map(_VERSION.findall, (route.path, one.path)), strict=False)
    places = [("host", route.stage, one.stage or one.host), *(("version", *v) for v in versions)]
    for what, own, theirs in [("method", route.method, one.method), *places]:
        if own != theirs:
            yield f"{what}: {theirs} instead of {own}"
    for kind, (needed, known) in expected.items():
        found = one.names.get(kind)
        if found is None or (kind in {_LEADS, _ANSWER} and not one.granted):
            continue
        for name in sorted(needed - found):
            # A field of an answer that is missing with all around it is told once.
            around = name.rpartition(".")[0].removesuffix("[]") if kind == _ANSWER else ""
            if not around or around in found:
                yield f"{kind}: {name} is missing"
        if needed | known and kind != _LEADS:
            yield from (f"{kind}: {name} is new" for name in sorted(found - needed - known))


def _expect(route: Route) -> _Expected:
    """Return, by kind, the names that are demanded, and those that else mean no change."""
    body, query, headers, leads_to, answer = _ROWS[route]
    sent, named = body.split(), headers.split()
    if route.stage == "service":
        sent = ["data", *(f"data.{name}" for name in sent)]
        named += map(str.lower, routes.service_headers("https://{stage}", ""))
    fields = dict(_fields(answer))
    if route.step is Step.OTP_VERIFY:
        # An account tells of itself what the older revision's profile did.
        fields |= {f"data.accounts[].{name}": False for name in models.UserProfile.model_fields}
    known = frozenset(("state", *_PROFILE.split()))
    return {
        _QUERY: (frozenset(query.split()), known),
        _HEADER: (_uncommon(named), known),
        _BODY: (frozenset(sent), frozenset()),
        _LEADS: (frozenset(leads_to.split()), frozenset()),
        _ANSWER: (frozenset(name for name in fields if fields[name]), frozenset(fields)),
    }


def _fields(kind: object, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Return the dotted names of a model's fields, and whether each is demanded."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield f"{prefix}{name}", field.is_required()
            yield from _fields(field.annotation, f"{prefix}{name}.")
    for argument in get_args(kind):
        listed = get_origin(kind) is list
        yield from _fields(argument, f"{prefix[:-1]}[]." if listed else prefix)


def _read(path: Path) -> list[_Recorded] | str:
    """Return the requests to Upstox, or to a sandbox on this machine, or why there is no HAR."""
    document = _decoded(path.read_bytes().decode("utf-8-sig", "replace"))
    if document is None:
        return "The file is no whole JSON: it ends too early, or is no HAR."
    entries = _get(_get(document, "log", dict), "entries", object)
    if not isinstance(entries, list):
        return "The file is JSON, but no HAR: it has no log.entries."
    return [one for one in map(_recorded, entries) if one is not None]


def _recorded(entry: object) -> _Recorded | None:
    request, response = _get(entry, "request", dict), _get(entry, "response", dict)
    place = _place(_get(request, "url", str))
    if place is None:
        return None
    host, stage, path, query = place
    content, status = _get(response, "content", dict), _get(response, "status", int)
    text = _content(content)
    document = _decoded(text)
    names = {
        _QUERY: _plain([*_query_names(query), *_items(request, "queryString")]),
        _HEADER: _plain(_uncommon(_items(request, "headers"))),
        _LEADS: _plain(_query_names(_target(response, document))),
    }
    body = _content(_get(request, "postData", dict))
    if body:
        names[_BODY] = frozenset(field_names(_decoded(body)))
    # Some exporters write an empty text where they have none.
    if text or (text is not None and content.get("size") == 0):
        names[_ANSWER] = frozenset(field_names(document))
    denied = _get(document, "success", object) is False or _get(document, "status", str) == "error"
    granted = 0 < status < HTTPStatus.BAD_REQUEST and not denied
    method = _get(request, "method", str).upper()
    method = method if method in HTTPMethod.__members__ else "?"
    return _Recorded(method, host, stage, path, names, granted)


def _place(url: str) -> tuple[str, str | None, str, str] | None:
    """Return host, stage, path and query of an address of Upstox or a sandbox."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    label, path, query = host.removesuffix(_UPSTOX), parts.path, parts.query
    if label != host:
        shown = label if _HOST_LABEL.fullmatch(label) else "?"
        return f"{shown}{_UPSTOX}", label if label in STAGES else None, path, query
    stage, _, rest = path.removeprefix("/").partition("/")
    return (stage, stage, f"/{rest}", query) if is_loopback(host) and stage in STAGES else None


def _content(part: object) -> str | None:
    """Return a text as it was sent, None where it, or its end, was not recorded."""
    text = _get(part, "text", object)
    if not isinstance(text, str):
        return None
    if _get(part, "encoding", str) == "base64":
        try:
            text = base64.b64decode(text, validate=True).decode("utf-8-sig")
        except (binascii.Error, ValueError):
            # Some exporters name the encoding and leave the text as it was.
            if not _PLAIN_TEXT.match(text):
                return None
    return None if text and text[0] == "{" and _decoded(text) is None else text


def _decoded(text: str | None) -> object:
    # What json raises holds the whole document.
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return None


def _target(response: object, document: object) -> str:
    """Return the query of the address that an answer leads to."""
    told = _get(_get(document, "data", dict), "redirectUri", str)
    address = told or _get(response, "redirectURL", str)
    address = address or _items(response, "headers").get("location", "")
    return address.partition("#")[0].partition("?")[2]


def _query_names(query: str) -> list[str]:
    # What has no equals sign is a value without a name, and may be a secret.
    named = [part for part in query.split("&") if part]
    return [unquote_plus(part.partition("=")[0]) if "=" in part else "?" for part in named]


def _items(of: object, key: str) -> dict[str, str]:
    """Return names, those of headers in lower case, and values of a list in a HAR."""
    items = ((_get(one, "name", str), _get(one, "value", str)) for one in _get(of, key, list))
    return {name.lower() if key == "headers" else name: value for name, value in items}


def _plain(names: Iterable[str]) -> frozenset[str]:
    # Pseudo headers of HTTP/2 are the transport's; a name that is no word may be somebody's id.
    named = (name for name in names if not name.startswith(":"))
    return frozenset(name if _NAME.fullmatch(name) else "?" for name in named)


def _uncommon(headers: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in headers if not _COMMON.fullmatch(name))


def _get(of: object, key: str, kind: type[_Kind]) -> _Kind:
    """Return what a mapping has under a key, an empty one where it has none of that kind."""
    value = of.get(key) if isinstance(of, dict) else None
    return value if isinstance(value, kind) else kind()
