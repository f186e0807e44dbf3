"""A test without the program that it needs is skipped with a reason, or fails where CI says so."""

from __future__ import annotations

import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.documentation import ROOT
from support.real_parts import VARIABLE, real_part

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its programs are shell scripts")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program on a PATH that has nothing else."""
    path = tmp_path / "bin" / "some-server"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(path.parent))
    return path


@pytest.mark.parametrize("required", ["", "0", "1"])
def test_a_part_that_is_there_is_found(
    program: Path, required: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the variable says."""
    monkeypatch.setenv(VARIABLE, required)
    assert real_part(program.name) == str(program)


def test_without_a_part_the_test_is_skipped_and_says_how_to_get_it(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names the program and the package that brings it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="other is not here: apt-get install other-pkg"):
        real_part("other", "other-pkg")


def test_in_ci_a_missing_part_is_a_failure(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where skipping is forbidden, the same test fails."""
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="other is not here"):
        real_part("other")


def test_ci_forbids_to_skip_and_installs_every_part() -> None:
    """`.ci/run` sets the variable before the tests, and installs what tests ask for."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    lines = script.splitlines()
    assert lines.index(f"export {VARIABLE}=1") < lines.index("make test")
    assert lines.index(".ci/install_parts") < lines.index("make test")


def test_where_every_part_is_here_nothing_is_installed(tmp_path: Path) -> None:
    """Neither apt-get nor root is needed then; else what is missing is named."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("redis-server", "chromium", "chromedriver"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(stat.S_IRWXU)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the repository's own script
            ["/bin/bash", ROOT / ".ci" / "install_parts"],
            env={"PATH": str(folder)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert run().stdout == "Every part is here.\n"
    (folder / "chromedriver").unlink()
    ended = run()
    assert ended.returncode == 1
    assert ended.stderr == "Missing, and to be installed by hand: chromium-driver\n"
