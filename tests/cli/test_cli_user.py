"""Commands that a user takes part in, as processes: Chromium logs in, a message arrives."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
    """The command opens the login page, the user logs in there, and all programs get the token."""
    opened = tmp_path / "opened"
    named = write_browser(
        tmp_path / "bin" / "some-browser",
        f'printf %s "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"',
    )
    known = sandbox.credentials
    command = ("token", "--method", "browser", "--format", "raw")
    with (
        chromium() as browser,
        started(*command, environment={**environment, **named}) as process,
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


def write_browser(path: Path, *lines: str) -> dict[str, str]:
    """Write a script that is a browser, and return the variables that make it the user's."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(stat.S_IRWXU)
    return {"BROWSER": str(path)}


@pytest.mark.skipif(os.name == "nt", reason="the browser that BROWSER names is a script of POSIX")
def test_what_a_browser_prints_is_its_own(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """Neither stdout nor stderr is the browser's, and nobody waits until it is closed."""
    opened = tmp_path / "opened"
    named = write_browser(
        tmp_path / "bin" / "some-browser",
        "echo Opening in existing browser session.",
        "echo Gtk-WARNING >&2",
        f'printf "%s\\n%s" $$ "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"',
        "exec sleep 600",
    )
    command = ("token", "--method", "browser", "--format", "raw")
    with started(*command, environment={**environment, **named}) as process:
        wait_until(opened.exists)
        number, url = opened.read_text().split()
        try:
            requests.get(approve(sandbox, url), timeout=PATIENCE)
            printed, said = process.communicate(timeout=PATIENCE)
        finally:
            os.kill(int(number), signal.SIGKILL)
    assert printed == f"{sandbox.access_tokens[-1]}\n", said
    assert "Gtk" not in said


def paste_in_a_terminal(sandbox: Sandbox, environment: dict[str, str]) -> tuple[str, bytes]:
    """Run the command in a terminal, paste the address there, and return stdout and the echo."""
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, "token", "--method", "browser", "--format", "raw"],
        env=environment,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Without a terminal of its own, the question is asked at stdin's.
        start_new_session=True,
    )
    with process:
        assert process.stderr is not None
        url = [process.stderr.readline() for _ in range(2)][1].split()[-1]
        sent = approve(sandbox, url)
        said = ""
        while "ended at:" not in said:
            said += process.stderr.read(1)
        wait_until(lambda: not termios.tcgetattr(slave)[3] & termios.ECHO)
        os.write(master, f"{sent}\n".encode())
        printed, _ = process.communicate(timeout=PATIENCE)
    assert termios.tcgetattr(slave)[3] & termios.ECHO
    os.close(slave)
    echoed = b""
    with suppress(OSError):
        os.set_blocking(master, False)
        echoed = os.read(master, 4096)
    os.close(master)
    assert process.returncode == 0
    return printed.strip(), echoed


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_the_address_is_pasted_unseen(environment: dict[str, str], sandbox: Sandbox) -> None:
    """Without a browser that comes back, the command asks for the address, and shows none of it."""
    uri = "https://trader.example/done"
    with Sandbox(credentials=replace(sandbox.credentials, redirect_uri=uri)) as other:
        settings = {"UPSTOX_REDIRECT_URI": uri, "UPSTOX_BASE_DOMAIN": other.base_domain}
        printed, echoed = paste_in_a_terminal(other, {**environment, **settings, "BROWSER": "true"})
        assert printed == other.access_tokens[-1]
        assert b"code=" not in echoed


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("ends", ["exit 0", "exit 3"])
def test_a_display_that_shows_no_browser(
    environment: dict[str, str], sandbox: Sandbox, tmp_path: Path, ends: str
) -> None:
    """DISPLAY is set and xdg-open opens nothing: the address can be pasted while it listens."""
    write_browser(tmp_path / "bin" / "xdg-open", ends)
    gone = {"BROWSER", "SSH_CONNECTION", "WAYLAND_DISPLAY"}
    bare = {name: value for name, value in environment.items() if name not in gone}
    shown = {"DISPLAY": ":99", "PATH": str(tmp_path / "bin")}
    printed, echoed = paste_in_a_terminal(sandbox, {**bare, **shown})
    assert printed == sandbox.access_tokens[-1]
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
        yield line.partition("Listening at ")[2].partition("/notify/")[0] + path
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
            # 202 while the asking command still has the account's lock: stored a moment later.
            assert sandbox.approve() in {200, 202}
            printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    (token,) = sandbox.access_tokens
    assert printed.strip() == token
    assert "approve it in the Upstox app" in said
    assert "app's notifier at 127.0.0.1" in said
    assert url.rpartition("/")[2] not in said
    assert token not in said
    seen = len(sandbox.requests)
    assert token_of_another_process(environment) == token
    assert len(sandbox.requests) == seen


def test_connections_without_a_body_keep_nobody_out(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """Of 150 that never send the body that they announced, none delays the next message."""
    named = {**environment, "UPSTOX_USER_ID": "4CB7QX"}
    with notifying(named, tmp_path) as url, ExitStack() as stack:
        parts = urlsplit(url)
        head = f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{{"
        for _ in range(150):
            address = (parts.hostname or "", parts.port or 0)
            silent = stack.enter_context(socket.create_connection(address, PATIENCE))
            silent.sendall(head.encode())
        began = time.monotonic()
        assert requests.post(url, data=b"{}", timeout=PATIENCE).status_code == 400
        assert time.monotonic() - began < 2


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_a_secret_file_that_is_no_secret(environment: dict[str, str], tmp_path: Path) -> None:
    """One that others may read is warned of, and an empty one is an error that names it."""
    secret = tmp_path / "secret"

    def show() -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - this interpreter
            [*COMMAND, "notifier", "--show-path", "--secret-file", str(secret)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    secret.write_text("")
    ended = show()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert str(secret) in ended.stderr
    secret.write_text("a-made-up-secret-of-this-test\n")
    secret.chmod(0o666)
    ended = show()
    assert ended.stdout == "/notify/a-made-up-secret-of-this-test\n"
    assert f"chmod 600 {secret}" in ended.stderr
    secret.chmod(0o600)
    assert show().stderr == ""


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
