"""The pages about commands, a token's life and logins with a user show what happens."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from conftest import configure
from support.cli_runs import find_command
from support.documentation import (
    PAGES,
    ROOT,
    at_the_sandbox,
    blocks,
    check_command,
    load,
    run_python,
)
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import cli
from upstox_totp.cli.output import FORMATS

if TYPE_CHECKING:
    from support.documentation import Block
    from upstox_totp.sandbox import Sandbox

DOCS = ROOT / "docs"
WITH_A_USER = DOCS / "interactive-login.md"
SHOWN = [block for block in blocks([WITH_A_USER]) if block.language == "text"]
PORT = 8765


def test_the_page_shows_what_commands_print() -> None:
    """If this fails after a change that is meant: python docs/generate_cli.py."""
    script = load(DOCS / "generate_cli.py")
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.regenerate(page) == page


def test_the_page_names_everything() -> None:
    """Each command, format and exit code."""
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for command in cli.list_commands(click.Context(cli)):
        assert re.search(rf"^(\$ )?(\w+=\w+ )?upstox_cli {command}\b", page, re.MULTILINE)
    for style in FORMATS:
        assert f"| `{style}` |" in page
    for code in ExitCode:
        assert f"| {code.value} |" in page


@pytest.mark.usefixtures("cache_dir")
def test_the_example_of_a_dead_token_renews_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands in the page of a token's life, with a token that Upstox has ended."""
    configure(monkeypatch, sandbox)
    (example,) = [
        block.text for block in blocks([DOCS / "token-lifetime.md"]) if "profile" in block.text
    ]
    code = at_the_sandbox(example, sandbox)
    assert run_python(code, "as it stands")["profile"]["user_id"] == "4CB7QX"
    sandbox.revoke(sandbox.access_tokens[-1])
    assert run_python(code, "again")["profile"]["user_id"] == "4CB7QX"
    assert sandbox.logins == 2


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_what_is_shown_fits_the_commands(block: Block) -> None:
    """Sessions call commands there are; web servers pass on to where the notifier listens."""
    text = block.text
    if text.startswith("$ "):
        words = shlex.split(text.partition("\n")[0])
        assert words[1] == "ssh" or "upstox_cli" in words
        if "upstox_cli" in words:
            check_command(words)
        return
    assert "/notify/" in text
    assert re.search(r"127\.0\.0\.1:(\d+)", text)[1] == str(PORT)  # type: ignore[index]
    options = {option.name: option for option in find_command("notifier").params}
    assert options["port"].default == PORT


@pytest.mark.parametrize(
    "line",
    sorted(
        {
            line.removeprefix("$ ")
            for block in blocks(PAGES)
            for line in block.text.splitlines()
            if block.language == "text" and line.startswith("$ upstox_cli ")
        }
    ),
)
def test_commands_that_are_not_run_exist(line: str) -> None:
    """One that serves until it is stopped, or asks a user, is at least one that there is."""
    check_command(shlex.split(line))


def test_the_pictures_are_there_and_small() -> None:
    """They were made by docs/take_screenshots.py."""
    named = re.findall(r"_static/([\w-]+\.png)", WITH_A_USER.read_text("utf-8"))
    script = (DOCS / "take_screenshots.py").read_text("utf-8")
    assert len(named) == 2
    for name in named:
        assert f'"{name}"' in script
        picture = (DOCS / "_static" / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 50_000
