"""The small inputs that once failed, by their numbers, each as a user meets it.

1 (a disk that ignores modes), 16 (drips) and 18 (a stopped holder of the lock) are in
tests/cache/test_store_places.py, tests/http/test_deadline.py and
tests/cache/test_ledger_processes.py, where their disks, servers and processes are.
"""

from __future__ import annotations

import base64
import codecs
import json
import os
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from conftest import attempt, configure
from upstox_totp import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    TokenCache,
    UpstoxError,
    UpstoxTOTP,
    UpstoxWarning,
)
from upstox_totp._cache.memory_store import PROCESS
from upstox_totp.sandbox import Credentials, Fault, Sandbox

if TYPE_CHECKING:
    from conftest import FakeTime


def cached(client: UpstoxTOTP, number: int = 3) -> list[str | None]:
    """Ask the cache several times, as processes of their own would; return the codes of errors."""
    codes: list[str | None] = []
    for _ in range(number):
        PROCESS.forget()
        try:
            TokenCache().get_access_token(client)
        except UpstoxError as error:
            codes.append(str(error.error_code))
        else:
            codes.append(None)
    return codes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for tokens that is not there yet."""
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes are POSIX's")
def test_2_a_folder_with_files_of_a_bot(
    sandbox: Sandbox, client: UpstoxTOTP, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A warning in sight without logging set up, or a cache beside them; one PIN in any case."""
    cache.mkdir(mode=0o755)
    (cache / "bot.py").write_text("print()")
    with UpstoxTOTP(pin_code="000000") as wrong, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            with pytest.raises(AuthenticationError):
                TokenCache().get_access_token(wrong)
    assert sandbox.pins_received == 1
    kept = any(path.suffix == ".ledger" for path in cache.iterdir())
    assert kept or [one for one in seen if one.category is UpstoxWarning]
    assert stat.S_IMODE(cache.stat().st_mode) == 0o755


def test_3_a_static_address_at_the_exchange(
    client: UpstoxTOTP, sandbox: Sandbox, cache: Path
) -> None:
    """An APIError about the registered address, and the next call tries."""
    sandbox.misbehave("token", Fault.refuse("UDAPI1221", "Static IP required", 401), times=1)
    with pytest.raises(APIError) as caught:
        TokenCache().get_access_token(client)
    assert "send from the one that is registered" in str(caught.value)
    assert "UPSTOX_CLIENT_SECRET" not in str(caught.value)
    assert cached(client, 1) == [None]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("pin", Fault.refuse(4711, "We are under maintenance", 401)),
        ("verify", Fault.refuse(4712, "Approve this device first", 401)),
        ("token", Fault.status(401, "Unauthorized")),
    ],
)
def test_4_what_is_not_held_against_a_credential(
    client: UpstoxTOTP, sandbox: Sandbox, cache: Path, step: Any, fault: Fault
) -> None:
    """Once or twice of it, and the next login goes out and succeeds."""
    sandbox.misbehave(step, fault, times=2)
    for _ in range(2):
        with pytest.raises(APIError):
            TokenCache().get_access_token(client)
    assert cached(client, 1) == [None]


def test_5_fields_that_nobody_needs(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """All odd at once: the token, and the fields as they came."""
    odd: dict[str, object] = {
        "order_types": "MARKET", "exchanges": {"NSE": 1}, "user_id": 12, "poa": "PARTIAL",
        "extended_token": {"a": 1},
    }  # fmt: skip
    sandbox.misbehave("token", Fault.change(lambda payload: payload | odd))
    for step, path, value in (
        ("otp", "data.nextRequestInterval", "30 seconds"),
        ("verify", "data.userProfile", {"firstName": {}}),
        ("pin", "data.customerStatus", 7),
        ("authorize", "data.isApproved", "APPROVED"),
    ):
        sandbox.misbehave(step, Fault.replace(path, value))  # type: ignore[arg-type]
    data = client.app_token.get_access_token().data
    assert {name: getattr(data, name) for name in odd} == odd


def test_6_no_home(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login without a cache and a warning in sight, with `~` in the directory as well."""
    configure(monkeypatch, sandbox)

    def nowhere(_: str) -> str:
        return "~"

    monkeypatch.setattr(os.path, "expanduser", nowhere)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for directory in (None, "~/tokens"):
        if directory is None:
            monkeypatch.delenv("UPSTOX_CACHE_DIR")
        else:
            monkeypatch.setenv("UPSTOX_CACHE_DIR", directory)
        with UpstoxTOTP() as upx, pytest.warns(UpstoxWarning, match="without a cache"):
            assert TokenCache().get_access_token(upx).success


@pytest.mark.parametrize("name", ["client_secret", "client_id"])
@pytest.mark.parametrize("spoil", ["{}\n", "{}\r", " {}", '"{}"', "'{}'", "{} "])
def test_7_what_can_never_be_right(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, spoil: str
) -> None:
    """Refused before anything is sent, by its names, without its value."""
    value = getattr(sandbox.credentials, name)
    configure(monkeypatch, sandbox, **{f"UPSTOX_{name.upper()}": spoil.format(value)})
    with pytest.raises(ConfigurationError, match=f"UPSTOX_{name.upper()}") as caught:
        UpstoxTOTP()
    if name == "client_secret":
        assert value not in str(caught.value)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF16_LE + "UPSTOX_PIN_CODE=123456\n".encode("utf-16-le"),
        "UPSTOX_PIN_CODE=123456\n".encode("utf-16-le"),
        "# caf\u00e9\nUPSTOX_PIN_CODE=123456\n".encode("cp1252"),
    ],
)
def test_8_an_env_file_in_another_encoding(content: bytes) -> None:
    """The error says that it was found, and why it could not be read."""
    Path(".env").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP()
    told = str(caught.value)
    assert ".env" in told
    assert "UTF" in told
    assert told.count("is not set") == 0


def test_9_the_same_script_twice(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """The error names the cache and the wait first."""
    sandbox.misbehave("verify", Fault.refuse(1017999, "Invalid OTP. 4 attempts left"))
    outcome = attempt(client)
    assert isinstance(outcome, AuthenticationError)
    assert "TokenCache" in outcome.suggestions[0]
    assert "half a minute" in outcome.suggestions[0]


def test_10_backslashes_in_double_quotes(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes a control character is refused; single quotes and none keep it."""
    configure(monkeypatch, sandbox)
    monkeypatch.delenv("UPSTOX_CLIENT_SECRET")
    Path(".env").write_text('UPSTOX_CLIENT_SECRET="ab\\new\\tc"\n')
    with pytest.raises(ConfigurationError, match="UPSTOX_CLIENT_SECRET"):
        UpstoxTOTP()
    Path(".env").write_text("UPSTOX_CLIENT_SECRET='ab\\new\\tc'\n")
    assert UpstoxTOTP().config.client_secret.get_secret_value() == "ab\\new\\tc"


def test_11_a_clock_that_is_off(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime
) -> None:
    """The promised warning is seen without logging set up."""
    fake_time.offset = -600
    configure(monkeypatch, sandbox)
    with UpstoxTOTP() as upx, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        assert upx.app_token.get_access_token().success
    assert [one for one in seen if "behind Upstox's" in str(one.message)]


@pytest.mark.parametrize(
    ("variables", "content", "hint"),
    [
        ({"UPSTOX_API_KEY": "x"}, None, "UPSTOX_CLIENT_ID"),
        ({}, "upstox_pin_code=123456\n", "UPSTOX_PIN_CODE"),
        ({}, "UPSTOX_PIN_CODE: 123456\n", "="),
    ],
)
def test_12_hints(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], content: str | None, hint: str
) -> None:
    """What was meant is named, beside what is not set."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if content is not None:
        Path(".env").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP()
    assert hint in " ".join(caught.value.suggestions)


def test_12_an_env_file_in_the_parent_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not read, and the error says where it lies."""
    (tmp_path / ".env").write_text("UPSTOX_PIN_CODE=123456\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP()
    assert str(tmp_path / ".env") in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"reason": "geo"}, "message": "Access Denied"}, "Access Denied"),
        ({"message": "Forbidden"}, "Forbidden"),
        ({"success": False, "error": "plain text"}, "plain text"),
    ],
)
def test_13_words_without_a_code(
    client: UpstoxTOTP, sandbox: Sandbox, body: dict[str, object], words: str
) -> None:
    """They are shown, and no code is made of them."""
    sandbox.misbehave("otp", Fault.json(body, 403))
    outcome = attempt(client)
    assert words in str(outcome)
    assert outcome.error_code is None
    assert f"[{words}" not in str(outcome)


def test_14_values_as_people_write_them(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PIN as a number is named as no text; a blank that does not break is none in a secret."""
    configure(monkeypatch, sandbox)
    with pytest.raises(ConfigurationError, match="must be text"):
        UpstoxTOTP(pin_code=482915)  # type: ignore[arg-type]
    secret = sandbox.credentials.totp_secret
    upx = UpstoxTOTP(totp_secret=f"{secret[:4]}\u00a0{secret[4:]}")
    assert upx.app_token.get_access_token().success
    try:
        taken = UpstoxTOTP(username="+919876543210").config.username
        assert getattr(taken, "get_secret_value", lambda: taken)() == "9876543210"
    except ConfigurationError as error:
        assert "UPSTOX_USERNAME" in str(error)  # noqa: PT017 - either is what was promised


def test_15_dates_that_nobody_believes(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """1960 and a day off at step 2, 9999 at step 6: logins, without an attempt lost."""

    def dated(step: Any, date: str) -> None:
        def deliver(wire: Any, response: Any) -> None:
            wire.write(wire.send_head(response, added={"Date": date}))

        sandbox.misbehave(step, Fault("dated", deliver=deliver), times=1)

    dated("otp", "Thu, 01 Jan 1960 00:00:00 GMT")
    dated("token", "Fri, 31 Dec 9999 23:59:59 GMT")
    assert client.app_token.get_access_token().success
    dated("otp", "Thu, 26 Nov 2026 23:00:00 GMT")
    assert client.app_token.get_access_token().success
    assert sandbox.codes_received == 2


def test_17_a_record_with_impossible_times(
    client: UpstoxTOTP, sandbox: Sandbox, cache: Path
) -> None:
    """One login, and the record is whole again."""
    TokenCache().get_access_token(client)
    file = next(cache.glob("*.json"))
    document = json.loads(file.read_bytes())
    document["token"].update(expires_at=1e300, obtained_at=-1e12)
    file.write_text(json.dumps(document))
    assert cached(client) == [None] * 3
    assert sandbox.logins == 2


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: quote(text, safe="").replace("%2F", "%2f"),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
        lambda text: text.encode().hex(),
        lambda text: text.replace("/", "&#x2F;"),
    ],
)
def test_19_the_client_secret_echoed(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, spell: Any
) -> None:
    """Masked in each spelling."""
    secret = "canary/secret/1"
    with Sandbox(clock=fake_time.true, credentials=Credentials(client_secret=secret)) as sandbox:
        configure(monkeypatch, sandbox)
        sandbox.misbehave("token", Fault.refuse("UDAPI1", spell(secret), echo=False))
        with UpstoxTOTP() as upx:
            outcome = attempt(upx)
    assert spell(secret) not in f"{outcome} {vars(outcome)}"
    assert "***" in str(outcome)


def test_20_two_peoples_settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PIN of the environment beside a named file: both places are named, nothing is sent."""
    lines = (f"{name}='{value}'" for name, value in sandbox.environment.items())
    Path("ravi.env").write_text("\n".join(lines))
    monkeypatch.setenv("UPSTOX_PIN_CODE", "111111")
    with pytest.raises(ConfigurationError) as caught:
        UpstoxTOTP.from_env_file("ravi.env")
    assert "ravi.env" in str(caught.value)
    assert "UPSTOX_PIN_CODE" in str(caught.value)
    assert sandbox.requests == []
