"""``upstox_cli token --write``: the token in a file of the user's, and nothing else changed."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

from support.cli_runs import run

if TYPE_CHECKING:
    from upstox_totp.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("cache_dir")

ENV = "# mine\r\nexport OTHER='a\r\nb' # c\r\nUPSTOX_ACCESS_TOKEN=\"old\"\r\nLAST=1"
JSON = '{\r\n    "name": "bot \u0906",\r\n    "upstox": {"other": [1, 2]}\r\n}\r\n'
TOML = "# mine\n[upstox]\nother = 'x' # why\naccess_token = \"old\"\n\n[last]\na = 1\n"


def write(name: str, before: str | None, *options: str) -> str:
    """Write the token into a file, and return what is in it afterwards."""
    path = Path(name)
    if before is not None:
        path.write_bytes(before.encode())
    result = run("token", "--write", name, *options)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"Written to  {name}, as ")
    assert "eyJ" not in result.stdout
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_bytes().decode()


def test_an_env_file_keeps_its_other_lines(account: Sandbox) -> None:
    """Comments, quotes and line ends stay as they are, whether the variable was there or not."""
    made = write("bot.env", ENV)
    (token,) = account.access_tokens
    assert made == ENV.replace('"old"', token)
    assert write("bot.env", "LAST=1", "--key", "TOKEN") == f"LAST=1\nTOKEN={token}\n"
    assert write("new.env", None) == f"UPSTOX_ACCESS_TOKEN={token}\n"
    assert dotenv_values("new.env") == {"UPSTOX_ACCESS_TOKEN": token}
    assert account.logins == 1


def test_json_and_toml_files_keep_the_rest(account: Sandbox) -> None:
    """Dots lead into objects and tables; comments, indents and line ends stay."""
    key = ("--key", "upstox.access_token")
    made = write("bot.json", JSON, *key)
    (token,) = account.access_tokens
    assert json.loads(made) == {
        "name": "bot \u0906", "upstox": {"other": [1, 2], "access_token": token},
    }  # fmt: skip
    assert made.startswith('{\r\n    "name": "bot \u0906",\r\n')
    assert write("bot.toml", TOML, *key) == TOML.replace("old", token)
    assert json.loads(write("new.json", None)) == {"UPSTOX_ACCESS_TOKEN": token}
    assert tomllib.loads(write("new.toml", None, *key)) == {"upstox": {"access_token": token}}


@pytest.mark.parametrize(
    ("name", "before", "key", "complaint"),
    [
        ("bot.json", "[1]", "a", "contains no JSON object"),
        ("bot.json", '{"a": 1}', "a.b", "a in it contains no keys"),
        ("bot.toml", "a = ", "a", "contains no valid TOML"),
        ("bot.env", "A=1\n", "a b", "is no name of a variable"),
        ("bot.env", "\ufeff\0", "A", "UTF-16"),
    ],
)
def test_a_file_that_is_something_else_stays(
    account: Sandbox, name: str, before: str, key: str, complaint: str
) -> None:
    """It is left as it is, and the message says why."""
    path = Path(name)
    path.write_bytes(before.encode())
    result = run("token", "--write", name, "--key", key)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert path.read_bytes() == before.encode()
    assert not list(Path().glob("*.tmp"))


def test_a_folder_that_is_not_there_is_made(account: Sandbox) -> None:
    """As for settings, for their owner alone."""
    write("new/folder/bot.env", None)
    assert run("token", "--write", "new/folder").exit_code == 2
