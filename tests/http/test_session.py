"""The session: what it repeats, what it refuses to read, what it leaves to the user."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import HTTPResponse

from upstox_totp._http import session as session_module
from upstox_totp._http.session import MAX_BODY, AnswerTooLargeError, Session
from upstox_totp._redact import HiddenBytes
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import FakeTime
    from upstox_totp import UpstoxTOTP


class Canned(HTTPAdapter):
    """An adapter of a user's, which answers without a socket."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self.attributes = attributes
        self.requests: list[requests.PreparedRequest] = []

    def send(
        self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> requests.Response:
        """Answer with a response that has the attributes given."""
        self.requests.append(request)
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        for name, value in self.attributes.items():
            setattr(response, name, value)
        return response


def session_with(adapter: HTTPAdapter) -> Session:
    """Return a session in which an adapter answers everything."""
    session = Session(repeatable="/dialog")
    session.mount("https://", adapter)
    return session


def raw(body: bytes, **kwargs: Any) -> HTTPResponse:
    """Return an answer as an adapter gets it from urllib3."""
    return HTTPResponse(io.BytesIO(body), preload_content=False, **kwargs)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """A limit that is soon reached where a body is read byte by byte, as with an old urllib3."""
    monkeypatch.setattr(session_module, "MAX_BODY", 100_000)
    return 100_000


def test_a_body_at_the_limit_is_read(limit: int) -> None:
    """So many bytes are the most, and they arrive."""
    session = session_with(Canned(raw=raw(b"x" * limit)))
    assert len(session.get("https://x.example/").content) == limit


@pytest.mark.parametrize("zipped", [False, True])
def test_a_body_over_the_limit_is_refused(limit: int, *, zipped: bool) -> None:
    """A byte more is too much, after decompression as well."""
    body = b"x" * (limit + 1)
    headers = {"Content-Encoding": "gzip"} if zipped else {}
    answer = raw(gzip.compress(body) if zipped else body, headers=headers)
    with pytest.raises(AnswerTooLargeError, match=f"larger than {limit} bytes"):
        session_with(Canned(raw=answer)).get("https://x.example/")


def test_broken_compression_is_a_requests_error() -> None:
    """A body that does not decompress is a ContentDecodingError."""
    answer = raw(b"no gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(requests.exceptions.ContentDecodingError):
        session_with(Canned(raw=answer)).get("https://x.example/")


def test_a_body_that_broke_off_is_no_answer() -> None:
    """A body shorter than announced is an error."""
    answer = raw(b"half", headers={"Content-Length": "8"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        session_with(Canned(raw=answer)).get("https://x.example/")


def test_any_file_may_be_the_raw_answer() -> None:
    """An adapter of a user's may hand over what urllib3 has not made."""
    session = session_with(Canned(raw=io.BytesIO(b"answer")))
    assert session.get("https://x.example/").text == "answer"


def test_a_body_that_an_adapter_made_is_left_alone() -> None:
    """An adapter, or a mock, may hand over a body without a raw answer."""
    session = session_with(Canned(_content=b"ready"))
    assert session.get("https://x.example/").text == "ready"


def test_a_stream_is_the_users(fake_time: FakeTime) -> None:
    """With stream=True the user reads by themselves, without our bound."""
    session = session_with(Canned(raw=raw(b"x" * (MAX_BODY + 1))))
    with session.get("https://x.example/", stream=True) as response:
        assert len(response.content) == MAX_BODY + 1


def test_the_default_timeout_and_the_users() -> None:
    """Without a timeout of the request the session's is used, as it is set."""
    seen: list[object] = []

    class Timed(Canned):
        def send(
            self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
        ) -> requests.Response:
            seen.append(kwargs["timeout"])
            return super().send(request, **kwargs)

    session = session_with(Timed(_content=b""))
    session.get("https://x.example/")
    session.timeout = None
    session.get("https://x.example/")
    session.timeout = 5
    session.get("https://x.example/")
    session.get("https://x.example/", timeout=(1, 2))
    assert seen == [(10, 30), None, 5, (1, 2)]


def test_a_netrc_never_adds_an_authorization(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials of a .netrc are not sent; the user's own auth is."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine x.example login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    adapter = Canned(_content=b"")
    session = session_with(adapter)
    session.get("https://x.example/")
    session.get("https://x.example/", auth=("me", "mine"))
    session.auth = ("you", "yours")
    session.get("https://x.example/")
    sent = ["Authorization" in request.headers for request in adapter.requests]
    assert sent == [False, True, True]


def test_hooks_of_every_kind_are_called() -> None:
    """One argument, keywords, a callable without a signature; an error inside is not hidden."""
    seen: list[object] = []
    session = session_with(Canned(_content=b""))
    session.hooks["response"] = [
        lambda response: seen.append(response.status_code),
        lambda response, **kwargs: seen.append(sorted(kwargs)),
        lambda response, *args, timeout=None, **kwargs: seen.append(timeout),
        type("Odd", (), {"__call__": lambda self, *a, **k: seen.append("odd"),
                         "__signature__": "none"})(),
    ]  # fmt: skip
    session.get("https://x.example/")
    assert seen[0] == 200
    assert "timeout" in seen[1]  # type: ignore[operator]
    assert seen[2:] == [(10, 30), "odd"]

    def broken(response: requests.Response) -> None:
        raise TypeError("mine")

    session.hooks["response"] = [broken]
    with pytest.raises(TypeError, match="mine"):
        session.get("https://x.example/")


def test_a_hook_may_replace_the_response() -> None:
    """What a hook returns takes the place of the response, as requests has it."""
    other = requests.Response()
    session = session_with(Canned(_content=b""))
    session.hooks["response"] = lambda response: other
    assert session.get("https://x.example/") is other


def test_a_user_may_follow_redirects(sandbox: Sandbox) -> None:
    """Redirects as requests has them work for requests that the user sends."""
    url = sandbox.base_domain.replace("{stage}", "api") + "/v2/login/authorization/dialog"
    query = {
        "response_type": "code",
        "client_id": sandbox.credentials.client_id,
        "redirect_uri": sandbox.credentials.redirect_uri,
    }
    session = Session(repeatable="/dialog")
    with session:
        followed = session.get(url, params=query)
        assert followed.status_code == 200
        assert followed.history
        stopped = session.get(url, params=query, allow_redirects=False)
        assert stopped.status_code == 302
        assert stopped.next is None


def test_a_request_body_is_never_shown() -> None:
    """The bytes go out as they are; repr and str are masked."""
    body = HiddenBytes(b"otp=123456")
    assert bytes(body) == b"otp=123456"
    assert str([body, str(body), repr(body)]).count("123456") == 0
    assert requests.Request("POST", "https://x.example/", data=body).prepare().body is body


def test_no_post_is_repeated_after_it_was_sent(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A POST whose answer is 503 with Retry-After, or that is reset, is sent once."""
    url = sandbox.base_domain.replace("{stage}", "service")
    path = "/login/open/v6/auth/1fa/otp/generate"
    sandbox.misbehave("otp", Fault.retry_after(3600, status=503), times=1)
    assert client.session.post(url + path, json={}).status_code == 503
    sandbox.misbehave("otp", Fault.reset(), times=1)
    with pytest.raises(requests.ConnectionError):
        client.session.post(url + path, json={})
    assert sandbox.otp_requests == 2


def test_a_get_other_than_the_dialog_is_not_repeated(sandbox: Sandbox) -> None:
    """The redirects of step 5 are GETs too, and may be good for one use."""
    url = sandbox.base_domain.replace("{stage}", "api")
    sandbox.misbehave("profile", Fault.status(503))
    with Session(repeatable="/dialog") as session:
        assert session.get(f"{url}/v2/user/profile").status_code == 503
    assert len(sandbox.requests) == 1


REFUSED = NewConnectionError(None, "refused")  # type: ignore[arg-type]
# urllib3 before 2 has no class of its own for a name that leads nowhere.
UNRESOLVED: Any = getattr(urllib3.exceptions, "NameResolutionError", lambda *_: REFUSED)
FAILURES: list[tuple[str, str, Exception, bool]] = [
    ("POST", "/login", REFUSED, True),
    ("POST", "/login", UNRESOLVED("h", None, OSError()), True),
    ("POST", "/login", ProxyError("proxy", REFUSED), True),
    ("POST", "/login", ConnectTimeoutError("slow"), False),
    ("POST", "/login", ProxyError("proxy", ConnectTimeoutError("slow")), False),
    ("POST", "/login", SSLError("tls"), False),
    ("POST", "/login", ProtocolError("reset"), False),
    ("POST", "/login", ReadTimeoutError(None, "u", "slow"), False),  # type: ignore[arg-type]
    ("GET", "/other", ProtocolError("reset"), False),
    ("GET", "/other?x=/dialog", ProtocolError("reset"), False),
    ("GET", "/v2/dialog?x=1", ProtocolError("reset"), True),
    ("GET", "/v2/dialog", ConnectTimeoutError("slow"), True),
    ("GET", "/v2/dialog", SSLError("tls"), False),
    ("GET", "/v2/dialog", ReadTimeoutError(None, "u", "slow"), False),  # type: ignore[arg-type]
    ("POST", "/v2/dialog", ProtocolError("reset"), False),
]


@pytest.mark.parametrize(("method", "url", "failure", "repeated"), FAILURES, ids=str)
def test_what_is_repeated(method: str, url: str, failure: Exception, *, repeated: bool) -> None:
    """A refusal, and the dialog while it has not timed out or failed over TLS; nothing else."""
    adapter = Session(repeatable="/dialog").get_adapter("https://x")
    assert isinstance(adapter, HTTPAdapter)
    policy = adapter.max_retries
    if repeated:
        assert policy.increment(method, url, error=failure).total == 1
    else:
        with pytest.raises((MaxRetryError, type(failure))):
            policy.increment(method, url, error=failure)


def test_reset_leaves_what_is_the_users(client: UpstoxTOTP) -> None:
    """Proxies, hooks, adapters and timeout outlive a reset."""
    session = client.session
    adapter = Canned()
    session.mount("https://", adapter)
    session.proxies["https"] = "http://proxy.example"
    session.cookies.set("a", "b")
    session.headers["X"] = "y"
    session.timeout = 1
    session.hooks["response"].append(print)
    client.reset_session()
    assert client.session is session
    assert session.get_adapter("https://x") is adapter
    assert session.proxies == {"https": "http://proxy.example"}
    assert session.hooks["response"] == [print]
    assert (session.timeout, len(session.cookies), len(session.headers)) == (1, 0, 0)


def test_the_bounds_are_the_documented_ones() -> None:
    """2 MiB and 60 seconds."""
    assert session_module.MAX_BODY == 2 * 1024 * 1024
    assert session_module.MAX_SECONDS == 60
