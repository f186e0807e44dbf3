"""The sandbox from outside: logins, records, counts, clocks, sockets, threads, command line."""

import gc
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from support.sandbox_probe import (
    AUTHORIZE,
    DIALOG,
    OTP,
    PIN,
    TOKEN,
    VERIFY,
    Probe,
    code_of,
)
from upstox_totp.errors import missing_extra
from upstox_totp.sandbox import Credentials, Sandbox

NOON = 1_790_000_000.0


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


def test_requests_are_recorded_in_order(probe: Probe) -> None:
    """Every request is recorded with step, revision, body and the status it got."""
    probe.login()
    records = probe.sandbox.requests
    assert [(r.step, r.revision, r.status) for r in records] == [
        ("dialog", None, 302),
        ("login_page", None, 302),
        ("login_page", None, 200),
        ("otp", None, 200),
        ("verify", "newer", 200),
        ("pin", "newer", 200),
        ("authorize", None, 200),
        ("token", None, 200),
    ]
    first, last = records[0], records[-1]
    assert (first.method, first.stage, first.path) == ("GET", "api", DIALOG)
    assert first.query["client_id"] == probe.known.client_id
    assert first.json is None
    assert first.form is None
    assert records[3].json["data"]["mobileNumber"] == probe.known.username
    assert records[3].headers["content-TYPE"] == "application/json"
    assert last.form == probe.form()
    assert last.body.startswith(b"code=")


def test_records_can_be_cleared_and_all_be_reset(probe: Probe) -> None:
    """`clear_requests` forgets records alone; `reset` also counts, tokens and used codes."""
    sandbox, port = probe.sandbox, probe.sandbox.port
    token = probe.login()["access_token"]
    sandbox.clear_requests()
    assert sandbox.requests == []
    counts = (sandbox.otp_requests, sandbox.codes_received, sandbox.pins_received)
    assert (*counts, sandbox.logins, sandbox.tokens_issued) == (1, 1, 1, 1, 1)
    sandbox.reset()
    assert (sandbox.otp_requests, sandbox.logins, sandbox.tokens_issued) == (0, 0, 0)
    assert probe.profile(token).status_code == 401
    assert sandbox.port == port
    assert probe.login()["access_token"]


def test_secrets_stay_out_of_reprs(probe: Probe) -> None:
    """Neither records, credentials nor the sandbox show a secret in their repr."""
    token = probe.login()["access_token"]
    known = probe.known
    shown = repr([probe.sandbox, known, *probe.sandbox.requests])
    secrets = [known.username, known.password, known.pin_code, known.totp_secret]
    secrets += [known.client_secret, probe.encoded_pin(), probe.code, probe.otp_token, token]
    assert [secret for secret in secrets if secret in shown] == []


def test_the_environment_leads_a_client_here(sandbox: Sandbox) -> None:
    """The environment names every setting, the base domain with its placeholder."""
    environment = sandbox.environment
    assert environment["UPSTOX_BASE_DOMAIN"] == f"http://127.0.0.1:{sandbox.port}/{{stage}}"
    assert environment["UPSTOX_USERNAME"] == sandbox.credentials.username
    assert len(environment) == 8


def test_one_session_uses_one_connection(probe: Probe) -> None:
    """A keep-alive client needs one connection for a login, another client another."""
    probe.login()
    assert {r.connection for r in probe.sandbox.requests} == {1}
    with Probe(probe.sandbox) as other:
        other.dialog()
    assert probe.sandbox.requests[-1].connection == 2
    assert probe.sandbox.connections == 2


def test_answers_are_quick(probe: Probe) -> None:
    """An answer takes a fraction of the forty milliseconds a delayed packet would cost."""
    probe.dialog()
    assert min(probe.otp().elapsed for _ in range(20)).total_seconds() < 0.02


@pytest.mark.parametrize(
    ("charset", "expected"),
    [(None, "application/json"), ("utf-8", "application/json;charset=UTF-8")],
)
def test_the_content_type_is_to_the_letter(charset: str | None, expected: str) -> None:
    """JSON answers carry exactly the content type asked for."""
    with Sandbox(charset=charset) as sandbox, Probe(sandbox) as probe:
        probe.dialog()
        assert probe.otp().headers["Content-Type"] == expected
        assert probe.token().headers["Content-Type"] == expected
        assert probe.get("api", "/nowhere").headers["Content-Type"] == expected


def test_the_clock_can_be_moved_and_steps() -> None:
    """The `Date` header follows it; with `step_clock` each login finds a new time step."""
    with (
        Sandbox(clock=lambda: NOON, clock_offset=90, step_clock=True) as sandbox,
        Probe(sandbox) as probe,
    ):
        sandbox.advance(10)
        assert sandbox.now() == NOON + 100
        response = probe.get("api", "/nowhere")
        assert parsedate_to_datetime(response.headers["Date"]).timestamp() == NOON + 100
        probe.login()
        assert sandbox.now() == NOON + 130
        probe.login("older")
        assert sandbox.tokens_issued == 2


def test_many_clients_log_in_at_once() -> None:
    """Sixteen logins of one account at once do not disturb each other."""
    with Sandbox(single_use_codes=False) as sandbox:

        def log_in(number: int) -> str:
            with Probe(sandbox) as probe:
                return str(probe.login(("newer", "older")[number % 2])["access_token"])

        with ThreadPoolExecutor(16) as pool:
            tokens = list(pool.map(log_in, range(16)))
        assert len(set(tokens)) == 16
        assert (sandbox.tokens_issued, sandbox.logins, sandbox.codes_received) == (16, 16, 16)


def test_logins_may_interleave() -> None:
    """Two logins of one account keep their sessions apart while both are under way."""
    with Sandbox(step_clock=True) as sandbox, Probe(sandbox) as one, Probe(sandbox) as two:
        one.to_otp()
        two.to_otp()
        one.verify()
        two.verify("older")
        two.pin("older")
        one.pin()
        two.authorize()
        one.authorize()
        assert one.token().status_code == two.token().status_code == 200


@pytest.mark.parametrize(("offered", "absent"), [("newer", "older"), ("older", "newer")])
def test_an_absent_revision_answers_404(offered: str, absent: str) -> None:
    """The paths of the other revision do not exist, and spend no code."""
    with Sandbox(revision=offered) as sandbox, Probe(sandbox) as probe:  # type: ignore[arg-type]
        probe.to_otp()
        assert probe.verify(absent).status_code == 404
        assert probe.pin(absent).status_code == 404
        assert (sandbox.codes_received, sandbox.pins_received) == (0, 0)
        assert sandbox.requests[-1].step == "pin"
        probe.verify(offered)
        assert probe.pin(offered).json()["success"]


@pytest.mark.parametrize("stage", ["api", "service", "login", "elsewhere"])
def test_an_unknown_path_answers_404(probe: Probe, stage: str) -> None:
    """Unknown paths are recorded without a step and answered 404, by the api in its envelope."""
    response = probe.get(stage, "/v9/nothing")
    assert response.status_code == 404
    assert (code_of(response) == "UDAPI10000") == (stage == "api")
    assert [(r.step, r.stage, r.path, r.status) for r in probe.sandbox.requests] == [
        (None, stage, "/v9/nothing", 404),
    ]


@pytest.mark.parametrize(
    ("stage", "path", "allowed"),
    [
        ("service", OTP, "POST"),
        ("service", VERIFY["newer"], "POST"),
        ("service", PIN["older"], "POST"),
        ("service", AUTHORIZE, "POST"),
        ("api", TOKEN, "POST"),
        ("api", "/v2/logout", "DELETE"),
    ],
)
def test_a_wrong_method_answers_405(probe: Probe, stage: str, path: str, allowed: str) -> None:
    """A known path with a wrong method is answered 405 and names the right one."""
    response = probe.get(stage, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert probe.sandbox.requests[0].step is None


def test_only_the_loopback_interface_is_served(sandbox: Sandbox) -> None:
    """The port answers on 127.0.0.1 and on no other address of the machine."""
    with socket.create_connection(("127.0.0.1", sandbox.port), 1) as reached:
        assert reached.getpeername() == ("127.0.0.1", sandbox.port)
    with socket.socket() as other:
        other.settimeout(1)
        assert other.connect_ex(("127.0.0.2", sandbox.port)) != 0


def test_a_taken_port_is_an_os_error(sandbox: Sandbox) -> None:
    """A second sandbox on the same port does not start."""
    other = Sandbox(port=sandbox.port)
    with pytest.raises(OSError, match="in use"):
        other.start()
    other.stop()


def open_files() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_stopped_sandbox_leaves_nothing() -> None:
    """After `stop`, with idle connections open, no thread and no descriptor is left."""
    # What HTTP libraries leave in reference cycles is not the sandbox's.
    gc.collect()
    threads, files = threading.active_count(), open_files()
    took = []
    for _ in range(3):
        with Sandbox() as sandbox:
            probes = [Probe(sandbox) for _ in range(3)]
            for probe in probes:
                probe.dialog()
            begun = time.perf_counter()
            sandbox.stop()
            took.append(time.perf_counter() - begun)
            assert threading.active_count() == threads
        for probe in probes:
            probe.session.close()
    gc.collect()
    assert open_files() == files
    # The best of three: a busy machine is not the sandbox's.
    assert min(took) < 0.5


@pytest.mark.parametrize(
    "settings",
    [{"revision": "newest"}, {"credentials": Credentials(totp_secret="not base32")}],
)
def test_senseless_settings_are_refused(settings: dict[str, Any]) -> None:
    """An unknown revision and a secret that is not base32 are `ValueError`s at once."""
    with pytest.raises(ValueError, match=r"revision|base32"):
        Sandbox(**settings)


def test_start_and_stop_by_hand() -> None:
    """A sandbox can be started again after it was stopped, but not twice at once."""
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="not started"):
        _ = sandbox.base_domain
    sandbox.start()
    with pytest.raises(RuntimeError, match="already"):
        sandbox.start()
    sandbox.stop()
    sandbox.stop()
    assert repr(sandbox) == "<Sandbox stopped>"
    with sandbox, Probe(sandbox) as probe:
        assert probe.login()["access_token"]


def test_nothing_is_logged(probe: Probe, capfd: pytest.CaptureFixture[str]) -> None:
    """Serving writes nothing to stdout or stderr."""
    probe.login()
    probe.get("api", "/nowhere")
    with socket.create_connection(("127.0.0.1", probe.sandbox.port)) as garbage:
        garbage.sendall(b"garbage\r\n\r\n")
        garbage.recv(100)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("ready", [False, True], ids=["files", "context"])
def test_tls(tmp_path: Path, *, ready: bool) -> None:
    """Https for whoever trusts the authority; who trusts none, or is silent, harms none."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key, root = (tmp_path / name for name in ("chain.pem", "key.pem", "root.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(root))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with (
        Sandbox(certificate=context if ready else (chain, key)) as sandbox,
        socket.create_connection(("127.0.0.1", sandbox.port)),
        Probe(sandbox, trust=str(root)) as probe,
        Probe(sandbox) as stranger,
    ):
        assert sandbox.base_domain.startswith("https://127.0.0.1:")
        with pytest.raises(requests.exceptions.SSLError):
            stranger.dialog()
        assert probe.login()["access_token"]
        assert all(cookie.secure for cookie in probe.session.cookies)


def test_a_missing_werkzeug_is_named() -> None:
    """Without werkzeug the import fails with one line that says what to install."""
    program = "import sys; sys.modules['werkzeug'] = None; import upstox_totp.sandbox"
    done = subprocess.run(  # noqa: S603 - the program is the line above
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ImportError: {missing_extra('The sandbox', 'sandbox')}"
