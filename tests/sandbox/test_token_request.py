"""The token request: asking, approving and rejecting on the phone, and the message to the app."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from conftest import PATIENCE
from support.sandbox_probe import Probe, code_of
from upstox_totp.sandbox import Fault, Sandbox

# 12:30 in India.
MIDDAY = datetime(2026, 9, 30, 7, 0, tzinfo=UTC).timestamp()
EXPIRY = datetime(2026, 9, 30, 22, 0, tzinfo=UTC).timestamp()
PATH = "/v3/login/auth/token/request/"


class Notifier(HTTPServer):
    """Takes what is posted to it, and asks the sandbox whose the token is before it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.sandbox: Sandbox | None = None
        self.users: list[str] = []

    @property
    def url(self) -> str:
        """Its address, with a query."""
        return f"http://127.0.0.1:{self.server_port}/notify/secret?a=1"


class Receiver(BaseHTTPRequestHandler):
    """Answers one post."""

    server: Notifier

    def do_POST(self) -> None:
        """Note the message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), body))
        if self.server.sandbox is not None:
            with Probe(self.server.sandbox) as probe:
                whose = probe.profile(json.loads(body)["access_token"]).json()
            self.server.users.append(whose["data"]["user_id"])
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Log nothing."""


@pytest.fixture
def notifier() -> Iterator[Notifier]:
    """Something that listens where the app says."""
    with Notifier() as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def sandbox(notifier: Notifier) -> Iterator[Sandbox]:
    """A sandbox at midday in India whose app has a notifier."""
    with Sandbox(clock=lambda: MIDDAY, notifier_url=notifier.url) as served:
        yield served


def ask(
    sandbox: Sandbox,
    client_id: str | None = None,
    session: Any = requests,
    **options: Any,
) -> requests.Response:
    """Send a token request."""
    known = sandbox.credentials
    url = (
        sandbox.base_domain.format(stage="api")
        + PATH
        + (known.client_id if client_id is None else client_id)
    )
    if not options:
        options = {"json": {"client_secret": known.client_secret}}
    response: requests.Response = session.post(url, timeout=PATIENCE, **options)
    return response


def test_a_request_is_answered_as_documented(sandbox: Sandbox, notifier: Notifier) -> None:
    """Until when it can be approved, in milliseconds as text, and where the token will go."""
    answer = ask(sandbox)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "data": {"authorization_expiry": f"{int(EXPIRY)}000", "notifier_url": notifier.url},
    }
    assert sandbox.requests[0].step == "token_request"
    assert (notifier.received, sandbox.tokens_issued) == ([], 0)
    assert sandbox.token_request_waits
    body = {"client_secret": sandbox.credentials.client_secret, "otp_verification_disabled": True}
    assert ask(sandbox, json=body).status_code == 200


def test_an_approval_posts_the_documented_message(sandbox: Sandbox, notifier: Notifier) -> None:
    """Unsigned JSON to path and query of the notifier, with a token beside which others live."""
    with Probe(sandbox) as probe:
        before = probe.login()["access_token"]
    ask(sandbox)
    sandbox.advance(60)
    assert sandbox.approve() == 200
    ((path, headers, body),) = notifier.received
    assert path == "/notify/secret?a=1"
    assert headers["Content-Type"] == "application/json"
    assert not {"authorization", "cookie"} & {name.lower() for name in headers}
    message = json.loads(body)
    assert message == {
        "client_id": sandbox.credentials.client_id,
        "user_id": "4CB7QX",
        "access_token": sandbox.access_tokens[1],
        "token_type": "Bearer",
        "expires_at": f"{int(EXPIRY)}000",
        "issued_at": f"{int(MIDDAY) + 60}000",
        "message_type": "access_token",
    }
    assert sandbox.notifications == [message]
    with Probe(sandbox) as probe:
        for token in (message["access_token"], before):
            assert probe.profile(token).status_code == 200


def test_the_notifier_may_ask_back_before_it_answers(
    sandbox: Sandbox, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox answers whose the token is while its message is on the way, past no proxy."""
    notifier.sandbox = sandbox
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with requests.Session() as session:
        session.trust_env = False
        ask(sandbox, session=session)
    assert sandbox.approve() == 200
    assert notifier.users == ["4CB7QX"]


@pytest.mark.parametrize("status", [204, 302, 403, 500])
def test_what_the_notifier_answers_is_told_and_nothing_sent_again(
    sandbox: Sandbox, notifier: Notifier, status: int
) -> None:
    """No redirect is followed, and the request is answered whatever the status."""
    notifier.status = status
    ask(sandbox)
    assert sandbox.approve() == status
    with pytest.raises(RuntimeError, match="no token request"):
        sandbox.approve()
    assert len(notifier.received) == 1


def test_a_notifier_that_is_not_there_loses_the_message() -> None:
    """The token is issued, and nothing waits any more: no retry is documented."""
    with Sandbox(notifier_url="http://127.0.0.1:9/") as sandbox:
        ask(sandbox)
        with pytest.raises(OSError, match="refused"):
            sandbox.approve()
        assert sandbox.tokens_issued == len(sandbox.notifications) == 1
        assert not sandbox.token_request_waits


def test_a_notifier_that_does_not_answer_is_waited_for_within_bounds(sandbox: Sandbox) -> None:
    """As long as `timeout` says; what is no HTTP is an error too."""
    sandbox.notifier_url = sandbox.base_domain.format(stage="login") + "/approval"
    ask(sandbox)
    sandbox.misbehave("login_page", Fault.hang())
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        sandbox.approve(timeout=0.2)
    assert time.monotonic() - begun < PATIENCE / 3
    sandbox.behave()
    ask(sandbox)
    sandbox.misbehave("login_page", Fault.close())
    with pytest.raises((http.client.HTTPException, OSError)):
        sandbox.approve()


def test_a_rejection_tells_nobody(sandbox: Sandbox, notifier: Notifier) -> None:
    """The request ends without a token."""
    ask(sandbox)
    sandbox.reject()
    assert (notifier.received, sandbox.tokens_issued) == ([], 0)
    for act in (sandbox.approve, sandbox.reject):
        with pytest.raises(RuntimeError, match="no token request"):
            act()


def test_a_request_lapses_in_the_night(sandbox: Sandbox, notifier: Notifier) -> None:
    """At 03:30 in India, to the second."""
    ask(sandbox)
    sandbox.advance(EXPIRY - MIDDAY - 1)
    assert sandbox.token_request_waits
    sandbox.advance(1)
    assert not sandbox.token_request_waits
    for act in (sandbox.approve, sandbox.reject):
        with pytest.raises(RuntimeError, match="lapsed"):
            act()
    assert (notifier.received, sandbox.tokens_issued) == ([], 0)
    ask(sandbox)
    assert sandbox.approve() == 200


def test_the_last_request_is_the_one_that_waits(sandbox: Sandbox, notifier: Notifier) -> None:
    """It takes the place of the one before, and keeps the notifier it was told."""
    sandbox.notifier_url = "http://127.0.0.1:9/"
    ask(sandbox)
    sandbox.notifier_url = notifier.url
    ask(sandbox)
    sandbox.notifier_url = None
    assert sandbox.approve() == 200
    assert len(notifier.received) == 1


def test_reset_forgets_what_waits(sandbox: Sandbox) -> None:
    """And the messages, but not the app's notifier."""
    ask(sandbox)
    sandbox.approve()
    ask(sandbox)
    sandbox.reset()
    assert (sandbox.token_request_waits, sandbox.notifications) == (False, [])
    assert ask(sandbox).status_code == 200


def test_an_app_without_a_notifier_may_not_ask() -> None:
    """It is refused with the documented code, until it has one."""
    with Sandbox() as sandbox:
        assert sandbox.notifier_url is None
        answer = ask(sandbox)
        assert (answer.status_code, code_of(answer)) == (400, "UDAPI1123")
        assert not sandbox.token_request_waits
        sandbox.notifier_url = "https://app.example/notify"
        assert ask(sandbox).json()["data"]["notifier_url"] == "https://app.example/notify"


@pytest.mark.parametrize("code", ["UDAPI1124", "UDAPI1155", "UDAPI1157"])
def test_an_app_can_be_refused(notifier: Notifier, code: str) -> None:
    """With `token_request_refusal`, though its credentials are right."""
    with Sandbox(notifier_url=notifier.url, token_request_refusal=code) as sandbox:
        answer = ask(sandbox)
        assert (answer.status_code, code_of(answer)) == (400, code)
        wrong = ask(sandbox, json={"client_secret": "wrong"})
        assert code_of(wrong) == "UDAPI100069"
        assert not sandbox.token_request_waits


@pytest.mark.parametrize(
    ("client_id", "options", "status", "code"),
    [
        ("another", {}, 400, "UDAPI100068"),
        (None, {"json": {"client_secret": "wrong"}}, 401, "UDAPI100069"),
        ("", {}, 400, "UDAPI1017"),
        (None, {"json": {"client_secret": None}}, 400, "UDAPI1024"),
        (None, {"json": {}}, 400, "UDAPI1024"),
        (None, {"json": ["client_secret"]}, 400, "UDAPI100036"),
        (None, {"json": {"client_secret": "s8k2m4q7wz", "x": 1}}, 400, "UDAPI100036"),
        (
            None,
            {"json": {"client_secret": "s8k2m4q7wz", "otp_verification_disabled": 1}},
            400,
            "UDAPI100036",
        ),
        (None, {"json": {"data": {"client_secret": "s8k2m4q7wz"}}}, 400, "UDAPI100036"),
        (None, {"data": {"client_secret": "s8k2m4q7wz"}}, 400, "UDAPI100036"),
        (None, {"data": '{"client_secret": "s8k2m4q7wz"}'}, 400, "UDAPI100036"),
    ],
)
def test_wrong_requests_are_refused(
    sandbox: Sandbox, client_id: str | None, options: dict[str, Any], status: int, code: str
) -> None:
    """Nothing rings on the phone."""
    answer = ask(sandbox, client_id, **options)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert not sandbox.token_request_waits


@pytest.mark.parametrize(
    "url", ["", "app.example/notify", "file:///etc/passwd", "https://", "ftp://app.example/"]
)
def test_a_notifier_that_cannot_be_posted_to_is_refused(sandbox: Sandbox, url: str) -> None:
    """When the sandbox is made as when it is set; the one before stays."""
    before = sandbox.notifier_url
    with pytest.raises(ValueError, match="notifier_url"):
        sandbox.notifier_url = url
    assert sandbox.notifier_url == before
    with pytest.raises(ValueError, match="notifier_url"):
        Sandbox(notifier_url=url)
