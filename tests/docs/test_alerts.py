"""The alert of the page on unattended logins is sent, to a server of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from support.documentation import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

(ALERT,) = [
    block.text
    for block in blocks([ROOT / "docs" / "unattended.md"])
    if block.language == "bash" and "api.telegram.org" in block.text
]


class Telegram(HTTPServer):
    """A server that notes the messages it is asked to send."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages: list[tuple[str, dict[str, list[str]]]] = []


class Handler(BaseHTTPRequestHandler):
    """Answers every message as Telegram does."""

    server: Telegram

    def do_POST(self) -> None:
        """Note a message."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.messages.append((self.path, parse_qs(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    """A server in the place of Telegram's."""
    with Telegram() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="no curl, no bash")
@pytest.mark.parametrize(
    ("code", "advice"),
    [("3", "A credential was rejected"), ("5", "The network failed"), ("", "See the log")],
)
def test_an_alert_says_what_to_do(
    telegram: Telegram, tmp_path: Path, code: str, advice: str
) -> None:
    """The message goes to the bot's chat and names the exit code; the token is no argument."""
    script = tmp_path / "alert"
    script.write_text(ALERT)
    variables = {
        "TELEGRAM_API": f"http://127.0.0.1:{telegram.server_port}",
        "TELEGRAM_BOT_TOKEN": "123456:token",
        "TELEGRAM_CHAT_ID": "42",
        "NO_PROXY": "*",
    }
    run = subprocess.run(  # noqa: S603 - the example of the page
        [str(shutil.which("bash")), str(script), code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert run.stdout + run.stderr == ""
    [(path, message)] = telegram.messages
    assert path == "/bot123456:token/sendMessage"
    assert message["chat_id"] == ["42"]
    (text,) = message["text"]
    assert f"exit code {code or 'unknown'}. {advice}" in text
