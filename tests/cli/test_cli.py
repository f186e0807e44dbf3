"""The command line: what each command prints, and what it ends with."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import warnings
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from click.testing import CliRunner

from conftest import FakeTime, configure
from support.cli_runs import complaints, run, without_times
from upstox_totp import TokenCache, UpstoxTOTP, __version__
from upstox_totp._log import warn_user
from upstox_totp._settings.table import NAMES
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import cli
from upstox_totp.sandbox import Credentials, Fault, Sandbox

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_version() -> None:
    """It is the package's."""
    assert run("--version").stdout == f"upstox_cli, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["token", "--format", "xml"],
        ["token", "x"],
        # It always logs in.
        ["generate-token", "--refresh"],
        ["status", "--format", "raw"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    """It ends with 2."""
    result = run(*arguments)
    assert result.exit_code == 2
    # In a log; a terminal shows the usage, too.
    assert re.match(r"\d\d \w{3} \d{4}, \d\d:\d\d IST \S", result.stderr)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["token", "generate-token"])
def test_text(account: Sandbox, command: str) -> None:
    """For people: owner and expiry, the token shortened unless it is asked for."""
    result = run(command)
    (token,) = account.access_tokens
    assert result.exit_code == 0
    assert token not in result.stdout
    assert "Asha Rao (4CB7QX)" in result.stdout
    assert "03:30 IST" in result.stdout
    # In a log, with the time; what a terminal shows instead are the steps.
    assert re.search(r"(?m)^\d\d \w{3} \d{4}, \d\d:\d\d IST Logged in as 4CB7QX", result.stderr)
    assert token in run("token", "--show").stdout


def test_raw_json_and_env(account: Sandbox) -> None:
    """For programs: the token alone, everything, and a line of a shell or a .env."""
    raw = run("token", "--format", "raw")
    (token,) = account.access_tokens
    assert raw.stdout == f"{token}\n"
    assert run("token", "--format", "env").stdout == f"UPSTOX_ACCESS_TOKEN={token}\n"
    told = json.loads(run("token", "--format", "json").stdout)
    assert told["access_token"] == token
    assert told["user_id"] == "4CB7QX"
    assert told["expires_at"].endswith("T03:30:00+05:30")
    assert account.logins == 1


@pytest.mark.parametrize("style", ["text", "raw", "json", "env"])
def test_a_login_and_a_cached_token_print_the_same(account: Sandbox, style: str) -> None:
    """Nobody can tell which it was."""
    first, second = (run("token", "--format", style).stdout for _ in range(2))
    assert [line for line in first.splitlines() if "Expires" not in line] == [
        line for line in second.splitlines() if "Expires" not in line
    ]
    assert account.logins == 1


def test_a_token_is_quoted_for_a_shell(account: Sandbox) -> None:
    """Whatever Upstox makes a token of, the shell reads it back."""
    account.misbehave("token", Fault.replace("access_token", "it's $HOME"))
    line = run("token", "--format", "env").stdout.strip()
    assert shlex.split(line) == ["UPSTOX_ACCESS_TOKEN=it's $HOME"]


def test_generate_token_always_logs_in(account: Sandbox) -> None:
    """What it gets is cached, so that `token` prints the same."""
    run("generate-token")
    fresh = run("generate-token", "--format", "raw").stdout
    assert account.logins == 2
    assert run("token", "--format", "raw").stdout == fresh
    run("token", "--refresh")
    assert account.logins == 3


def test_the_guard_holds_for_both(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong PIN is sent once, whichever command is used, unless forced."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    first = run("token")
    assert (first.exit_code, first.stdout) == (3, "")
    assert "Incorrect PIN" in first.stderr
    for command in (["token", "--refresh"], ["generate-token"]):
        later = run(*command)
        assert later.exit_code == 3
        assert "If it is right, try it once more: upstox_cli token --force" in later.stderr
        assert "logout" not in later.stderr
        assert len(complaints(later.stderr)) == 1
    assert account.pins_received == 1
    run("generate-token", "--force")
    run("token", "--force")
    assert account.pins_received == 3
    assert "--force" in run("status").stdout


@pytest.mark.parametrize(
    ("step", "fault", "code"),
    [
        ("pin", Fault.refuse(1017106, "Incorrect PIN"), 3),
        ("token", Fault.refuse("UDAPI100069", "Invalid client", 401), 3),
        ("otp", Fault.refuse(1017069, "Too many"), 4),
        ("otp", Fault.status(429), 4),
        ("otp", Fault.reset(), 5),
        ("pin", Fault.close(), 5),
        ("pin", Fault.html(403), 6),
        ("pin", Fault.body(b"{"), 6),
        ("authorize", Fault.status(500), 6),
    ],
)
def test_exit_codes(account: Sandbox, step: str, fault: Fault, code: int) -> None:
    """A script can tell what went wrong; a user reads it in a line."""
    account.misbehave(step, fault)  # type: ignore[arg-type]
    result = run("token", "--format", "raw")
    assert result.exit_code == code
    assert result.stdout == ""
    assert len(complaints(result.stderr)) == 1


@pytest.mark.parametrize("command", ["token", "generate-token", "status", "logout", "check-env"])
def test_missing_settings(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a matter of configuration, and named; the client id alone names what is cached."""
    result = run(command)
    assert result.exit_code == 2
    if command not in {"status", "logout"}:
        assert "UPSTOX_PIN_CODE" in result.stdout + result.stderr
    assert "UPSTOX_CLIENT_ID" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "command", ["token", "generate-token", "status", "logout", "check-env", "doctor"]
)
def test_a_missing_file(command: str) -> None:
    """A file that was named must be there."""
    result = run(command, "--env-file", "absent.env")
    assert result.exit_code == 2
    assert "absent.env cannot be read" in result.stderr


def test_settings_of_a_file(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--env-file names the account for every command that reads settings."""
    path = tmp_path / "trading.env"
    path.write_text("".join(f"{k}={v}\n" for k, v in sandbox.environment.items()))
    path.chmod(0o600)
    for command in ("token", "token", "status", "check-env", "doctor", "logout"):
        assert run(command, "--env-file", str(path)).exit_code == 0
    assert sandbox.logins == 1
    assert run("token").exit_code == 2


def test_debug_says_what_happened(account: Sandbox) -> None:
    """Each exchange on stderr, and after a failure the transcript; stdout stays clean."""
    account.misbehave("authorize", Fault.status(500), times=1)
    failed = run("token", "--debug", "--format", "raw")
    assert failed.stdout == ""
    assert failed.stderr.count("step 5 of 6 (authorization): POST") == 2
    worked = run("token", "--debug", "--format", "raw")
    assert worked.stdout == f"{account.access_tokens[-1]}\n"
    assert worked.stderr.count("step 6 of 6") == 1
    assert account.access_tokens[-1] not in worked.stderr


def test_debug_of_the_settings(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPSTOX_DEBUG works as --debug does."""
    monkeypatch.setenv("UPSTOX_DEBUG", "true")
    assert "step 6 of 6" in run("token").stderr


def test_warnings_are_said_once(account: Sandbox, cache_dir: Path, fake_time: FakeTime) -> None:
    """A torn file is told of on stderr, not twice, and is replaced."""
    run("token")
    next(cache_dir.glob("*.token.json")).write_text("{")
    result = run("token", "--format", "raw")
    assert result.exit_code == 0
    assert result.stderr.count("Ignoring") == 1
    assert run("token").stderr == ""


def test_what_a_user_must_know_is_said_once(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a warning and in the log it is one thing; the warnings of others stay Python's."""
    log_in = TokenCache.get_access_token

    def warn(cache: TokenCache, *arguments: Any, **options: Any) -> Any:
        for _ in range(2):
            warn_user("Nothing can be cached.")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("An other's word.", DeprecationWarning, stacklevel=1)
        return log_in(cache, *arguments, **options)

    monkeypatch.setattr(TokenCache, "get_access_token", warn)
    result = run("token")
    assert result.exit_code == 0
    assert result.stderr.count("Nothing can be cached.") == 1
    assert " IST Warning: Nothing can be cached.\n" in result.stderr


def test_check_env_for_programs(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as JSON, with the code, and of no secret a character."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "98765432")
    result = run("check-env", "--format", "json")
    told = json.loads(result.stdout)
    assert result.exit_code == told["exit_code"] == 2
    states = {row["setting"]: (row["source"], row["state"]) for row in told["settings"]}
    assert states["UPSTOX_USERNAME"] == ("environment", "valid")
    assert states["UPSTOX_PIN_CODE"] == ("environment", "invalid: must be 4 to 6 digits")
    assert told["notes"] == []
    assert "98765432" not in result.stdout


def test_check_env_names_sources_and_shows_nothing(
    account: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every setting, where it comes from and what is wrong with it; of no secret a character."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "98765432")
    monkeypatch.setenv("UPSTOX_SLEEP_TIME", "5")
    monkeypatch.delenv("UPSTOX_CLIENT_SECRET")
    monkeypatch.delenv("UPSTOX_TOTP_SECRET")
    Path(".env").write_text("UPSTOX_TOTP_SECRET=not!base32\n")
    result = run("check-env")
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert result.exit_code == 2
    assert rows["UPSTOX_USERNAME"].split()[1:] == ["environment", "valid"]
    assert "invalid: must be 4 to 6 digits" in rows["UPSTOX_PIN_CODE"]
    assert rows["UPSTOX_TOTP_SECRET"].split()[1] == ".env"
    assert "invalid: has a character other than the letters" in rows["UPSTOX_TOTP_SECRET"]
    assert rows["UPSTOX_CLIENT_SECRET"].split()[1:] == ["-", "missing"]
    assert "between 100 and 10000" in rows["UPSTOX_SLEEP_TIME"]
    assert rows["UPSTOX_DEBUG"].split()[1:] == ["-", "default"]
    # Heading, settings, login method, .env that others can read, where the API secret is found.
    assert len(rows) == len(NAMES) + 4
    assert "Login method: login page (default, unofficial)" in result.stdout.splitlines()
    assert rows["UPSTOX_CLIENT_SECRET:"].endswith("https://account.upstox.com/developer/apps.")
    for shown in ("98765432", "9876", "not!base32", account.credentials.password[:4]):
        assert shown not in result.stdout


def test_check_env_looks_at_the_file(account: Sandbox, tmp_path: Path) -> None:
    """A .env that others can read, or that git would take, is told of."""
    subprocess.run(["git", "init", "-q", "."], check=True)  # noqa: S607 - the developer's git
    Path(".env").write_text("")
    Path(".env").chmod(0o644)
    said = run("check-env").stdout
    assert "Other users can read .env. Run: chmod 600 .env" in said
    assert "git does not ignore .env. Add it to .gitignore." in said
    Path(".env").chmod(0o600)
    Path(".gitignore").write_text(".env\n")
    result = run("check-env")
    assert result.exit_code == 0
    assert "read by others" not in result.stdout
    assert "git" not in result.stdout


def test_demo(monkeypatch: pytest.MonkeyPatch, cache_dir: Path) -> None:
    """The steps of both login methods, and short tokens; no file of the user is read or changed."""
    Path(".env").write_text("UPSTOX_PIN_CODE=wrong\nUPSTOX_ACCOUNT=ravi\nUPSTOX_USER_ID=AB1\n")
    monkeypatch.setenv("UPSTOX_USERNAME", "nobody")
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", "https://{stage}.invalid")
    before = dict(os.environ)
    result = run("demo")
    assert result.exit_code == 0
    first, page, api = (part.splitlines() for part in result.stdout.split("\n\n"))
    assert first == ["Demo with sample accounts. No data leaves your computer."]
    assert page[0] == "page, the login page (default, unofficial): six requests."
    assert [line[:6] for line in page[1:7]] == [f"{n} of 6" for n in range(1, 7)]
    assert api[0].startswith("api, the TOTP API (official, recommended): one request")
    assert [line[:11].rstrip() for line in api[1:3]] == ["server time", "TOTP login"]
    for token, owner, expires in (page[7:], api[3:]):
        assert token.startswith("Token    eyJ0...")
        assert "Asha Rao" in owner
        assert "03:30 IST" in expires
    assert dict(os.environ) == before
    assert not cache_dir.exists()


def test_the_help_of_the_sandbox_looks_like_the_others() -> None:
    """With its options, its example, and its exit codes."""
    help_text = run("sandbox", "--help").stdout
    assert "--certificate CERT KEY" in help_text
    assert "\n  upstox_cli sandbox > sandbox.env\n" in help_text
    assert "Exit codes:" in help_text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--revision", "none"],
        ["--port", "x"],
        ["--port", "65536"],
        ["--certificate", "one"],
        ["more"],
    ],
)
def test_a_wrong_option_of_the_sandbox(arguments: list[str]) -> None:
    """It ends with 2, as that of every command."""
    assert run("sandbox", *arguments).exit_code == 2


def test_control_characters_do_not_reach_the_terminal(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server says is text."""
    with Sandbox(
        user={"user_name": "\x1b[31mred\n"}, step_clock=True, clock=fake_time.true
    ) as sandbox:
        configure(monkeypatch, sandbox)
        assert "?[31mred? (4CB7QX)" in run("token").stdout
        sandbox.misbehave("pin", Fault.refuse(424242, "\x1b]0;title\x07 no"))
        assert "\x1b" not in run("generate-token").stderr


def test_a_file_that_is_not_there() -> None:
    """Its name and what is wrong with it, without a number."""
    result = run("compare-har", "absent.har")
    assert result.exit_code == 2
    assert complaints(result.stderr) == ["absent.har: No such file or directory."]


def test_a_mistake_is_not_hidden(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception shows its traceback."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(TokenCache, "get_access_token", fail)
    result = CliRunner().invoke(cli, ["token"])
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("columns", [80, 50])
def test_help_of_any_width(columns: int) -> None:
    """Nothing is cut, lines end between words, and each command names its exit codes."""
    for name in ("", *cli.list_commands(click.Context(cli))):
        told = CliRunner().invoke(cli, [*name.split(), "--help"], terminal_width=columns).stdout
        assert "..." not in told.replace("[ARGS]...", "").replace("[OPTION]...", ""), name
        if name == "sandbox":
            continue  # Its help is that of python -m upstox_totp.sandbox.
        assert max(map(len, told.splitlines())) <= columns, name
        words = " ".join(told.split())
        for code in ExitCode.of(name):
            assert f"{code.value} {code.meaning}" in words
        assert "UPSTOX_ACCESS_TOKEN]" in words or name not in {"token", "run"}


def test_a_log_has_the_time_of_each_line(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a failure, a warning, and what went well; where nobody watches stderr."""
    time = r"\d\d \w{3} \d{4}, \d\d:\d\d IST"
    assert re.search(f"(?m)^{time} Logged in as 4CB7QX with page; ", run("token").stderr)
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    lines = run("generate-token", "--debug").stderr.splitlines()
    assert len(lines) > 4
    for line in lines:
        assert re.match(f"{time} \\S", line)


def test_an_interrupt_ends_with_130(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shells expect it."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TokenCache, "get_access_token", interrupt)
    result = CliRunner().invoke(cli, ["token"])
    assert (result.exit_code, result.output) == (130, "")


def test_credentials_of_any_shape(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces, quotes and non-ASCII in a setting change nothing."""
    credentials = Credentials(password="p ä's\"", client_secret="x&y= z+", client_id="ключ id")
    with Sandbox(credentials=credentials, step_clock=True, clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        raw = run("token", "--format", "raw").stdout
        assert raw == run("token", "--format", "raw").stdout
        assert sandbox.logins == 1


def test_network_errors_are_told_as_the_library_tells_them(account: Sandbox) -> None:
    """The line is the exception's own."""
    account.misbehave("otp", Fault.reset())
    with UpstoxTOTP() as client, pytest.raises(requests.ConnectionError) as caught:
        client.app_token.get_access_token()
    assert without_times(run("token").stderr).strip() == str(caught.value)
