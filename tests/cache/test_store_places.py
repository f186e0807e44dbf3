"""Where tokens cannot be kept as they should be: one true warning, and the login goes on."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conftest import configure
from upstox_totp import (
    AuthenticationError,
    ConfigurationError,
    TokenCache,
    UpstoxError,
    UpstoxTOTP,
    UpstoxWarning,
)
from upstox_totp._cache.backend import PROCESS
from upstox_totp._cache.records import dump
from upstox_totp._cache.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and flock are POSIX's")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the cache keeps its tokens."""
    return tmp_path / "one" / "two" / "cache"


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def rejected(cache: TokenCache, client: UpstoxTOTP, times: int = 3) -> None:
    """Ask again and again with a wrong PIN."""
    for _ in range(times):
        with pytest.raises(AuthenticationError):
            cache.get_access_token(client)


def rejected_anew(directory: Path, client: UpstoxTOTP) -> None:
    """Ask with a wrong PIN, in a process that remembers nothing each time."""
    for _ in range(3):
        rejected(TokenCache(directory), client, 1)
        PROCESS.forget()


@pytest.fixture
def modeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A disk where everything is open to everybody, whatever is asked for."""
    real_lstat, real_stat, real_fstat = os.lstat, Path.stat, os.fstat

    def opened(state: os.stat_result) -> os.stat_result:
        return os.stat_result((state.st_mode | 0o777, *list(state)[1:]))

    monkeypatch.setattr(os, "lstat", lambda *a, **k: opened(real_lstat(*a, **k)))
    monkeypatch.setattr(os, "fstat", lambda *a, **k: opened(real_fstat(*a, **k)))
    monkeypatch.setattr(Path, "stat", lambda *a, **k: opened(real_stat(*a, **k)))
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)


def test_a_disk_that_ignores_modes_keeps_the_token(
    modeless: None, directory: Path, client: UpstoxTOTP, sandbox: Sandbox, caplog: Any
) -> None:
    """One login, and one warning, which says what is so."""
    with pytest.warns(UpstoxWarning, match="ignores modes: others on this machine may read"):
        tokens = {TokenCache(directory).get_access_token(client).data.access_token for _ in "abc"}
    assert len(tokens) == sandbox.logins == 1
    told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len([text for text in told if str(directory) in text]) == 1
    assert "user's alone" not in caplog.text


def test_a_disk_that_ignores_modes_keeps_the_ledger(
    modeless: None, directory: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """One PIN, though nothing of it is in the memory of the next process."""
    wrong = UpstoxTOTP(pin_code="000000")
    with pytest.warns(UpstoxWarning, match="ignores modes"):
        rejected_anew(directory, wrong)
    assert sandbox.pins_received == 1


def test_parents_are_their_owners_alone(
    directory: Path, client: UpstoxTOTP, request: pytest.FixtureRequest
) -> None:
    """Whatever the umask: who may write the parent may replace the directory."""
    before = os.umask(0)
    request.addfinalizer(lambda: os.umask(before))
    TokenCache(directory).get_access_token(client)
    assert {mode(path) for path in (directory, *directory.parents[:2])} == {0o700}


@pytest.mark.parametrize("place", ["folder", "file"])
def test_a_place_of_no_use_costs_one_pin(
    place: str, tmp_path: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """A folder with the bot's own files, or a file: the attempt log holds in memory."""
    (tmp_path / "folder").mkdir(mode=0o755)
    (tmp_path / "folder" / "bot.py").touch()
    (tmp_path / "file").touch()
    cache = TokenCache(tmp_path / place)
    with pytest.warns(UpstoxWarning, match="without a cache"):
        rejected(cache, UpstoxTOTP(pin_code="000000"))
    assert sandbox.pins_received == 1


HOMELESS = """
import os, pwd, warnings
def nobody(_):
    raise KeyError("no entry")
pwd.getpwuid = pwd.getpwnam = nobody
from upstox_totp import TokenCache, UpstoxTOTP, UpstoxWarning
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    token = TokenCache().get_access_token(UpstoxTOTP())
    assert token.success
told = [str(one.message) for one in seen if one.category is UpstoxWarning]
assert len(told) == 1, told
assert "without a cache" in told[0] and "home" in told[0], told
assert not [name for name in os.listdir(".") if name.startswith("~")]
"""


@pytest.mark.parametrize("named", [None, "~/tokens", "~nobody/tokens"])
def test_no_home(named: str | None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user without an entry logs in, and is told that nothing is kept."""
    configure(monkeypatch, sandbox, UPSTOX_SLEEP_TIME="100")
    if named is not None:
        monkeypatch.setenv("UPSTOX_CACHE_DIR", named)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", HOMELESS], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("reason", ["ENOLCK", "EIO", "EOPNOTSUPP", "ENOSYS"])
def test_a_disk_without_locks(
    reason: str,
    directory: Path,
    client: UpstoxTOTP,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As some network disks are: no waiting without an end, one warning, one PIN."""

    def refuse(*_: object) -> None:
        raise OSError(getattr(errno, reason), os.strerror(getattr(errno, reason)))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UpstoxWarning, match="without a cache"):
        rejected(TokenCache(directory), UpstoxTOTP(pin_code="000000"))
    assert sandbox.pins_received == 1


def test_a_token_answer_of_more_than_a_mebibyte_is_kept(
    directory: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """What an answer may hold, the file may hold, escapes included."""
    from upstox_totp.sandbox import Fault  # noqa: PLC0415 - used here alone

    padding = "é" * 300_000
    sandbox.misbehave("token", Fault.change(lambda payload: payload | {"padding": padding}))
    first = TokenCache(directory).get_access_token(client)
    assert TokenCache(directory).get_access_token(client) == first
    assert sandbox.logins == 1


def test_an_address_without_its_extra(client: UpstoxTOTP) -> None:
    """The error names what to install."""
    if __import__("importlib.util").util.find_spec("upstox_totp._cache.redis"):
        pytest.skip("its extra is installed")
    with pytest.raises(ConfigurationError, match="upstox-totp"):
        TokenCache(url="redis://127.0.0.1/0").get_access_token(client)


def _token(**changed: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["token"].update(changed)


def _whole(**changed: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update(changed)


VALUES: dict[str, object] = {
    "huge": 1e300,
    "far past": -1e12,
    "huge integer": 10**400,
    "negative": -1,
    "null": None,
    "text": "soon",
    "list": [],
    "object": {},
    "true": True,
    "nested": [[[[[[{}]]]]]],
}
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    **{
        f"{name} {value}": _token(**{name: VALUES[value]})
        for name in ("expires_at", "obtained_at", "clock_offset")
        for value in VALUES
        if f"{name} {value}" != "clock_offset negative"
    },
    **{f"data {value}": _token(data=VALUES[value]) for value in VALUES},
    **{f"login {value}": _whole(login=VALUES[value]) for value in VALUES if value != "object"},
    **{f"failure {value}": _whole(failure=VALUES[value]) for value in VALUES if value != "null"},
    "version is huge": _whole(version="x" * 10_000),
    "user is a list": _whole(user=[]),
    "account is a number": _whole(account=1),
    "user id is an object": _whole(user_id={}),
    "format is text": _whole(format="4"),
    "format is true": _whole(format=True),
}


@pytest.mark.parametrize("field", sorted({name.partition(" ")[0] for name in CHANGES}))
def test_a_corrupt_record_ends_in_a_login(
    field: str, directory: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Nothing but a login, after which the record is whole again, and is spoiled in another way."""
    cache = TokenCache(directory)
    cache.get_access_token(client)
    file = next(directory.glob("*.token.json"))
    changes = {name: change for name, change in CHANGES.items() if name.startswith(f"{field} ")}
    for logins, (name, change) in enumerate(changes.items(), 2):
        document = json.loads(file.read_bytes())
        change(document)
        file.write_text(json.dumps(document))
        token = cache.get_access_token(client)
        assert cache.get_access_token(client) == token, name
        assert sandbox.logins == logins, name


LEDGERS: dict[str, Callable[[dict[str, Any]], object]] = {
    **{
        f"{name} {value}": _whole(**{name: VALUES[value]})
        for name in (
            "revision",
            "time_steps",
            "in_flight",
            "failures",
            "rejected",
            "limit",
            "logins",
        )
        for value in VALUES
    },
    "time step is huge": _whole(time_steps=[10**400]),
    "kind is unknown": _whole(failures={"password": {}}),
    "format": _whole(format=99),
}


def test_a_corrupt_ledger_ends_in_a_login(
    directory: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """It is taken for an empty one, and replaced; no value in it ends in anything else."""
    cache = TokenCache(directory)
    cache.get_access_token(client)
    file = next(directory.glob("*.attempts.json"))
    whole = file.read_bytes()
    store = open_store(directory)
    for number, change in enumerate(LEDGERS.values()):
        document = json.loads(whole)
        change(document)
        file.write_text(json.dumps(document))
        assert dump(store.read_attempts(client.identity))
        if number % 12 == 0:
            PROCESS.forget()
            cache.get_access_token(client, refresh=True)
            assert json.loads(file.read_bytes())["format"] == json.loads(whole)["format"]


def test_a_ledger_cut_anywhere_is_an_empty_one(
    directory: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Reading it raises nothing, whatever part of it is there."""
    cache = TokenCache(directory)
    rejected(cache, UpstoxTOTP(pin_code="000000"), 1)
    file = next(directory.glob("*.attempts.json"))
    whole = file.read_bytes()
    store = cache._open(client)  # noqa: SLF001 - reads without a login
    for length in range(0, len(whole), 11):
        file.write_bytes(whole[:length])
        PROCESS.forget()
        assert store.read_attempts(client.identity).rejected == {}


def test_an_error_of_megabytes_holds(directory: Path, client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Its words are cut before they are kept, so that the ledger can be read again."""
    from upstox_totp.sandbox import Fault  # noqa: PLC0415 - used here alone

    sandbox.misbehave("pin", Fault.refuse("X" * 500_000, "y" * 1_200_000))
    for _ in range(5):
        with pytest.raises(UpstoxError):
            TokenCache(directory).get_access_token(client)
        PROCESS.forget()
    assert sandbox.pins_received == 3
