"""`doctor`: the connection to Upstox, and whether the app is known."""

from __future__ import annotations

import json
import socket
import sys
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from conftest import configure, free_port
from support.cli_runs import run
from upstox_totp._checks.connection import judge_clock
from upstox_totp._http.server_clock import ServerClock
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import FakeTime

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_doctor(account: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hosts, clock, proxy and certificates; no credential is sent, no password shown."""
    monkeypatch.setenv("HTTPS_PROXY", "http://trader:hunter2@proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    result = run("doctor")
    assert result.exit_code == 0
    for stage in ("api", "service", "login"):
        assert f"Host of {stage}" in result.stdout
    assert result.stdout.count("reached in ") == 3
    assert "in sync (within 1 s)" in result.stdout
    assert "https: http://[hidden]@proxy.example:3128" in result.stdout
    assert "hunter2" not in result.stdout
    assert "absent.pem (REQUESTS_CA_BUNDLE, not there)" in result.stdout
    sent = "".join(f"{r.path}{r.query}{dict(r.headers)}{r.body!r}" for r in account.requests)
    for name, value in account.environment.items():
        assert name == "UPSTOX_BASE_DOMAIN" or value not in sent


def test_doctor_does_not_blame_a_clock_for_a_sandbox(account: Sandbox) -> None:
    """On loopback it may be the sandbox's that was moved, as --step-clock does."""
    for _ in range(3):
        run("generate-token")
    told = run("doctor").stdout
    assert "90 s behind the server, which may be a sandbox with another time" in told
    assert "Synchronize it" not in told


@pytest.mark.parametrize(
    ("aheads", "text"),
    [
        ([3600, 3600, 3600], "3600 s behind the server. Synchronize it"),
        ([-3600, -3600, -3600], "3600 s ahead of the server. Synchronize it"),
        ([3, 3, 3], "3 s behind the server"),
        ([0, 0, 0], "in sync (within 1 s)"),
        # One odd answer is no clock.
        ([0, 86400, 0], "in sync (within 1 s)"),
        ([3600, 86400], "not checked: no two servers"),
        ([3600], "not checked: no two servers"),
        ([], "not checked: no two servers"),
    ],
)
def test_a_clock_is_judged_by_two_answers(
    fake_time: FakeTime, aheads: list[float], text: str
) -> None:
    """Only where they agree is the local one to blame."""
    clock = ServerClock()
    for ahead in aheads:
        # In the middle of a second, as the half that is cut off on average.
        fake_time.skipped += 1.5 - fake_time.time() % 1
        clock.follow({"Date": formatdate(int(fake_time.time() + ahead), usegmt=True)})
    assert judge_clock(clock, on_loopback=False).text.startswith(text)


def test_doctor_without_a_network(account: Sandbox) -> None:
    """What cannot be reached is told, host by host."""
    account.stop()
    try:
        result = run("doctor")
    finally:
        account.start()
    assert result.exit_code == 5
    hosts = [line for line in result.stdout.splitlines() if line.startswith("Host of")]
    assert [line.count("Connection refused") for line in hosts] == [1, 1, 1]
    assert "IPv4 does not connect (Connection refused), IPv6 has no address" in result.stdout
    assert "no two servers sent the same time" in result.stdout
    assert [line.count("The base domain (UPSTOX_BASE_DOMAIN)") for line in hosts] == [1, 1, 1]
    assert "/{stage} (UPSTOX_BASE_DOMAIN), not Upstox's own" in result.stdout


def token_row(*arguments: str) -> tuple[str, str]:
    """Return the mark and the words of the doctor's row on the token."""
    told = run("doctor", *arguments).stdout.splitlines()
    (row,) = (line for line in told if line.startswith("Token "))
    _, mark, words = row.split(maxsplit=2)
    return mark, words


def test_a_cached_token_is_checked_once(account: Sandbox) -> None:
    """One request with it, where there is one, and no login."""
    assert token_row() == ("-", "no cached token, so not checked")
    assert run("token").exit_code == 0
    before = len(account.requests)
    assert token_row() == ("✓", "valid, and accepted from this address")
    assert [r.step for r in account.requests[before:]].count("profile") == 1
    account.revoke(account.access_tokens[-1])
    assert token_row()[0] == "✗"
    assert account.logins == 1


def test_a_cache_that_cannot_be_read(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a finding of its own, and the rest is looked at."""
    monkeypatch.setenv("UPSTOX_CACHE_URL", "nonsense")
    assert token_row()[1] == "no cached token, so not checked"
    told = run("doctor").stdout
    assert "UPSTOX_CACHE_URL" in told
    assert told.endswith("Problems: Cache. Please note: Base domain.\n")
    assert account.requests


def test_a_token_off_the_registered_address(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is valid, and account calls are refused: which address is registered is told."""
    with Sandbox(clock=fake_time.true, static_address=True) as sandbox:
        configure(monkeypatch, sandbox)
        assert run("token").exit_code == 0
        mark, words = token_row()
        summary = run("doctor").stdout.splitlines()[-1]
    assert mark == "!"
    assert words.startswith(
        "valid; account and order calls are refused from this address (UDAPI1221): register it, "
        "or trade from the registered one ("
    )
    assert summary == "No problems found. Please note: Base domain, Token."


def test_doctor_needs_no_credentials(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It helps before anything is set up."""
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", sandbox.base_domain)
    assert run("doctor").exit_code == 0
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", "http://upstox.example")
    assert run("doctor").exit_code == 2


def test_doctor_for_programs(account: Sandbox) -> None:
    """Each finding with its grade and facts."""
    told = json.loads(run("doctor", "--format", "json").stdout)
    assert told["exit_code"] == 0
    findings = {finding["subject"]: finding for finding in told["findings"]}
    assert findings["Host of login"]["grade"] == "good"
    assert findings["Host of login"]["facts"]["http_status"] == 200
    assert findings["IPv4, IPv6"]["facts"]["IPv4"] == "connects"
    assert findings["Token"]["text"] == "no cached token, so not checked"
    assert findings["Token"]["grade"] == "skipped"


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("socks5://127.0.0.1:1080", 'A SOCKS proxy needs PySocks: pip install "requests[socks]"'),
        ("ftp://proxy.example:21", "The address of the proxy (HTTPS_PROXY) is not valid"),
        ("http://", "The address of the proxy (HTTPS_PROXY) is not valid"),
        ("http://user:hunter2@proxy.example:abc", "The address of the proxy (HTTPS_PROXY)"),
    ],
)
def test_a_proxy_that_cannot_be_asked(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, proxy: str, words: str
) -> None:
    """It is told as what it is, by the doctor and by a login."""
    leave_out_pysocks(monkeypatch)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    doctor, login = run("doctor"), run("token")
    assert (doctor.exit_code, login.exit_code) == (5, 5)
    assert doctor.stdout.count(words) == 3
    assert words in login.stderr
    assert "Check the connection" not in doctor.stdout + login.stderr
    assert "hunter2" not in doctor.stdout + doctor.stderr + login.stderr
    (row,) = (line for line in doctor.stdout.splitlines() if line.startswith("Proxy"))
    assert ", which does not work" in row
    assert account.requests == []


BLOCK_PAGE = "<html><h1>Error <span>{}</span></h1><p>Ray ID: 12ab</p></html>"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1010", "blocked this program by its signature (error 1010). Try another network"),
        ("1015", "blocked this address for too many requests (error 1015). Wait some minutes"),
        ("1020", "Cloudflare, before Upstox, blocked the request. Try another network"),
        ("", "The request was blocked. Something between here and Upstox refused it"),
    ],
)
def test_a_block_page_is_named(account: Sandbox, code: str, words: str) -> None:
    """In the words of a login, with Cloudflare's own code, of a host and of the dialog."""
    page = BLOCK_PAGE.format(code)
    account.misbehave("login_page", Fault.status(403, page, "text/html"))
    account.misbehave("dialog", Fault.status(403, page, "text/html"))
    told = {
        finding["subject"]: finding
        for finding in json.loads(run("doctor", "--app", "--format", "json").stdout)["findings"]
    }
    for one in words.split(". "):
        assert one in told["Host of login"]["text"]
        assert one in told["App"]["text"]
    assert told["App"]["facts"]["edge_code"] == (code or None)
    assert told["App"]["facts"]["fits"] is None
    assert run("doctor", "--app").exit_code == 6


def test_families_are_told_apart(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that is resolved and does not connect makes every login wait."""
    resolve = socket.getaddrinfo
    port = urlsplit(account.base_domain).port

    def both(host: str, where: Any, family: int = 0, *more: Any, **kwargs: Any) -> Any:
        if family == socket.AF_INET6:
            kind = (socket.AF_INET6, socket.SOCK_STREAM, 6, "")
            return [(*kind, ("::1", unused_port(), 0, 0))]
        return resolve("127.0.0.1", where, family, *more, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", both)
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", f"http://localhost:{port}/{{stage}}")
    told = run("doctor").stdout
    assert "localhost: IPv4 connects, IPv6 does not connect (" in told
    assert "prefer the other one" in told


def test_the_app_is_known(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request and its redirects prove both settings; no other setting is needed."""
    for name in ("UPSTOX_CLIENT_ID", "UPSTOX_REDIRECT_URI", "UPSTOX_BASE_DOMAIN"):
        monkeypatch.setenv(name, sandbox.environment[name])
    result = run("doctor", "--app")
    assert result.exit_code == 0
    assert "Upstox knows this client id and redirect URI" in result.stdout
    assert [r.step for r in sandbox.requests if r.step != "login_page"].count("dialog") == 1
    assert {r.step for r in sandbox.requests} <= {"dialog", "login_page", None}
    assert sandbox.otp_requests == sandbox.pins_received == sandbox.logins == 0
    assert {r.method for r in sandbox.requests} == {"GET"}
    assert {bytes(r.body) for r in sandbox.requests} == {b""}


@pytest.mark.parametrize(
    "fault", [Fault.status(503), Fault.status(500), Fault.status(429), Fault.reset("middle")]
)
def test_the_dialog_is_opened_once(account: Sandbox, fault: Fault) -> None:
    """Whatever it answers."""
    account.misbehave("dialog", fault)
    assert run("doctor", "--app").exit_code in {4, 5, 6}
    assert [r.step for r in account.requests].count("dialog") == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [("UPSTOX_CLIENT_ID", "0000"), ("UPSTOX_REDIRECT_URI", "https://127.0.0.1/other")],
)
def test_the_app_is_not_known(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """In Upstox's own words, with what to do."""
    monkeypatch.setenv(variable, value)
    result = run("doctor", "--app")
    assert result.exit_code == 3
    (row,) = (line for line in result.stdout.splitlines() if line.startswith("App"))
    assert "UDAPI100068" in row
    assert "redirect_uri (UPSTOX_REDIRECT_URI)" in row


def test_the_app_must_be_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is missing is a matter of configuration."""
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", sandbox.base_domain)
    result = run("doctor", "--app")
    assert result.exit_code == 2
    assert "client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI)" in result.stderr
    assert sandbox.requests == []


def leave_out_pysocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests be as it is without PySocks."""

    def refuse(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", refuse)


def unused_port() -> int:
    """Return a port of this machine's IPv6 on which nobody listens."""
    try:
        return free_port("::1")
    except OSError:
        return 9  # There is no IPv6 on this machine, which does not connect either.
