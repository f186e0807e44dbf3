"""The file of an account: its owner's alone, whole, and replaced where it is of no use."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import FakeTime, configure
from support.canaries import CREDENTIALS
from upstox_totp import AuthenticationError, TokenCache, UpstoxTOTP, UpstoxWarning
from upstox_totp._cache.store import open_store
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the cache keeps its tokens."""
    return tmp_path / "cache"


@pytest.fixture
def kept(directory: Path, client: UpstoxTOTP) -> Path:
    """The file of a token that is kept."""
    TokenCache(directory).get_access_token(client)
    return next(directory.glob("*.token.json"))


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was warned of."""
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_are_their_owners_alone(
    umask: int, directory: Path, client: UpstoxTOTP, request: pytest.FixtureRequest
) -> None:
    """0600 in a 0700 directory, whatever the umask, and no half-written file beside it."""
    before = os.umask(umask)
    request.addfinalizer(lambda: os.umask(before))
    TokenCache(directory).get_access_token(client)
    assert mode(directory) == 0o700
    files = list(directory.iterdir())
    assert sorted(path.suffix for path in files) == [".json"] * 3 + [".lock"] * 2
    assert {mode(path) for path in files} == {0o600}


def test_the_file_holds_no_credential(
    directory: Path, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token and expiry, and no setting: after a login, and after failures that repeat them all."""
    with Sandbox(credentials=CREDENTIALS, step_clock=True, clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        cache = TokenCache(directory)
        with UpstoxTOTP() as client:
            cache.get_access_token(client)
            for step in ("otp", "verify", "pin", "token"):
                sandbox.misbehave(step, Fault.refuse(1017106, "Echo of"))
                with pytest.raises(AuthenticationError):
                    cache.get_access_token(client, refresh=True, force=True)
                content = next(directory.glob("*.token.json")).read_text()
                assert "Echo of" in content
                for value in sandbox.environment.values():
                    assert value not in content
                    assert json.dumps(value)[1:-1] not in content
                sandbox.behave()
        name = next(directory.glob("*.token.json")).stem
        assert all(value not in name for value in sandbox.environment.values())


@pytest.mark.parametrize("loose", [0o644, 0o640, 0o604])
def test_a_loose_file_is_repaired(
    loose: int, kept: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture, sandbox: Sandbox
) -> None:
    """One that others could read is closed, with a warning."""
    kept.chmod(loose)
    TokenCache(kept.parent).get_access_token(client)
    assert mode(kept) == 0o600
    assert any("could be read by others" in text for text in warnings(caplog))
    assert sandbox.logins == 1


@pytest.mark.parametrize("loose", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_could_write_is_not_believed(
    loose: int, kept: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture, sandbox: Sandbox
) -> None:
    """The token in it may be anybody's: it is replaced."""
    kept.chmod(loose)
    TokenCache(kept.parent).get_access_token(client)
    assert mode(kept) == 0o600
    assert any("Ignoring" in text for text in warnings(caplog))
    assert sandbox.logins == 2


@pytest.mark.parametrize("loose", [0o755, 0o777, 0o750, 0o1777])
def test_a_loose_directory_is_repaired(
    loose: int, kept: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture, sandbox: Sandbox
) -> None:
    """A directory of tokens alone is closed, with a warning."""
    kept.parent.chmod(loose)
    TokenCache(kept.parent).get_access_token(client)
    assert mode(kept.parent) == 0o700
    assert any("was open to others" in text for text in warnings(caplog))
    assert sandbox.logins == 1


def test_a_directory_that_serves_others_is_not_closed(
    tmp_path: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture
) -> None:
    """A home directory must not become unusable: the login goes on without a cache."""
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared" / "notes.txt").touch()
    with pytest.warns(UpstoxWarning, match="without a cache"):
        assert TokenCache(tmp_path / "shared").get_access_token(client).success
    assert mode(tmp_path / "shared") == 0o755
    assert not list((tmp_path / "shared").glob("*.token.json"))
    assert any("name a directory that is for tokens alone" in text for text in warnings(caplog))


def test_a_directory_of_somebody_else_is_refused(
    kept: Path,
    client: UpstoxTOTP,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A token that another user laid there is not handed out."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.warns(UpstoxWarning, match="without a cache"):
        TokenCache(kept.parent).get_access_token(client)
    assert any("belongs to somebody else" in text for text in warnings(caplog))


def test_a_link_is_not_followed(
    kept: Path, client: UpstoxTOTP, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A link in place of the file is replaced, and what it led to stays as it is."""
    elsewhere = tmp_path / "elsewhere.json"
    kept.rename(elsewhere)
    kept.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    TokenCache(kept.parent).get_access_token(client)
    assert not kept.is_symlink()
    assert kept.read_bytes() != before == elsewhere.read_bytes()
    assert any("Ignoring" in text for text in warnings(caplog))


def test_a_pipe_in_place_of_the_file_is_replaced(kept: Path, client: UpstoxTOTP) -> None:
    """Opening it would wait for ever."""
    kept.unlink()
    os.mkfifo(kept, 0o600)
    TokenCache(kept.parent).get_access_token(client)
    assert kept.is_file()


def _with(change: Callable[[dict[str, object]], object]) -> Callable[[bytes], bytes]:
    def alter(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return alter


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "torn": lambda content: content[: len(content) // 2],
    "torn at the end": lambda content: content[:-1],
    "binary": lambda _: bytes(range(256)),
    "list": lambda _: b"[]",
    "null": lambda _: b"null",
    "number": lambda _: b"1",
    "deep": lambda _: b"[" * 100_000,
    "older format": _with(lambda document: document.update(format=0)),
    "newer format": _with(lambda document: document.update(format=5)),
    "no format": _with(lambda document: document.pop("format")),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_file_of_no_use_is_replaced(
    spoiled: str,
    kept: Path,
    client: UpstoxTOTP,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Torn, foreign or of another format: a warning, a login, and a whole file again."""
    kept.write_bytes(SPOILED[spoiled](kept.read_bytes()))
    token = TokenCache(kept.parent).get_access_token(client)
    assert sandbox.logins == 2
    assert any(f"Ignoring {kept.stem} in {kept.parent}" in text for text in warnings(caplog))
    assert TokenCache(kept.parent).get_access_token(client) == token
    assert sandbox.logins == 2


def test_a_file_torn_anywhere_is_no_error(kept: Path, client: UpstoxTOTP) -> None:
    """Whatever part of it is there, reading it raises nothing and shows no token."""
    content = kept.read_bytes()
    store = open_store(kept.parent)
    for length in range(0, len(content), 7):
        kept.write_bytes(content[:length])
        assert store.read_token(client.identity).token is None


def test_a_token_that_the_library_would_not_take_is_replaced(
    kept: Path, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """A file may be whole and still hold nonsense."""
    document = json.loads(kept.read_bytes())
    document["token"]["data"]["access_token"] = "two\nlines"
    kept.write_text(json.dumps(document))
    TokenCache(kept.parent).get_access_token(client)
    assert sandbox.logins == 2


@pytest.mark.parametrize("place", ["/proc/cache", "/dev/null/cache", "file/cache", "file"])
def test_a_disk_that_cannot_be_written_costs_no_login(
    place: str, tmp_path: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture
) -> None:
    """No directory can be made there: a login without cache, and a warning."""
    (tmp_path / "file").touch(mode=0o600)
    cache = TokenCache(tmp_path / place)
    with pytest.warns(UpstoxWarning, match="without a cache"):
        assert cache.get_access_token(client) != cache.get_access_token(client)
    assert any("without a cache" in text for text in warnings(caplog))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it")
def test_a_read_only_directory_costs_no_login(
    kept: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture
) -> None:
    """What is kept there can be read; what is new cannot be kept."""
    kept.parent.chmod(0o500)
    cache = TokenCache(kept.parent)
    assert cache.get_access_token(client) == cache.get_access_token(client)
    with pytest.warns(UpstoxWarning, match="without a cache"):
        assert cache.get_access_token(client, refresh=True).success
    assert warnings(caplog)
    kept.parent.chmod(0o700)


def test_a_full_disk_costs_no_login(
    directory: Path, client: UpstoxTOTP, caplog: pytest.LogCaptureFixture
) -> None:
    """No byte can be written: the token is returned, with one warning, and no debris is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.warns(UpstoxWarning, match="can be stored"):
            response = TokenCache(directory).get_access_token(client)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert response.success
    assert len([text for text in warnings(caplog) if "can be stored" in text]) == 1
    assert sorted(path.suffix for path in directory.iterdir()) == [".lock"] * 2


def test_a_token_that_cannot_be_forgotten_is_an_error(
    kept: Path, client: UpstoxTOTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`clear` must not say that it is gone while it is there."""
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        TokenCache(kept.parent).clear(client)
    assert sorted(path.suffix for path in kept.parent.iterdir()) == [".json"] * 3 + [".lock"] * 2


def test_a_write_that_is_interrupted_leaves_the_old_file(
    kept: Path, client: UpstoxTOTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of writing leaves what was kept, and nothing beside it."""
    before = kept.read_bytes()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        TokenCache(kept.parent).get_access_token(client, refresh=True)
    assert kept.read_bytes() == before
    assert sorted(path.suffix for path in kept.parent.iterdir()) == [".json"] * 3 + [".lock"] * 2


NOT_NEEDED = {
    *("requests", "pydantic", "filelock", "platformdirs"),
    *("upstox_totp.client", "upstox_totp.models"),
}


def test_the_file_is_read_with_hardly_anything(kept: Path) -> None:
    """No more of the standard library than it needs, and of the package what finds it."""
    code = (
        "import sys; before = set(sys.modules);"
        " from upstox_totp._settings.sources import read_settings;"
        " from upstox_totp.cli.account import find_token;"
        " assert find_token(read_settings()).expires_in > 0;"
        f" print((set(sys.modules) - before) & {NOT_NEEDED})"
    )
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"UPSTOX_CACHE_DIR": str(kept.parent)},
    )
    assert ended.stdout == "set()\n"
