"""Settings in the operating system's keyring: the real library, a backend that writes a file."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import keyring
import pytest
from pydantic import SecretStr

from support.own_keyring import use_backend, use_home, use_keyring
from support.settings_examples import VALID
from upstox_totp import ConfigurationError, UpstoxTOTP
from upstox_totp._settings import named_accounts
from upstox_totp._settings.env_files import save_settings, write_variables
from upstox_totp._settings.named_accounts import (
    account_path,
    check_keyring,
    save_in_keyring,
)
from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.table import variable

if TYPE_CHECKING:
    from pathlib import Path

MINE = VALID | {
    "username": "9812345670",
    "pin_code": "482915",
    "totp_secret": "KRUGKIDROVUWG2ZAMJZG653OEBTG66BA",
}
SECRETS = {name: SecretStr(value) for name, value in MINE.items()}
SERVICE = "upstox-totp:ravi"


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A home and a keyring of the test's own."""
    use_home(monkeypatch, tmp_path)
    return use_keyring(monkeypatch, tmp_path)


def test_an_account_in_the_keyring_makes_a_client() -> None:
    """The entry is named for the account, each user in it for a variable; nothing else is there."""
    assert save_in_keyring("ravi", SECRETS) == SERVICE
    assert keyring.get_password(SERVICE, "UPSTOX_PIN_CODE") == MINE["pin_code"]
    assert UpstoxTOTP.from_account("ravi").config == UpstoxTOTP(**MINE).config
    assert account_path("ravi").read_text() == ""
    assert {one.source for one in read_settings(account="ravi").values()} == {
        f"keyring entry {SERVICE}"
    }


def test_another_process_finds_what_one_kept(
    monkeypatch: pytest.MonkeyPatch, backend: dict[str, str]
) -> None:
    """A command of its own reads the keyring that UPSTOX_ACCOUNT names, and says so."""
    save_in_keyring("ravi", SECRETS)
    for name, value in {**backend, "UPSTOX_ACCOUNT": "ravi"}.items():
        monkeypatch.setenv(name, value)
    run = subprocess.run(
        [sys.executable, "-m", "upstox_totp", "check-env"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(f"keyring entry {SERVICE}") == len(MINE)


def test_the_keyring_is_asked_for_what_is_missing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that the file has, or that the login method does not need, is not asked for."""
    secrets = {"client_id", "totp_secret", "pin_code"}
    save_in_keyring("ravi", {name: SECRETS[name] for name in secrets})
    write_variables(account_path("ravi"), {"UPSTOX_LOGIN_METHOD": SecretStr("api")})
    asked: list[str] = []
    backend = keyring.get_keyring()
    answer = backend.get_password

    def note(service: str, name: str) -> str | None:
        asked.append(name)
        return answer(service, name)

    monkeypatch.setattr(backend, "get_password", note)
    assert UpstoxTOTP.from_account("ravi").config.pin_code == SECRETS["pin_code"]
    assert set(asked) == set(map(variable, secrets))
    assert len(asked) == 3
    write_variables(account_path("ravi"), {"UPSTOX_PIN_CODE": SecretStr("654321")})
    found = read_settings(account="ravi")
    assert (found["pin_code"].value, asked[3:]) == (
        "654321", ["UPSTOX_TOTP_SECRET", "UPSTOX_CLIENT_ID"]
    )  # fmt: skip
    asked.clear()
    save_settings(account_path("ravi"), SECRETS)
    assert UpstoxTOTP.from_account("ravi")
    assert asked == []


def test_a_keyring_that_waits_has_a_bound_and_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its prompt may have nobody who answers: the user is told, once, and the rest goes on."""
    save_in_keyring("ravi", SECRETS)
    asleep = threading.Event()
    monkeypatch.setattr(keyring.get_keyring(), "get_password", lambda *_: asleep.wait(30))
    monkeypatch.setattr(named_accounts, "_SOON", 0.05)
    monkeypatch.setattr(named_accounts, "_LONGEST", 0.1)
    try:
        with pytest.raises(ConfigurationError, match="did not answer within"):
            UpstoxTOTP.from_account("ravi")
        assert caplog.text.count("Waiting for the keyring") == 1
        save_settings(account_path("ravi"), SECRETS)
        assert UpstoxTOTP.from_account("ravi")
    finally:
        asleep.set()
        for thread in threading.enumerate():
            if thread.name == "keyring":
                thread.join(30)


def test_a_credential_is_kept_in_one_place() -> None:
    """Moving to the keyring takes secrets out of the file; the file comes first."""
    path = account_path("ravi")
    save_settings(path, SECRETS)
    path.write_text(path.read_text() + "UPSTOX_DEBUG=true\n")
    save_in_keyring("ravi", SECRETS)
    assert path.read_text() == "UPSTOX_DEBUG=true\n"
    save_settings(path, SECRETS | {"pin_code": SecretStr("654321")})
    assert UpstoxTOTP.from_account("ravi").config.pin_code == SecretStr("654321")


def test_a_credential_that_differs_from_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stray PIN is not sent to Ravi's account; what is the same in both, or in one, is fine."""
    save_in_keyring("ravi", {n: v for n, v in SECRETS.items() if n != "username"})
    monkeypatch.setenv("UPSTOX_USERNAME", MINE["username"])
    monkeypatch.setenv("UPSTOX_CLIENT_ID", MINE["client_id"])
    assert UpstoxTOTP.from_account("ravi").config.username == MINE["username"]
    monkeypatch.setenv("UPSTOX_PIN_CODE", "999999")
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_account("ravi")
    assert caught.value.details["settings"] == ["pin_code"]
    assert "environment" in str(caught.value)
    assert f"keyring entry {SERVICE}" in str(caught.value)
    assert "999999" not in str(caught.value)


def test_a_keyring_that_keeps_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A backend that is locked, or none at all, is told: the file stays as it was."""
    path = account_path("ravi")
    save_settings(path, SECRETS)
    use_home(monkeypatch, tmp_path)
    for name in ("null", "fail"):
        use_backend(monkeypatch, f"keyring.backends.{name}.Keyring")
        with pytest.raises(ConfigurationError, match="this system has none"):
            check_keyring("ravi")
    use_keyring(monkeypatch, tmp_path)

    def locked(*_: str) -> None:
        raise keyring.errors.KeyringLocked

    monkeypatch.setattr(keyring.get_keyring(), "set_password", locked)
    with pytest.raises(ConfigurationError, match="cannot be used: KeyringLocked") as caught:
        save_in_keyring("ravi", SECRETS)
    assert caught.value.__context__ is None
    assert "--into file" in str(caught.value)
    assert MINE["pin_code"] in path.read_text()
    assert UpstoxTOTP.from_account("ravi")


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed keyring is told which extra has it, and files work without."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match=r"The keyring needs an extra.*\[keyring\]"):
        save_in_keyring("ravi", SECRETS)
    save_settings(account_path("ravi"), SECRETS)
    assert UpstoxTOTP.from_account("ravi").config.username == MINE["username"]
