"""A recorded login is compared by names alone, and nothing of it is shown."""

from __future__ import annotations

import base64
import copy
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from click.testing import CliRunner

from conftest import configure
from upstox_totp import UpstoxTOTP
from upstox_totp._checks.har import Outcome, compare
from upstox_totp.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

    from upstox_totp.sandbox import Sandbox

Har = dict[str, Any]
SAME, DIFFERS, NOT_A_LOGIN = 0, 20, 21
CANARY = "canary7Q"


def pairs(items: Any) -> list[dict[str, str]]:
    """Return names and values as a HAR has them."""
    return [{"name": name, "value": value} for name, value in items]


def entry(response: requests.Response) -> Har:
    """Return an answer and its request as a browser records them."""
    request = response.request
    url = str(request.url)
    recorded: Har = {
        "startedDateTime": "2026-11-25T10:00:00.000Z",
        "request": {
            "method": request.method,
            "url": url,
            "headers": [*pairs([(":authority", "x")]), *pairs(request.headers.items())],
            "queryString": pairs(parse_qsl(urlsplit(url).query)),
            "cookies": [],
        },
        "response": {
            "status": response.status_code,
            "headers": pairs(response.headers.items()),
            "cookies": [],
            "redirectURL": response.headers.get("Location", ""),
            "content": {"mimeType": response.headers.get("Content-Type"), "text": response.text},
        },
    }
    if request.body:
        body = request.body if isinstance(request.body, str) else bytes(request.body).decode()
        recorded["request"]["postData"] = {
            "mimeType": request.headers["Content-Type"],
            "text": body,
        }
    return recorded


def recorded(client: UpstoxTOTP) -> Har:
    """Return the recording of a login."""
    entries: list[Har] = []
    client.session.hooks["response"].append(lambda response: entries.append(entry(response)))
    client.app_token.get_access_token()
    return {"log": {"version": "1.2", "creator": {"name": CANARY}, "entries": entries}}


@pytest.fixture
def har(client: UpstoxTOTP) -> Har:
    """What the newer revision's login looks like."""
    return recorded(client)


def find(har: Har, end: str) -> Har:
    """Return the entry whose path ends so."""
    (found,) = [
        one
        for one in har["log"]["entries"]
        if urlsplit(one["request"]["url"]).path.endswith(end) and one["request"]["method"] == "POST"
    ]
    return found  # type: ignore[no-any-return]


def answer(one: Har, change: Callable[[Any], object]) -> None:
    """Change the JSON of an entry's answer."""
    content = one["response"]["content"]
    document = json.loads(content["text"])
    change(document)
    content["text"] = json.dumps(document)


def body(one: Har, change: Callable[[Any], object]) -> None:
    """Change the JSON of an entry's request."""
    data = one["request"]["postData"]
    document = json.loads(data["text"])
    change(document)
    data["text"] = json.dumps(document)


def rename(mapping: dict[str, Any], old: str, new: str) -> None:
    """Give a field another name."""
    mapping[new] = mapping.pop(old)


def move(one: Har, old: str, new: str) -> None:
    """Send a request to another address."""
    assert old in one["request"]["url"]
    one["request"]["url"] = one["request"]["url"].replace(old, new)


def on_upstox(har: Har) -> Har:
    """Let a recording of the sandbox be one of Upstox."""
    for one in har["log"]["entries"]:
        parts = urlsplit(one["request"]["url"])
        stage, _, path = parts.path.removeprefix("/").partition("/")
        one["request"]["url"] = f"https://{stage}.upstox.com/{path}?{parts.query}"
    return har


def report(har: Har | bytes, path: Path) -> tuple[int, str, Har]:
    """Return the exit code, the text and the JSON of a recording's report."""
    file = path / "login.har"
    file.write_bytes(har if isinstance(har, bytes) else json.dumps(har).encode())
    text = CliRunner().invoke(cli, ["compare-har", str(file)])
    data = CliRunner().invoke(cli, ["compare-har", str(file), "--format", "json"])
    assert text.exit_code == data.exit_code
    assert text.stderr == data.stderr == ""
    assert CANARY.lower() not in (text.stdout + data.stdout).lower()
    document: Har = json.loads(data.stdout)
    told = [one["differences"] for one in document["requests"]]
    assert sum(map(len, told)) == len(lines(text.stdout))
    return text.exit_code, text.stdout, document


def lines(text: str) -> list[str]:
    """Return the lines of a report that tell a difference."""
    told = re.compile(r"(step .*\)|TOTP login|token request): .+: .+")
    return [line for line in text.splitlines() if told.fullmatch(line)]


@pytest.mark.parametrize("revision", ["newer", "older"])
def test_our_own_login_is_the_same(
    revision: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is expected is what the client itself sends and understands, in either revision."""
    configure(monkeypatch, sandbox, UPSTOX_LOGIN_REVISION=revision)
    with UpstoxTOTP() as client:
        har = recorded(client)
    for recording in (har, on_upstox(copy.deepcopy(har))):
        code, text, document = report(recording, tmp_path)
        assert (code, document["outcome"], document["revision"]) == (SAME, "same", revision), text
        assert [one["recorded"] for one in document["requests"]] == [True] * 5
        assert document["others"] == []
        assert document["problem"] is None


def test_preflights_other_sites_and_earlier_attempts_do_not_count(har: Har, tmp_path: Path) -> None:
    """A browser asks for leave first, loads much else, and people mistype their PIN."""
    entries = har["log"]["entries"]
    pin = find(har, "/2fa")
    wrong = copy.deepcopy(pin)
    wrong["response"]["content"]["text"] = '{"success": false, "error": {"code": 1017106}}'
    asked = copy.deepcopy(pin)
    asked["request"]["method"] = "OPTIONS"
    other = copy.deepcopy(pin)
    other["request"]["url"] = f"https://upstox.example/{CANARY}?{CANARY}={CANARY}"
    page = {"request": {"method": "GET", "url": "https://login.upstox.com/assets/app.js"}}
    entries[entries.index(pin) : entries.index(pin)] = [asked, wrong, other, page]
    entries.append(copy.deepcopy(wrong))
    assert report(har, tmp_path)[0] == SAME


CHANGES: dict[str, tuple[Callable[[Har], object], list[str]]] = {
    "a version": (
        lambda har: move(find(har, "/otp/generate"), "/v6/", "/v7/"),
        ["step 2 of 6 (OTP request): version: v7 instead of v6"],
    ),
    "a host": (
        lambda har: move(find(on_upstox(har), "/otp/generate"), "service.", "auth-v2."),
        ["step 2 of 6 (OTP request): host: auth-v2.upstox.com instead of service"],
    ),
    "a host that may be somebody": (
        lambda har: move(find(on_upstox(har), "/otp/generate"), "service.", f"{CANARY}."),
        ["step 2 of 6 (OTP request): host: ?.upstox.com instead of service"],
    ),
    "a method": (
        lambda har: find(har, "/otp/generate")["request"].update(method="PUT"),
        ["step 2 of 6 (OTP request): method: PUT instead of POST"],
    ),
    "a field of a body": (
        lambda har: body(find(har, "/verify"), lambda d: rename(d["data"], "otp", "totp")),
        [
            "step 3 of 6 (TOTP verification): body field: data.otp is missing",
            "step 3 of 6 (TOTP verification): body field: data.totp is new",
        ],
    ),
    "a field of an answer": (
        lambda har: answer(
            find(har, "/otp/generate"),
            lambda d: rename(d["data"], "validateOTPToken", "validateOtpToken"),
        ),
        [
            "step 2 of 6 (OTP request): answer field: data.validateOTPToken is missing",
            "step 2 of 6 (OTP request): answer field: data.validateOtpToken is new",
        ],
    ),
    "a field in a list of an answer": (
        lambda har: answer(
            find(har, "/verify"), lambda d: d["data"]["accounts"][0].update(segment=CANARY)
        ),
        [("step 3 of 6 (TOTP verification): answer field: data.accounts[].segment is new")],
    ),
    "a wrapper": (
        lambda har: answer(find(har, "/authorize"), lambda d: rename(d, "data", "result")),
        [
            "step 5 of 6 (authorization): parameter of the address it leads to: code is missing",
            "step 5 of 6 (authorization): answer field: data is missing",
            "step 5 of 6 (authorization): answer field: result is new",
            "step 5 of 6 (authorization): answer field: result.isApproved is new",
            "step 5 of 6 (authorization): answer field: result.redirectUri is new",
        ],
    ),
    "a header": (
        lambda har: find(har, "/2fa")["request"]["headers"].extend(
            pairs([("X-Captcha", CANARY), ("Sec-Fetch-Mode", "cors"), (f"x-{CANARY}", CANARY)])
        ),
        [
            "step 4 of 6 (PIN): header: ? is new",
            "step 4 of 6 (PIN): header: x-captcha is new",
        ],
    ),
    "a header less": (
        lambda har: find(har, "/2fa")["request"].update(headers=[]),
        [
            f"step 4 of 6 (PIN): header: {name} is missing"
            for name in ("x-device-details", "x-profile-id", "x-request-id", "x-user-id")
        ],
    ),
    "a name that may be an id": (
        lambda har: answer(find(har, "/2fa"), lambda d: d["data"].update({CANARY: CANARY})),
        ["step 4 of 6 (PIN): answer field: data.? is new"],
    ),
    "a query": (
        lambda har: move(find(har, "/2fa"), "client_id=", "app_id="),
        [
            "step 4 of 6 (PIN): query parameter: client_id is missing",
            "step 4 of 6 (PIN): query parameter: app_id is new",
        ],
    ),
    "a value without a name": (
        lambda har: find(har, "/verify")["request"].update(
            url=find(har, "/verify")["request"]["url"] + "?CanaryQ"
        ),
        ["step 3 of 6 (TOTP verification): query parameter: ? is new"],
    ),
    "a step that has moved": (
        lambda har: move(find(har, "/2fa"), "/login/open/v4/auth/2fa", f"/login/pin/{CANARY}"),
        ["step 4 of 6 (PIN): request: POST service /login/open/v4/auth/2fa is missing"],
    ),
    "the end of the dialog": (
        lambda har: [
            one["request"].update(url=one["request"]["url"].replace("user_id=", "uid="))
            or one["response"].update(headers=[], redirectURL="")
            for one in har["log"]["entries"]
            if one["request"]["method"] == "GET"
        ],
        [("step 1 of 6 (login dialog): parameter of the address it leads to: user_id is missing")],
    ),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_each_kind_of_change_is_named(
    change: Callable[[Har], object], told: list[str], har: Har, tmp_path: Path
) -> None:
    """What has changed is told in a line each, and nothing else is."""
    for one in har["log"]["entries"]:
        one["request"]["queryString"] = []
    change(har)
    code, text, document = report(har, tmp_path)
    assert lines(text) == told
    assert (code, document["outcome"]) == (DIFFERS, "differs")


def test_a_step_that_has_moved_is_among_the_other_requests(har: Har, tmp_path: Path) -> None:
    """So that whoever mends it sees where it went."""
    move(find(har, "/2fa"), "/login/open/v4/auth/2fa", f"/login/open/v5/pin/{CANARY}")
    har["log"]["entries"] = har["log"]["entries"][:-2]
    code, text, document = report(har, tmp_path)
    assert code == DIFFERS
    assert document["others"] == ["POST service /login/open/v5/pin/?"]
    assert "other request: POST service /login/open/v5/pin/?" in text


def without_values(value: Any, at: str = "") -> Any:
    """Return a recording in which every value is a canary, but for what tells how it went."""
    if isinstance(value, dict):
        kept = {"method", "success", "status", "name", "mimeType", "encoding"}
        return {
            name: one
            if name in kept and not (name == "name" and at == "creator")
            else without_values(one, name)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [without_values(one, at) for one in value]
    if at in {"url", "redirectURL", "redirectUri"} and value:
        parts = urlsplit(value)
        names = [(name, CANARY) for name, _ in parse_qsl(parts.query)]
        return parts._replace(query=urlencode(names), fragment=CANARY).geturl()
    if at == "text":
        if value[:1] == "{":
            return json.dumps(without_values(json.loads(value)))
        return urlencode([(name, CANARY) for name, _ in parse_qsl(value)]) or CANARY
    return CANARY


def test_no_value_is_shown(har: Har, tmp_path: Path) -> None:
    """Canaries in every header, cookie, query, body and answer, in both formats."""
    for one in har["log"]["entries"]:
        for half in (one["request"], one["response"]):
            half["cookies"] = pairs([(CANARY, CANARY)])
        one["request"]["headers"] += pairs([("Cookie", CANARY)])
        one["response"]["headers"] += pairs([("Set-Cookie", CANARY)])
    har = without_values(har)
    assert json.dumps(har).count(CANARY) > 100
    code, text, _ = report(har, tmp_path)
    assert code == SAME, text
    for one in har["log"]["entries"]:
        move(one, "/v", "/v9") if "/v" in one["request"]["url"] else None
        one["request"]["method"] = CANARY
        one["request"]["url"] += f"&{CANARY}=x&new={CANARY}"
        one["request"]["headers"] += pairs([(CANARY, CANARY), ("x-new", CANARY)])
        one["serverIPAddress"] = one["comment"] = CANARY
        content = one["response"]["content"]
        if content["text"].startswith("{"):
            answer(one, lambda d: d.update({CANARY: {CANARY: [{CANARY: CANARY}]}, "new": CANARY}))
    code, text, document = report(har, tmp_path)
    assert code == DIFFERS
    assert len(lines(text)) >= 5 * 4
    told = {one for step in document["requests"] for one in step["differences"]}
    assert {"header: x-new is new", "header: ? is new", "answer field: new is new"} <= told


def test_bodies_may_be_in_base64(har: Har, tmp_path: Path) -> None:
    """As browsers write what they do not take for text."""
    for one in har["log"]["entries"]:
        for part in (one["response"]["content"], one["request"].get("postData")):
            if part:
                part["text"] = base64.b64encode(part["text"].encode()).decode()
                part["encoding"] = "base64"
    assert report(har, tmp_path)[0] == SAME
    find(har, "/2fa")["response"]["content"]["text"] = "no base64 at all"
    code, text, document = report(har, tmp_path)
    assert code == NOT_A_LOGIN
    assert "with their content" in document["problem"]
    assert "step 4 of 6 (PIN)                same, answer not recorded" in text


def test_an_empty_text_is_not_an_empty_answer(har: Har, tmp_path: Path) -> None:
    """Exporters that had no content write an empty one beside the size that it had."""
    for text in ("", '{"success": true, "data": {"val', None):
        for one in har["log"]["entries"]:
            one["response"]["content"] |= {"size": 312, "text": text}
            if text is None:
                one["request"].pop("postData", None)
        code, told, document = report(har, tmp_path)
        assert code == NOT_A_LOGIN
        assert ("body and answer not recorded" in told) is (text is None)
        assert "with their content" in document["problem"]
        assert lines(told) == []
    find(har, "/2fa")["response"]["content"] |= {"size": 0, "text": ""}
    assert "step 4 of 6 (PIN): answer field: success is missing" in report(har, tmp_path)[1]


def test_what_exporters_and_monitoring_add_is_no_change(har: Har, tmp_path: Path) -> None:
    """Base64 may be named over plain text, and tracing adds headers of its own."""
    added = ("traceparent", "newrelic", "sentry-trace", "baggage", "tracestate", "X-B3-TraceId")
    for one in har["log"]["entries"]:
        one["request"]["headers"] += pairs((name, CANARY) for name in added)
        for part in (one["response"]["content"], one["request"].get("postData", {})):
            part["encoding"] = "base64"
    code, text, _ = report(har, tmp_path)
    assert code == SAME, text


def failed(har: Har) -> Har:
    """End a login at the PIN."""
    pin = find(har, "/2fa")
    content = {"success": False, "error": {"code": 1017106, "message": CANARY}}
    pin["response"]["content"]["text"] = json.dumps(content)
    entries = har["log"]["entries"]
    har["log"]["entries"] = entries[: entries.index(pin) + 1]
    return har


def begun_late(har: Har) -> Har:
    """Lack the first page."""
    gets = ("GET", "/otp/generate")
    har["log"]["entries"] = [
        one
        for one in har["log"]["entries"]
        if one["request"]["method"] != gets[0] and not one["request"]["url"].endswith(gets[1])
    ]
    return har


ENDS: dict[str, tuple[Callable[[Har], Har | bytes], str]] = {
    "failed": (
        failed,
        "The login failed at step 4 of 6 (PIN): record one that succeeds.",
    ),
    "begun late": (
        begun_late,
        "The recording lacks step 1 of 6 (login dialog), step 2 of 6 (OTP request): ",
    ),
    "ended early": (
        lambda har: {"log": {"entries": har["log"]["entries"][:-4]}},
        "The recording lacks step 3 of 6",
    ),
    "other sites": (
        lambda har: {"log": {"entries": [{"request": {"url": "https://example.com/"}}]}},
        "No request of an Upstox login is in this recording.",
    ),
    "a lookalike": (
        lambda har: {"log": {"entries": [{"request": {"url": "https://api-upstox.com/v2/"}}]}},
        "No request of an Upstox login is in this recording.",
    ),
    "another part of Upstox": (
        lambda har: {"log": {"entries": [{"request": {"url": "https://api.upstox.com/v2/x"}}]}},
        "No request of an Upstox login is in this recording.",
    ),
    "truncated": (lambda har: json.dumps(har)[:-9].encode(), "The file is no whole JSON"),
    "UTF-16": (lambda har: json.dumps(har).encode("utf-16"), "The file is no whole JSON"),
    "nested without end": (lambda har: b"[" * 999_999, "The file is no whole JSON"),
    "no HAR": (lambda har: {"entries": CANARY}, "The file is JSON, but no HAR"),
    "a list": (lambda har: b"[1]", "The file is JSON, but no HAR"),
}


@pytest.mark.parametrize(("change", "problem"), ENDS.values(), ids=ENDS)
def test_what_is_no_login_ends_clearly(
    change: Callable[[Har], Har | bytes], problem: str, har: Har, tmp_path: Path
) -> None:
    """A sentence says why, in both formats, and the code is its own."""
    code, text, document = report(change(har), tmp_path)
    assert (code, document["outcome"]) == (NOT_A_LOGIN, "not a login")
    assert document["problem"].startswith(problem)
    assert document["problem"] in text


@pytest.mark.parametrize("odd", [None, 5, "text", [5], {"text": 5}])
def test_odd_recordings_end_without_a_mistake_of_ours(odd: Any, har: Har, tmp_path: Path) -> None:
    """A field that lacks, or is of another kind, is nothing that was recorded."""
    file = tmp_path / "odd.har"
    for number, one in enumerate(har["log"]["entries"]):
        for half in ("request", "response"):
            for name in [*one[half]]:
                changed = copy.deepcopy(har)
                changed["log"]["entries"][number][half][name] = odd
                file.write_text(json.dumps(changed), encoding="utf-8")
                assert compare(file).outcome in set(Outcome)
        for whole in ("request", "response"):
            changed = copy.deepcopy(har)
            changed["log"]["entries"][number][whole] = odd
            file.write_text(json.dumps(changed), encoding="utf-8")
            assert compare(file).outcome in set(Outcome)


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """It ends as every file that cannot be read."""
    result = CliRunner().invoke(cli, ["compare-har", str(tmp_path / "none.har")])
    assert result.exit_code == 2
    assert "none.har" in result.stderr
