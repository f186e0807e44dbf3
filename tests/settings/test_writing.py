"""Settings that are written down, and read again as they were."""

from __future__ import annotations

import os
import stat
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from support.own_keyring import use_home
from support.settings_examples import VALID, env_text
from upstox_totp import ConfigurationError, UpstoxTOTP, UpstoxWarning
from upstox_totp._settings.env_files import read_env_file, save_settings, write_variables
from upstox_totp._settings.named_accounts import account_path

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {name: SecretStr(value) for name, value in VALID.items()}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's configuration directory is the test's own, and the keyring keeps nothing."""
    use_home(monkeypatch, tmp_path)


def test_what_is_written_makes_a_client() -> None:
    """A new file holds the settings, for its owner alone."""
    path = account_path("ravi")
    save_settings(path, SECRETS)
    assert UpstoxTOTP.from_account("ravi").config == UpstoxTOTP(**VALID).config
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_every_value_comes_back_as_it_was(tmp_path: Path, value: str) -> None:
    """Quotes, backslashes, dollars, blanks and hash signs survive a file."""
    path = tmp_path / "any.env"
    save_settings(path, {"password": SecretStr(value)})
    assert read_env_file(path).values_as_text() == {"password": value}


def test_other_lines_stay(tmp_path: Path) -> None:
    """Comments and other programs' variables are kept, and a setting has one line afterwards."""
    path = tmp_path / ".env"
    path.write_text(
        "\ufeff# mine\nOTHER='a\nb'\nexport UPSTOX_PIN_CODE=1111 # old\nUPSTOX_PIN_CODE=2222\n"
        "UPSTOX_DEBUG=true",
        encoding="utf-8",
    )
    save_settings(path, {"pin_code": SecretStr("654321"), "client_id": SecretStr("a b")})
    assert path.read_text(encoding="utf-8") == (
        "\ufeff# mine\nOTHER='a\nb'\nexport UPSTOX_PIN_CODE=654321\nUPSTOX_DEBUG=true\n"
        "UPSTOX_CLIENT_ID='a b'\n"
    )


def test_other_lines_stay_byte_for_byte(tmp_path: Path) -> None:
    """Line ends of Windows, blank lines and a last line without an end; other names go."""
    path = tmp_path / ".env"
    path.write_bytes(b"A=1 # x\r\n\r\n \r\nUPSTOX_PIN=1111\r\nUPSTOX_ACCESS_TOKEN=old")
    write_variables(path, {"UPSTOX_ACCESS_TOKEN": SecretStr("new")})
    assert path.read_bytes() == (b"A=1 # x\r\n\r\n \r\nUPSTOX_PIN=1111\r\nUPSTOX_ACCESS_TOKEN=new")
    save_settings(path, {"pin_code": SecretStr("482915")})
    assert path.read_bytes() == (
        b"A=1 # x\r\n\r\n \r\nUPSTOX_ACCESS_TOKEN=new\r\nUPSTOX_PIN_CODE=482915\r\n"
    )


def test_a_mode_that_lets_others_read_is_taken_back(tmp_path: Path) -> None:
    """A file that was there and could be read by others is the user's alone afterwards."""
    if os.name != "posix":
        pytest.skip("modes are POSIX")
    path = tmp_path / ".env"
    path.write_text("")
    path.chmod(0o644)
    save_settings(path, SECRETS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    """A .env that leads to a file elsewhere still does; the file has the settings."""
    target, link = tmp_path / "real.env", tmp_path / ".env"
    target.write_text("A=1\n")
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("links need a right here")
    save_settings(link, SECRETS)
    assert link.is_symlink()
    assert target.read_text().startswith("A=1\nUPSTOX_USERNAME=")


@pytest.mark.parametrize("content", [env_text().encode("utf-16"), b"A=\xff\n", None])
def test_what_cannot_be_read_is_left_as_it_is(tmp_path: Path, content: bytes | None) -> None:
    """A file in another encoding, or a folder, is not replaced by one that lacks its lines."""
    path = tmp_path / ".env"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be"):
        save_settings(path, SECRETS)
    assert path.is_dir() if content is None else path.read_bytes() == content


@pytest.mark.skipif(os.name != "posix", reason="pipes in the file system are POSIX")
def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """A password manager that hands out settings in one can still do so; so can /dev/null."""
    path = tmp_path / ".env"
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="cannot be written: it is no regular file"):
        save_settings(path, SECRETS)
    assert path.is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_disk_without_modes_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where chmod has no effect, the user hears that others can read the secrets."""
    replace = type(tmp_path).replace

    def open_to_all(made: Path, target: Path) -> Path:
        moved = replace(made, target)
        target.chmod(0o777)
        return moved

    monkeypatch.setattr(type(tmp_path), "replace", open_to_all)
    with pytest.warns(UpstoxWarning, match="Other users can read"):
        save_settings(tmp_path / ".env", SECRETS)


def test_a_disk_that_fails_is_an_error_without_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full disk leaves the old file, no half-written one beside it, and no secret in a frame."""
    path = tmp_path / ".env"
    path.write_text("OTHER=1\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left") as caught:
        save_settings(path, SECRETS)
    assert path.read_text() == "OTHER=1\n"
    assert [one.name for one in tmp_path.glob("*.tmp")] == []
    assert caught.value.__context__ is None
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [str(frame.locals) for frame in rendered.stack if "env_files.py" in frame.filename]
    assert own
    for text in own:
        assert not [name for name, value in VALID.items() if value in text]
