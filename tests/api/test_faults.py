"""Whatever a step is answered, the login ends as documented, spends nothing twice, tells nothing.

One matrix: each step of each login method with each fault that ends differently there, over a real
socket.
"""

from __future__ import annotations

import pickle
import socket
import time
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.response import HTTPResponse

from conftest import PATIENCE, attempt, configure, go
from support.canaries import CREDENTIALS, Canaries, everything_logged, same_error
from support.wire_faults import drip, large, last_on_connection, then_blackhole
from upstox_totp import (
    APIError,
    AuthenticationError,
    RateLimitError,
    Step,
    UpstoxError,
    UpstoxTOTP,
    ValidationError,
)
from upstox_totp._api import routes
from upstox_totp._http import session
from upstox_totp._http.server_clock import clock_of
from upstox_totp.sandbox import Fault, Sandbox
from upstox_totp.sandbox import Step as SandboxStep
from upstox_totp.sandbox.faults import removed, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from conftest import FakeTime

NAMES: dict[Step, SandboxStep] = {
    Step.DIALOG: "dialog",
    Step.OTP_GENERATE: "otp",
    Step.OTP_VERIFY: "verify",
    Step.PIN: "pin",
    Step.AUTHORIZE: "authorize",
    Step.TOKEN: "token",
    Step.TOTP_LOGIN: "totp_login",
}
PAGE = [step for step in NAMES if step <= Step.TOKEN]
ALL = list(NAMES)
# Where every fault is tried: at the credentials, which cost attempts. Elsewhere one of its kind is.
SOME = [Step.PIN, Step.TOTP_LOGIN]
# All that one request carries is a credential: a refusal says no more than that one is wrong.
VERDICTS = {
    "400", "401", "401-unknown", "403-reason", "403-gateway", "refused-attempts-made",
    "refused-words", "refused-bare", "refused-unknown", "refused-text-code", "refused-attempts",
    "errors-list", "oauth-error", "odd-error",
}  # fmt: skip
SUCCESS = None
ABSENT = {404, 405, 410}


@dataclass(frozen=True)
class Case:
    """One fault at one step, and how the login has to end."""

    name: str
    step: Step
    prepare: Callable[[Sandbox], None]
    expected: type[Exception] | None
    at: Step | None = None
    charset: str | None = None
    authorize_redirects: int = 0

    def __str__(self) -> str:
        """Return the name that pytest shows."""
        return f"{NAMES[self.step]}-{self.name}"


def at(step: Step, fault: Fault) -> Callable[[Sandbox], None]:
    """Let a step misbehave."""
    return lambda sandbox: sandbox.misbehave(NAMES[step], fault)


def before(step: Step, fault: Fault) -> Callable[[Sandbox], None]:
    """Let the request before a step be the last that gets through."""

    def prepare(sandbox: Sandbox) -> None:
        if step is Step.OTP_GENERATE:
            sandbox.misbehave("login_page", Fault.change(lambda page: page), times=1)
            sandbox.misbehave("login_page", fault, times=1)
        else:
            sandbox.misbehave(NAMES[Step(step - 1)], fault, times=1)

    return prepare


def ended_by(fault: Fault) -> Callable[[Sandbox], None]:
    """Let a request of somebody else be the last that gets through; the time is known by then."""

    def prepare(sandbox: Sandbox) -> None:
        sandbox.misbehave("dialog", fault, times=1)
        answer = requests.get(
            routes.DIALOG.url(sandbox.base_domain), timeout=PATIENCE, allow_redirects=False
        )
        clock_of(sandbox.base_domain).follow(answer.headers)

    return prepare


STATUS: dict[str, tuple[Fault, Any]] = {
    "400": (Fault.status(400), APIError),
    "401": (Fault.status(401), APIError),
    "401-html": (Fault.html(401), APIError),
    "401-unknown": (Fault.refuse("ODD1", "Approve this device first", 401), APIError),
    "401-maintenance": (Fault.refuse(1017000, "We are under maintenance", 401), APIError),
    "401-static": (Fault.refuse("UDAPI1221", "Static IP required", 401), APIError),
    "403-static": (Fault.refuse("UDAPI1154", "Static IP differs", 403), APIError),
    "403-reason": (Fault.json({"error": {"reason": "x"}, "message": "Access Denied"}, 403),
                   APIError),
    "403-gateway": (Fault.json({"message": "Forbidden"}, 403), APIError),
    "503-attempts": (Fault.status(503, "No answer after 3 attempts"), APIError),
    "503-attempts-own": (Fault.refuse(1017000, "3 attempts left", 503), APIError),
    "refused-attempts-made": (Fault.refuse(1017000, "Gave up after 3 attempts"), APIError),
    "refused-words": (Fault.json({"success": False, "error": "text"}), APIError),
    "403-html": (Fault.html(403), APIError),
    "404": (Fault.status(404), APIError),
    "404-html": (Fault.html(404), APIError),
    "429": (Fault.retry_after(7), RateLimitError),
    "429-date": (Fault.retry_after("Wed, 21 Oct 2099 07:28:00 GMT"), RateLimitError),
    "429-bare": (Fault.status(429), RateLimitError),
    "500": (Fault.status(500), APIError),
    "502": (Fault.html(502), APIError),
    "503": (Fault.status(503, headers={"Retry-After": "3600"}), APIError),
    "204": (Fault.status(204), ValidationError),
    "html": (Fault.html(), ValidationError),
    "broken-json": (Fault.body(b'{"success": true, "data": {'), ValidationError),
    "deep-json": (Fault.body(b"[" * 100_000), ValidationError),
    "long-number": (Fault.body(b"1" * 5_000), ValidationError),
    "not-utf8": (Fault.body(b'{"success": true, "data": "\xff\xfe"}'), ValidationError),
    "surrogate": (Fault.body(b'{"success": true, "data": "\\ud800"}'), ValidationError),
    "empty": (Fault.body(b""), ValidationError),
    "list": (Fault.json([{"success": True}]), ValidationError),
    "number": (Fault.json(7), ValidationError),
    "null": (Fault.json(None), ValidationError),
    "string": (Fault.json("ok"), ValidationError),
    "data-null": (Fault.json({"success": True, "data": None}), ValidationError),
    "no-success": (Fault.json({"data": {}}), ValidationError),
    "refused-bare": (Fault.json({"success": False}), APIError),
    "refused-unknown": (Fault.refuse(1017000, "No. You sent"), APIError),
    "refused-text-code": (Fault.refuse("ODD1", "No. You sent"), APIError),
    "refused-attempts": (Fault.refuse(1017000, "Wrong, 3 attempts left for"),
                         {3: AuthenticationError, 4: AuthenticationError,
                          6: AuthenticationError}),
    "refused-pin": (Fault.refuse(1017106, "Incorrect PIN"), AuthenticationError),
    "refused-locked": (Fault.refuse(1017090, "Locked"), AuthenticationError),
    "refused-otps": (Fault.refuse(1017069, "Too many"), RateLimitError),
    "refused-client": (Fault.refuse("UDAPI100069", "Invalid client"), AuthenticationError),
    "errors-list": (Fault.json({"success": False, "errors": [{"code": 1017076, "message": "x"}],
                                "request_id": "r"}), APIError),
    "oauth-error": (Fault.json({"error": "invalid_grant", "error_description": "no"}, 400),
                    APIError),
    "odd-error": (Fault.json({"success": False, "error": {"code": [1], "message": {}}}), APIError),
    "redirect-foreign": (Fault.redirect("https://example.com/login?client_id=a"), ValidationError),
    "redirect-lookalike": (Fault.redirect("https://upstox.com.example.com/"), ValidationError),
    "redirect-suffix": (Fault.redirect("https://evilupstox.com/"), ValidationError),
    "redirect-user": (Fault.redirect("https://a@upstox.com/"), ValidationError),
    "redirect-backslash": (Fault.redirect("https://example.com\\@upstox.com/"), ValidationError),
    "redirect-http": (Fault.redirect("http://login.upstox.com/"), ValidationError),
    "redirect-scheme": (Fault.redirect("file:///etc/passwd"), ValidationError),
    "redirect-malformed": (Fault.redirect("http://[broken"), ValidationError),
    "redirect-nowhere": (Fault.status(302), ValidationError),
    "redirect-307": (Fault.redirect("https://example.com/", 307), ValidationError),
    "redirect-308": (Fault.redirect("https://example.com/", 308), ValidationError),
    "large": (large(), ValidationError),
    "large-gzip": (large(compressed=True), ValidationError),
    "drip": (drip(0.05), requests.Timeout),
    "drip-chunked": (drip(0.05, chunked=True), requests.Timeout),
    "hang": (Fault.hang(), requests.ReadTimeout),
    "reset-before": (Fault.reset("before"), requests.ConnectionError),
    "reset-middle": (Fault.reset("middle"), requests.RequestException),
    "close-before": (Fault.close("before"), requests.ConnectionError),
    "close-middle": (Fault.close("middle"), requests.exceptions.ChunkedEncodingError),
}  # fmt: skip

# Handled line for line as another of the table: an answer that is no object, one that is cut off.
ALIKE = {
    "401-unknown", "403-static", "403-html", "refused-attempts-made", "503", "204", "broken-json",
    "deep-json", "long-number", "not-utf8", "surrogate", "number", "string", "null",
    "large-gzip", "drip-chunked", "close-middle",
}  # fmt: skip
# Where a GET is followed, each host counts; a POST is not followed anywhere.
GET_ALONE = {name for name in STATUS if name.startswith("redirect-")} - {
    "redirect-foreign",
    "redirect-308",
}


def status_cases() -> Iterator[Case]:
    """Yield each answer of the table at each step where it is a case of its own."""
    for name, (fault, expected) in STATUS.items():
        for step in SOME if name in ALIKE else [Step.DIALOG] if name in GET_ALONE else ALL:
            kind = expected.get(step, APIError) if isinstance(expected, dict) else expected
            if step is Step.TOTP_LOGIN and name in VERDICTS:
                kind = AuthenticationError
            yield Case(name, step, at(step, fault), kind)
    for step in ALL:
        kind = requests.TooManyRedirects if step is Step.DIALOG else ValidationError
        yield Case("redirect-loop", step, at(step, Fault.redirect_loop()), kind)


WRONG: object = [{"odd": 1}]
REQUIRED = {
    Step.DIALOG: ["client_id", "redirect_uri", "user_id"],
    Step.OTP_GENERATE: ["success", "data", "data.validateOTPToken"],
    Step.OTP_VERIFY: ["success", "data", "data.accounts", "data.accounts.0.profileId",
                      "data.accounts.0.userId"],
    Step.PIN: ["success", "data"],
    Step.AUTHORIZE: ["success", "data", "data.redirectUri"],
    Step.TOKEN: ["access_token"],
    Step.TOTP_LOGIN: ["access_token"],
}  # fmt: skip
OPTIONAL = {
    Step.OTP_GENERATE: ["data.message", "data.nextRequestInterval", "data.userType",
                        "data.isTotpEnabled"],
    Step.OTP_VERIFY: ["data.isSecretPinSet", "data.userType", "data.message", "data.userProfile",
                      "data.accounts.0.isDefault"],
    Step.PIN: ["data.redirectUri", "data.userType", "data.customerStatus", "data.appStatus",
               "data.isPlusPlanFastWebsocketEnabled", "data.isNewRefreshTokenCreated",
               "data.isExternalClientOAuthApp"],
    Step.AUTHORIZE: ["data.isApproved"],
    Step.TOKEN: ["email", "exchanges", "products", "broker", "user_id", "user_name", "order_types",
                 "user_type", "poa", "ddpi", "is_active", "extended_token"],
}  # fmt: skip
OPTIONAL[Step.TOTP_LOGIN] = OPTIONAL[Step.TOKEN]
# Values that other people's clients met, or that are near to them.
SEEN: dict[Step, dict[str, object]] = {
    Step.TOKEN: {"order_types": "MARKET", "exchanges": {"NSE": True}, "user_id": 12345, "poa": 2,
                 "ddpi": "PARTIAL", "extended_token": {"token": "x"}},
    Step.OTP_GENERATE: {"data.nextRequestInterval": "30 seconds"},
    Step.OTP_VERIFY: {"data.userProfile": {"firstName": {"en": "Asha"}}},
    Step.PIN: {"data.customerStatus": 1},
    Step.AUTHORIZE: {"data.isApproved": "APPROVED"},
}  # fmt: skip
UNSENDABLE: list[object] = ["two\r\nlines", None, "", " ", "na\u00efve", 5, True, ["x"]]
SENT_BACK = {
    Step.OTP_GENERATE: ("data.validateOTPToken", UNSENDABLE[:2]),
    Step.OTP_VERIFY: ("data.accounts.0.userId", UNSENDABLE),
    Step.TOKEN: ("access_token", UNSENDABLE),
    Step.TOTP_LOGIN: ("access_token", UNSENDABLE[:2]),
}


def without(paths: Iterable[str]) -> Callable[[Any], Any]:
    """Return what leaves fields out of an answer, all at once."""
    return lambda payload: reduce(removed, paths, payload)


def spoiled(values: Mapping[str, object]) -> Fault:
    """Return the fault that puts other values into an answer, all at once."""

    def change(payload: Any) -> Any:
        for path, value in values.items():
            payload = replaced(payload, path, value)
        return payload

    return Fault.change(change)


def field_cases() -> Iterator[Case]:
    """Yield each field missing, of a wrong type, or of a value that cannot be sent back."""
    for step, paths in REQUIRED.items():
        for path in paths:
            yield Case(f"without-{path}", step, at(step, Fault.without(path)), ValidationError)
            if step is not Step.DIALOG:
                wrong = at(step, Fault.replace(path, WRONG))
                yield Case(f"wrong-{path}", step, wrong, ValidationError)
    for step, paths in OPTIONAL.items():
        odd, missing = spoiled(dict.fromkeys(paths, WRONG)), Fault.change(without(paths))
        yield Case("wrong-optional", step, at(step, odd), SUCCESS)
        yield Case("without-optional", step, at(step, missing), SUCCESS)
    for step, values in SEEN.items():
        yield Case("seen", step, at(step, spoiled(values)), SUCCESS)
    for step, (path, unsendable) in SENT_BACK.items():
        for value in unsendable:
            fault = Fault.replace(path, value)
            name = f"unsendable-{path}-{value!r}"
            yield Case(name, step, at(step, fault), ValidationError)


URIS = ["", "/relative", "https://example.com/", "http://[broken", "https://upstox.com:99999/x",
        "mailto:x", "https://api.upstox.com\\@example.com/"]  # fmt: skip


def uri_cases() -> Iterator[Case]:
    """Yield redirect URIs without a code that lead nowhere good."""
    for number, uri in enumerate(URIS):
        fault = at(Step.AUTHORIZE, Fault.replace("data.redirectUri", uri))
        yield Case(f"uri-{number}", Step.AUTHORIZE, fault, ValidationError)
    redirected: dict[str, tuple[Fault, type[Exception]]] = {
        "503": (Fault.status(503), APIError),
        "foreign": (Fault.redirect("https://example.com/x"), ValidationError),
        "end": (Fault.html(), ValidationError),
        "reset": (Fault.reset(), requests.ConnectionError),
        "loop": (Fault.redirect_loop(), requests.TooManyRedirects),
    }
    for name, (answer, expected) in redirected.items():
        prepare = partial(Sandbox.misbehave, step="redirect", fault=answer)
        yield Case(f"follow-{name}", Step.AUTHORIZE, prepare, expected, authorize_redirects=2)


def connection_cases() -> Iterator[Case]:
    """Yield connections that are refused, that time out, and that have to be made anew."""
    for step in PAGE[1:]:
        refuse, silence = Fault.then_refuse(), then_blackhole()
        yield Case("connect-refused", step, before(step, refuse), requests.ConnectionError)
        yield Case("connect-timeout", step, before(step, silence), requests.ConnectTimeout)
        yield Case("anew", step, before(step, last_on_connection()), SUCCESS)
    for name, fault, expected in (
        ("connect-refused", Fault.then_refuse(), requests.ConnectionError),
        ("connect-timeout", then_blackhole(), requests.ConnectTimeout),
    ):
        yield Case(name, Step.TOTP_LOGIN, ended_by(fault), expected)


def tolerated_cases() -> Iterator[Case]:
    """Yield what is unusual and must not end a login."""

    def extended(payload: Any) -> Any:
        if not isinstance(payload, dict):
            return payload
        extra = {"unknown": {"deep": [1, None]}, "more": "x"}
        data = payload.get("data")
        return payload | extra | ({"data": data | extra} if isinstance(data, dict) else {})

    for step in ALL:
        yield Case("extra-fields", step, at(step, Fault.change(extended)), SUCCESS)
        yield Case("charset", step, lambda _: None, SUCCESS, charset="utf-8")


CASES = [
    *status_cases(),
    *field_cases(),
    *uri_cases(),
    *connection_cases(),
    *tolerated_cases(),
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause worth noticing between two tries, and a limit that urllib3 before 2.2 reaches."""
    monkeypatch.setattr(session, "_BACKOFF_FACTOR", 0.01)
    if not hasattr(HTTPResponse, "read1"):
        # It is read a byte at a time there, and 2 MiB of that take longer than a test should.
        monkeypatch.setattr(session, "MAX_BODY", 110_000)


# The same login hundreds of times: measured, it takes twice as long, and passes no further line.
@pytest.mark.no_cover
@pytest.mark.parametrize("case", CASES, ids=str)
def test_matrix(case: Case, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault at each step ends as documented, spends nothing twice and tells no secret."""
    with (
        Sandbox(
            clock=fake_time.true,
            credentials=CREDENTIALS,
            charset=case.charset,
            authorize_redirects=case.authorize_redirects,
        ) as sandbox,
        everything_logged() as records,
    ):
        configure(monkeypatch, sandbox, UPSTOX_DEBUG="true")
        with UpstoxTOTP() as upx:
            if case.step is Step.TOTP_LOGIN:
                go(upx, "api")
            # Short where they have to run out; elsewhere a busy machine must not end the case.
            if case.expected is requests.ConnectTimeout:
                upx.session.timeout = (0.3, 30)
            if case.expected is requests.ReadTimeout:
                upx.session.timeout = (10, 0.8)
            if case.expected is requests.Timeout:
                monkeypatch.setattr(session, "MAX_SECONDS", 0.4)
            canaries = Canaries(sandbox, upx)
            case.prepare(sandbox)
            started = time.monotonic()
            outcome = attempt(upx)
            assert time.monotonic() - started < 10
            check_outcome(case, outcome)
            check_attempts(sandbox)
            if case.expected is requests.ConnectTimeout:
                assert not [r for r in records if r.getMessage().startswith("Retrying")]
            canaries.check(canaries.surfaces(outcome, records))


def check_outcome(case: Case, outcome: Any) -> None:
    """Assert that the login ended as the case says, with all that an error has to tell."""
    if case.expected is None:
        assert outcome.success, outcome
        return
    assert isinstance(outcome, Exception)
    assert isinstance(outcome, case.expected), repr(outcome)
    check_error(case, outcome)


def check_error(case: Case, outcome: Any) -> None:
    """Assert that an error tells all it has to, and nothing that was sent or answered."""
    assert outcome.step is case.step
    assert outcome.transcript[-1].step is case.step
    assert outcome.__cause__ is outcome.__context__ is None
    copied = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own
    assert same_error(copied, outcome)
    if isinstance(outcome, UpstoxError):
        assert outcome.message
        assert outcome.suggestions
        assert copied.transcript == outcome.transcript
        assert len(str(outcome)) < 700
    else:
        assert outcome.response is None
        assert outcome.request.body is None
        assert outcome.request.method
        assert outcome.request.url.startswith("http")
    if isinstance(outcome, RateLimitError) and case.name == "429":
        assert outcome.retry_after == 7


def check_attempts(sandbox: Sandbox) -> None:
    """Assert that one login asked once for each thing that is scarce."""
    answered = [record for record in sandbox.requests if record.status not in ABSENT]
    for step in ("otp", "verify", "pin", "authorize", "token", "totp_login"):
        assert sum(record.step == step for record in answered) <= 1, step
    assert sum(record.step == "verify" for record in sandbox.requests) <= 2


def test_nothing_listens(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dialog whose connection is refused is a ConnectionError at step 1."""
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
    outcome = attempt(UpstoxTOTP())
    assert type(outcome) is requests.ConnectionError
    assert vars(outcome)["step"] is Step.DIALOG
    assert "refused" in str(outcome)


def test_nobody_accepts(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dialog whose connection is never accepted is a ConnectTimeout at step 1."""
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)  # noqa: FBT003 - the standard library's signature
            one.connect_ex(address)
        monkeypatch.setenv("UPSTOX_BASE_DOMAIN", f"http://127.0.0.1:{address[1]}/{{stage}}")
        upx = UpstoxTOTP()
        upx.session.timeout = (0.1, 0.1)
        outcome = attempt(upx)
        for one in waiting:
            one.close()
    assert type(outcome) is requests.ConnectTimeout
    assert vars(outcome)["step"] is Step.DIALOG


@pytest.mark.parametrize(
    "fault", [Fault.status(503), Fault.status(502), Fault.reset(), Fault.close()], ids=repr
)
def test_the_dialog_is_repeated(client: UpstoxTOTP, sandbox: Sandbox, fault: Fault) -> None:
    """The dialog, which costs nothing, gets through after two failures."""
    sandbox.misbehave("dialog", fault, times=2)
    assert client.app_token.get_access_token().success
    assert [record.step for record in sandbox.requests].count("dialog") == 3


def test_a_hanging_dialog_is_not_repeated(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A read timeout is final, or the user would wait three times as long as they asked."""
    client.session.timeout = (0.2, 0.2)
    sandbox.misbehave("dialog", Fault.hang(), times=1)
    assert isinstance(attempt(client), requests.ReadTimeout)


def test_the_right_answer_comes_through_a_refused_connection(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A POST whose connection was refused before a byte was sent is sent when it is accepted."""
    monkeypatch.setattr(
        "urllib3.util.retry.Retry.sleep", lambda *_args, **_kwargs: sandbox.resume()
    )
    sandbox.misbehave("verify", Fault.then_refuse(), times=1)
    assert client.app_token.get_access_token().success
    assert sandbox.pins_received == 1


def test_login_without_faults_tells_no_secret(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A successful login with debug and every logger at DEBUG shows none of the seven secrets."""
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox:
        configure(monkeypatch, sandbox)
        with everything_logged() as records, UpstoxTOTP(debug=True) as upx:
            canaries = Canaries(sandbox, upx)
            response = upx.app_token.get_access_token()
            assert len(records) > 10
            canaries.check(canaries.surfaces(response, records))
            assert len(canaries.values()) >= 8


def test_the_canaries_are_found_where_they_are(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox does echo what it rejects: without masking the matrix would fail."""
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            canaries = Canaries(sandbox, upx)
            bodies: list[str] = []
            upx.session.hooks["response"].append(lambda response: bodies.append(response.text))
            sandbox.misbehave("token", Fault.refuse("UDAPI1", "You sent"))
            outcome = attempt(upx)
        assert CREDENTIALS.client_secret in bodies[-1]
        assert "[hidden]" in outcome.message
        with pytest.raises(AssertionError):
            canaries.check({"body": bodies[-1]})
