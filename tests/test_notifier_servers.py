"""The notifier in the web servers that people have, with messages whose length nobody announced."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests

from conftest import PATIENCE, wait_until
from upstox_totp import TokenCache, UpstoxTOTP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upstox_totp.sandbox import Sandbox

SECRET = "a-made-up-secret-of-this-test"
PATH = f"/notify/{SECRET}"
APPLICATION = f"""
from upstox_totp import UpstoxTOTP
from upstox_totp.notifier import Notifier

client = UpstoxTOTP.from_settings(login_method="none", user_id="4CB7QX")
application = Notifier(client, "{SECRET}")
"""
SERVERS = {
    "waitress": ["waitress", "--listen=127.0.0.1:{port}", "receiver:application"],
    "werkzeug": ["serve_with_werkzeug", "{port}"],
    "gunicorn sync": ["gunicorn", "-b", "127.0.0.1:{port}", "receiver:application"],
    "gunicorn threads": [
        "gunicorn",
        *("-k", "gthread", "--threads", "4"),
        *("-b", "127.0.0.1:{port}", "receiver:application"),
    ],
    "gunicorn preload": [
        "gunicorn",
        *("--preload", "-w", "2"),
        *("-b", "127.0.0.1:{port}", "receiver:application"),
    ],
}
WERKZEUG = """
import sys
from receiver import application
from werkzeug.serving import run_simple

run_simple("127.0.0.1", int(sys.argv[1]), application)
"""


@pytest.fixture(params=SERVERS)
def url(
    request: pytest.FixtureRequest,
    client: UpstoxTOTP,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The address of a notifier in one of the servers."""
    command = SERVERS[request.param]
    if command[0] == "gunicorn" and (
        os.name == "nt" or importlib.util.find_spec("gunicorn") is None
    ):
        pytest.skip("gunicorn is not here: make tox ENV=extended")
    (tmp_path / "receiver.py").write_text(APPLICATION)
    (tmp_path / "serve_with_werkzeug.py").write_text(WERKZEUG)
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def listens() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-m", *(part.format(port=port) for part in command)],
            cwd=tmp_path,
            stdout=said,
            stderr=said,
        )
    with process:
        try:
            wait_until(listens)
            yield f"http://127.0.0.1:{port}{PATH}"
        finally:
            process.terminate()
    assert b"Traceback" not in (tmp_path / "said").read_bytes()


def test_a_message_without_a_length(
    url: str, client: UpstoxTOTP, sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is read as it comes, within a bound, and its token is cached."""
    sandbox.notifier_url = "http://127.0.0.1:9/"
    client.token_request.send()
    with pytest.raises(OSError, match=r"."):
        sandbox.approve(timeout=0.2)
    body = json.dumps(sandbox.notifications[-1]).encode()

    def post(*pieces: bytes) -> int:
        return requests.post(url, data=iter(pieces), timeout=PATIENCE).status_code

    assert post(b"x" * 10_000, b"x" * 10_000) == 413
    assert post(b"no message") == 400
    assert post(body[:50], body[50:]) == 200
    kept = TokenCache(tmp_path / "cache").read(client).token
    assert kept is not None
    assert kept.access_token == sandbox.notifications[-1]["access_token"]


def test_a_message_that_breaks_off(url: str) -> None:
    """It is refused, and the next one is served."""
    host, port = url.partition("://")[2].partition("/")[0].split(":")
    for body in (b"5\r\nab", b"nonsense\r\n\r\n", b"fffffffffffffffff\r\nab"):
        with socket.create_connection((host, int(port)), PATIENCE) as one:
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            one.sendall(head.encode() + body)
            one.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                assert b" 200 " not in one.recv(65536)
    assert requests.post(url, data=b"{}", timeout=PATIENCE).status_code == 400
