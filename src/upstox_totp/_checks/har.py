"""Compares a browser's recording of a login with what this package sends and understands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from upstox_totp._api import routes
from upstox_totp._checks.expectations import (
    COMMON_HEADERS,
    ONE_REQUEST,
    VERSION,
    Expected,
    page_login,
)
from upstox_totp._checks.recording import NotAHarError, Recorded, read_recording
from upstox_totp.transcript import Step, plain_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from upstox_totp._api.routes import Revision

_MOST: Final = 20


class Outcome(StrEnum):
    """What a comparison comes to."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_A_LOGIN = "not a login"


@dataclass(frozen=True)
class Difference:
    """One thing in which a recorded request is not what this package sends or understands.

    Attributes:
        what: What differs: for example ``version``, or ``answer field``.
        expected: What this package has, None if nothing.
        found: What the recording has, None if nothing.
    """

    what: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        """Return the difference in a line."""
        if self.expected is None:
            return f"{self.what}: {self.found} is new"
        if self.found is None:
            return f"{self.what}: {self.expected} is missing"
        return f"{self.what}: {self.found} instead of {self.expected}"


@dataclass(frozen=True)
class Compared:
    """One request of the login.

    Attributes:
        request: Which one, as messages name it.
        recorded: Whether the recording has it.
        differences: In what it differs.
        unknown: What could not be compared, since it was not recorded.
    """

    request: str
    recorded: bool
    differences: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What came of a recording, without a value of anything in it.

    Attributes:
        outcome: What it comes to.
        revision: The revision of the page's login that it was compared with, None if none was.
        problem: Why it is no login, in a sentence; None if it is one.
        requests: The requests of a login, one by one.
        others: Other requests that the page sent to Upstox, which may be a step that has moved.
    """

    outcome: Outcome
    revision: str | None = None
    problem: str | None = None
    requests: tuple[Compared, ...] = ()
    others: tuple[str, ...] = ()


_Pair = tuple[Expected, Recorded | None]


def compare(path: Path) -> Comparison:
    """Compare a recording of a login with the routes and models of this package.

    Args:
        path: The HAR, as a browser's developer tools export it.

    Returns:
        What was found; a file that is no recording of a login is an outcome, too.

    Raises:
        OSError: If the file cannot be read.
    """
    problem = None
    recording: list[Recorded] = []
    try:
        recording = read_recording(path)
    except NotAHarError as error:
        problem = str(error)
    # A browser asks the server's leave with OPTIONS first.
    sent = [one for one in recording if one.method != "OPTIONS"]
    if not sent:
        problem = problem or "No request in this recording goes to Upstox."
        return Comparison(Outcome.NOT_A_LOGIN, problem=problem)
    revision = _revision(sent)
    page = [(one, _choose(sent, one)) for one in page_login(revision)]
    alone = [(one, _choose(sent, one)) for one in ONE_REQUEST]
    alone = [pair for pair in alone if pair[1] is not None]
    if not any(one for _, one in page[1:]) and alone:
        page = []
    if not any(one for _, one in page) and not alone:
        problem = "No request of an Upstox login is in this recording."
        return Comparison(Outcome.NOT_A_LOGIN, problem=problem)
    return _judge(revision if page else None, sent, page, alone)


def _judge(
    revision: Revision | None, sent: list[Recorded], page: list[_Pair], alone: list[_Pair]
) -> Comparison:
    known = [expected for expected, _ in page + alone]
    others = tuple(dict.fromkeys(_shown(one) for one in sent if _is_unknown(one, known)))[:_MOST]
    gaps = _gaps(page)
    compared = tuple(
        _compare(expected, _followed(expected, one, sent), wanted=expected in gaps)
        for expected, one in page + alone
    )
    problem = _failure(page) or _failure(alone)
    if problem is None and gaps and not others:
        problem = _cut_off(page, gaps)
    if problem is None and any(one.unknown for one in compared):
        problem = "Bodies or answers were not recorded: export the recording with their content."
    if problem is not None:
        outcome = Outcome.NOT_A_LOGIN
    else:
        outcome = Outcome.DIFFERS if any(one.differences for one in compared) else Outcome.SAME
    return Comparison(
        outcome, None if revision is None else revision.name, problem, compared, others
    )


def _revision(sent: Sequence[Recorded]) -> Revision:
    paths = {one.path for one in sent if one.granted}
    found = (one for one in routes.REVISIONS["auto"] if one.verify.path in paths)
    return next(found, routes.NEWER)


def _choose(sent: Sequence[Recorded], expected: Expected) -> Recorded | None:
    """Return the last request that was granted, else the last one, None if there is none."""
    mine = [one for one in sent if expected.is_path(one.path)]
    return next(reversed([one for one in mine if one.granted] or mine), None)


def _is_unknown(one: Recorded, known: Iterable[Expected]) -> bool:
    # The dialog is a page of the API's host; other pages are no step of a login.
    sends = one.method in {"POST", "PUT", "PATCH"} or (one.method, one.stage) == ("GET", "api")
    return sends and not any(expected.is_path(one.path) for expected in known)


def _shown(one: Recorded) -> str:
    return f"{one.method} {one.stage or one.host} {plain_path(one.path)}"


def _gaps(page: Sequence[_Pair]) -> list[Expected]:
    # The app's own program exchanges the code, not the browser; a PIN may already lead to it.
    optional = {str(Step.TOKEN)}
    if any(
        one and "code" in one.leads_to for expected, one in page if expected.name == str(Step.PIN)
    ):
        optional.add(str(Step.AUTHORIZE))
    return [expected for expected, one in page if one is None and expected.name not in optional]


def _failure(pairs: Sequence[_Pair]) -> str | None:
    *_, last = [None, *(pair for pair in pairs if pair[1] is not None)]
    if last is None or last[1] is None or last[1].granted:
        return None
    code = f" ({last[1].code})" if last[1].code else ""
    return f"The login failed at {last[0].name}{code}: record one that succeeds."


def _cut_off(page: Sequence[_Pair], gaps: Sequence[Expected]) -> str | None:
    recorded = [expected for expected, one in page if one is not None]
    names = [expected for expected, _ in page]
    first, last = names.index(recorded[0]), names.index(recorded[-1])
    outside = [one for one in gaps if not first < names.index(one) < last]
    if not outside:
        return None
    missing = ", ".join(one.name for one in outside)
    return f"The recording lacks {missing}: record from before the login page opens to its end."


def _followed(
    expected: Expected, one: Recorded | None, sent: Sequence[Recorded]
) -> Recorded | None:
    """Return a request with where it led to in the end: a browser follows every redirect."""
    if one is None or not expected.leads_to:
        return one
    pages = [page for page in sent if page.method == "GET" and page is not one]
    ends = [one.leads_to, *(names for page in pages for names in (page.query, page.leads_to))]
    return replace(one, leads_to=max(ends, key=lambda names: len(names & expected.leads_to)))


def _compare(expected: Expected, one: Recorded | None, *, wanted: bool) -> Compared:
    if one is None:
        route = f"{expected.method} {expected.stage} {expected.path}"
        missing = (Difference("request", route, None),) if wanted else ()
        return Compared(expected.name, recorded=False, differences=missing)
    unknown = []
    if expected.body and one.body is None:
        unknown.append("body")
    if expected.understood and one.answer is None:
        unknown.append("answer")
    differences = tuple(_differences(expected, one))
    return Compared(expected.name, recorded=True, differences=differences, unknown=tuple(unknown))


def _differences(expected: Expected, one: Recorded) -> Iterator[Difference]:
    if one.method != expected.method:
        yield Difference("method", expected.method, one.method)
    if one.stage != expected.stage:
        yield Difference("host", expected.stage, one.stage or one.host)
    for mine, part in zip(expected.path.split("/"), one.path.rstrip("/").split("/"), strict=True):
        if mine != part and VERSION.fullmatch(mine):
            yield Difference("version", mine, part)
    yield from _sets("query parameter", expected.query, one.query, expected.known)
    own = frozenset(name for name in one.headers if not COMMON_HEADERS.fullmatch(name))
    yield from _sets("header", expected.headers, own, expected.known)
    if one.body is not None:
        yield from _sets("body field", expected.body, one.body)
    if not one.granted:
        return
    for name in sorted(expected.leads_to - one.leads_to):
        yield Difference("parameter of the address it leads to", name, None)
    if one.answer is not None and expected.understood:
        found = _unwrapped(expected, one.answer)
        # A field that is missing with all around it is told once.
        missing = {
            name
            for name in expected.demanded - found
            if _parent(name) in found or not _parent(name)
        }
        yield from _sets("answer field", missing, found, expected.understood)


def _sets(
    what: str, expected: Iterable[str], found: Iterable[str], known: Iterable[str] = ()
) -> Iterator[Difference]:
    expected, found = set(expected), set(found)
    for name in sorted(expected - found):
        yield Difference(what, name, None)
    for name in sorted(found - expected - set(known)):
        yield Difference(what, None, name)


def _unwrapped(expected: Expected, answer: tuple[str, ...]) -> set[str]:
    if "access_token" in expected.demanded and "data.access_token" in answer:
        return {name.removeprefix("data.") for name in answer} - {"data", "status", "success"}
    return set(answer)


def _parent(name: str) -> str:
    return name.rpartition(".")[0].removesuffix("[]")
