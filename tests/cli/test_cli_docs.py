"""The pages about the token and the command line: what they show is what happens."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from conftest import configure
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import cli
from upstox_totp.cli.output import FORMATS

if TYPE_CHECKING:
    from upstox_totp.sandbox import Sandbox

DOCS = Path(__file__).parents[2] / "docs"
LIFE = DOCS / "token-life.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", LIFE.read_text(encoding="utf-8"), re.DOTALL)


def generator() -> Any:
    """Return the script that writes what the commands print into their page."""
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_what_commands_print() -> None:
    """If this fails after a change that is meant: python docs/generate_cli.py."""
    script = generator()
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.regenerate(page) == page


def test_the_page_names_everything() -> None:
    """Each command, format and exit code."""
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for command in cli.list_commands(click.Context(cli)):
        assert f"$ upstox_cli {command}" in page
    for style in FORMATS:
        assert f"| `{style}` |" in page
    for code in ExitCode:
        assert f"| {code.value} |" in page


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_of_the_life_run(
    number: int, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand, at the sandbox instead of Upstox; the one about a 401 with a dead token."""
    configure(monkeypatch, sandbox, UPSTOX_CACHE_DIR=str(tmp_path / "cache"))
    code = EXAMPLES[number].replace(
        "https://api.upstox.com", sandbox.base_domain.replace("{stage}", "api")
    )
    names: dict[str, Any] = {}
    exec(compile(code, f"example {number}", "exec"), names)  # noqa: S102 - our own page
    if "profile" in names:
        assert names["profile"]["user_id"] == "4CB7QX"
        sandbox.revoke(sandbox.access_tokens[-1])
        exec(compile(code, f"example {number} again", "exec"), names)  # noqa: S102 - as above
        assert names["profile"]["user_id"] == "4CB7QX"
        assert sandbox.logins == 2
