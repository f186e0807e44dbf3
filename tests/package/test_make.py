"""No target of make touches a folder that make did not make."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.documentation import ROOT
from support.real_parts import real_part

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its recipes are for a POSIX shell")

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
MADE = Path(".make")


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout with an environment of the user's."""
    for name in ("MAKEFLAGS", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, name)
    Path(".venv").mkdir()
    Path(".venv", "mine.txt").write_text("mine")


def make(target: str) -> subprocess.CompletedProcess[str]:
    """Run a target."""
    return subprocess.run(  # noqa: S603 - found by its name
        [real_part("make"), target, f"PYTHON={sys.executable}"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("target", sorted({*TARGETS} - {"help"}))
def test_a_folder_of_the_users_is_refused(target: str) -> None:
    """With a sentence, and nothing in it is touched."""
    MADE.mkdir()
    (MADE / "mine.txt").write_text("mine")
    ended = make(target)
    assert ended.returncode != 0
    assert "make did not make it" in ended.stdout
    assert [path.name for path in MADE.iterdir()] == ["mine.txt"]
    assert Path(".venv", "mine.txt").read_text() == "mine"


def test_an_environment_of_the_users_survives_every_target() -> None:
    """Its programs are played by stand-ins here; in the end what make made is gone."""
    MADE.mkdir()
    (MADE / "made-by-make").touch()
    for name in ("python", "ruff", "mypy", "lint-imports", "tox"):
        for environment in ("dev", "demo"):
            program = MADE / environment / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text("#!/bin/sh\n")
            program.chmod(0o700)
    os.utime("pyproject.toml", (0, 0))
    for stamp in ("dev/ready", "demo/ready"):
        (MADE / stamp).touch()
    for target in (*(one for one in TARGETS if one != "clean"), "clean"):
        ended = make(target)
        assert ended.returncode == 0, (target, ended.stderr)
        assert "installing" not in ended.stdout
    assert not MADE.exists()
    assert Path(".venv", "mine.txt").read_text() == "mine"
