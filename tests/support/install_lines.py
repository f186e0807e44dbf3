"""The lines with which README and docs install things; also the stand-in of pip, pipx and uv."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check_pip(arguments: list[str]) -> None:
    """Check a call of pip: it installs this checkout, with extras there are, or a known other.

    The registry's package of this distribution's name is another project's: it is taken away only.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    command, *rest = arguments
    if command == "uninstall":
        assert rest == ["--yes", project["name"]], rest
        return
    assert command == "install", command
    for word in rest:
        if word.startswith("--"):
            assert word in {"--upgrade", "--no-cache-dir"}, word
            continue
        match = re.fullmatch(r"(\.|[\w./-]*/upstox_totp)(?:\[([\w,-]+)\])?", word)
        if match:
            extras = set((match.group(2) or "").split(",")) - {""}
            assert extras <= set(project["optional-dependencies"]), extras
        else:
            assert word in {"upstox-python-sdk", "pytest"}, word


def check_installer(program: str, arguments: list[str]) -> None:
    """Check a call of pip, or of what a user has instead of it."""
    if program == "uv" and arguments[0] == "venv":
        return
    check_pip(arguments[1:] if program == "uv" else arguments)


if __name__ == "__main__":
    # The stand-in of pip, pipx and uv.
    check_installer(sys.argv[1], sys.argv[2:])
