"""The sandbox's command: its options, and what it does for the user at it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from conftest import PATIENCE
from support.cli_runs import run
from support.form_browser import LoginBrowser
from support.sandbox_probe import DIALOG
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.sandbox import Fault, Sandbox, __main__
from upstox_totp.sandbox.__main__ import attend

REQUEST = "/v3/login/auth/token/request/"


@contextmanager
def attended(sandbox: Sandbox, *, approve: bool, show_codes: bool) -> Iterator[None]:
    """Let the command's own loop run beside the test."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(attend, sandbox, ended, approve=approve, show_codes=show_codes)
        try:
            yield
        finally:
            ended.set()
        work.result(PATIENCE)


def until(seen: list[str], capsys: pytest.CaptureFixture[str], text: str) -> str:
    """Wait until a note is on stderr, and return all of them."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        seen.append(capsys.readouterr().err)
        if text in "".join(seen):
            break
        threading.Event().wait(0.05)
    return "".join(seen)


def ask(sandbox: Sandbox) -> None:
    """Send a token request."""
    known = sandbox.credentials
    url = sandbox.base_domain.format(stage="api") + REQUEST + known.client_id
    requests.post(
        url, json={"client_secret": known.client_secret}, timeout=PATIENCE
    ).raise_for_status()


def test_a_code_is_shown_for_each_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a person can type it into the login page."""
    with Sandbox() as sandbox, LoginBrowser(sandbox) as browser:
        with attended(sandbox, approve=False, show_codes=True):
            browser.to_code()
            shown = until([], capsys, "password")
        (code,) = re.findall(r"One-time password: (\d{6})\n", shown)
        browser.submit({"One-time code": code})
        assert list(browser.shown.labels) == ["PIN"]


def test_token_requests_are_approved_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What the notifier answers is told; one that is not there ends nothing."""
    with Sandbox(notifier_url="http://127.0.0.1:9/") as sandbox:
        seen: list[str] = []
        with attended(sandbox, approve=True, show_codes=False):
            ask(sandbox)
            assert "could not be reached" in until(seen, capsys, "reached")
            sandbox.notifier_url = sandbox.base_domain.format(stage="login") + "/approval"
            sandbox.misbehave("login_page", Fault.status(204))
            ask(sandbox)
            assert "HTTP 204" in until(seen, capsys, "HTTP")
        assert sandbox.tokens_issued == 2
        assert sandbox.access_tokens[1] not in "".join(seen)


def test_each_option_sets_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option is named like the argument it sets, and what is not given is the default."""
    made: list[dict[str, Any]] = []

    def make(**options: Any) -> Sandbox:
        made.append(options)
        Sandbox(**options)
        raise ValueError("it is not to serve")

    monkeypatch.setattr(__main__, "Sandbox", make)
    usual = Sandbox()
    line = ["--no-totp-login", "--totp-login-enveloped", "--notifier-url", "http://127.0.0.1:9/"]
    line += ["--token-request-refusal", "UDAPI1155", "--otp-limit", "3", "--clock-offset", "-2.5"]
    for arguments in ([], line):
        assert "it is not to serve" in run("sandbox", *arguments).stderr
    nothing, several = made
    assert all(value == getattr(usual, name) for name, value in nothing.items())
    assert {name: value for name, value in several.items() if nothing.get(name) != value} == {
        "totp_login": False,
        "totp_login_enveloped": True,
        "notifier_url": "http://127.0.0.1:9/",
        "token_request_refusal": "UDAPI1155",
        "otp_limit": 3,
        "clock_offset": -2.5,
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--notifier-url", "app.example"), "Cannot serve: notifier_url is not"),
        (("--certificate", "no-such-file", "no-such-file"), "Cannot serve"),
    ],
)
def test_what_cannot_be_served_is_told(arguments: tuple[str, ...], told: str) -> None:
    """As a wrong option is."""
    result = run("sandbox", *arguments)
    assert told in result.stderr
    assert result.exit_code == ExitCode.USAGE


def test_the_command_serves_until_terminated_and_stands_in_for_the_phone() -> None:
    """From its options to the message at the notifier, which is another sandbox's address here."""
    with Sandbox() as notifier:
        url = notifier.base_domain.format(stage="app") + "/notify"
        command = [sys.executable, "-m", "upstox_totp.sandbox", "--notifier-url", url, "--approve"]
        with subprocess.Popen(  # noqa: S603 - the command is the line above
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            lines = [process.stdout.readline().strip() for _ in range(9)]
            settings = dict(line.split("=", 1) for line in lines)
            api = settings["UPSTOX_BASE_DOMAIN"].format(stage="api")
            own = {
                "response_type": "code",
                "client_id": settings["UPSTOX_CLIENT_ID"],
                "redirect_uri": settings["UPSTOX_REDIRECT_URI"],
            }
            assert requests.get(api + DIALOG, own, timeout=PATIENCE).status_code == 200
            answer = requests.post(
                api + REQUEST + settings["UPSTOX_CLIENT_ID"],
                json={"client_secret": settings["UPSTOX_CLIENT_SECRET"]},
                timeout=PATIENCE,
            )
            assert answer.json()["data"]["notifier_url"] == url
            told = [process.stderr.readline() for _ in range(6)]
            assert told[0] == "The sandbox is running. Press Ctrl-C to stop it.\n"
            assert told[4] == "UPSTOX_LOGIN_METHOD can be api, page, browser, phone.\n"
            assert told[5] == "Token sent to the notifier: HTTP 404\n"
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=PATIENCE) == ("", "")
            assert process.returncode == 0
        (record,) = notifier.requests
        assert record.json["message_type"] == "access_token"
        assert record.json["client_id"] == settings["UPSTOX_CLIENT_ID"]


@pytest.mark.parametrize(("options", "method"), [([], "api"), (["--no-totp-login"], "page")])
def test_the_settings_in_a_file_log_in_from_another_terminal(
    options: list[str], method: str, tmp_path: Path
) -> None:
    """`upstox_cli sandbox > sandbox.env`, then `upstox_cli token --env-file sandbox.env`."""
    file = tmp_path / "sandbox.env"
    command = [sys.executable, "-m", "upstox_totp"]
    environment = os.environ | {"UPSTOX_CACHE_DIR": str(tmp_path / "cache")}
    with (
        file.open("w") as settings,
        subprocess.Popen(  # noqa: S603 - the command is the line above
            [*command, "sandbox", *options], stdout=settings, stderr=subprocess.PIPE, text=True
        ) as server,
    ):
        assert server.stderr is not None
        told = [server.stderr.readline().strip() for _ in range(5)]
        # Whoever reads the note finds the settings in the file.
        assert told[2] == "python -m upstox_totp sandbox > sandbox.env"
        assert told[3] == "upstox_cli token --env-file sandbox.env"
        assert f"UPSTOX_LOGIN_METHOD={method}\n" in file.read_text()
        done = subprocess.run(  # noqa: S603 - as above
            [*command, "token", "--env-file", file, "--format", "raw", "--debug"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=PATIENCE,
            check=False,
        )
        server.terminate()
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("eyJ")
        assert ("/totp-login/" in done.stderr) == (method == "api")
    assert server.returncode == 0
