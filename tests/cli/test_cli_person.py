"""Commands with a person in them, as processes: Chromium logs in, a message comes to a socket."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests

from conftest import PATIENCE, wait_until
from support.chromium import chromium, log_in
from support.person import approve
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "upstox_totp"]


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """A user's environment, whose settings lead to the sandbox: of the app, and no more."""
    app = ("UPSTOX_CLIENT_ID", "UPSTOX_CLIENT_SECRET", "UPSTOX_REDIRECT_URI", "UPSTOX_BASE_DOMAIN")
    return {
        **os.environ,
        **{name: sandbox.environment[name] for name in app},
        "UPSTOX_CACHE_DIR": str(tmp_path / "cache"),
    }


@contextmanager
def started(*arguments: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and end it with the block."""
    with subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def token_of_another_process(environment: dict[str, str]) -> str:
    """Return what `upstox_cli token` prints that is configured never to log in."""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "token", "--format", "raw"],
        env={**environment, "UPSTOX_LOGIN_METHOD": "none"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return ended.stdout.strip()


@pytest.mark.skipif(os.name == "nt", reason="the browser that BROWSER names is a script of POSIX")
def test_chromium_from_the_start_of_the_command_to_a_token(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """The command opens the login page, the person logs in there, and every program is served."""
    opened = tmp_path / "opened"
    script = tmp_path / "some-browser"
    script.write_text(
        f'#!/bin/sh\nprintf %s "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"\n'
    )
    script.chmod(stat.S_IRWXU)
    known = sandbox.credentials
    command = ("token", "--method", "browser", "--format", "raw")
    with (
        chromium() as browser,
        started(*command, environment={**environment, "BROWSER": str(script)}) as process,
    ):
        wait_until(lambda: opened.exists() and opened.read_text())
        url = opened.read_text()
        browser.open(url)
        log_in(browser, (known.username, sandbox.one_time_password(), known.pin_code))
        browser.wait_for("You are logged in")
        assert "access token for today" in browser.text
        printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    (token,) = sandbox.access_tokens
    assert printed.strip() == token
    assert url in said
    assert token not in said
    seen = len(sandbox.requests)
    assert token_of_another_process(environment) == token
    assert len(sandbox.requests) == seen


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_the_address_is_pasted_unseen(environment: dict[str, str], sandbox: Sandbox) -> None:
    """Without a browser that comes back, the command asks for the address, and shows none of it."""
    pty = pytest.importorskip("pty")
    uri = "https://trader.example/done"
    with Sandbox(credentials=replace(sandbox.credentials, redirect_uri=uri)) as other:
        settings = {"UPSTOX_REDIRECT_URI": uri, "UPSTOX_BASE_DOMAIN": other.base_domain}
        master, slave = pty.openpty()
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [*COMMAND, "token", "--method", "browser", "--format", "raw"],
            env={**environment, **settings, "BROWSER": "true"},
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Without a terminal of its own, the question is asked at stdin's.
            start_new_session=True,
        )
        with process:
            assert process.stderr is not None
            url = [process.stderr.readline() for _ in range(2)][1].strip()
            sent = approve(other, url)
            said = ""
            while not said.endswith("ended at: "):
                said += process.stderr.read(1)
            os.write(master, f"{sent}\n".encode())
            printed, _ = process.communicate(timeout=PATIENCE)
        os.close(slave)
        echoed = b""
        with suppress(OSError):
            os.set_blocking(master, False)
            echoed = os.read(master, 4096)
        os.close(master)
        assert process.returncode == 0
        assert printed.strip() == other.access_tokens[-1]
        assert b"code=" not in echoed


@contextmanager
def notifying(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Start the notifier's command, and return its URL once it listens."""
    secret = tmp_path / "secret"
    options = ("--secret-file", str(secret), "--port", "0")
    path = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "notifier", *options, "--show-path"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout.strip()
    assert os.name == "nt" or stat.S_IMODE(secret.stat().st_mode) == 0o600
    with started("notifier", *options, environment=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert secret.read_text().strip() not in line
        yield line.split()[2].partition("/notify/")[0] + path
        process.terminate()
        rest = process.communicate(timeout=PATIENCE)
        assert secret.read_text().strip() not in "".join(rest)
        assert process.returncode == 0, rest


def test_the_phone_from_the_start_of_the_command_to_a_token(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """The notifier's command gets the message over a socket; the waiting command gets its token."""
    named = {**environment, "UPSTOX_USER_ID": "4CB7QX"}
    command = ("token", "--method", "phone", "--format", "raw", "--timeout", "60")
    with notifying(named, tmp_path) as url:
        sandbox.notifier_url = url
        assert requests.get(url, timeout=PATIENCE).status_code == 405
        assert requests.post(url, data=b"x" * 100_000, timeout=PATIENCE).status_code == 413
        with started(*command, environment=environment) as process:
            wait_until(lambda: sandbox.token_request_waits)
            assert sandbox.approve() == 200
            printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    (token,) = sandbox.access_tokens
    assert printed.strip() == token
    assert "approve it in the Upstox app" in said
    assert token not in said
    seen = len(sandbox.requests)
    assert token_of_another_process(environment) == token
    assert len(sandbox.requests) == seen


def test_the_notifier_does_not_start_without_a_user(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """It says which setting is missing."""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "notifier", "--port", "0", "--secret-file", str(tmp_path / "secret")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    assert "UPSTOX_USER_ID" in ended.stderr
    assert "Traceback" not in ended.stderr
