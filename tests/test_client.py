"""The public surface, as the documentation has it."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from pydantic import SecretStr

import upstox_totp
from conftest import configure
from support.settings_examples import VALID
from upstox_totp import UpstoxError, UpstoxTOTP
from upstox_totp._api.app_token import AppTokenAPI
from upstox_totp._api.base import BaseAPI

if TYPE_CHECKING:
    from conftest import FakeTime
    from upstox_totp.sandbox import Sandbox

DOCUMENTED = {
    "username": None,
    "password": None,
    "pin_code": None,
    "totp_secret": None,
    "client_id": None,
    "client_secret": None,
    "redirect_uri": None,
    "debug": False,
    "sleep_time": 1000,
}


def test_the_signature_is_the_documented_one() -> None:
    """The constructor takes the documented parameters, keyword-only, with their defaults."""
    parameters = inspect.signature(UpstoxTOTP).parameters
    assert {name: p.default for name, p in parameters.items()} == DOCUMENTED
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_documented_members_are_there() -> None:
    """Every documented method and property exists, and the properties are of their types."""
    upx = UpstoxTOTP(**VALID)
    assert isinstance(upx.app_token, AppTokenAPI)
    assert upx.app_token is upx.app_token
    assert isinstance(upx.app_token, BaseAPI)
    assert isinstance(upx.session, requests.Session)
    assert upx.session is upx.session
    assert upx.session.timeout == (10, 30)
    assert AppTokenAPI(client=upx)
    assert BaseAPI(client=upx)


def test_exports_match_what_is_there() -> None:
    """__all__ is sorted and complete, every name loads, and no other does."""
    assert upstox_totp.__all__ == sorted(upstox_totp.__all__)
    assert set(upstox_totp.__all__) <= set(dir(upstox_totp))
    for name in upstox_totp.__all__:
        assert getattr(upstox_totp, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(upstox_totp, "no_such_name")  # noqa: B009 - mypy knows that it does not exist
    stated = ast.parse(Path(upstox_totp.__file__).read_text())
    imported = {
        alias.name
        for node in ast.walk(stated)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("upstox_totp")
        for alias in node.names
    }
    assert imported | {"__version__"} == set(upstox_totp.__all__)


def test_the_version_is_in_one_place() -> None:
    """The version of the package is the version of the distribution."""
    try:
        installed = importlib.metadata.version("upstox-totp")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the distribution is not installed, only on the path")
    assert upstox_totp.__version__ == installed


def test_the_request_id_stays_the_same() -> None:
    """WPRO- and ten characters, the same for the life of a client, another for the next."""
    upx, other = UpstoxTOTP(**VALID), UpstoxTOTP(**VALID)
    assert upx.api_url("/v2/user/profile") == upx.api_url("v2/user/profile")
    assert upx.api_url("/v2/user/profile") == "https://api.upstox.com/v2/user/profile"
    assert re.fullmatch(r"WPRO-[A-Za-z0-9]{10}", upx.generate_request_id())
    assert upx.generate_request_id() == upx.generate_request_id()
    assert upx.generate_request_id() != other.generate_request_id()


def test_a_subclass_can_be_made_from_a_file(tmp_path: Path) -> None:
    """from_env_file() makes an instance of the class it is called on."""
    from support.settings_examples import env_text  # noqa: PLC0415 - used here alone

    class Mine(UpstoxTOTP):
        """A user's own client."""

    path = tmp_path / "mine.env"
    path.write_text(env_text())
    assert type(Mine.from_env_file(str(path))) is Mine
    path.rename(tmp_path / ".env")
    assert Mine.from_env_file().config == Mine.from_env_file(path=".env").config


def test_the_context_manager_closes_the_connections(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block returns the client itself, and a client that was closed connects anew."""
    configure(monkeypatch, sandbox)
    upx = UpstoxTOTP()
    with upx as entered:
        assert entered is upx
        upx.app_token.get_access_token()
    assert sandbox.connections == 1
    with upx:
        assert upx.app_token.get_access_token().success
    assert sandbox.connections == 2


def test_each_thread_with_its_own_client_logs_in(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime
) -> None:
    """The documented thread-safe usage: no two threads send the same one-time password."""
    configure(monkeypatch, sandbox)
    outcomes: list[object] = []
    turn = threading.Lock()

    def worker() -> None:
        # In time that sleeping moves, threads would push each other past a code's life.
        with turn, UpstoxTOTP() as upx:
            outcomes.append(upx.app_token.get_access_token().data.access_token)

    threads = [threading.Thread(target=worker) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(outcomes)) == 5


def test_errors_of_the_library_are_one_family() -> None:
    """UpstoxError catches every error class, and none of them is a network error."""
    kinds = [getattr(upstox_totp, name) for name in upstox_totp.__all__ if name.endswith("Error")]
    assert len(kinds) == 8
    for kind in kinds:
        assert issubclass(kind, UpstoxError)
        assert not issubclass(kind, requests.RequestException)


def test_importing_the_package_loads_nothing() -> None:
    """Names are loaded when they are first used."""
    code = (
        "import sys, upstox_totp; "
        "print({'requests', 'pydantic', 'pyotp', 'dotenv'} & set(sys.modules)); "
        "upstox_totp.ConfigurationError; print('pydantic' in sys.modules); "
        "upstox_totp.UpstoxTOTP; print('pydantic' in sys.modules)"
    )
    shown = subprocess.run(  # noqa: S603 - this interpreter, our own text
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert shown.split("\n")[:3] == ["set()", "False", "True"]


def test_other_settings_have_other_secrets() -> None:
    """A client whose settings are replaced masks the new ones."""
    upx = UpstoxTOTP(**VALID)
    password = VALID["password"]
    assert upx.secrets.holds(str(password))
    upx.config = upx.config.model_copy(update={"password": SecretStr("quite another 1")})
    assert upx.secrets.holds("quite another 1")
    assert not upx.secrets.holds(str(password))
