"""What a person is told whose settings are there, but not as this library reads them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from support.settings_examples import VALID, env_text
from upstox_totp import ConfigurationError, UpstoxTOTP
from upstox_totp._checks.settings import check_settings
from upstox_totp._settings.table import SETTINGS, variable

ROOT = Path(__file__).parents[2]
SECRET_NAMES = [name for name, row in SETTINGS.items() if row.secret and row.credential]


def told(**arguments: object) -> str:
    """Return the words of the error that a client ends with."""
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP(**arguments)  # type: ignore[arg-type]
    return str(caught.value)


UNREADABLE = {
    "UTF-16": env_text().encode("utf-16"),
    "UTF-16 ": env_text().encode("utf-16-le"),
    "UTF-16  ": env_text().encode("utf-16-be"),
    "not UTF-8": ("# Caf\u00e9\n" + env_text()).encode("cp1252"),
}


@pytest.mark.parametrize(("reason", "content"), UNREADABLE.items())
def test_an_env_in_another_encoding_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, reason: str, content: bytes
) -> None:
    """It is not "not set" seven times: the file was found, and this is what is wrong with it."""
    Path(".env").write_bytes(content)
    text = told()
    assert str(Path.cwd() / ".env") in text
    assert reason.strip() in text
    assert "is not set" not in text
    # What else may stand in it is not known: the way to a token, for example.
    for name, value in VALID.items():
        monkeypatch.setenv(variable(name), value)
    assert reason.strip() in told()
    assert reason.strip() in told(**VALID)
    Path("other.env").write_text(env_text())
    assert UpstoxTOTP.from_env_file("other.env")


def test_an_env_that_may_not_be_read_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of mode 000, or of somebody else."""
    Path(".env").write_text(env_text())
    if os.name == "posix" and os.geteuid() != 0:
        Path(".env").chmod(0)
    else:

        def locked(*_: object) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("upstox_totp._settings.env_files.read_whole", locked)
    assert "Permission denied" in told()


def test_a_folder_of_that_name_is_no_error() -> None:
    """Many keep a virtual environment in .env."""
    Path(".env").mkdir()
    assert UpstoxTOTP(**VALID)
    assert told().startswith("No settings were found")


def test_nothing_at_all_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new user hears that nothing was found, where it was looked for, and what is enough."""
    text = told()
    assert text.startswith(
        f"No settings were found in the environment or in {Path.cwd() / '.env'}. "
        "The TOTP API (official, recommended) needs UPSTOX_LOGIN_METHOD=api and three settings: "
        "pin_code (UPSTOX_PIN_CODE), totp_secret (UPSTOX_TOTP_SECRET) and client_id "
        "(UPSTOX_CLIENT_ID). Run upstox_cli configure to enter them."
    )
    assert "is not set" not in text
    assert len(text.split()) < 50
    assert check_settings().advice[0] in text
    Path("empty.env").write_text("")
    with pytest.raises(ConfigurationError, match=r"No settings were found .*empty\.env\. "):
        UpstoxTOTP.from_env_file("empty.env")
    monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "api")
    assert told().startswith("Invalid settings: pin_code (UPSTOX_PIN_CODE) is not set; ")


def test_the_advice_names_the_file_that_was_named(tmp_path: Path) -> None:
    """Not .env, which is not read then."""
    Path("ravi.env").write_text("UPSTOX_USERNAME=9876543210\n")
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_env_file("ravi.env")
    assert "or add it to ravi.env (see .env.example)" in str(caught.value)
    assert "or add it to .env (see .env.example)" in told(username="9876543210")


def test_what_is_missing_has_an_address() -> None:
    """Where Upstox shows what is missing."""
    text = told(username="9876543210")
    apps = "see your app at https://account.upstox.com/developer/apps."
    assert f"UPSTOX_CLIENT_ID, UPSTOX_CLIENT_SECRET, UPSTOX_REDIRECT_URI: {apps}" in text
    assert "UPSTOX_TOTP_SECRET: at https://account.upstox.com open Time-based OTP (TOTP)" in text
    short = told(**(VALID | {"pin_code": "12"}))
    assert "account.upstox.com" not in short
    assert "Set the variable" not in short


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("UPSTOX_APIKEY", "UPSTOX_CLIENT_ID"),
        ("UPSTOX_SECRET_KEY", "UPSTOX_CLIENT_SECRET"),
        ("upstox_pin", "UPSTOX_PIN_CODE"),
        ("UPSTOX_MPIN", "UPSTOX_PIN_CODE"),
        ("upstox_pin_code", "UPSTOX_PIN_CODE"),
        ("Upstox_Username", "UPSTOX_USERNAME"),
        ("UPSTOX_USER_NAME", "UPSTOX_USERNAME"),
        ("UPSTOX_PHONE_NUMBER", "UPSTOX_USERNAME"),
        ("UPSTOX_TOTP_SECERT", "UPSTOX_TOTP_SECRET"),
        ("UPSTOX_OTP_SECRET", "UPSTOX_TOTP_SECRET"),
        ("UPSTOX_CALLBACK_URL", "UPSTOX_REDIRECT_URI"),
        ("UPSTOX_LOGIN_METHODS", "UPSTOX_LOGIN_METHOD"),
    ],
)
def test_a_name_that_nothing_reads_gets_a_hint(
    monkeypatch: pytest.MonkeyPatch, found: str, meant: str
) -> None:
    """In a file and in the environment, in the error and in check-env."""
    Path(".env").write_text(f"{found}=482915\n")
    assert f"Unknown setting {found} in .env. Did you mean {meant}?" in told()
    assert any(f"Did you mean {meant}?" in one for one in check_settings().advice)
    Path(".env").unlink()
    if os.name == "posix":
        monkeypatch.setenv(found, "482915")
        assert f"Unknown setting {found} in the environment. Did you mean {meant}?" in told()


def test_what_other_programs_read_gets_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this command writes itself, and what is like no setting, is left alone."""
    monkeypatch.setenv("UPSTOX_ACCESS_TOKEN", "x")
    monkeypatch.setenv("UPSTOX_HOLIDAYS_FILE", "x")
    assert "Did you mean" not in told()


@pytest.mark.parametrize("name", ["username", "pin_code", "password", "client_id", "totp_secret"])
def test_a_number_is_told_to_be_no_text(name: str) -> None:
    """A PIN as a number would lose its zeros: the words say so, and show no digit."""
    for number in (482915, 482915.5, True, SecretStr(482915)):  # type: ignore[arg-type]
        text = told(**(VALID | {name: number}))
        assert f"{name} ({variable(name)}) must be text" in text
        assert "482915" not in text


@pytest.mark.parametrize(
    "number",
    ["+919876543210", "+91 98765 43210", "+91-98765-43210", "91 9876543210", "09876543210",
     "98765 43210", "98765-43210", " 9876543210", "9876543210\u200b", "\u00a09876543210",
     "\u202a9876543210\u202c"],
)  # fmt: skip
def test_a_mobile_number_in_another_spelling_is_named(number: str) -> None:
    """The words say what to remove."""
    text = told(**(VALID | {"username": number}))
    assert "must be exactly 10 digits" in text
    assert re.search("remove (the country code|the leading 0|spaces)", text)
    assert "98765" not in text


@pytest.mark.parametrize(
    "secret",
    ["JBSW\u00a0Y3DP EHPK\u202f3PXP", "\u200bJBSWY3DPEHPK3PXP\ufeff", "jbsw-y3dp-ehpk-3pxp\n",
     "JBSW\u2009Y3DP\u2060EHPK3PXP"],
)  # fmt: skip
def test_blanks_of_every_kind_in_a_totp_secret_are_taken(secret: str) -> None:
    """What a web page puts between groups, and what nobody sees, is no part of the secret."""
    taken = UpstoxTOTP(**(VALID | {"totp_secret": secret})).config.totp_secret
    assert taken == SecretStr("JBSWY3DPEHPK3PXP")


SECRET = "JBSWY3DPEHPK3PXP"
UNUSABLE = {
    f"otpauth://hotp/U:x?secret={SECRET}&counter=1": "type other than TOTP",
    f"otpauth://totp/U:x?secret={SECRET}&digits=8": "digits other than 6",
    f"otpauth://totp/U:x?secret={SECRET}&period=60": "period other than 30",
    f"otpauth://totp/U:x?secret={SECRET}&algorithm=SHA256": "algorithm other than SHA1",
    "otpauth://totp/U:x?issuer=U": "without a secret in it",
    "otpauth-migration://offline?data=CjEKCkhlbGxvId6tvu8": "an export of Google Authenticator",
    "482915": "is a one-time password",
    "482 915": "is a one-time password",
    "JBSWY3DP1": "has a character other than the letters A to Z and the digits 2 to 7: copy the "
    "text next to the QR code again",
    "JBSWY3DPE": "must be the whole text shown next to the QR code",
}


@pytest.mark.parametrize(("secret", "reason"), UNUSABLE.items())
def test_a_totp_secret_of_another_kind_is_named_once(secret: str, reason: str) -> None:
    """What people paste in place of the secret, each with what is wrong with it."""
    text = told(**(VALID | {"totp_secret": secret}))
    assert text.count(reason) == 1
    assert text.count("totp_secret (UPSTOX_TOTP_SECRET)") == 1
    assert SECRET not in text
    assert "482" not in text


@pytest.mark.parametrize(
    "uri",
    ["otpauth://totp/U:x?secret=JBSW%20Y3DP%20EHPK%203PXP", "OTPAUTH://TOTP/U?SECRET=jbsw-y3dp+ehpk+3pxp%3D",
     "otpauth://totp/U?secret=JBSWY3DPEHPK3PXP&algorithm=HMAC-SHA1&digits=6&period=30"],
)  # fmt: skip
def test_groups_inside_a_uri_are_taken(uri: str) -> None:
    """As apps export them."""
    taken = UpstoxTOTP(**(VALID | {"totp_secret": uri})).config.totp_secret
    assert taken == SecretStr(SECRET)


@pytest.mark.parametrize(
    ("url", "valid"),
    [("redis://:Ab%40cd9%23x@127.0.0.1:6379/0", True), ("redis://localhost/0?password=a@b", True),
     ("rediss://u:p@redis.example:6380/0?ssl_cert_reqs=none", True), ("redis://[::1]:6379", True),
     ("unix:///run/redis@1.sock?db=1", True), ("redis://:Ab@cd9@127.0.0.1:6379/0", False),
     ("redis://:Abcd9#x@127.0.0.1:6379/0", False), ("redis://:Ab/cd9@127.0.0.1:6379/0", False),
     ("redis://:Ab?cd9@127.0.0.1:6379/0", False), ("redis://:Ab%cd%zz@127.0.0.1/0", False)],
)  # fmt: skip
def test_a_password_of_the_store_must_be_percent_encoded(
    monkeypatch: pytest.MonkeyPatch, url: str, *, valid: bool
) -> None:
    """Cut at the wrong place, a piece of it would be asked for by DNS."""
    Path(".env").write_text(env_text())
    monkeypatch.setenv("UPSTOX_CACHE_URL", url)
    (row,) = (one for one in check_settings().settings if one.name == "UPSTOX_CACHE_URL")
    assert row.good is valid
    assert valid or "percent-encoded" in row.state
    assert "cd9" not in row.state


def test_a_placeholder_is_refused_before_anything_is_sent() -> None:
    """README's own words for a setting are no setting, of a client neither."""
    assert "client_id (UPSTOX_CLIENT_ID) is still a placeholder" in told(
        **(VALID | {"client_id": "your-api-key"})
    )
    many = {name: row.example for name, row in SETTINGS.items() if row.example and name in VALID}
    assert told(**(VALID | many)).count("is still a placeholder") == len(many)
    assert UpstoxTOTP(**(VALID | {"pin_code": "123456"}))
    local = {"base_domain": "http://127.0.0.1:9/{stage}", **VALID, **many}
    assert UpstoxTOTP.from_settings(**local)
    for upstox in ("https://{stage}.upstox.com/", "https://{stage}.UPSTOX.com"):
        with pytest.raises(ConfigurationError, match="still a placeholder"):
            UpstoxTOTP.from_settings(**(local | {"base_domain": upstox}))


OTHER_NAMES = [(name, own) for name, row in SETTINGS.items() for own in row.variables[1:]]


@pytest.mark.parametrize(("name", "other"), OTHER_NAMES)
def test_a_name_that_people_have_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    """From a file and the environment; check-env shows it, and the documented one decides."""
    text = env_text().replace(f"{variable(name)}=", f"{other}=")
    Path(".env").write_text(text)
    assert UpstoxTOTP().config == UpstoxTOTP(**VALID).config
    (row,) = (one for one in check_settings().settings if one.name == variable(name))
    assert (row.source, row.state) == (f".env, as {other}", "valid")
    monkeypatch.setenv(variable(name), str(VALID[name]))
    assert UpstoxTOTP()
    (row,) = (one for one in check_settings().settings if one.name == variable(name))
    assert row.source == "environment"
    monkeypatch.setenv(variable(name), "another-value-of-canary")
    words = told()
    differ = f"{name} differs between {variable(name)}"
    assert f"{differ} (environment) and {other} (.env)" in words
    assert "canary" not in words
    assert f"{variable(name)} is" not in words
    monkeypatch.delenv(variable(name))
    Path(".env").write_text(env_text() + f"{other}=another-value-of-canary\n")
    assert f"{differ} (.env) and {other} (.env)" in told()


def test_a_number_in_two_spellings_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program takes with a country code is no contradiction."""
    Path(".env").write_text(env_text())
    monkeypatch.setenv("UPSTOX_MOBILE", f"+91 {VALID['username']}")
    assert "username (UPSTOX_USERNAME) must be exactly 10 digits" in told()
    assert "differ" not in told()


def test_the_names_that_people_have() -> None:
    """Those of other programs for Upstox."""
    assert {own for _, own in OTHER_NAMES} == {
        "UPSTOX_API_KEY", "UPSTOX_API_SECRET", "UPSTOX_PIN", "UPSTOX_MOBILE",
        "UPSTOX_MOBILE_NUMBER", "UPSTOX_TOTP_KEY", "UPSTOX_REDIRECT_URL",
    }  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="pipes in the file system are POSIX")
def test_a_pipe_as_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that nobody fills is named, as .env, as named file and as a secret; one is read."""
    monkeypatch.setattr("upstox_totp._settings.env_files._SECONDS", 0.1)
    os.mkfifo(".env")
    assert "it is a pipe, and nothing was written to it" in told()
    with pytest.raises(ConfigurationError, match="it is a pipe, and nothing was written to it"):
        UpstoxTOTP.from_env_file(".env")
    Path(".env").unlink()
    os.mkfifo(tmp_path / "UPSTOX_PIN_CODE")
    monkeypatch.setenv("UPSTOX_SECRETS_DIR", str(tmp_path))
    assert "it is a pipe, and nothing was written to it" in told()
    monkeypatch.delenv("UPSTOX_SECRETS_DIR")
    reader, writer = os.pipe()
    os.write(writer, env_text().encode())
    os.close(writer)
    assert UpstoxTOTP.from_env_file(f"/dev/fd/{reader}")
    os.close(reader)


def test_a_file_without_end_is_not_read_whole() -> None:
    """A log or a disk image of that name is told by its size."""
    with Path(".env").open("wb") as file:
        file.truncate(1 << 30)
    assert "it is larger than 1024 KB" in told()


EDGES = ["{}\n", "{}\r\n", "\r{}", " {}", "{} ", "\t{}", "{}\u00a0", "\ufeff{}", "'{}'", '"{}"',
         "'{}", '{}"', "`{}`", "\u201c{}\u201d", "\u2018{}\u2019", "a\nb{}", "a\x00{}", "{}\x7f",
         "a\u0085{}", "{}\u2028", "a\u200b{}", "{}\u200dz", "a\u00a0{}"]  # fmt: skip


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize("edge", EDGES, ids=ascii)
def test_what_can_never_be_a_key_is_refused(name: str, edge: str) -> None:
    """A line break, a quote or a blank at an end: refused before an attempt is spent on it."""
    text = told(**(VALID | {name: edge.format("my-key-of-canary")}))
    assert f"{name} ({variable(name)})" in text
    assert re.search("remove it|must be", text)
    assert "canary" not in text


def test_quotes_and_blanks_inside_a_key_are_its_own() -> None:
    """Only what is at an end is a mistake that can be known."""
    config = UpstoxTOTP(**(VALID | {"client_secret": 'a\'b "c" d', "password": " 'x' "})).config
    assert config.client_secret.get_secret_value() == 'a\'b "c" d'
    assert config.password.get_secret_value() == " 'x' "


@pytest.mark.parametrize("name", ["password", "client_secret", "client_id"])
def test_what_double_quotes_make_of_a_backslash_is_refused(name: str) -> None:
    r"""In double quotes a file's \n is a line break: the words tell of single quotes."""
    line = f'{variable(name)}="ab\\new\\tc"\n'
    Path(".env").write_text(env_text() + line)
    text = told()
    assert f"{name} ({variable(name)})" in text
    assert "control character" in text
    assert "single quotes" in text
    Path(".env").write_text(env_text() + line.replace('"', "'"))
    value = getattr(UpstoxTOTP().config, name)
    assert (value if name == "client_id" else value.get_secret_value()) == r"ab\new\tc"


def _examples() -> list[tuple[Path, str]]:
    pages = [ROOT / "README.md", ROOT / "docs" / "quick-start.md"]
    return [
        (page, block)
        for page in pages
        for block in re.findall(r"```(?:env|dotenv|ini)\n(.*?)```", page.read_text(), re.DOTALL)
        if "UPSTOX_CLIENT_ID" in block
    ]


@pytest.mark.parametrize(("page", "block"), _examples(), ids=lambda one: getattr(one, "name", ""))
def test_an_example_copied_unchanged_is_still_the_example(page: Path, block: str) -> None:
    """What a reader copies and leaves as it is, is named, setting by setting."""
    Path(".env").write_text(block)
    report = check_settings()
    states = {one.name: one.state for one in report.settings if one.source is not None}
    assert not report.good
    for name, row in SETTINGS.items():
        if variable(name) in states and row.example is not None:
            assert "still a placeholder" in states[variable(name)]
    assert sum("still a placeholder" in state for state in states.values()) >= 2


def test_the_template_copied_unchanged_lacks_everything() -> None:
    """.env.example has no values: each that is needed is missing."""
    Path(".env").write_text((ROOT / ".env.example").read_text())
    states = {one.name: one.state for one in check_settings().settings}
    assert all(states[variable(name)] == "missing" for name in VALID)


def test_no_hint_shows_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is odd about a file, its values are not repeated."""
    lines = "".join(
        f"{variable(name)}_: canary-{name}\nX{variable(name)}=canary\n" for name in VALID
    )
    Path(".env").write_text(lines + "UPSTOX_PIN=canary\n")
    monkeypatch.setenv("UPSTOX_TOTP", "canary")
    assert "canary" not in told()
    assert not [one for one in check_settings().advice if "canary" in one]
