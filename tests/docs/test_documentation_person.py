"""The page about logins with a person: its sessions, its web servers, its pictures."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from support.cli_runs import find_command
from support.documentation import ROOT, blocks, check_command

if TYPE_CHECKING:
    from support.documentation import Block

PAGE = ROOT / "docs" / "with-a-person.md"
SHOWN = [block for block in blocks([PAGE]) if block.language == "text"]
PORT = 8765


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


def test_the_port_is_the_commands_own() -> None:
    """The one that the page names."""
    options = {option.name: option for option in find_command("notifier").params}
    assert options["port"].default == PORT


def test_the_pictures_are_there_and_small() -> None:
    """They were made by docs/take_screenshots.py."""
    named = re.findall(r"_static/([\w-]+\.png)", PAGE.read_text("utf-8"))
    script = (ROOT / "docs" / "take_screenshots.py").read_text("utf-8")
    assert len(named) == 2
    for name in named:
        assert f'"{name}"' in script
        picture = (ROOT / "docs" / "_static" / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 50_000
