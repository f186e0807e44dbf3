"""TLS with a private authority, and a proxy, over real sockets."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from conftest import configure
from support.canaries import texts_of
from upstox_totp import Step, UpstoxTOTP, ValidationError
from upstox_totp._http.network_errors import network_error
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import FakeTime


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    """A certificate authority of its own, and the bundle that trusts it."""
    ca = trustme.CA()
    bundle = tmp_path / "authority.pem"
    ca.cert_pem.write_to_path(str(bundle))
    return ca, str(bundle)


@pytest.fixture
def tls_sandbox(
    authority: tuple[trustme.CA, str], fake_time: FakeTime, tmp_path: Path
) -> Iterator[Sandbox]:
    """A sandbox that serves TLS."""
    certificate = authority[0].issue_cert("127.0.0.1", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(key))
    with Sandbox(clock=fake_time.true, step_clock=True, certificate=(chain, key)) as sandbox:
        assert sandbox.base_domain.startswith("https://")
        yield sandbox


def test_a_private_authority_through_the_environment(
    tls_sandbox: Sandbox, authority: tuple[trustme.CA, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE names the authority, and the login works over https."""
    configure(monkeypatch, tls_sandbox, REQUESTS_CA_BUNDLE=authority[1])
    with UpstoxTOTP() as upx:
        assert upx.app_token.get_access_token().success
    assert tls_sandbox.connections == 1


@pytest.mark.parametrize(
    ("certificate", "trusted", "advice"),
    [
        ({}, False, "REQUESTS_CA_BUNDLE"),
        ({"not_before": datetime(2020, 1, 1), "not_after": datetime(2020, 2, 1)}, True, "clock"),  # noqa: DTZ001 - as trustme has it
        ({"not_before": datetime(2090, 1, 1), "not_after": datetime(2090, 2, 1)}, True, "clock"),  # noqa: DTZ001 - as trustme has it
        ({"name": "host.example"}, True, "another host"),
    ],
    ids=["unknown authority", "expired", "not valid yet", "another name"],
)
def test_a_certificate_that_is_refused(
    authority: tuple[trustme.CA, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: dict[str, Any],
    advice: str,
    *,
    trusted: bool,
) -> None:
    """Nothing is sent, nothing is repeated, and the error says what to do about what failed."""
    issued = authority[0].issue_cert(certificate.pop("name", "127.0.0.1"), **certificate)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(chain))
    issued.private_key_pem.write_to_path(str(key))
    with Sandbox(certificate=(chain, key)) as sandbox:
        bundle = {"REQUESTS_CA_BUNDLE": authority[1]} if trusted else {}
        configure(monkeypatch, sandbox, **bundle)
        with (
            UpstoxTOTP() as upx,
            pytest.raises(requests.exceptions.SSLError, match=advice) as caught,
        ):
            upx.app_token.get_access_token()
        assert vars(caught.value)["step"] is Step.DIALOG
        assert vars(caught.value)["sent"] is False
        assert "certificate" in str(caught.value)
        assert sandbox.requests == []


def test_a_certificate_that_newer_pythons_refuse() -> None:
    """An authority without key identifiers: advice that was followed is not repeated."""
    refused = ssl.SSLCertVerificationError("refused")
    refused.verify_code, refused.verify_message = 85, "Missing Authority Key Identifier"
    failure = requests.exceptions.SSLError(refused)
    error = network_error(failure, Step.DIALOG, "GET", "https://api.upstox.com/")
    assert "Python 3.13" in str(error)
    assert "REQUESTS_CA_BUNDLE" not in str(error)


@pytest.mark.parametrize("variable", ["SSLKEYLOGFILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_that_is_not_there(
    tls_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The variable is named, and nothing was sent."""
    configure(monkeypatch, tls_sandbox, **{variable: str(tmp_path / "no" / "such.file")})
    with (
        UpstoxTOTP() as upx,
        pytest.raises(requests.RequestException, match=variable) as caught,
    ):
        upx.app_token.get_access_token()
    assert vars(caught.value)["sent"] is False


def test_a_base_domain_that_leads_nowhere(client: UpstoxTOTP) -> None:
    """The setting that leads there is named; for Upstox's own hosts it is not."""
    client.session.mount("http://", HTTPAdapter())
    client.base_domain = "http://127.0.0.1:9/{stage}"
    with pytest.raises(requests.ConnectionError, match="UPSTOX_BASE_DOMAIN"):
        client.app_token.get_access_token()
    failure = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
    own = str(network_error(failure, Step.DIALOG, "GET", "https://api.upstox.com/"))
    assert "connection to the internet" in own


@pytest.mark.parametrize("proxy", ["http://ravi:Ab%cd9hunter@127.0.0.1:9", "http://r:€hunter@x:9"])
def test_a_proxy_whose_password_is_not_encoded(
    tls_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """The error says so, and repeats nothing of it."""
    configure(monkeypatch, tls_sandbox, HTTPS_PROXY=proxy)
    with (
        UpstoxTOTP() as upx,
        pytest.raises(requests.exceptions.InvalidProxyURL, match="percent-encoded") as caught,
    ):
        upx.app_token.get_access_token()
    assert "hunter" not in "".join(texts_of(caught.value).values())


def test_a_header_that_http_cannot_carry(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """As a User-Agent with a typographic apostrophe, copied from a page."""
    client.session.headers["User-Agent"] = "Ravi\u2019s bot"
    with pytest.raises(requests.exceptions.InvalidHeader, match="header") as caught:
        client.app_token.get_access_token()
    assert vars(caught.value)["sent"] is False
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "problem",
    [OSError("of an adapter"), UnicodeEncodeError("latin-1", "hunter", 0, 1, "no")],
    ids=type,
)
def test_what_an_adapter_raises_is_an_error_of_requests(
    client: UpstoxTOTP, problem: Exception
) -> None:
    """No other class leaves the library, and nothing of what it holds."""

    class Odd(HTTPAdapter):
        def send(self, *_: Any, **__: Any) -> requests.Response:
            raise problem

    client.session.mount("http://", Odd())
    with pytest.raises(requests.RequestException) as caught:
        client.app_token.get_access_token()
    assert "hunter" not in "".join(texts_of(caught.value).values())


def test_an_adapter_may_return_no_body(client: UpstoxTOTP) -> None:
    """A bare ``requests.Response`` is an unexpected answer."""

    class Bare(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
            response = requests.Response()
            response.status_code, response.url = 200, str(request.url)
            return response

    client.session.mount("http://", Bare())
    with pytest.raises(ValidationError):
        client.app_token.get_access_token()


class Proxy(socketserver.ThreadingTCPServer):
    """An HTTP proxy that knows CONNECT, and remembers whom it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = b"200 Connection established"
        super().__init__(("127.0.0.1", 0), Tunnel)

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://user:proxy-secret@127.0.0.1:{self.server_address[1]}"


class Tunnel(socketserver.StreamRequestHandler):
    """One connection through the proxy."""

    def handle(self) -> None:
        """Open the tunnel and pass bytes on in both directions."""
        assert isinstance(self.server, Proxy)
        target = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(target)
        self.wfile.write(b"HTTP/1.1 %s\r\n\r\n" % self.server.status)
        if not self.server.status.startswith(b"200"):
            return
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, self.connection))
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A running proxy."""
    with Proxy() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_proxy_through_the_environment(
    proxy: Proxy,
    tls_sandbox: Sandbox,
    authority: tuple[trustme.CA, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTPS_PROXY carries all six requests through one tunnel."""
    configure(monkeypatch, tls_sandbox, REQUESTS_CA_BUNDLE=authority[1], HTTPS_PROXY=proxy.url)
    with UpstoxTOTP() as upx:
        assert upx.app_token.get_access_token().success
    assert proxy.asked == [tls_sandbox.base_domain.split("/")[2]]


def test_a_proxy_of_the_sessions(
    proxy: Proxy,
    tls_sandbox: Sandbox,
    authority: tuple[trustme.CA, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """session.proxies is honoured as well."""
    configure(monkeypatch, tls_sandbox, REQUESTS_CA_BUNDLE=authority[1])
    with UpstoxTOTP() as upx:
        upx.session.proxies["https"] = proxy.url
        assert upx.app_token.get_access_token().success
    assert len(proxy.asked) == 1


def test_a_proxy_that_refuses_is_named_without_its_password(
    proxy: Proxy, tls_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that it is the proxy, not with which password."""
    proxy.status = b"407 Proxy Authentication Required"
    configure(monkeypatch, tls_sandbox, HTTPS_PROXY=proxy.url)
    with (
        UpstoxTOTP() as upx,
        pytest.raises(requests.exceptions.ProxyError, match="HTTPS_PROXY") as caught,
    ):
        upx.app_token.get_access_token()
    assert "proxy-secret" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert len(proxy.asked) == 1


def test_a_proxy_that_is_not_there(
    tls_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, proxy: Proxy
) -> None:
    """A refused connection to the proxy is a ProxyError."""
    monkeypatch.setattr("upstox_totp._http.session._BACKOFF_FACTOR", 0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configure(monkeypatch, tls_sandbox, HTTPS_PROXY=f"http://127.0.0.1:{port}")
    with UpstoxTOTP() as upx, pytest.raises(requests.exceptions.ProxyError, match="refused"):
        upx.app_token.get_access_token()
