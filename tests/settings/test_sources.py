"""Where settings come from besides arguments, and whose they are when places differ."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import upstox_totp
from support.own_keyring import use_home
from support.settings_examples import VALID, env_text
from upstox_totp import ConfigurationError, UpstoxTOTP
from upstox_totp._settings.named_accounts import account_names, account_path
from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.table import NAMES, SETTINGS, variable
from upstox_totp.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upstox_totp.sandbox import Sandbox

OTHER = {
    "username": "9000000001",
    "password": "of somebody else",
    "pin_code": "654321",
    "totp_secret": "JBSWY3DPEHPK3PXP",
    "client_id": "another-app",
    "client_secret": "another-secret",
    "redirect_uri": "https://other.example/callback",
}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's configuration directory is the test's own, and the keyring keeps nothing."""
    use_home(monkeypatch, tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def write_account(name: str, text: str) -> Path:
    """Write the file of a named account."""
    path = account_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_secrets(folder: Path, values: Mapping[str, str], *, lower: bool = False) -> Path:
    """Write a secrets directory: a file for each setting."""
    folder.mkdir()
    for name, value in values.items():
        (folder / (variable(name).lower() if lower else variable(name))).write_text(value + "\n")
    return folder


def sources_of(**arguments: str) -> dict[str, str]:
    """Return where each setting comes from."""
    return {name: one.source for name, one in read_settings(arguments).items()}


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("name", ["UPSTOX_SECRETS_DIR", "CREDENTIALS_DIRECTORY"])
def test_a_secrets_directory_is_a_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, *, lower: bool
) -> None:
    """One file a setting, as systemd and Docker hand them over, in either case of the name."""
    folder = write_secrets(tmp_path / "secrets", VALID, lower=lower)
    (folder / "unrelated").mkdir()
    monkeypatch.setenv(name, str(folder))
    assert UpstoxTOTP().config.pin_code.get_secret_value() == VALID["pin_code"]
    source = Path(sources_of()["pin_code"])
    assert source.parent == folder
    assert source.is_file()


def test_our_own_variable_comes_before_systemds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """UPSTOX_SECRETS_DIR, where it is set, is the only secrets directory."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(write_secrets(tmp_path / "systemd", OTHER)))
    folder = write_secrets(tmp_path / "own", {"pin_code": VALID["pin_code"]})
    monkeypatch.setenv("UPSTOX_SECRETS_DIR", str(folder))
    found = read_settings()
    assert found["pin_code"].value == VALID["pin_code"]
    assert "client_id" not in found


def test_a_secrets_directory_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The one that was named is an error, systemd's is no concern of who has no credentials."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "nowhere"))
    assert UpstoxTOTP(**VALID)
    monkeypatch.setenv("UPSTOX_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"secrets directory .*nowhere.* cannot be read"):
        UpstoxTOTP(**VALID)


def test_a_secret_that_is_no_text_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file of the directory that cannot be read is named, with the reason."""
    folder = write_secrets(tmp_path / "secrets", VALID)
    (folder / "UPSTOX_PIN_CODE").write_bytes(b"\xff\xfe1")
    monkeypatch.setenv("UPSTOX_SECRETS_DIR", str(folder))
    with pytest.raises(ConfigurationError, match=r"UPSTOX_PIN_CODE .*not UTF-8"):
        UpstoxTOTP()


def test_the_order_of_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Argument, environment, secrets directory, account, .env: each has what none before has."""
    values = {name: VALID[name] for name in list(VALID)[1:]}
    monkeypatch.setenv("UPSTOX_PASSWORD", values["password"])
    folder = write_secrets(tmp_path / "s", {n: VALID[n] for n in ("password", "pin_code")})
    monkeypatch.setenv("UPSTOX_SECRETS_DIR", str(folder))
    monkeypatch.setenv("UPSTOX_ACCOUNT", "ravi")
    account = write_account("ravi", env_text().split("UPSTOX_CLIENT_SECRET")[0])
    Path(".env").write_text(env_text())
    sources = sources_of(username=VALID["username"])
    assert list(sources.items())[:1] == [("username", "argument")]
    assert sources["password"] == "environment"
    assert sources["pin_code"] == str(folder / "UPSTOX_PIN_CODE")
    assert sources["totp_secret"] == sources["client_id"] == str(account)
    assert sources["client_secret"] == ".env"


def test_an_account_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """from_account(), UPSTOX_ACCOUNT and the argument mean the same file."""
    write_account("ravi", env_text(client_id="of-ravi"))
    write_account("asha", env_text(client_id="of-asha"))
    assert UpstoxTOTP.from_account("ravi").config.client_id == "of-ravi"
    assert UpstoxTOTP.from_settings(account="asha").config.client_id == "of-asha"
    monkeypatch.setenv("UPSTOX_ACCOUNT", "asha")
    assert UpstoxTOTP().config.client_id == "of-asha"
    assert UpstoxTOTP.from_account("ravi").config.client_id == "of-ravi"
    assert account_names() == ["asha", "ravi"]


@pytest.mark.parametrize(
    "name",
    ["", "..", "../ravi", "a/b", "a\\b", "/etc/passwd", ".hidden", "con", "NUL.txt", "a" * 65,
     "a\0", "a\n", "~", "C:x", "r\u0430vi", "a b", "ravi:x"],
)  # fmt: skip
def test_a_name_cannot_leave_the_directory(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is no plain name is refused, as an argument and as a variable."""
    with pytest.raises(ConfigurationError, match=r"account \(UPSTOX_ACCOUNT\) must be letters"):
        UpstoxTOTP.from_account(name)
    with pytest.raises(ConfigurationError, match=r"account \(UPSTOX_ACCOUNT\) must be letters"):
        UpstoxTOTP.from_settings(**VALID, account=name)
    if name and "\0" not in name:
        monkeypatch.setenv("UPSTOX_ACCOUNT", name)
        with pytest.raises(ConfigurationError, match=r"account \(UPSTOX_ACCOUNT\) must be letters"):
            UpstoxTOTP(**VALID)


def test_an_account_that_is_not_there_is_an_error() -> None:
    """It says where it looked, and how an account is made."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_account("ravi")
    assert str(account_path("ravi")) in str(caught.value)
    assert "upstox_cli configure --account ravi" in str(caught.value)


def test_a_stray_pin_is_not_sent_to_a_named_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that differs between environment and file is an error that names both places."""
    path = write_account("ravi", env_text())
    named = Path("ravi.env")
    named.write_text(env_text())
    monkeypatch.setenv("UPSTOX_PIN_CODE", "111111")
    for make, name, place in (
        (UpstoxTOTP.from_account, "ravi", str(path)),
        (UpstoxTOTP.from_env_file, str(named), str(named)),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make(name)
        text = str(caught.value)
        assert (
            "pin_code differs between UPSTOX_PIN_CODE (environment) and UPSTOX_PIN_CODE (" in text
        )
        assert place in text
        assert "111111" not in text
        assert VALID["pin_code"] not in text


@pytest.mark.parametrize("name", [name for name in NAMES if SETTINGS[name].credential])
def test_each_credential_is_compared(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """All of them are, however they are written; what is the same in both is no contradiction."""
    write_account("ravi", env_text())
    same = {"totp_secret": "krug kidr-ovuw g2za mjzg 653o ebtg 66ba"}
    monkeypatch.setenv(variable(name), same.get(name, VALID[name]))
    assert UpstoxTOTP.from_account("ravi")
    monkeypatch.setenv(variable(name), OTHER[name])
    with pytest.raises(ConfigurationError, match="differs between") as caught:
        UpstoxTOTP.from_account("ravi")
    assert caught.value.details["settings"] == [name]


def test_what_is_no_credential_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment still decides about pauses, directories and ways."""
    write_account("ravi", env_text() + "UPSTOX_SLEEP_TIME=300\nUPSTOX_LOGIN_METHOD=page\n")
    monkeypatch.setenv("UPSTOX_SLEEP_TIME", "200")
    monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "api")
    config = UpstoxTOTP.from_account("ravi").config
    assert (config.sleep_time, config.login_method) == (200, ("api",))


def test_an_argument_is_no_stray_value() -> None:
    """What the program itself gives is meant."""
    write_account("ravi", env_text())
    client = UpstoxTOTP.from_settings(account="ravi", pin_code="111111")
    assert client.config.pin_code.get_secret_value() == "111111"


def test_a_secrets_directory_of_somebody_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service's credentials are not mixed with those of the account that it names."""
    write_account("ravi", env_text())
    folder = write_secrets(tmp_path / "secrets", {"pin_code": OTHER["pin_code"]})
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    with pytest.raises(ConfigurationError, match="differs between") as caught:
        UpstoxTOTP.from_account("ravi")
    assert str(folder / "UPSTOX_PIN_CODE") in str(caught.value)


def test_a_stray_env_of_somebody_else_fills_nothing_in() -> None:
    """The .env of one account is not mixed into another that was named: neither is locked."""
    write_account("ravi", env_text().split("UPSTOX_REDIRECT_URI")[0])
    Path(".env").write_text(
        "".join(f"{variable(name)}={value}\n" for name, value in OTHER.items())
        + "UPSTOX_SLEEP_TIME=300\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_account("ravi")
    assert caught.value.details["settings"] == ["redirect_uri"]
    assert "another account" in str(caught.value)
    write_account("ravi", env_text())
    assert UpstoxTOTP.from_account("ravi").config.sleep_time == 300
    Path(".env").write_text("UPSTOX_REDIRECT_URI=https://shared.example\n")
    write_account("ravi", env_text().split("UPSTOX_REDIRECT_URI")[0])
    assert UpstoxTOTP.from_account("ravi").config.redirect_uri == "https://shared.example"


def test_from_env_file_reads_no_other_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither .env, nor an account, nor a secrets directory fills in what the file lacks."""
    Path(".env").write_text(env_text())
    write_account("ravi", env_text())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(write_secrets(tmp_path / "s", VALID)))
    monkeypatch.setenv("UPSTOX_ACCOUNT", "ravi")
    Path("named.env").write_text(env_text().split("UPSTOX_REDIRECT_URI")[0])
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_env_file("named.env")
    assert caught.value.details["settings"] == ["redirect_uri"]


STRAY = [name for name in NAMES if not SETTINGS[name].from_working_directory]


@pytest.mark.parametrize("name", STRAY)
def test_what_leads_secrets_away_is_not_read_from_a_stray_env(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where credentials and tokens go does not depend on the folder a script is started in."""
    Path(".env").write_text(f"UPSTOX_DEBUG=true\n{variable(name)}=redis://example.com/{{stage}}\n")
    assert name not in read_settings()
    assert f"Ignoring {variable(name)}" in caplog.text
    assert name in read_settings(env_file=".env")
    assert {"base_domain", "cache_url", "cache_key", "secrets_dir"} == set(STRAY)


def test_reading_changes_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever is read, os.environ stays as it is."""
    Path(".env").write_text(env_text())
    write_account("ravi", env_text())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(write_secrets(tmp_path / "s", VALID)))
    before = dict(os.environ)
    assert UpstoxTOTP.from_account("ravi")
    assert dict(os.environ) == before


def test_a_stray_pin_ends_a_command_before_anything_is_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`UPSTOX_PIN_CODE=111111 upstox_cli token --env-file ravi.env` names both places."""
    Path("ravi.env").write_text("".join(f"{k}='{v}'\n" for k, v in sandbox.environment.items()))
    monkeypatch.setenv("UPSTOX_PIN_CODE", "111111")
    result = CliRunner().invoke(cli, ["token", "--env-file", "ravi.env"])
    assert result.exit_code == 2
    assert "environment" in result.stderr
    assert "ravi.env" in result.stderr
    assert "111111" not in result.output
    assert sandbox.requests == []


def _contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTOX_PASSWORD", "another-canary")
    UpstoxTOTP.from_account("ravi")


WAYS_TO_FAIL: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "named file": lambda _: UpstoxTOTP.from_env_file(account_path("ravi")),
    "account": lambda _: UpstoxTOTP.from_account("ravi"),
    "settings": lambda _: UpstoxTOTP.from_settings(
        password="canary", pin_code="canary", cache_url="redis://:canary@x", cache_key="canary"
    ),
    "unknown": lambda _: UpstoxTOTP.from_settings(
        password="canary",
        pin="canary",  # type: ignore[call-arg]
    ),
    "constructor": lambda _: UpstoxTOTP(
        password="canary",
        cache_key="canary",  # type: ignore[call-arg]
    ),
    "contradiction": _contradiction,
}


@pytest.mark.parametrize("way", WAYS_TO_FAIL)
def test_no_source_leaves_a_secret_in_a_frame(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Wherever a secret comes from, an error shows it neither itself nor in our locals."""
    write_account("ravi", env_text(password="canary", client_secret="canary", pin_code="canary"))
    with pytest.raises((ConfigurationError, TypeError)) as caught:
        WAYS_TO_FAIL[way](monkeypatch)
    assert caught.value.__cause__ is caught.value.__context__ is None
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    package = Path(upstox_totp.__file__).parent
    own = [frame for frame in rendered.stack if package in Path(frame.filename).parents]
    assert own
    for text in [str(caught.value), repr(vars(caught.value)), *(str(f.locals) for f in own)]:
        assert "canary" not in text
