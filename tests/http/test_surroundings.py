"""What surrounds a login: environment, proxies, headers, adapters, streams, in whatever state.

A login ends with its token, a `requests.RequestException` or an `UpstoxError`. No other class
leaves the library, and no error holds a secret of the settings, of a proxy or of a header.
"""

from __future__ import annotations

import http.client
import io
import os
import random
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from conftest import FakeTime, attempt, configure, go
from support.canaries import CREDENTIALS, Canaries, texts_of
from upstox_totp import TokenCache, UpstoxError, UpstoxTOTP
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "proxy-canary"
ODD = "\u2019"

ADDRESSES = (
    f"http://ravi:{PASSWORD}{ODD}@127.0.0.1:9", f"http://ravi:%ff%cd{PASSWORD}@127.0.0.1:9",
    f"http://ravi:{PASSWORD}@[::1", f"http://ravi:{PASSWORD}@127.0.0.1:99999", "http://", "://",
    "x", f"socks5://ravi:{PASSWORD}@127.0.0.1:9", f"ftp://{PASSWORD}@127.0.0.1",
    "http://\u212a.example:9",
    f"http://{'a' * 300}.example:9", f"https://ravi:{PASSWORD}@127.0.0.1:9", f"//:{PASSWORD}@:",
    f"http://ravi:{PASSWORD}@127.0.0.1:9/%zz?#", "http://.:9", "http://a..b:9", "http://\t:9",
)  # fmt: skip
FILES = {
    name: value
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE", "SSL_CERT_FILE",
                     "SSL_CERT_DIR", "NETRC")
    for name, value in {f"{variable} nowhere": (variable, "/nonexistent/x"),
                        f"{variable} a folder": (variable, os.sep),
                        f"{variable} odd": (variable, f"{ODD}\udcff")}.items()
}  # fmt: skip


class Raises(HTTPAdapter):
    """An adapter that makes a mistake, before it sends or after."""

    def __init__(self, error: BaseException, *, late: bool = False) -> None:
        super().__init__()
        self._error, self._late = error, late

    def send(self, request: requests.PreparedRequest, *rest: Any, **options: Any) -> Any:
        """Send a request, or not."""
        if self._late:
            super().send(request, *rest, **options).close()
        raise self._error


class Answers(BaseAdapter):
    """An adapter that hands out whatever it was given."""

    def __init__(self, made: Callable[[], object]) -> None:
        super().__init__()
        self._made = made

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> Any:
        """Answer."""
        answer = self._made()
        if isinstance(answer, requests.Response):
            answer.request, answer.url = request, str(request.url)
        return answer

    def close(self) -> None:
        """Do nothing."""


def response(**state: Any) -> requests.Response:
    """Return a response with a state of its own."""
    made = requests.Response()
    made.status_code = 200
    vars(made).update(state)
    return made


class Body:
    """A body that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, *_: Any, **__: Any) -> bytes:
        """Fail."""
        raise self._error


MISTAKES: tuple[Exception, ...] = (
    RuntimeError(CREDENTIALS.pin_code),
    UnicodeEncodeError("latin-1", CREDENTIALS.password, 0, 1, "x"),
    KeyError(CREDENTIALS.password), OSError(5, "x", CREDENTIALS.password),
    http.client.HTTPException(),
    ssl.SSLError("x"), RecursionError(), MemoryError(), StopIteration(CREDENTIALS.password),
    urllib3.exceptions.LocationParseError(CREDENTIALS.password), urllib3.exceptions.HTTPError("x"),
    ExceptionGroup("x", [ValueError(CREDENTIALS.password)]), AssertionError(CREDENTIALS.password),
)  # fmt: skip
RESPONSES: tuple[Callable[[], object], ...] = (
    lambda: None,
    lambda: "a text",
    requests.Response,
    lambda: response(headers=None),
    lambda: response(status_code=None),
    lambda: response(status_code="200"),
    lambda: response(raw=object()),
    lambda: response(raw=Body(ValueError(CREDENTIALS.password))),
    lambda: response(raw=Body(OSError("closed"))),
    lambda: response(raw=io.StringIO("{}")),
    lambda: response(_content="{}", _content_consumed=True),
    lambda: response(status_code=302, headers={"location": b"\xff"}),
    lambda: response(headers={"Date": b"x", "Content-Type": 5}, _content=b"{}"),
)


def raising(error: Exception) -> Callable[..., Any]:
    """Return a callable that raises."""

    def call(*_: object, **__: object) -> None:
        raise error

    return call


STATES: dict[str, tuple[Any, ...]] = {
    "headers": (
        {"User-Agent": f"it{ODD}s {PASSWORD}"}, {"X": None}, {"X": 5}, {"X": b"\xff"}, {5: "x"},
        {"X": "a\r\nb"}, {"X\n": "a"}, {"X": object()}, None, [("X", "y")], {"Host": ODD},
        {"Content-Length": "1"}, {"Cookie": PASSWORD}, {"Content-Type": None},
        {"Transfer-Encoding": "x"},
    ),
    "auth": (
        ("ravi", f"{PASSWORD}{ODD}"), ("a", None), raising(KeyError(PASSWORD)), PASSWORD, 5,
        lambda _: None,
    ),
    "verify": ("/nonexistent/x", 5, object(), "", b"x"),
    "cert": ("/nonexistent/x", ("/nonexistent/a", "/nonexistent/b"), ("a", "b", "c"), 5),
    "proxies": (
        None, [], {"http": 5}, {"http": None}, *({"http": one, "https": one} for one in ADDRESSES),
    ),
    "timeout": ("x", (1, 2, 3), -1, float("nan"), object(), 0, (None, None), ("a", "b"), 1e300),
    "params": (None, 5, "a=b", {"a": object()}, [("a",)]),
    "cookies": (None, {}, {"a": f"{PASSWORD}{ODD}"}, 5),
    "hooks": (
        {}, None, {"response": None}, {"response": [5]}, {"response": [lambda _: 5]},
        *({"response": [raising(error)]} for error in MISTAKES),
    ),
    "stream": (True,),
    "trust_env": (5,),
    "adapters": (
        {}, *({"http://": Raises(error)} for error in MISTAKES),
        *({"http://": Raises(error, late=True)} for error in MISTAKES),
        *({"http://": Answers(made)} for made in RESPONSES),
    ),
}  # fmt: skip
SESSIONS = [(name, state) for name, states in STATES.items() for state in states]


@pytest.fixture
def surrounded(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, cache_dir: object
) -> Iterator[tuple[Sandbox, Callable[[], UpstoxTOTP]]]:
    """A sandbox, and what makes a client of its account."""
    assert cache_dir
    clients = []
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS, step_clock=True) as sandbox:
        configure(monkeypatch, sandbox)

        def make() -> UpstoxTOTP:
            clients.append(UpstoxTOTP())
            clients[-1].session.timeout = 2
            return clients[-1]

        yield sandbox, make
        for client in clients:
            client.session.close()


def check(sandbox: Sandbox, outcome: object, canaries: Canaries | None = None) -> None:
    """Assert that an outcome is of a documented class, without a secret."""
    steps: list[object] = [record.step for record in sandbox.requests]
    assert max(map(steps.count, ("pin", "verify", "otp", "token", "totp_login"))) <= 1
    if not isinstance(outcome, Exception):
        return
    assert isinstance(outcome, requests.RequestException | UpstoxError), repr(outcome)
    texts = texts_of(outcome)
    assert PASSWORD not in str(texts)
    assert CREDENTIALS.password not in str(texts)
    if canaries is not None and len(canaries.values()) >= 5:
        canaries.check(texts)


# A timeout that no socket takes leaves the socket to the garbage collector.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "state"), SESSIONS, ids=[name for name, _ in SESSIONS])
def test_a_session_in_any_state(
    surrounded: tuple[Sandbox, Callable[[], UpstoxTOTP]], name: str, state: Any
) -> None:
    """Whatever a program has done to its session."""
    sandbox, make = surrounded
    upx = go(make(), "api")
    canaries = Canaries(sandbox, upx)
    check(sandbox, in_state(upx, [(name, state)], lambda: attempt(upx)), canaries)


def in_state(
    upx: UpstoxTOTP, states: list[tuple[str, Any]], log_in: Callable[[], object]
) -> object:
    """Log in with a session's attributes replaced, and put them back so that it can be closed."""
    kept = dict(vars(upx.session))
    vars(upx.session).update(states)
    try:
        return log_in()
    finally:
        vars(upx.session).update(kept)


@pytest.mark.parametrize("address", ADDRESSES)
def test_any_proxy_of_the_environment(
    surrounded: tuple[Sandbox, Callable[[], UpstoxTOTP]],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    """Each of its parts may be anything."""
    sandbox, make = surrounded
    monkeypatch.setenv("HTTP_PROXY", address)
    monkeypatch.setenv("NO_PROXY", "*.example,\u212a,:,[")
    outcome = attempt(make())
    assert isinstance(outcome, Exception)
    check(sandbox, outcome)


@pytest.mark.parametrize("name", FILES)
def test_any_file_of_the_environment(
    surrounded: tuple[Sandbox, Callable[[], UpstoxTOTP]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """That nobody can read, or that is something else."""
    sandbox, make = surrounded
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", "https://127.0.0.1:9/{stage}")
    monkeypatch.setenv(*FILES[name])
    check(sandbox, attempt(make()))


@pytest.mark.parametrize(
    "stream", [None, io.BytesIO(), io.StringIO()], ids=["none", "bytes", "closed"]
)
@pytest.mark.parametrize("method", ["page", "browser", "phone"])
def test_any_streams(
    surrounded: tuple[Sandbox, Callable[[], UpstoxTOTP]],
    monkeypatch: pytest.MonkeyPatch,
    stream: Any,
    method: str,
) -> None:
    """Under ``pythonw``, or where a program has closed them."""
    sandbox, make = surrounded
    upx = go(make(), method)
    if isinstance(stream, io.StringIO):
        stream = io.StringIO()
        stream.close()
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setenv("DISPLAY", "")
    outcome = attempt(upx) if method != "browser" else _by_browser(upx)
    monkeypatch.undo()
    check(sandbox, outcome)


def _by_browser(upx: UpstoxTOTP) -> object:
    try:
        return upx.browser_login.get_access_token(timeout=1)
    except Exception as error:  # noqa: BLE001 - its class is what the test is about
        return error


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(int(os.environ.get("FUZZ", "40")) // 2))
def test_several_at_once(
    surrounded: tuple[Sandbox, Callable[[], UpstoxTOTP]], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """States, proxies and files together, by the cache."""
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated
    sandbox, make = surrounded
    for _ in range(rng.randrange(3)):
        variable, value = rng.choice(list(FILES.values()))
        monkeypatch.setenv(variable, value)
    if rng.random() < 0.2:
        monkeypatch.setenv("HTTP_PROXY", rng.choice(ADDRESSES))
    upx = go(make(), rng.choice(["page", "api"]))
    states = rng.sample(SESSIONS, rng.randrange(1, 4))
    check(sandbox, in_state(upx, states, lambda: cached(upx)))


def cached(upx: UpstoxTOTP) -> object:
    """Return what the cache hands out, or the exception."""
    try:
        return TokenCache().get_access_token(upx)
    except Exception as error:  # noqa: BLE001 - its class is what the test is about
        return error
