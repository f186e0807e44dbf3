"""The table of settings, and everything that repeats it for people."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from upstox_totp import UpstoxTOTP
from upstox_totp._settings.config import Config
from upstox_totp._settings.table import METHODS, NAMES, SETTINGS, variable
from upstox_totp.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _in_words(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower()}`"


def test_the_page_has_a_row_for_each_setting() -> None:
    """Names, variables, defaults, secrecy and what needs it, in the order of the table."""
    rows = _rows("Settings")
    assert [row[1] for row in rows] == [f"`{variable(name)}`" for name in NAMES]
    for name, (argument, _, rule, default) in zip(NAMES, rows, strict=True):
        row = SETTINGS[name]
        assert argument == f"`{name}`" + (r" \*" if row.secret else "")
        if row.needed_by:
            named = METHODS if default == "all methods" else re.findall(r"`(\w+)`", default)
            assert set(named) == row.needed_by
        elif row.default is not None:
            assert default == _in_words(row.default)
        # What a person has to hit exactly: numbers, schemes, placeholders.
        exact = re.compile(r"\b\d+\b|\w+://|\{stage\}")
        assert set(exact.findall(row.rule)) <= set(exact.findall(rule)), name


def test_the_page_names_the_other_names() -> None:
    """Those of the table, in its order."""
    section = PAGE.split("| variable | also read as |\n|---|---|\n")[1].split("\n\n")[0]
    named = [re.findall(r"UPSTOX_\w+", line) for line in section.splitlines()]
    assert named == [list(row.variables) for row in SETTINGS.values() if row.other_names]


def test_the_page_says_what_a_stray_env_may_not_set() -> None:
    """All of them are named, and counted right."""
    section = PAGE.split("\n## The `.env` file\n")[1].split("\n## ")[0]
    sentence = section[section.index(" settings are ignored") :].split("Where your")[0]
    named = re.findall(r"`(UPSTOX_\w+)`", sentence)
    assert named == [variable(name) for name in NAMES if not SETTINGS[name].from_working_directory]
    assert "\nFour settings are ignored" in section
    assert len(named) == 4


def test_the_template_has_a_line_for_each_setting_of_a_stray_env() -> None:
    """What the documented login needs is empty, the rest is a comment with its default."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    lines = re.findall(r"^(# )?(UPSTOX_\w+)=(.*)$", text, re.MULTILINE)
    names = [name for name in NAMES if SETTINGS[name].from_working_directory]
    assert {name for _, name, _ in lines} == set(map(variable, names))
    for comment, name, value in lines:
        row = SETTINGS[name.removeprefix("UPSTOX_").lower()]
        assert bool(comment) is not bool(row.credential)
        assert value == _in_words(row.default).strip("`")


def test_config_and_constructor_follow_the_table() -> None:
    """Config has a field for each row; the constructor's arguments are the first of them."""
    assert tuple(Config.model_fields) == NAMES
    parameters = inspect.signature(UpstoxTOTP).parameters
    assert tuple(parameters) == NAMES[: len(parameters)]
    for name, parameter in parameters.items():
        assert parameter.default == SETTINGS[name].default
    for name, field in Config.model_fields.items():
        assert field.default == SETTINGS[name].default
        assert ("SecretStr" in str(field.annotation)) is SETTINGS[name].secret


def test_check_env_has_a_row_for_each_setting() -> None:
    """The report names every variable, in the order of the table."""
    shown = CliRunner().invoke(cli, ["check-env"]).stdout
    assert re.findall(r"^(UPSTOX_\w+) ", shown, re.MULTILINE) == [variable(name) for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_whole(name: str) -> None:
    """A rule in words that complete the name, a default or a way that needs it, never both."""
    row = SETTINGS[name]
    assert row.rule.startswith("must be ")
    assert not row.rule.endswith(".")
    assert bool(row.needed_by) is row.credential
    assert row.default is None or not row.needed_by
    assert row.needed_by <= set(METHODS)
