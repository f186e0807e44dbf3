"""The environment of a login: each setting, its source and its validity, never its value."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upstox_totp._settings.config import RULES, Config
from upstox_totp._settings.names import NAMES, REQUIRED, variable
from upstox_totp._settings.sources import read_settings
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.output import say, say_json
from upstox_totp.cli.streams import write_line
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from upstox_totp._settings.sources import Setting

_SECONDS: Final = 5


def check(env_file: Path | None, style: str) -> ExitCode:
    """Show every setting, and whether a login could begin with them.

    Args:
        env_file: The only file to read settings from; by default ``.env``.
        style: One of `REPORTS`.

    Returns:
        The code to end with.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    found = read_settings(env_file=env_file)
    wrong = _wrong(env_file)
    code = ExitCode.USAGE if wrong else ExitCode.DONE
    rows = [_row(name, found, wrong) for name in NAMES]
    problems = _file_problems(Path(".env") if env_file is None else env_file)
    if style == "json":
        settings = [dict(zip(("setting", "source", "state"), row, strict=True)) for row in rows]
        say_json({"exit_code": int(code), "settings": settings, "notes": problems})
        return code
    say([("Setting", "Source", "State"), *rows])
    for problem in problems:
        write_line(problem)
    return code


def _wrong(env_file: Path | None) -> list[str]:
    try:
        Config.load(env_file=env_file)
    except ConfigurationError as error:
        return list(error.details["settings"])
    return []


def _row(name: str, found: dict[str, Setting], wrong: list[str]) -> tuple[str, str, str]:
    if name not in found:
        return variable(name), "-", "missing" if name in REQUIRED else "default"
    state = f"invalid: {RULES[name]}" if name in wrong else "valid"
    return variable(name), found[name].source, state


def _file_problems(path: Path) -> list[str]:
    if not path.is_file():
        return []
    problems = []
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        problems.append(f"{path} can be read by others: chmod 600 {path}")
    if _is_open_to_git(path):
        problems.append(f"{path} is not ignored by git: add it to .gitignore")
    return problems


def _is_open_to_git(path: Path) -> bool:
    git = shutil.which("git")
    if git is None:
        return False
    command = [git, "-C", str(path.resolve().parent), "check-ignore", "--quiet", path.name]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - asks git about a name
    except (OSError, subprocess.SubprocessError):
        return False
    # 1 says that it is not ignored, anything higher that this is no repository.
    return ended.returncode == 1
