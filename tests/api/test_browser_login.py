"""The login in the person's own browser, which comes back to a listener or is pasted."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
import webbrowser
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from conftest import PATIENCE, FakeTime, configure
from support.canaries import texts_of
from support.form_browser import Page
from support.person import SECONDS, approve
from upstox_totp import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    UpstoxTOTP,
    UpstoxWarning,
    ValidationError,
)
from upstox_totp._api.browser_login import _find_browser as find_browser
from upstox_totp.errors import LoginWaitError
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Person:
    """Somebody who is shown the login page's address, and does something about it.

    Attributes:
        act: What they do.
        problems: What went wrong while they did.
    """

    def __init__(self, act: Callable[[str], object]) -> None:
        self.act = act
        self.problems: list[BaseException] = []
        self._thread = threading.Thread()

    def __call__(self, url: str) -> None:
        """Begin to act, beside the program that waits."""
        self._thread = threading.Thread(target=self._run, args=(url,))
        self._thread.start()

    def _run(self, url: str) -> None:
        try:
            self.act(url)
        except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
            self.problems.append(error)

    def done(self) -> None:
        """Wait until they are done, and raise what went wrong."""
        self._thread.join(SECONDS)
        for problem in self.problems:
            raise problem


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with a browser that notes what it is told to open, and shows nothing."""
    pages: list[str] = []

    class Quiet:
        name = "some-browser"

        def open(self, url: str) -> bool:
            pages.append(url)
            return True

    monkeypatch.delenv("BROWSER", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(webbrowser, "get", Quiet)
    return pages


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a browser."""

    def get() -> None:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", get)


def visit(url: str, method: str = "GET", host: str | None = None) -> Page:
    """Open an address at the listener, and return its page."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method, url, headers={"Host": host} if host else None, timeout=SECONDS
        )
    page = Page(answer.url, answer.headers, answer.text)
    page.status = answer.status_code  # type: ignore[attr-defined]
    return page


def status_of(page: Page) -> int:
    """Return the HTTP status of a page."""
    return int(page.status)  # type: ignore[attr-defined]


def test_a_person_logs_in_with_the_browser(
    client: UpstoxTOTP, sandbox: Sandbox, opened: list[str]
) -> None:
    """The address is shown and opened, and the page it ends on says that it worked."""
    pages: list[Page] = []
    person = Person(lambda url: pages.append(visit(approve(sandbox, url))))
    client.browser_login.announce = person
    response = client.browser_login.get_access_token(SECONDS)
    person.done()
    assert response.data.access_token == sandbox.access_tokens[-1]
    assert response.data.expires_at > response.data.obtained_at  # type: ignore[operator]
    (page,) = pages
    assert status_of(page) == 200
    assert page.title == "You are logged in"
    assert (page.language, page.scripts, page.form) == ("en", 0, {})
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Server" not in page.headers
    assert [parse_qs(urlsplit(url).query)["response_type"] for url in opened] == [["code"]]
    assert parse_qs(urlsplit(page.url).query)["code"][0] not in page.text


def test_it_needs_no_more_than_the_app(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Neither password nor PIN nor TOTP secret is sent by the program."""
    person = Person(lambda url: visit(approve(sandbox, url)))
    client.browser_login.announce = person
    before = len(sandbox.requests)
    client.browser_login.get_access_token(SECONDS)
    person.done()
    own = sandbox.requests[before:]
    assert [record.step for record in own].count("token") == 1
    assert {record.step for record in own}.isdisjoint({"otp", "verify", "pin", "authorize"})


def test_who_denies_is_told_so(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """In the program and on the page; nothing is exchanged."""
    pages: list[Page] = []
    person = Person(lambda url: pages.append(visit(approve(sandbox, url, "Deny"))))
    client.browser_login.announce = person
    with pytest.raises(AuthenticationError, match="denied") as caught:
        client.browser_login.get_access_token(SECONDS)
    person.done()
    assert caught.value.error_code == "access_denied"
    assert caught.value.settings == ()
    assert "access was denied" in pages[0].text
    assert pages[0].title == "You are not logged in"
    assert sandbox.access_tokens == []


def test_the_page_says_that_the_exchange_failed(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """What Upstox said to the code is on the page, and the code is nowhere."""
    sandbox.misbehave("token", Fault.refuse("UDAPI100057", "Invalid Auth code", 401))
    pages: list[Page] = []
    person = Person(lambda url: pages.append(visit(approve(sandbox, url))))
    client.browser_login.announce = person
    with pytest.raises((APIError, AuthenticationError)) as caught:
        client.browser_login.get_access_token(SECONDS)
    person.done()
    code = parse_qs(urlsplit(pages[0].url).query)["code"][0]
    assert pages[0].title == "You are not logged in"
    assert "Invalid Auth code" in pages[0].text
    assert code not in pages[0].text
    for place, text in texts_of(caught.value).items():
        for secret in (code, sandbox.credentials.client_secret):
            assert secret not in text, place


Hostile = tuple[str, int, str]
STATE = "{state}"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("code=stolen&state=another", 400, "not the login that waits here"),
        ("code=stolen", 400, "not the login that waits here"),
        ("code=stolen&state=", 400, "not the login that waits here"),
        (f"code=stolen&state={STATE}&state={STATE}", 400, "not the login that waits here"),
        (f"code=stolen&state={STATE}x", 400, "not the login that waits here"),
        ("error=access_denied&state=another", 400, "not the login that waits here"),
        ("error=access_denied", 400, "not the login that waits here"),
        ("", 400, "not the login that waits here"),
        ("&".join(f"a{n}=1" for n in range(500)), 400, "not the login that waits here"),
        ("code=stolen&state=%ff%fe", 400, "not the login that waits here"),
    ],
)
def test_a_foreign_callback_is_refused_and_the_login_goes_on(
    client: UpstoxTOTP, sandbox: Sandbox, query: str, status: int, said: str
) -> None:
    """What does not have this login's state, once, changes nothing: the person's own counts."""
    pages: list[Page] = []

    def act(url: str) -> None:
        sent = parse_qs(urlsplit(url).query)
        foreign = query.replace(STATE, sent["state"][0])
        pages.append(visit(f"{sandbox.credentials.redirect_uri}?{foreign}"))
        visit(approve(sandbox, url))

    person = Person(act)
    client.browser_login.announce = person
    response = client.browser_login.get_access_token(SECONDS)
    person.done()
    assert response.data.access_token == sandbox.access_tokens[-1]
    assert status_of(pages[0]) == status
    assert said in pages[0].text
    assert "stolen" not in pages[0].text
    exchanged = [record.body for record in sandbox.requests if record.step == "token"]
    assert len(exchanged) == 1
    assert b"stolen" not in (exchanged[0] or b"")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (("GET", "/callback", "evil.example"), 400),
        (("GET", "/callback", "localhost:1"), 400),
        (("POST", "/callback", None), 501),
        (("HEAD", "/callback", None), 501),
        (("PUT", "/callback", None), 501),
        (("OPTIONS", "/callback", None), 501),
        (("GET", "/", None), 404),
        (("GET", "/favicon.ico", None), 404),
        (("GET", "/callback/", None), 404),
        (("GET", "/Callback", None), 404),
    ],
)
def test_other_requests_are_refused(
    client: UpstoxTOTP, sandbox: Sandbox, asked: tuple[str, str, str | None], status: int
) -> None:
    """A foreign Host, another method or another path, even with the right state: nothing."""
    method, path, host = asked
    pages: list[Page] = []

    def act(url: str) -> None:
        state = parse_qs(urlsplit(url).query)["state"][0]
        parts = urlsplit(sandbox.credentials.redirect_uri)
        foreign = parts._replace(path=path, query=f"code=stolen&state={state}").geturl()
        pages.append(visit(foreign, method, host))
        visit(approve(sandbox, url))

    person = Person(act)
    client.browser_login.announce = person
    client.browser_login.get_access_token(SECONDS)
    person.done()
    assert status_of(pages[0]) == status
    assert pages[0].headers["Cache-Control"] == "no-store"
    assert "stolen" not in pages[0].text


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        (f"state={STATE}", ValidationError, "no authorization code"),
        (f"code=&state={STATE}", ValidationError, "no authorization code"),
        (f"code=one&code=two&state={STATE}", ValidationError, "several authorization codes"),
        (f"error=server_error&error_description=<b>later&state={STATE}", APIError, "later"),
        (f"error=unauthorized_client&state={STATE}&code=stolen", APIError, "unauthorized_client"),
    ],
)
def test_a_callback_without_a_code_ends_the_login(
    client: UpstoxTOTP, sandbox: Sandbox, query: str, error: type[Exception], said: str
) -> None:
    """It has the right state, so it is the answer: an error that says what came."""
    pages: list[Page] = []

    def act(url: str) -> None:
        state = parse_qs(urlsplit(url).query)["state"][0]
        pages.append(visit(f"{sandbox.credentials.redirect_uri}?{query.replace(STATE, state)}"))

    person = Person(act)
    client.browser_login.announce = person
    with pytest.raises(error, match=said):
        client.browser_login.get_access_token(SECONDS)
    person.done()
    assert pages[0].title == "You are not logged in"
    assert said in pages[0].text
    assert "<b>" not in pages[0].text
    assert sandbox.requests == []


def test_a_second_callback_is_answered_politely(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Who reloads while the first waits for Upstox is told that it was answered."""
    pages: list[Page] = []
    visited = threading.Event()

    def late(payload: dict[str, Any]) -> dict[str, Any]:
        visited.wait(PATIENCE)
        return payload

    def act(url: str) -> None:
        sent = approve(sandbox, url)
        first = threading.Thread(target=visit, args=(sent,))
        sandbox.misbehave("token", Fault.change(late))
        first.start()
        while not any(record.step == "token" for record in sandbox.requests):
            first.join(0.02)
        pages.append(visit(sent))
        visited.set()
        first.join()

    person = Person(act)
    client.browser_login.announce = person
    client.browser_login.get_access_token(SECONDS)
    person.done()
    assert status_of(pages[0]) == 409
    assert "answered already" in pages[0].title
    assert len(sandbox.access_tokens) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /callback?code=x HTTP/1.1\r\nHost: 127",
        b"GET /callback?code=x",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /callback?" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /callback HTTP/1.1\r\n" + b"X: " + b"y" * 60_000 + b"\r\n" + b"Z: 1\r\n" * 20_000,
    ],
    ids=["nothing", "half a head", "half a line", "TLS", "1 MB URL", "endless head"],
)
def test_a_connection_that_means_no_good_ends(
    client: UpstoxTOTP, sandbox: Sandbox, sent: bytes
) -> None:
    """Closed early, too large, or not HTTP: the login goes on."""

    def act(url: str) -> None:
        parts = urlsplit(sandbox.credentials.redirect_uri)
        connection = socket.create_connection((parts.hostname, parts.port), SECONDS)
        with connection, contextlib.suppress(OSError):
            connection.sendall(sent)
        visit(approve(sandbox, url))

    person = Person(act)
    client.browser_login.announce = person
    assert client.browser_login.get_access_token(SECONDS).success
    person.done()


def test_silent_connections_keep_nobody_out(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """As browsers open some ahead, and a page on another site may open many."""

    def act(url: str) -> None:
        parts = urlsplit(sandbox.credentials.redirect_uri)
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                address = (parts.hostname, parts.port)
                stack.enter_context(socket.create_connection(address, SECONDS))
            visit(approve(sandbox, url))

    person = Person(act)
    client.browser_login.announce = person
    client.browser_login.get_access_token(SECONDS)
    person.done()
    # Nothing listens any longer.
    with pytest.raises(requests.ConnectionError):
        visit(sandbox.credentials.redirect_uri)


def test_nobody_comes(client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime) -> None:
    """The error says how long it waited, and that a foreign callback came."""

    def act(_: str) -> None:
        try:
            visit(f"{sandbox.credentials.redirect_uri}?code=stolen&state=another")
        finally:
            fake_time.skipped += 301

    person = Person(act)
    client.browser_login.announce = person
    with pytest.raises(LoginWaitError, match=r"within 300 seconds\. 1 came that"):
        client.browser_login.get_access_token()
    person.done()


def test_a_port_in_use(client: UpstoxTOTP, sandbox: Sandbox, opened: list[str]) -> None:
    """Another program would get the code: nothing is opened, and the error names the port."""
    parts = urlsplit(sandbox.credentials.redirect_uri)
    taken = socket.create_server((parts.hostname or "", parts.port or 0))
    with taken, pytest.raises(ConfigurationError, match=f"port {parts.port}"):
        client.browser_login.get_access_token(SECONDS)
    assert opened == []


def with_redirect_uri(sandbox: Sandbox, uri: str) -> Sandbox:
    """Return a sandbox whose app has another redirect URI."""
    return Sandbox(credentials=replace(sandbox.credentials, redirect_uri=uri))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_localhost_is_both_addresses(
    sandbox: Sandbox, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser may ask either for localhost, and names it so in Host."""
    port = urlsplit(sandbox.credentials.redirect_uri).port
    with with_redirect_uri(sandbox, f"http://localhost:{port}") as other:
        configure(monkeypatch, other)

        def act(url: str) -> None:
            sent = approve(other, url).replace(f"localhost:{port}", f"{host}:{port}/")
            visit(sent, host=f"localhost:{port}")

        person = Person(act)
        with UpstoxTOTP() as client:
            client.browser_login.announce = person
            assert client.browser_login.get_access_token(SECONDS).success
        person.done()


@pytest.mark.parametrize("path", ["/call%2Dback", "/a%20b", "", "/done?kept=1&code=own"])
def test_a_redirect_uri_is_recognised_however_it_is_written(
    sandbox: Sandbox, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser asks for it as it is registered; a query of its own comes back with the rest."""
    uri = sandbox.credentials.redirect_uri.replace("/callback", path)
    with with_redirect_uri(sandbox, uri) as other:
        configure(monkeypatch, other)
        person = Person(lambda url: visit(approve(other, url)))
        with UpstoxTOTP() as client:
            client.browser_login.announce = person
            response = client.browser_login.get_access_token(SECONDS)
        person.done()
        assert response.data.access_token == other.access_tokens[-1]


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1/callback",
        "https://trader.example/done?kept=1&code=own",
        "http://192.0.2.1:8000/callback",
        "http://127.0.0.1:1@example.com/callback",
        "trader-app://done",
    ],
)
def test_where_the_address_is_pasted(
    sandbox: Sandbox, uri: str, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    """The redirect URI is not this program's to listen on: the person pastes where it ended."""
    with with_redirect_uri(sandbox, uri) as other:
        configure(monkeypatch, other)
        with UpstoxTOTP() as client:
            way = client.browser_login
            shown: list[str] = []
            prompts: list[str] = []

            def paste(prompt: str) -> str:
                prompts.append(prompt)
                return f"  {approve(other, shown[0])}\n"

            way.announce, way.paste = shown.append, paste
            assert way.get_access_token().data.access_token == other.access_tokens[-1]
            assert len(prompts) == 1
            assert opened == shown


def test_without_a_browser_the_address_is_pasted(
    client: UpstoxTOTP, sandbox: Sandbox, no_browser: None
) -> None:
    """Over ssh, the browser is elsewhere, and so is its loopback interface."""
    shown: list[str] = []
    client.browser_login.announce = shown.append
    client.browser_login.paste = lambda _: approve(sandbox, shown[0])
    response = client.browser_login.get_access_token()
    assert response.data.access_token == sandbox.access_tokens[-1]


def test_without_a_browser_and_without_asking_it_listens(
    client: UpstoxTOTP, sandbox: Sandbox, no_browser: None
) -> None:
    """Somebody was shown the address: their browser may reach this machine through a tunnel."""
    person = Person(lambda url: visit(approve(sandbox, url)))
    client.browser_login.announce = person
    assert client.browser_login.get_access_token(SECONDS).success
    person.done()


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("state=", "state=x"),
        lambda url: url.replace("127.0.0.1", "localhost"),
        lambda url: url.replace("http://", "https://"),
        lambda url: url.replace("/callback", "/other"),
        lambda url: url.replace("http://", "http://me@"),
        lambda url: "https://evil.example/?" + url.partition("?")[2],
        lambda url: url.partition("?")[2],
        lambda _: "",
        lambda url: url.replace("?", "#"),
    ],
)
def test_a_foreign_address_is_not_taken(
    client: UpstoxTOTP, sandbox: Sandbox, no_browser: None, change: Callable[[str], str]
) -> None:
    """Another state, host, scheme or path, or no address at all: nothing is exchanged."""
    shown: list[str] = []
    sent: list[str] = []

    def paste(_: str) -> str:
        sent.append(approve(sandbox, shown[0]))
        return change(sent[0])

    client.browser_login.announce, client.browser_login.paste = shown.append, paste
    with pytest.raises(ValidationError) as caught:
        client.browser_login.get_access_token()
    assert not any(record.step == "token" for record in sandbox.requests)
    code = parse_qs(urlsplit(sent[0]).query)["code"][0]
    for place, text in texts_of(caught.value).items():
        assert code not in text, place


def test_nobody_can_be_reached(
    client: UpstoxTOTP, no_browser: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a browser nor anybody to show the address to: the error says what to do."""
    with pytest.raises(ConfigurationError, match="no browser to open here"):
        client.browser_login.get_access_token()
    with with_redirect_uri(sandbox, "https://trader.example/done") as other:
        configure(monkeypatch, other)
        with UpstoxTOTP() as elsewhere, pytest.raises(ConfigurationError, match="paste"):
            elsewhere.browser_login.get_access_token()


def test_a_browser_that_does_not_open(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is told to open the address by hand, and the login goes on."""

    class Broken:
        name = "some-browser"

        def open(self, url: str) -> bool:
            raise RuntimeError(url)

    monkeypatch.setattr(webbrowser, "get", Broken)
    person = Person(lambda url: visit(approve(sandbox, url)))
    client.browser_login.announce = person
    with pytest.warns(UpstoxWarning, match="by hand") as warned:
        client.browser_login.get_access_token(SECONDS)
    person.done()
    assert "state" not in str(warned[0].message)


def test_a_browser_that_does_not_open_lets_the_address_be_pasted(
    client: UpstoxTOTP, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user can be asked, so they are, once it is known that nothing opened."""
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("/no/such-browser"))
    shown: list[str] = []
    client.browser_login.announce = shown.append
    client.browser_login.paste = lambda _: approve(sandbox, shown[0])
    with pytest.warns(UpstoxWarning, match="by hand"):
        response = client.browser_login.get_access_token(SECONDS)
    assert response.data.access_token == sandbox.access_tokens[-1]


def test_what_was_pasted_meanwhile_is_taken(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """A browser opened, but elsewhere: the address that it ended at serves as well."""
    shown: list[str] = []
    looks: list[str | None] = [None, ""]
    client.browser_login.announce = shown.append
    client.browser_login.look = lambda: looks.pop() if looks else approve(sandbox, shown[0])
    response = client.browser_login.get_access_token(SECONDS)
    assert response.data.access_token == sandbox.access_tokens[-1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has one text browser, under two names."""
    path = tmp_path / "bin"
    path.mkdir()
    (path / "w3m").write_text("#!/bin/sh\n")
    (path / "w3m").chmod(stat.S_IRWXU)
    with contextlib.suppress(OSError):
        (path / "www-browser").symlink_to(path / "w3m")
    monkeypatch.setenv("PATH", str(path))
    return path


@pytest.mark.skipif(os.name == "nt", reason="text browsers are found by names of POSIX systems")
@pytest.mark.parametrize("name", ["w3m", "www-browser", "/absent/lynx", "links"])
def test_a_browser_in_the_terminal_counts_as_none(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the terminal; a link to one is one."""
    generic = webbrowser.GenericBrowser(name)
    monkeypatch.setattr(webbrowser, "get", lambda: generic)
    assert find_browser() is None


def test_a_browser_without_a_name_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of Windows is, in whatever folder the program runs."""
    (tmp_path / "lynx").mkdir()
    monkeypatch.chdir(tmp_path / "lynx")
    nameless = webbrowser.GenericBrowser("")
    monkeypatch.setattr(webbrowser, "get", lambda: nameless)
    assert find_browser() is nameless


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_by_ssh_the_screen_of_the_machine_counts_as_none(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sits before it; a browser that was named by BROWSER is what its user wants."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
    assert find_browser() is not None
    # The machine alone is another one: the standard library stays that of this one.
    monkeypatch.setattr("upstox_totp._api.browser_login.sys", SimpleNamespace(platform=platform))
    assert find_browser() is None
    monkeypatch.setenv("BROWSER", "some-browser")
    assert find_browser() is not None
