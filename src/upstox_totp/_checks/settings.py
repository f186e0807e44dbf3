"""Findings about the settings: source and validity of each, never its value; their files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp._private_files import others_can_read
from upstox_totp._settings.config import Config, advise, nothing_found
from upstox_totp._settings.sources import read_settings
from upstox_totp._settings.table import NAMES, SETTINGS, variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._settings.table import Settings

_SECONDS: Final = 5


class SettingFinding(NamedTuple):
    """What was found of one setting: its variable, its place, its state, and if that is good."""

    name: str
    source: str | None
    state: str
    good: bool


class SettingsReport(NamedTuple):
    """What was found of all settings, the login methods, and what else to look at, in sentences."""

    settings: tuple[SettingFinding, ...]
    methods: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether a login could begin with these settings."""
        return all(one.good for one in self.settings)


def check_settings(env_file: Path | None = None, account: str | None = None) -> SettingsReport:
    """Look at every setting, and at the files that they come from."""
    found = read_settings(env_file=env_file, account=account)
    _, problems = Config.examine(found)
    nothing = nothing_found(problems, found)
    files = dict.fromkeys([*(Path(one.source) for one in found.values()), found.file])
    advice = [
        *([nothing] if nothing else []),
        *(problem for path in files if path for problem in _file_problems(path)),
        *advise(problems, found),
    ]
    settings = tuple(_finding(name, found, problems) for name in NAMES)
    return SettingsReport(settings, found.methods, tuple(dict.fromkeys(advice)))


def _finding(name: str, found: Settings, problems: Mapping[str, str]) -> SettingFinding:
    if name in problems:
        state = f"invalid: {problems[name]}" if name in found else "missing"
    elif name in found:
        state = "valid"
    else:
        state = "not needed" if SETTINGS[name].credential else "default"
    source = found.place(name) if name in found else None
    return SettingFinding(variable(name), source, state, name not in problems)


def _file_problems(path: Path) -> list[str]:
    if not path.is_file():
        return []
    problems = []
    if others_can_read(path):
        problems.append(f"Other users can read {path}. Run: chmod 600 {path}")
    if _is_open_to_git(path):
        problems.append(f"git does not ignore {path}. Add it to .gitignore.")
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
