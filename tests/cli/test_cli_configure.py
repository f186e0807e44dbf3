"""`upstox_cli configure`: what it asks, what it takes, and where it writes."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import pyotp
import pytest
from click.testing import CliRunner, Result

from support.cli_runs import COMMAND
from support.own_keyring import use_home, use_keyring
from upstox_totp import UpstoxTOTP
from upstox_totp._settings.named_accounts import account_path
from upstox_totp.cli.main import cli

if TYPE_CHECKING:
    from conftest import FakeTime
    from upstox_totp.sandbox import Sandbox

SECRET = "KRUGKIDROVUWG2ZAMJZG653OEBTG66BA"
API = ("482915", SECRET, "y", "my-key")
"""Answers for Upstox's own TOTP login: PIN, TOTP secret, "the code is right", API key."""

PROMPTS = (b"PIN: ", b"URI: ", b"[Y/n]: ", b"app: ")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's configuration directory is the test's own, and the keyring stores nothing."""
    use_home(monkeypatch, tmp_path)


def answer(*answers: str, options: tuple[str, ...] = ()) -> Result:
    """Run the command with answers, and see that it shows no secret."""
    typed = "".join(f"{one}\n" for one in answers)
    result = CliRunner().invoke(cli, ["configure", *options], input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    for secret in ("482915", SECRET, "my secret", "a password"):
        assert secret not in result.output
    return result


def test_the_shortest_path_asks_for_three_settings(fake_time: FakeTime) -> None:
    """Enter chooses Upstox's own TOTP login; the code of now can be compared; .env is private."""
    result = answer("", *API)
    assert result.exit_code == 0, result.output
    assert pyotp.TOTP(SECRET).at(int(fake_time.time())) in result.output
    assert "Login password" not in result.output
    for where in ("https://account.upstox.com/developer/apps", "Enable TOTP", "Forgot PIN"):
        assert result.output.count(where) == 1
    config = UpstoxTOTP().config
    assert (config.login_method, config.client_id) == (("api",), "my-key")
    assert config.username is None
    if os.name == "posix":
        assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600


def test_what_was_written_logs_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented login asks for all seven, and its file makes a login."""
    own = sandbox.credentials
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", sandbox.base_domain)
    result = answer(
        own.username, own.password, own.pin_code, own.totp_secret, "", own.client_id,
        own.client_secret, own.redirect_uri, options=("--method", "page", "--env-file", "my.env"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "upstox_cli token --env-file my.env" in result.output
    with UpstoxTOTP.from_env_file("my.env") as upx:
        assert upx.app_token.get_access_token().success


def test_a_wrong_answer_is_told_at_once() -> None:
    """Each answer is judged by the rules of the settings, and asked for again; none is repeated."""
    result = answer(
        "apo", "api", "48", "4829", "482915", "not base32!", SECRET, "n", f" {SECRET[:16]} ", "y",
        '"my-key"', "  my-key ",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output.count("It must be one of page, api") == 1
    assert result.output.count("It must be 4 to 6 digits") == 1
    assert (
        result.output.count("It must be 6 digits for the login method api: for a longer PIN") == 1
    )
    assert result.output.count("It has a character other than the letters A to Z") == 1
    assert result.output.count("TOTP secret, or its") == 3
    assert "quote at one end" in result.output
    config = UpstoxTOTP().config
    assert config.client_id == "my-key"
    assert config.totp_secret is not None
    assert config.totp_secret.get_secret_value() == SECRET[:16]


def test_an_empty_answer_keeps_what_is_there() -> None:
    """A changed PIN is one answer and four times Enter; other lines of the file stay."""
    answer("", *API)
    Path(".env").write_text(Path(".env").read_text() + "OTHER=1\n")
    result = answer("", "739105", "", "", "")
    assert result.exit_code == 0, result.output
    assert result.output.count("Enter keeps what is there") == 3
    assert "739105" not in result.output
    text = Path(".env").read_text()
    assert "OTHER=1\n" in text
    assert "UPSTOX_PIN_CODE=739105\n" in text
    assert f"UPSTOX_TOTP_SECRET={SECRET}\n" in text


def test_an_account_is_kept_where_the_person_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A named account goes into a file of its own, or into the keyring, and not into .env."""
    result = answer("file", *API, options=("--account", "ravi", "--method", "api"))
    assert result.exit_code == 0, result.output
    assert str(account_path("ravi")) in result.output
    assert UpstoxTOTP.from_account("ravi").config.client_id == "my-key"
    use_keyring(monkeypatch, tmp_path)
    options = ("--account", "asha", "--method", "api", "--into", "keyring")
    result = answer(*API, options=options)
    assert result.exit_code == 0, result.output
    assert "keyring, as upstox-totp:asha" in result.output
    assert keyring.get_password("upstox-totp:asha", "UPSTOX_CLIENT_ID") == "my-key"
    assert UpstoxTOTP.from_account("asha").config.login_method == ("api",)
    assert not Path(".env").exists()
    assert account_path("asha").read_text() == "UPSTOX_LOGIN_METHOD=api\n"


def test_a_keyring_is_looked_for_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody types a secret that could not be stored."""
    use_home(monkeypatch, tmp_path)
    options = ("--account", "asha", "--method", "api", "--into", "keyring")
    result = answer(options=options)
    assert result.exit_code == 2
    assert "API key" not in result.output
    assert "--into file writes a file" in result.output


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--method", "fax"), "must be one of page, api"),
        (("--into", "keyring", "--method", "api"), "give --account NAME"),
        (("--account", "ravi", "--env-file", "x"), "not both"),
        (("--account", "../ravi", "--method", "api", "--into", "file"), "account"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_asked(
    options: tuple[str, ...], why: str
) -> None:
    """Options that contradict each other, and names that leave the directory, end with code 2."""
    result = answer(options=options)
    assert result.exit_code == 2
    assert why in result.output
    assert "PIN" not in result.output


def test_what_overrides_the_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has another PIN in the environment learns that the account would not be used with it."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "111111")
    result = answer(*API, options=("--account", "ravi", "--method", "api", "--into", "file"))
    assert result.exit_code == 2
    assert "UPSTOX_PIN_CODE" in result.output
    assert "environment" in result.output


@pytest.mark.skipif(os.name == "nt", reason="secrets are asked for at the console there")
def test_an_end_of_the_input_writes_nothing() -> None:
    """A user who stops half-way has no half of a file."""
    result = subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "configure"],
        input=b"api\n482915\n",
        capture_output=True,
        check=False,
        # Without a terminal of its own the command asks on its streams, not the one of this run.
        start_new_session=True,
    )
    assert result.returncode == 130, result.stderr
    assert not Path(".env").exists()


def test_secrets_are_not_shown_while_they_are_typed(tmp_path: Path) -> None:
    """At a terminal, which echoes what is typed, the API key is seen and no secret is."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    command = [*COMMAND, "configure", "--method", "api", "--env-file", "typed.env"]
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    # Without a terminal of its own the command asks on its streams, not the one of this run.
    with subprocess.Popen(command, start_new_session=True, **streams) as process:  # noqa: S603 - this interpreter
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # Linux ends a terminal so.
            for prompt, typed in zip(PROMPTS, API, strict=True):
                while not shown.endswith(prompt):
                    shown += os.read(master, 4096)
                os.write(master, f"{typed}\n".encode())
            while piece := os.read(master, 4096):
                shown += piece
        os.close(master)
    assert process.returncode == 0, shown
    assert b"my-key" in shown
    assert b"All that is needed is set" in shown
    assert API[0].encode() not in shown
    assert SECRET.encode() not in shown
    assert SECRET in (tmp_path / "typed.env").read_text()
