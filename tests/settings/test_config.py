"""Where settings come from, and what is valid."""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

import upstox_totp
from support.settings_examples import VALID, env_text
from upstox_totp import ConfigurationError, UpstoxTOTP
from upstox_totp._settings.config import Config
from upstox_totp._settings.identity import identify
from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.table import NAMES, SETTINGS, variable

if TYPE_CHECKING:
    from upstox_totp.sandbox import Sandbox


def test_arguments_alone_are_enough() -> None:
    """The documented manual configuration needs no environment and no file."""
    upx = UpstoxTOTP(**VALID)
    assert upx.config.username == VALID["username"]
    assert upx.config.password == SecretStr(VALID["password"])
    assert (upx.config.debug, upx.config.sleep_time) == (False, 1000)
    assert upx.base_domain == "https://{stage}.upstox.com"


def test_arguments_win_over_environment_and_environment_over_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first source that has a setting decides."""
    (tmp_path / ".env").write_text(env_text(client_id="file", redirect_uri="https://file.example"))
    monkeypatch.setenv("UPSTOX_CLIENT_ID", "environment")
    monkeypatch.setenv("UPSTOX_USERNAME", "1111111111")
    config = UpstoxTOTP(username="2222222222").config
    assert (config.username, config.client_id) == ("2222222222", "environment")
    assert config.redirect_uri == "https://file.example"
    sources = {name: found.source for name, found in read_settings({"username": "2"}).items()}
    assert (sources["username"], sources["client_id"]) == ("argument", "environment")
    assert sources["redirect_uri"] == ".env"


def test_a_named_file_is_the_only_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """from_env_file() reads the environment and that file, and not the .env beside it."""
    (tmp_path / ".env").write_text(env_text())
    named = tmp_path / ".env.production"
    named.write_text(env_text().replace("UPSTOX_CLIENT_ID", "OTHER"))
    with pytest.raises(ConfigurationError, match=r"client_id \(UPSTOX_CLIENT_ID\) is not set"):
        UpstoxTOTP.from_env_file(".env.production")
    monkeypatch.setenv("UPSTOX_CLIENT_ID", "environment")
    assert UpstoxTOTP.from_env_file(named).config.client_id == "environment"


def test_a_missing_named_file_is_an_error(tmp_path: Path) -> None:
    """A file that was named and is not there, or is no file, is a ConfigurationError."""
    for path, reason in (("no-such-file", "there is no such file"), (tmp_path, "it is a dir")):
        with pytest.raises(ConfigurationError, match=f"cannot be read: {reason}"):
            UpstoxTOTP.from_env_file(path)


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """A file that is not UTF-8 is an error, named or found: it may hold any setting."""
    (tmp_path / ".env").write_bytes(b"UPSTOX_PASSWORD=\xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        UpstoxTOTP.from_env_file(".env")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        UpstoxTOTP(**VALID)


def test_an_unreadable_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that cannot be opened is an error, named or found: it may hold any setting."""

    def locked(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / ".env").write_text(env_text())
    monkeypatch.setattr("upstox_totp._settings.env_files.read_whole", locked)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        UpstoxTOTP.from_env_file(".env")
    with pytest.raises(ConfigurationError, match="Permission denied"):
        UpstoxTOTP(**VALID)


def test_values_in_a_file_are_literal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is expanded, a byte order mark is no part of a name, the environment stays."""
    monkeypatch.setenv("HOME", "/home/somebody")
    text = env_text(password="a${HOME}b$c", client_secret="x#y=z")
    (tmp_path / ".env").write_text("\ufeff" + text, encoding="utf-8")
    before = dict(os.environ)
    config = UpstoxTOTP().config
    assert config.password.get_secret_value() == "a${HOME}b$c"
    assert config.client_secret.get_secret_value() == "x#y=z"
    assert dict(os.environ) == before


def test_empty_variables_count_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty variable lets the file decide, and an empty line in the file is no value."""
    (tmp_path / ".env").write_text(env_text() + "UPSTOX_DEBUG=\nUPSTOX_SLEEP_TIME\n")
    monkeypatch.setenv("UPSTOX_CLIENT_ID", "")
    config = UpstoxTOTP().config
    assert config.client_id == VALID["client_id"]
    assert (config.debug, config.sleep_time) == (False, 1000)


def test_defaults_given_as_arguments_count_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """debug=False and sleep_time=1000 leave the decision to the environment."""
    monkeypatch.setenv("UPSTOX_DEBUG", "true")
    monkeypatch.setenv("UPSTOX_SLEEP_TIME", "250")
    config = UpstoxTOTP(**VALID, debug=False, sleep_time=1000).config
    assert (config.debug, config.sleep_time) == (True, 250)
    assert UpstoxTOTP(**VALID, sleep_time=300).config.sleep_time == 300


ACCEPTED: dict[str, list[object]] = {
    "username": ["0000000000"],
    "password": ["x", "p&s=w+o%r d é", "  spaced  ", "12345"],
    "pin_code": ["1234", "12345", "123456", "000000"],
    "totp_secret": [
        "JBSWY3DPEHPK3PXP",
        "jbsw y3dp ehpk 3pxp",
        "JBSW-Y3DP-EHPK-3PXP",
        "JBSWY3DPEHPK3PXP======",
        "otpauth://totp/Upstox:9876543210?secret=JBSWY3DPEHPK3PXP&issuer=Upstox",
        "otpauth://totp/x?secret=jbswy3dpehpk3pxp&digits=6&period=30&algorithm=sha1",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "MFRGG",
    ],
    "client_id": ["a", "a&b=c +%é"],
    "client_secret": ["a", "a&b=c +%é"],
    "redirect_uri": [
        "https://127.0.0.1/",
        "http://localhost:5000/callback",
        "https://example.com",
        "https://example.com/a b?c=d&e=%20+é",
        "myapp://callback",
        "HTTPS://Example.COM/Path/../x",
    ],
    "sleep_time": [100, 10_000, "100", "10000"],
    "debug": [True, "true", "1", "no"],
}
REFUSED: dict[str, list[object]] = {
    "username": ["", "123456789", "12345678901", "98765 43210", "98765abcde", " 9876543210",
                 "9876543210\n", "+919876543210", "\u0967" * 10, 9876543210],
    "password": ["", " ", 5, "\udcff"],
    "pin_code": ["", "123", "1234567", "12a4", "12 34", "1234\n", "\u0967" * 4, 1234],
    "totp_secret": ["", "not base32!", "01890189", "ABC", "A", "  ", "=", "é",
                    "otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP&counter=1",
                    "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=8",
                    "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&period=60",
                    "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&algorithm=SHA256",
                    "otpauth://totp/x", "otpauth://[broken"],
    "client_id": ["", " ", 5],
    "client_secret": ["", " ", "\udcff"],
    "redirect_uri": ["", "example.com", "https://", "not a url", "/callback", "https://x y/",
                     "https://example.com/\n", " https://example.com", "mailto:a@b.c",
                     "https://example.com:port/", "https://example.com/\tx", "https:///path",
                     "https:/example.com"],
    "sleep_time": [99, 10_001, 0, -1, "fast", 100.5],
    "debug": ["perhaps", 7],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ACCEPTED.items() for value in values]
)
def test_accepted(name: str, value: object) -> None:
    """What is at the edge and valid makes a client, which can make a code."""
    upx = UpstoxTOTP(**(VALID | {name: value}))
    assert len(upx.generate_totp_secret()) == 6
    if name == "redirect_uri":
        assert upx.config.redirect_uri == value


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
def test_refused(name: str, value: object) -> None:
    """What is invalid is a ConfigurationError that names the setting and not its value."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP(**(VALID | {name: value}))
    error = caught.value
    assert f"{name} ({variable(name)})" in str(error)
    assert error.details == {"settings": [name]}
    assert error.step is None
    if isinstance(value, str) and len(value.strip()) > 2 and name != "redirect_uri":
        assert value.strip() not in str(error)


def test_all_wrong_settings_are_named_at_once() -> None:
    """One error names every missing and every invalid setting, by argument and variable."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP(username="invalid", sleep_time=5)
    text = str(caught.value)
    for name in (*VALID, "sleep_time"):
        assert f"{name} ({variable(name)})" in text
    assert text.count("is not set") == 6
    assert "(from argument)" in text


@pytest.mark.parametrize("name", ["password", "pin_code", "totp_secret", "client_secret"])
def test_no_invalid_secret_is_kept_anywhere(name: str) -> None:
    """Neither the error, nor its chain, nor the locals of our frames show a secret's value."""
    secret = "canary-\u00e9-9"
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP(**(VALID | {name: secret + "\udcff"}))
    assert caught.value.__cause__ is caught.value.__context__ is None
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    package = Path(upstox_totp.__file__).parent
    own = [frame for frame in rendered.stack if package in Path(frame.filename).parents]
    assert len(own) >= 2
    others = [str(value) for key, value in VALID.items() if key != name and "secret" in key]
    for text in [str(caught.value), *(str(frame.locals) for frame in own)]:
        for value in [secret, *others]:
            assert value not in text


def test_the_configuration_shows_no_secret() -> None:
    """Neither str nor repr of client and configuration shows one of the four secrets."""
    upx = UpstoxTOTP(**VALID)
    text = f"{upx} {upx!r} {upx.config} {upx.config!r} {read_settings(VALID)!r}"
    for name in ("password", "pin_code", "totp_secret", "client_secret"):
        assert VALID[name] not in text


DOMAINS = {
    "https://{stage}.example.com": True,
    "https://{stage}.upstox.com": True,
    "http://127.0.0.1:8000/{stage}": True,
    "http://localhost:8000/{stage}/": True,
    "http://[::1]:8000/{stage}": True,
    "http://{stage}.upstox.com": False,
    "http://127.0.0.1.example.com/{stage}": False,
    "https://api.upstox.com": False,
    "https://user@{stage}.upstox.com": False,
    "https://{stage}.upstox.com?x=1": False,
    "ftp://{stage}.upstox.com": False,
    "{stage}": False,
}


@pytest.mark.parametrize(("domain", "valid"), DOMAINS.items())
def test_base_domain(monkeypatch: pytest.MonkeyPatch, domain: str, *, valid: bool) -> None:
    """A base domain is https with {stage} in it, or loopback; as variable and as attribute."""
    monkeypatch.setenv("UPSTOX_BASE_DOMAIN", domain)
    if valid:
        assert UpstoxTOTP(**VALID).base_domain == domain.rstrip("/")
    else:
        with pytest.raises(ConfigurationError, match="UPSTOX_BASE_DOMAIN"):
            UpstoxTOTP(**VALID)
    monkeypatch.delenv("UPSTOX_BASE_DOMAIN")
    upx = UpstoxTOTP(**VALID)
    if valid:
        upx.base_domain = domain
        assert upx.base_domain == domain.rstrip("/")
    else:
        with pytest.raises(ConfigurationError, match="base_domain"):
            upx.base_domain = domain


def test_a_foreign_base_domain_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where credentials go to neither Upstox nor this machine, the log says so."""
    for domain, warned in (
        ("https://{stage}.upstox.com", False),
        ("http://127.0.0.1:1/{stage}", False),
        ("https://{stage}.example.com", True),
    ):
        caplog.clear()
        monkeypatch.setenv("UPSTOX_BASE_DOMAIN", domain)
        UpstoxTOTP(**VALID)
        assert ("example.com" in caplog.text) is warned


def test_the_base_domain_is_not_read_from_the_working_directory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A .env that happens to lie there cannot divert credentials; a named file may."""
    text = env_text() + "UPSTOX_BASE_DOMAIN=https://{stage}.example.com\n"
    (tmp_path / ".env").write_text(text)
    # Its credentials are that server's, and Upstox would count each as a failed login.
    with pytest.raises(ConfigurationError, match="is for another server") as caught:
        UpstoxTOTP()
    assert caught.value.details["settings"] == ["base_domain"]
    assert UpstoxTOTP(**VALID).base_domain == "https://{stage}.upstox.com"
    assert "Ignoring UPSTOX_BASE_DOMAIN" in caplog.text
    assert UpstoxTOTP.from_env_file(".env").base_domain == "https://{stage}.example.com"


def test_settings_as_found_and_as_valid_are_one_identity(tmp_path: Path) -> None:
    """However a secret was written down, a command that looks and a login look at one account."""
    spelled = "krug-kidr ovuw g2za mjzg 653o ebtg 66ba"
    (tmp_path / ".env").write_text(env_text(totp_secret=spelled))
    values = read_settings().values_as_text()
    assert identify(values, "https://{stage}.UPSTOX.com:443") == UpstoxTOTP().identity
    assert identify(values | {"password": "another"}, "https://{stage}.upstox.com") != identify(
        values, "https://{stage}.upstox.com"
    )


def test_the_app_of_a_sandbox_is_not_sent_to_upstox(sandbox: Sandbox) -> None:
    """Its environment without the line of its address is nobody's account there."""
    settings = {k.removeprefix("UPSTOX_").lower(): v for k, v in sandbox.environment.items()}
    assert UpstoxTOTP.from_settings(**settings)
    del settings["base_domain"]
    with pytest.raises(ConfigurationError, match="belongs to a sandbox") as caught:
        UpstoxTOTP.from_settings(**settings)
    assert caught.value.details["settings"] == ["client_id"]


def test_login_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    """UPSTOX_LOGIN_REVISION is one of three words."""
    monkeypatch.setenv("UPSTOX_LOGIN_REVISION", "oldest")
    with pytest.raises(ConfigurationError, match="auto, newer or older"):
        UpstoxTOTP(**VALID)


def test_every_setting_has_a_rule_and_a_field() -> None:
    """Reader and validator know the same settings."""
    assert tuple(Config.model_fields) == NAMES


def test_the_env_example_names_every_setting() -> None:
    """.env.example shows every setting that is read from a .env of the working directory."""
    from pathlib import Path  # noqa: PLC0415 - elsewhere needed for types alone

    text = (Path(__file__).parents[2] / ".env.example").read_text()
    for name in NAMES:
        assert (variable(name) in text) is SETTINGS[name].from_working_directory


def test_debug_needs_no_logging_of_the_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """debug=True shows records on stderr where the program has configured no logging."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for _ in range(2):
        UpstoxTOTP(**VALID, debug=True)
    logging.getLogger("upstox_totp").debug("once")
    assert capsys.readouterr().err.count("once") == 1
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    logging.getLogger("upstox_totp").debug("not again")
    assert "not again" not in capsys.readouterr().err
