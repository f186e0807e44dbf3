"""Several accounts: which of them a command is about, and how all of them stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.cli_runs import run, run_process
from support.own_keyring import use_home, use_keyring
from upstox_totp._settings.named_accounts import account_path, save_in_keyring
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import FakeTime

DAY = 86_400
READERS = ("token", "generate-token", "status", "logout", "check-env", "doctor", "accounts")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test has a home, a keyring that stores nothing, and a cache of its own."""
    use_home(monkeypatch, tmp_path)
    monkeypatch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def ravi(fake_time: FakeTime) -> Iterator[Sandbox]:
    """The account ravi, in a file, at a sandbox of its own."""
    with Sandbox(user={"user_name": "Ravi"}, clock=fake_time.true) as sandbox:
        write_account("ravi", **sandbox.environment)
        yield sandbox


@pytest.fixture
def meera(fake_time: FakeTime) -> Iterator[Sandbox]:
    """The account meera, as ravi's."""
    with Sandbox(user={"user_name": "Meera"}, clock=fake_time.true) as sandbox:
        write_account("meera", **sandbox.environment)
        yield sandbox


def write_account(account: str, **settings: str) -> None:
    """Write the file of an account."""
    path = account_path(account)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def told_of(*arguments: str) -> tuple[int, dict[str | None, Any]]:
    """Return the code of `accounts`, and what it says of each as JSON."""
    result = run("accounts", *arguments, "--format", "json")
    document = json.loads(result.stdout)
    assert document["exit_code"] == result.exit_code
    return result.exit_code, {row["account"]: row for row in document["accounts"]}


def test_the_account_of_a_file(ravi: Sandbox, meera: Sandbox, tmp_path: Path) -> None:
    """`--env-file` shows that one alone, whatever else there is."""
    file = tmp_path / "ravi.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in ravi.environment.items()))
    assert run("token", "--env-file", str(file)).exit_code == 0
    code, rows = told_of("--env-file", str(file))
    assert code == 0
    assert list(rows) == [None]
    assert rows[None]["token"]["user_name"] == "Ravi"


def test_an_account_is_named_before_or_after_the_command(ravi: Sandbox, meera: Sandbox) -> None:
    """Both times it is the same one, for the login and for the cached token."""
    assert "Ravi (4CB7QX)" in run("--account", "ravi", "token").stdout
    assert "Ravi (4CB7QX)" in run("token", "--account", "ravi").stdout
    assert "Meera (4CB7QX)" in run("--account", "meera", "token", "--account", "meera").stdout
    assert (ravi.logins, meera.logins) == (1, 1)
    for command in ("status", "check-env", "doctor", "accounts", "logout"):
        assert run("--account", "ravi", command).exit_code == 0
    assert run("--account", "ravi", "status").exit_code == 10
    assert run("--account", "meera", "status").exit_code == 0
    assert run("token").exit_code == 2


def test_an_account_is_named_by_the_environment(
    ravi: Sandbox, meera: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UPSTOX_ACCOUNT applies where no option names another."""
    monkeypatch.setenv("UPSTOX_ACCOUNT", "ravi")
    assert "Ravi" in run("token").stdout
    assert "Meera" in run("--account", "meera", "token").stdout
    assert "Ravi" in run("status").stdout
    assert (ravi.logins, meera.logins) == (1, 1)


def test_a_cached_token_of_an_account_sends_nothing(ravi: Sandbox) -> None:
    """It is found without loading what a login needs."""
    cached = run("--account", "ravi", "token", "--format", "raw").stdout
    seen = len(ravi.requests)
    code = """if True:
        import sys
        from upstox_totp.__main__ import main
        try:
            main()
        except SystemExit as ended:
            assert not ended.code
        heavy = {"requests", "pydantic", "pyotp", "rich", "filelock"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    ended = run_process("--account", "ravi", "token", "--format", "raw", code=code)
    assert (ended.stderr, ended.stdout) == ("", cached)
    assert len(ravi.requests) == seen


@pytest.mark.parametrize("command", [*READERS, "configure"])
def test_contradicting_options(command: str, ravi: Sandbox) -> None:
    """An account and a file, or two accounts, are a mistake; nothing is read or sent."""
    options = [["--account", "meera"]]
    if command != "accounts":
        options.append(["--env-file", "x.env"])
    for option in options:
        result = run("--account", "ravi", command, *option)
        assert result.exit_code == 2
        assert "Give --account or --env-file" in result.stderr or "given twice" in result.stderr
    assert ravi.requests == []


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("name", ["nobody", "no name", "../ravi", ""])
def test_an_account_that_is_none(command: str, name: str) -> None:
    """The message says so, and which command makes one."""
    result = run("--account", name, command)
    assert result.exit_code == 2
    said = result.stdout + result.stderr
    if name == "nobody":
        assert "There is no account nobody" in said
        assert "upstox_cli configure --account nobody" in said
    else:
        assert "account (UPSTOX_ACCOUNT) must be letters, digits" in said


def test_no_account() -> None:
    """There is something to do about it."""
    result = run("accounts")
    assert result.exit_code == 10
    assert "upstox_cli configure --account NAME" in result.stdout
    assert told_of() == (10, {})


def test_how_accounts_stand(
    ravi: Sandbox, meera: Sandbox, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owner and expiry of each; the code is the one of that which is worst off. Nothing is sent."""
    code, rows = told_of()
    assert code == 10
    assert {name: row["exit_code"] for name, row in rows.items()} == {"ravi": 10, "meera": 10}
    run("--account", "ravi", "token")
    run("--account", "meera", "token")
    seen = len(ravi.requests) + len(meera.requests)
    code, rows = told_of()
    assert code == 0
    assert rows["ravi"]["token"]["user_name"] == "Ravi"
    assert rows["meera"]["token"]["expires_at"].endswith("T03:30:00+05:30")
    assert not rows["ravi"]["default"]
    monkeypatch.setenv("UPSTOX_ACCOUNT", "ravi")
    assert told_of()[1]["ravi"]["default"]
    lines = run("accounts").stdout.splitlines()[::2]
    assert [line.split("(")[0].strip() for line in lines] == ["meera   Meera", "ravi *  Ravi"]
    assert told_of("--account", "meera")[1].keys() == {"meera"}
    fake_time.skipped += DAY
    assert told_of()[0] == 11
    assert "(expired)" in run("accounts").stdout
    assert len(ravi.requests) + len(meera.requests) == seen


def test_where_the_cache_of_each_account_is(
    ravi: Sandbox, meera: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Below each account."""
    monkeypatch.delenv("UPSTOX_CACHE_DIR")
    for sandbox, name in ((ravi, "ravi"), (meera, "meera")):
        write_account(name, **sandbox.environment, UPSTOX_CACHE_DIR=str(tmp_path / name))
    assert [line.strip() for line in run("accounts").stdout.splitlines()] == [
        "meera  no token is cached", f"cache: {tmp_path / 'meera'}",
        "ravi   no token is cached", f"cache: {tmp_path / 'ravi'}",
    ]  # fmt: skip
    assert told_of()[1]["ravi"]["cache"] == str(tmp_path / "ravi")


def test_what_blocks_an_account(ravi: Sandbox, meera: Sandbox) -> None:
    """What is blocked, since when and what unblocks it; it blocks no other account."""
    write_account("ravi", **ravi.environment | {"UPSTOX_PIN_CODE": "000000"})
    assert run("--account", "ravi", "token").exit_code == 3
    run("--account", "meera", "token")
    code, rows = told_of()
    assert code == 12
    assert rows["meera"]["exit_code"] == 0
    (blocked,) = rows["ravi"]["blocked"]
    assert blocked["what"] == "This PIN"
    assert "Correct pin_code (UPSTOX_PIN_CODE) and log in again" in blocked["unblocks"]
    said = run("accounts").stdout
    assert "login blocked: This PIN failed on " in said
    for secret in ("000000", *ravi.access_tokens, *meera.access_tokens):
        assert secret not in said
    for name in ("UPSTOX_PASSWORD", "UPSTOX_TOTP_SECRET", "UPSTOX_CLIENT_SECRET"):
        assert ravi.environment[name] not in said


def test_one_that_cannot_be_read_hides_no_other(
    ravi: Sandbox, meera: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row says why; the others are shown."""
    for name in ("ravi", "meera"):
        run("--account", name, "token")
    write_account("empty", UPSTOX_LOGIN_METHOD="api")
    monkeypatch.setenv("UPSTOX_ACCOUNT", "gone")
    code, rows = told_of()
    assert code == 2
    assert {name: row["exit_code"] for name, row in rows.items()} == {
        "empty": 2, "gone": 2, "meera": 0, "ravi": 0,
    }  # fmt: skip
    assert "client_id (UPSTOX_CLIENT_ID) is not set" in rows["empty"]["problem"]
    assert "There is no account gone" in run("accounts").stdout


def test_settings_without_a_name(ravi: Sandbox, sandbox: Sandbox, tmp_path: Path) -> None:
    """They are the default, beside the accounts that have one."""
    settings = sandbox.environment | {"UPSTOX_CLIENT_ID": "another-app"}
    del settings["UPSTOX_BASE_DOMAIN"]
    (tmp_path / ".env").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
    _, rows = told_of()
    assert set(rows) == {None, "ravi"}
    assert rows[None]["default"]
    assert run("accounts").stdout.startswith("(no name) *  no token is cached\n")


def test_a_secret_of_another_account_in_the_environment(
    ravi: Sandbox, meera: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command reports a PIN of another account before it sends anything."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    for command in READERS:
        result = run("--account", "ravi", command)
        assert result.exit_code == 2
        said = result.stdout + result.stderr
        assert "pin_code differs between UPSTOX_PIN_CODE (environment) and" in said
    assert ravi.requests == []


def test_an_account_of_the_keyring_is_listed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A keyring cannot be asked which it has; the file that names it contains no setting."""
    from pydantic import SecretStr  # noqa: PLC0415 - the others need no secrets

    use_keyring(monkeypatch, tmp_path)
    prefix = "UPSTOX_"
    settings = {
        name.removeprefix(prefix).lower(): SecretStr(value)
        for name, value in sandbox.environment.items()
    }
    save_in_keyring("asha", settings)
    assert "PIN" not in account_path("asha").read_text()
    assert run("--account", "asha", "token").exit_code == 0
    code, rows = told_of()
    assert code == 0
    assert rows["asha"]["token"]["user_id"] == "4CB7QX"
