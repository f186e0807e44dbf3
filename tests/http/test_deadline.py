"""An answer ends by its deadline, at whatever stage it drips and over whatever transport."""

from __future__ import annotations

import gzip
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from requests.adapters import BaseAdapter, HTTPAdapter

from conftest import PATIENCE, attempt
from support.peer import GOOD, OK, Peer, Script, drip_records
from support.wire_faults import drip
from upstox_totp._http import session as session_module
from upstox_totp._http.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp import UpstoxTOTP
    from upstox_totp.sandbox import Sandbox

LENGTH = OK + b"Content-Length: 1000000\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n"
GZIP_CHUNKED = OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
DEFLATE = OK + b"Content-Encoding: deflate\r\nContent-Length: 1000000\r\n\r\n"
GZIP_START = b"\x1f\x8b\x08\x00" + bytes(6)
GZIP_NAMED = b"\x1f\x8b\x08\x08" + bytes(6)
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
MEMBER = gzip.compress(b"")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Return data as a chunk of a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


DRIPS = {
    "status-line": Script(OK[:-2], b"K"),
    "interim-answers": Script(b"", CONTINUE),
    "interim-header": Script(CONTINUE[:-2], b"X"),
    "header-name": Script(OK, b"X"),
    "header-value": Script(OK + b"X: ", b"v"),
    "chunk-size": Script(CHUNKED, b"0"),
    "chunk-extension": Script(CHUNKED + b"1;", b"e"),
    "chunk-data": Script(CHUNKED + b"fffff\r\n", b"x"),
    "chunks": Script(CHUNKED, chunk(b"x")),
    "trailer": Script(CHUNKED + b"0\r\n", b"X"),
    "trailers": Script(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "body-with-length": Script(LENGTH, b"x"),
    "body-until-close": Script(OK + b"Connection: close\r\n\r\n", b"x"),
    "gzip-name": Script(GZIP + GZIP_NAMED, b"n"),
    "gzip-name-chunked": Script(GZIP_CHUNKED + chunk(GZIP_NAMED), chunk(b"n")),
    "gzip-empty-blocks": Script(GZIP + GZIP_START, EMPTY_BLOCK),
    "gzip-empty-blocks-chunked": Script(GZIP_CHUNKED + chunk(GZIP_START), chunk(EMPTY_BLOCK)),
    "gzip-empty-members": Script(GZIP, MEMBER),
    "gzip-trailer": Script(GZIP + MEMBER[:-8], b"\0", pause=0.02),
    "gzip-padding": Script(GZIP + MEMBER, b"\0"),
    "deflate-empty-blocks": Script(DEFLATE + b"\x78\x9c", EMPTY_BLOCK),
    "deflate-without-header": Script(DEFLATE, EMPTY_BLOCK),
}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """What a peer serves TLS with, and the file that trusts it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "host.example").configure_cert(context)
    bundle = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return context, str(bundle)


@dataclass
class Line:
    """A session, its peer, and how the one reaches the other."""

    session: Session
    peer: Peer
    url: str

    def get(self, **kwargs: Any) -> requests.Response:
        """Ask the peer."""
        return self.session.get(self.url, **kwargs)


@pytest.fixture(params=["http", "https", "tunnel", "http-proxy"])
def line(
    request: pytest.FixtureRequest,
    tls: tuple[ssl.SSLContext, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Line]:
    """A session that gives an answer 0.06 s, and a peer to ask."""
    peer = Peer(tls[0], secure=request.param == "https")
    monkeypatch.setattr(session_module, "MAX_SECONDS", 0.06)
    with Session(repeatable="/none") as session:
        session.verify = tls[1]
        session.timeout = PATIENCE
        url = f"{request.param}://{peer.address}/"
        if request.param in {"tunnel", "http-proxy"}:
            scheme = "https" if request.param == "tunnel" else "http"
            session.proxies[scheme] = f"http://{peer.address}"
            url = f"{scheme}://host.example/"
        yield Line(session, peer, url)
    peer.stop()


over = pytest.mark.parametrize
plain = over("line", ["http"], indirect=True)
direct = over("line", ["http", "https"], indirect=True)
proxied = over("line", ["http-proxy", "tunnel"], indirect=True)
tunnelled = over("line", ["tunnel"], indirect=True)


def ends(ask: Callable[[], object]) -> requests.RequestException:
    """Return the error that a request ends with, long before the peer or the timeout ends it."""
    started = time.monotonic()
    with pytest.raises(requests.RequestException) as caught:
        ask()
    # 0.06 or 0.3, and what a busy machine adds.
    assert time.monotonic() - started < PATIENCE / 3
    return caught.value


@direct
@over("drip", DRIPS)
def test_a_dripping_answer_ends(line: Line, drip: str) -> None:
    """Each stage of an answer ends as a ReadTimeout, its connection closed and not used again."""
    line.peer.script = DRIPS[drip]
    error = ends(line.get)
    assert type(error) is requests.ReadTimeout
    assert "took longer than" in str(error)
    assert line.peer.left.wait(PATIENCE)
    line.peer.script = None
    assert line.get().text == "good"
    assert (line.peer.connections, line.peer.requests) == (2, 2)


@proxied
@over("drip", ["status-line", "header-value", "chunk-size", "gzip-empty-blocks"])
def test_a_dripping_answer_through_a_proxy_ends(line: Line, drip: str) -> None:
    """What a proxy passes on, in a tunnel or without, has the same deadline."""
    line.peer.script = DRIPS[drip]
    assert isinstance(ends(line.get), requests.ReadTimeout)
    assert line.peer.left.wait(PATIENCE)


@tunnelled
@over("drip", ["status-line", "interim-answers", "header-name", "header-value"])
def test_a_proxy_that_drips_ends(line: Line, drip: str) -> None:
    """A proxy's answer to CONNECT has the deadline too, and nothing is sent through it."""
    line.peer.proxy_script = DRIPS[drip]
    assert isinstance(ends(line.get), requests.RequestException)
    assert line.peer.left.wait(PATIENCE)
    assert line.peer.requests == 0


@over("drip", ["status-line", "header-value"])
def test_the_headers_of_a_stream_have_the_deadline(line: Line, drip: str) -> None:
    """With stream=True headers that drip end as well."""
    line.peer.script = DRIPS[drip]
    assert isinstance(ends(lambda: line.get(stream=True)), requests.ReadTimeout)


def test_the_body_of_a_stream_is_the_users(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stream=True a body may take longer than the deadline."""
    # For the headers, which a busy machine brings late.
    monkeypatch.setattr(session_module, "MAX_SECONDS", 0.3)
    line.peer.script = Script(OK + b"Content-Length: 30\r\n\r\n", b"x", pause=0.015, parts=30)
    started = time.monotonic()
    with line.get(stream=True) as response:
        pieces = list(response.iter_content(1))
    assert (len(pieces), b"".join(pieces)) == (30, b"x" * 30)
    assert time.monotonic() - started > session_module.MAX_SECONDS
    line.peer.script = None
    assert line.get().text == "good"
    assert line.peer.connections == 1


def test_good_answers_share_a_connection(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole answers, compressed or chunked or slow within the deadline, leave it open."""
    monkeypatch.setattr(session_module, "MAX_SECONDS", PATIENCE)
    zipped = gzip.compress(b"good")
    for script in (
        None,
        Script(CHUNKED + chunk(b"good"), b"0\r\nX: y\r\n\r\n", 0, 1),
        Script(GZIP_CHUNKED + chunk(zipped[:5]), chunk(zipped[5:]) + b"0\r\n\r\n", 0.03, 1),
        Script(GOOD[:-4], GOOD[-4:], 0.03, 1),
        Script(CONTINUE + GOOD, b"", 0, 0),
    ) * 2:
        line.peer.script = script
        assert line.get().text == "good"
    assert (line.peer.connections, line.peer.requests) == (1, 10)


@plain
def test_a_first_byte_is_waited_for_as_the_user_says(line: Line) -> None:
    """The deadline starts with the first byte: until then only the read timeout ends a wait."""
    line.peer.script = Script(b"", GOOD, pause=0.2, parts=1)
    assert line.get().text == "good"
    line.session.timeout = None
    assert line.get().text == "good"


@direct
def test_a_stall_ends_at_the_deadline(line: Line) -> None:
    """What stalls after its first byte ends in time though the user waits without end."""
    line.session.timeout = None
    line.peer.script = Script(LENGTH, b"x", pause=2 * PATIENCE)
    assert isinstance(ends(line.get), requests.ReadTimeout)


@over("line", ["https"], indirect=True)
def test_a_record_of_tls_that_drips_ends(line: Line) -> None:
    """Bytes that amount to no byte of the answer yet, since their record is not whole, end too."""
    line.session.timeout = None
    line.peer.script = Script(OK + b"Content-Length: 16000\r\n\r\n", b"x" * 16_000, parts=1)
    with drip_records(line.peer) as relay:
        error = ends(lambda: line.session.get(f"https://{relay}/"))
    assert "took longer than" in str(error)


@plain
def test_each_wait_has_the_read_timeout(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stall ends with the read timeout where that is shorter than the deadline."""
    monkeypatch.setattr(session_module, "MAX_SECONDS", 60)
    line.session.timeout = (PATIENCE, 0.3)
    line.peer.script = Script(LENGTH, b"x", pause=2 * PATIENCE)
    error = ends(line.get)
    assert "Read timed out" in str(error)


class Own(HTTPAdapter):
    """An adapter of a user's, with pools of its own making."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, socket_options=[], **kwargs)


@over("drip", ["status-line", "header-value", "chunk-size", "gzip-empty-blocks"])
@over("line", ["http", "https", "tunnel"], indirect=True)
@over("kind", [HTTPAdapter, Own])
def test_an_adapter_of_the_users_keeps_the_deadline(
    line: Line, drip: str, kind: type[HTTPAdapter]
) -> None:
    """What an HTTPAdapter of the user's connects, through a proxy too, has the deadline."""
    adapter = kind()
    for prefix in ("http://", "https://"):
        line.session.mount(prefix, adapter)
    line.peer.script = DRIPS[drip]
    assert "took longer than" in str(ends(line.get))
    assert line.peer.left.wait(PATIENCE)


@plain
def test_an_adapter_is_as_it_was_elsewhere(line: Line) -> None:
    """A session of the user's own that shares the adapter has no deadline of ours."""
    adapter = HTTPAdapter()
    line.session.mount("http://", adapter)
    line.peer.script = Script(GOOD[:-4], b"x", pause=0.05, parts=4)
    with requests.Session() as other:
        other.mount("http://", adapter)
        assert other.get(line.url).text == "xxxx"
    assert isinstance(ends(line.get), requests.ReadTimeout)


@plain
def test_an_adapter_of_another_kind_has_a_bounded_body(line: Line) -> None:
    """An adapter that connects by itself is not touched; its body ends by the deadline."""

    class Other(BaseAdapter):
        def send(
            self, request: requests.PreparedRequest, *_: Any, **kwargs: Any
        ) -> requests.Response:
            return inner.send(request, **kwargs)

        def close(self) -> None:
            inner.close()

    inner = HTTPAdapter()
    line.session.mount("http://", Other())
    assert line.get().text == "good"
    line.peer.script = DRIPS["body-with-length"]
    assert "took longer than" in str(ends(line.get))
    assert line.peer.left.wait(PATIENCE)


@plain
def test_a_dripping_answer_is_not_asked_for_again(line: Line) -> None:
    """The deadline is final for the dialog too, which may be repeated otherwise."""
    line.peer.script = DRIPS["status-line"]
    ends(lambda: line.session.get(line.url + "none"))
    assert line.peer.requests == 1


def test_a_login_says_that_the_deadline_ended_it(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the login tells the reason, and the PIN went out once."""
    monkeypatch.setattr(session_module, "MAX_SECONDS", 0.5)
    sandbox.misbehave("pin", drip(0.02))
    outcome = attempt(client)
    assert type(outcome) is requests.ReadTimeout
    assert "the answer took longer than 0.5 seconds" in str(outcome)
    assert sandbox.pins_received == 1
