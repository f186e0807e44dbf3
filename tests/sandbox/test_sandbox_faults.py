"""The sandbox's faults: what reaches the client, and what the account makes of it."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from conftest import PATIENCE
from support.sandbox_probe import DIALOG, Probe, code_of, message_of, query_of
from support.wire_faults import drip, last_on_connection, then_blackhole
from upstox_totp.sandbox import Fault, Sandbox

Step = Callable[[Probe], requests.Response]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox as it comes."""
    with Sandbox() as served:
        yield served


@pytest.fixture
def probe(sandbox: Sandbox) -> Iterator[Probe]:
    """Make a login against it."""
    with Probe(sandbox) as made:
        yield made


def raw(sandbox: Sandbox, path: str = f"/api{DIALOG}", timeout: float = 2) -> socket.socket:
    """Send a bare GET and return the socket to read the answer from."""
    connection = socket.create_connection(("127.0.0.1", sandbox.port), timeout)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return connection


def all_of(connection: socket.socket) -> bytes:
    """Read until the connection ends."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


STEPS: dict[str, tuple[Step, Step]] = {
    "dialog": (lambda probe: probe.get("api", "/nowhere"), lambda probe: probe.dialog()),
    "login_page": (lambda probe: probe.get("api", "/nowhere"), lambda probe: probe.dialog()),
    "otp": (lambda probe: probe.dialog(), lambda probe: probe.otp()),
    "verify": (lambda probe: probe.to_otp().otp(), lambda probe: probe.verify()),
    "pin": (lambda probe: probe.to_otp().verify(), lambda probe: probe.pin()),
    "authorize": (lambda probe: probe.to_verified().pin(), lambda probe: probe.authorize()),
    "token": (lambda probe: probe.to_verified().pin(), lambda probe: probe.token()),
    "profile": (lambda probe: probe.get("api", "/nowhere"), lambda probe: probe.profile("x")),
    "logout": (
        lambda probe: probe.get("api", "/nowhere"),
        lambda probe: probe.session.delete(probe.url("api", "/v2/logout"), timeout=PATIENCE),
    ),
    "totp_login": (
        lambda probe: probe.get("api", "/nowhere"),
        lambda probe: probe.post("api", "/v2/totp-login/authorization/token"),
    ),
    "token_request": (
        lambda probe: probe.get("api", "/nowhere"),
        lambda probe: probe.post("api", "/v3/login/auth/token/request/x"),
    ),
}


@pytest.mark.parametrize("step", list(STEPS))
def test_every_step_can_misbehave(probe: Probe, step: str) -> None:
    """A fault of a step hits its next request and is recorded with the status it sent."""
    before, call = STEPS[step]
    before(probe)
    probe.sandbox.misbehave(step, Fault.status(503, "{}", "application/json"), 1)  # type: ignore[arg-type]
    response = call(probe)
    assert (response.status_code, response.text) == (503, "{}")
    record = probe.sandbox.requests[-1]
    assert (record.step, record.status) == (step, 503)


def test_a_redirect_step_can_misbehave() -> None:
    """The redirects after the approval can misbehave too."""
    with Sandbox(authorize_redirects=1) as sandbox, Probe(sandbox) as probe:
        probe.to_verified().pin()
        location = probe.authorize().json()["data"]["redirectUri"]
        sandbox.misbehave("redirect", Fault.redirect("https://elsewhere.example/?code=x", 307))
        response = probe.session.get(location, allow_redirects=False, timeout=PATIENCE)
        assert response.status_code == 307
        assert response.headers["Location"] == "https://elsewhere.example/?code=x"
        sandbox.behave()
        sandbox.misbehave("redirect", Fault.change(lambda address: address + "&state=1"))
        response = probe.session.get(location, allow_redirects=False, timeout=PATIENCE)
        assert query_of(response.headers["Location"])["state"] == "1"


def test_faults_take_turns(probe: Probe) -> None:
    """Faults of one step come in the order they were asked for, each as often as it may."""
    probe.sandbox.misbehave("profile", Fault.status(500), 2)
    probe.sandbox.misbehave("profile", Fault.status(502))
    assert [probe.profile("x").status_code for _ in range(4)] == [500, 500, 502, 502]
    probe.sandbox.behave()
    assert probe.profile("x").status_code == 401


@pytest.mark.parametrize(("step", "times"), [("otp", 0), ("otp", -1), ("unknown", None)])
def test_senseless_faults_are_refused(sandbox: Sandbox, step: Any, times: int | None) -> None:
    """An unknown step, or less than once, is a `ValueError`."""
    with pytest.raises(ValueError, match=r"step|times"):
        sandbox.misbehave(step, Fault.hang(), times)


INSTEAD: list[tuple[Fault, int, str, bytes]] = [
    (Fault.status(418, b"teapot", "text/x-tea"), 418, "text/x-tea", b"teapot"),
    (Fault.html(), 200, "text/html", b"<title>Access Denied"),
    (Fault.html(403), 403, "text/html", b"<title>Access Denied"),
    (Fault.json([]), 200, "application/json", b"[]"),
    (Fault.json({"success": True, "data": None}, 500), 500, "application/json", b'"data": null'),
    (Fault.body(b""), 200, "application/json", b""),
    (Fault.body(b"\xff\xfe", "text/x-odd"), 200, "text/x-odd", b"\xff\xfe"),
]


@pytest.mark.parametrize(("fault", "status", "kind", "part"), INSTEAD)
def test_what_is_answered_instead(
    probe: Probe, fault: Fault, status: int, kind: str, part: bytes
) -> None:
    """A status, a page, JSON or any bytes; the step is not carried out."""
    probe.dialog()
    probe.sandbox.misbehave("otp", fault)
    probe.sandbox.misbehave("profile", fault)
    assert probe.profile("x").status_code == status
    response = probe.post("service", "/login/open/v6/auth/1fa/otp/generate", json={})
    assert response.status_code == status
    assert response.headers["Content-Type"].partition(";")[0] == kind
    assert part in response.content


@pytest.mark.parametrize("value", [30, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_headers_are_sent(probe: Probe, value: int | str) -> None:
    """`retry_after` says when, in seconds or by a date; `status` takes any."""
    probe.sandbox.misbehave("profile", Fault.retry_after(value), 1)
    probe.sandbox.misbehave("profile", Fault.status(418, headers={"X-Tea": "yes"}), 1)
    response = probe.profile("x")
    assert (response.status_code, code_of(response)) == (429, "UDAPI10005")
    assert response.headers["Retry-After"] == str(value)
    assert probe.profile("x").headers["X-Tea"] == "yes"


def test_a_changed_answer_was_carried_out(probe: Probe) -> None:
    """`change` alters the real answer; the step counts."""
    probe.to_otp()
    probe.sandbox.misbehave("verify", Fault.change(lambda payload: payload | {"extra": 1}), 1)
    payload = probe.verify().json()
    assert (payload["success"], payload["extra"]) == (True, 1)
    assert probe.pin().json()["success"]


def test_without_and_replace_follow_paths(probe: Probe) -> None:
    """`without` and `replace` reach into dicts and lists, and miss quietly."""
    probe.to_otp()
    faults = [
        Fault.without("data.accounts.0.userId"),
        Fault.replace("data.accounts.0.profileId", "text"),
        Fault.replace("data.accounts.0", None),
        Fault.without("data.accounts.0"),
        Fault.without("data.accounts.9"),
        Fault.without("data.nothing.there"),
        Fault.replace("data.nothing.there", 1),
        Fault.replace("data.accounts.9", 1),
        Fault.replace("data.new", 1),
    ]
    for fault in faults:
        probe.sandbox.misbehave("verify", fault, 1)
    answers = []
    for _ in faults:
        probe.sandbox.unlock()
        probe.otp()
        probe.sandbox.advance(30)
        answers.append(probe.verify().json()["data"])
    accounts = [answer["accounts"] for answer in answers]
    assert "userId" not in accounts[0][0]
    assert accounts[1][0]["profileId"] == "text"
    assert accounts[2:4] == [[None], []]
    assert accounts[4] == accounts[5] == accounts[6] == accounts[7]
    assert answers[8]["new"] == 1


def test_the_dialogs_query_can_change(probe: Probe) -> None:
    """For the dialog a change concerns the login page's query, which later steps then demand."""
    probe.sandbox.misbehave("dialog", Fault.replace("user_id", "OTHER9"), 1)
    probe.sandbox.misbehave("dialog", Fault.without("client_id"), 1)
    probe.dialog()
    assert probe.told["user_id"] == "OTHER9"
    assert code_of(probe.otp(userId="4CB7QX")) == 1017016
    assert probe.otp().json()["success"]
    probe.dialog()
    assert "client_id" not in probe.told


def test_refuse_uses_the_hosts_envelope(probe: Probe) -> None:
    """`refuse` answers in the envelope and with the status of the step's host."""
    probe.dialog()
    probe.sandbox.misbehave("otp", Fault.refuse(1017125, "The form is disabled", echo=False))
    probe.sandbox.misbehave("token", Fault.refuse("UDAPI100073", "Inactive", echo=False), 1)
    probe.sandbox.misbehave("token", Fault.refuse("UDAPI100500", "Later", 500, echo=False), 1)
    service = probe.otp()
    assert service.status_code == 200
    assert service.json() == {
        "success": False,
        "error": {"code": 1017125, "message": "The form is disabled"},
    }
    api = [probe.token(), probe.token()]
    assert [(r.status_code, code_of(r)) for r in api] == [
        (400, "UDAPI100073"),
        (500, "UDAPI100500"),
    ]


def test_refuse_repeats_what_was_sent(probe: Probe) -> None:
    """An echoing sandbox repeats every value of the request after the message."""
    sandbox = probe.sandbox
    probe.to_code()
    for step in ("otp", "token", "profile"):
        sandbox.misbehave(step, Fault.refuse(1, "No"))
    assert message_of(probe.otp()) == f"No {probe.known.username} {probe.told['user_id']}"
    message = message_of(probe.token())
    assert [value for value in probe.form().values() if value not in message] == []
    assert message_of(probe.profile("a.b.c")) == "No a.b.c"


def test_hang_answers_nothing(probe: Probe) -> None:
    """`hang` takes the request, answers nothing and leaves the account alone."""
    probe.dialog()
    probe.sandbox.misbehave("otp", Fault.hang(), 1)
    url = probe.url("service", "/login/open/v6/auth/1fa/otp/generate")
    with pytest.raises(requests.exceptions.ReadTimeout):
        probe.session.post(url, json={}, timeout=0.05)
    while len(probe.sandbox.requests) < 2:
        time.sleep(0.001)
    assert probe.sandbox.requests[-1].status is None
    assert probe.sandbox.otp_requests == 1


@pytest.mark.parametrize("fault", [Fault.hang(), drip(60), Fault.late(60)])
def test_stop_ends_waiting_faults(fault: Fault) -> None:
    """Whatever a fault waits for, `stop` ends it at once and leaves no thread."""
    threads = threading.active_count()
    took = []
    for _ in range(3):
        with Sandbox() as sandbox:
            sandbox.misbehave("dialog", fault)
            with raw(sandbox) as connection:
                while not sandbox.requests:
                    time.sleep(0.001)
                begun = time.perf_counter()
                sandbox.stop()
                took.append(time.perf_counter() - begun)
                all_of(connection)
        assert threading.active_count() == threads
    # The best of three: a busy machine is not the sandbox's.
    assert min(took) < 0.5


def test_late_is_carried_out_and_answered(probe: Probe) -> None:
    """`late` answers properly, later."""
    probe.sandbox.misbehave("dialog", Fault.late(0.03))
    begun = time.perf_counter()
    assert probe.dialog().status_code == 200
    assert time.perf_counter() - begun >= 0.03


def test_reset_before_the_answer(probe: Probe) -> None:
    """A reset before the answer is a reset, and nothing was carried out; after half, it was."""
    probe.to_verified()
    probe.sandbox.misbehave("pin", Fault.reset(), 1)
    with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
        probe.pin()
    assert (probe.sandbox.pins_received, probe.sandbox.logins) == (1, 0)
    assert probe.sandbox.requests[-1].status is None
    probe.sandbox.misbehave("pin", Fault.reset("middle"), 1)
    with pytest.raises(requests.exceptions.RequestException):
        probe.pin()
    assert probe.sandbox.logins == 1
    assert probe.pin().json()["success"]


@pytest.mark.parametrize("fault", [Fault.close(), Fault.hang(0.02)])
def test_an_orderly_end_without_a_byte(sandbox: Sandbox, fault: Fault) -> None:
    """An early close, and a `hang` that ends by itself."""
    sandbox.misbehave("dialog", fault)
    with raw(sandbox) as connection:
        assert all_of(connection) == b""


def halved(received: bytes) -> bool:
    """Tell whether an answer's body is half of what its headers promise."""
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return length is not None and len(body) == int(length[1]) // 2 > 0


def test_close_in_the_middle(sandbox: Sandbox) -> None:
    """In the middle, the end comes after half of the real body."""
    sandbox.misbehave("profile", Fault.close("middle"))
    with raw(sandbox, "/api/v2/user/profile") as connection:
        assert halved(all_of(connection))
    assert sandbox.requests[-1].status == 401


def test_reset_in_the_middle(sandbox: Sandbox) -> None:
    """In the middle, the reset comes after half of the real body."""
    sandbox.misbehave("profile", Fault.reset("middle"))
    received = b""
    with raw(sandbox, "/api/v2/user/profile") as connection:
        while not halved(received):
            received += connection.recv(65536)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_redirect_loop_has_no_end(probe: Probe) -> None:
    """A client that follows the loop gives up by itself."""
    probe.sandbox.misbehave("dialog", Fault.redirect_loop())
    probe.session.max_redirects = 5
    with pytest.raises(requests.exceptions.TooManyRedirects):
        probe.dialog()
    assert [r.step for r in probe.sandbox.requests] == ["dialog", *[None] * 5]


@pytest.mark.parametrize("announce", [True, False])
def test_the_last_answer_on_a_connection(sandbox: Sandbox, *, announce: bool) -> None:
    """After a proper answer the connection ends, announced or not; the next one is new."""
    sandbox.misbehave("profile", last_on_connection(announce=announce))
    for _ in range(2):
        with raw(sandbox, "/api/v2/user/profile") as connection:
            received = all_of(connection)
        assert (b"Connection: close" in received) is announce
        assert received.endswith(b"}]}")
    assert [r.connection for r in sandbox.requests] == [1, 2]


def test_then_refuse_answers_and_refuses(probe: Probe) -> None:
    """The step is answered, the next connect is refused, and `resume` opens the same port."""
    probe.dialog()
    probe.sandbox.resume()
    port = probe.sandbox.port
    probe.sandbox.misbehave("otp", Fault.then_refuse(), 1)
    assert probe.otp().json()["success"]
    for _ in range(2):
        with pytest.raises(requests.exceptions.ConnectionError, match="refused"):
            probe.verify()
    probe.sandbox.resume()
    assert probe.sandbox.port == port
    assert probe.verify().json()["success"]
    assert probe.sandbox.codes_received == 1


def test_then_blackhole_answers_and_swallows(probe: Probe) -> None:
    """The step is answered, the next connect waits in vain, and `behave` opens the port."""
    probe.dialog()
    probe.sandbox.misbehave("otp", then_blackhole(), 1)
    assert probe.otp().json()["success"]
    with pytest.raises(requests.exceptions.ConnectTimeout):
        probe.session.get(probe.url("api", "/nowhere"), timeout=(0.05, 1))
    probe.sandbox.behave()
    assert probe.verify().json()["success"]


@pytest.mark.parametrize("fault", [Fault.then_refuse(), then_blackhole()])
def test_stop_frees_a_held_port(fault: Fault) -> None:
    """A sandbox stopped while nobody can connect leaves the port free."""
    with Sandbox() as sandbox, Probe(sandbox) as probe:
        port = sandbox.port
        sandbox.misbehave("profile", fault)
        probe.profile("x")
    with Sandbox(port=port) as again, Probe(again) as probe:
        assert probe.profile("x").status_code == 401


def test_a_broken_function_is_reported(
    probe: Probe,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A mistake in a fault's function ends the connection and is logged."""
    probe.sandbox.misbehave("profile", Fault.change(lambda payload: payload["nothing"]), 1)
    with pytest.raises(requests.exceptions.ConnectionError):
        probe.profile("x")
    probe.sandbox.stop()
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [Fault.reset(), Fault.close(), Fault.reset("middle"), Fault.close("middle"), Fault.hang(0.02)],
)
def test_faults_work_under_tls(tmp_path: Path, fault: Fault) -> None:
    """Under TLS a broken connection is a broken connection too."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    root = tmp_path / "root.pem"
    authority.cert_pem.write_to_path(str(root))
    with Sandbox(certificate=context) as sandbox, Probe(sandbox, trust=str(root)) as probe:
        probe.dialog()
        sandbox.misbehave("profile", fault, 1)
        with pytest.raises(requests.exceptions.RequestException):
            probe.profile("x")
        assert probe.profile("x").status_code == 401
