"""The script that types README notices a block that fails, and a version that is not ours."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

import type_readme
import upstox_totp
from support.documentation import ROOT
from type_readme import Block, Person, blocks, use, with_values_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it types into a POSIX shell")

INSTALL = Block(1, "bash", 'pip install ".[cli]"\n')


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody whose `upstox_cli` is another project's."""
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "upstox_cli"
    command.write_text("#!/bin/sh\necho upstox_cli, version 1.0.8\n")
    command.chmod(stat.S_IRWXU)
    return Person(tmp_path, tmp_path, programs)


def test_every_block_of_readme_is_found() -> None:
    """As many as there are fences, the first of them what installs."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = blocks(text)
    assert len(found) * 2 == sum(line.startswith("```") for line in text.splitlines())
    assert found[0].text.splitlines()[-1] == 'pip install ".[cli]"'
    assert {"bash", "python", "env", "powershell"} == {block.language for block in found}


def test_another_version_is_noticed(person: Person) -> None:
    """What the name on the registry would bring is not taken for this checkout."""
    assert type_readme.version() == upstox_totp.__version__
    with pytest.raises(SystemExit, match=r"README.md:1 installed 'upstox_cli, version 1\.0\.8'"):
        person.expect_this_version(INSTALL, str(person.home / "programs" / "upstox_cli"))


def test_a_line_that_fails_is_named(person: Person) -> None:
    """With the line of README, and what was printed."""
    with pytest.raises(SystemExit, match=r"README.md:7: echo no; false\n(.|\n)*ended with 1:\nno"):
        person.shell(Block(7, "bash", "echo no; false\n"))


def test_nothing_of_this_machine_reaches_what_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is a home, a PATH, a language, and how the registry is reached."""
    monkeypatch.setenv("UPSTOX_PIN_CODE", "000000")
    monkeypatch.setenv("PYTHONPATH", "src")
    monkeypatch.setenv("PIP_CERT", "ca.pem")
    names = set(Person(tmp_path, tmp_path).environment)
    assert "PIP_CERT" in names
    assert names.isdisjoint({"UPSTOX_PIN_CODE", "PYTHONPATH", "VIRTUAL_ENV", "USER"})


def test_the_settings_of_readme_are_those_of_a_login(person: Person) -> None:
    """Its `.env` is written with the sandbox's values, and a name there is not is noticed."""
    block = Block(1, "env", "UPSTOX_PIN_CODE=123456\n")
    use(person, block, {"UPSTOX_PIN_CODE": "908172"})
    assert (person.checkout / ".env").read_text("utf-8") == "UPSTOX_PIN_CODE='908172'\n"
    with pytest.raises(SystemExit, match="UPSTOX_PIN"):
        with_values_of("UPSTOX_PIN=1\n", {"UPSTOX_PIN_CODE": "908172"})
