"""Every code block of README and docs is run against the sandbox, or read as what it is."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from support.documentation import (
    GENERATED,
    PAGES,
    ROOT,
    Block,
    ScaledTime,
    at_the_sandbox,
    blocks,
    check_bat,
    check_cron,
    check_dockerfile,
    check_env,
    check_powershell,
    check_unit,
    furnish,
    load,
    run_bash,
    run_python,
    run_yaml,
    settings_for,
)
from support.install_lines import check_pip
from support.person import person_at_hand
from support.plugin_runs import with_plugin
from support.redis_server import RedisServer
from upstox_totp._cache.encryption import new_key
from upstox_totp.errors import EXPLANATIONS, ErrorCode
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conftest import FakeTime

READ: Mapping[str, Callable[[str], object]] = {
    "env": check_env,
    "json": json.loads,
    "ini": check_unit,
    "cron": check_cron,
    "dockerfile": check_dockerfile,
    "bat": check_bat,
    "powershell": check_powershell,
}
SHOWN = {"text"}
"""Languages of blocks that are looked at only; each of them has a test of its own below."""

BLOCKS = [
    block
    for block in blocks(PAGES)
    if block.language not in SHOWN and (block.page, block.language) != (GENERATED, "console")
]


@pytest.fixture
def real_sandbox() -> Iterator[Sandbox]:
    """A sandbox for programs of their own, which live in real time."""
    with Sandbox(step_clock=True) as sandbox:
        yield sandbox


def run_tests(text: str, pytester: pytest.Pytester) -> None:
    """Run an example that consists of tests, with the plugin that users have."""
    pytester.makepyfile(test_example=text)
    outcomes = with_plugin(pytester).runpytest_inprocess("-pno:cacheprovider").parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


@pytest.mark.parametrize(
    "block",
    # Those for the official SDK run where it is installed, in tests/extended.
    [b for b in BLOCKS if b.language == "python" and "upstox_client" not in b.text],
    ids=str,
)
def test_python_blocks_run(
    block: Block,
    tmp_path: Path,
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    pytester: pytest.Pytester,
) -> None:
    """A Python block runs as it stands, its settings in a .env beside it."""
    if "def test_" in block.text:
        run_tests(block.text, pytester)
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    threads = re.search("threading|concurrent", block.text)
    scaled = ScaledTime(30)
    if threads:
        scaled.install(monkeypatch)
    with Sandbox(step_clock=True, clock=scaled.time if threads else fake_time.true) as sandbox:
        furnish(tmp_path, sandbox)
        for name, value in settings_for(block.text, sandbox, tmp_path).items():
            monkeypatch.setenv(name, value)
        if block.page.name == "fleet.md":
            with RedisServer() as server:
                monkeypatch.setenv("UPSTOX_CACHE_URL", server.url)
                monkeypatch.setenv("UPSTOX_CACHE_KEY", new_key())
                run_python(re.sub('rediss://[^"]*', server.url, block.text), str(block))
        else:
            person_at_hand(sandbox, monkeypatch)
            names = run_python(at_the_sandbox(block.text, sandbox), str(block))
            if "handler" in names:
                # What calls it elsewhere is a service.
                assert names["handler"]({}, None)
        if "get_access_token" in block.text and not re.search("Sandbox\\(|none", block.text):
            assert sandbox.tokens_issued


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "block",
    [
        block
        for block in BLOCKS
        # The alert is sent to a server of this machine, in test_alerts.py.
        if block.language in {"bash", "sh", "yaml"} and "telegram" not in block.text
    ],
    ids=str,
)
def test_shell_blocks_run(block: Block, tmp_path: Path, real_sandbox: Sandbox) -> None:
    """A shell block runs; what it would install or start is played by stand-ins that check it."""
    folder = tmp_path / "home"
    folder.mkdir()
    furnish(folder, real_sandbox)
    settings = settings_for(block.text, real_sandbox, folder)
    if block.language == "yaml":
        run_yaml(block.text, settings, folder)
    else:
        run_bash(block.text, settings, folder)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in READ], ids=str)
def test_other_blocks_are_what_they_say(block: Block) -> None:
    """A file of settings, a unit, a crontab, an image or a Windows task is read and checked."""
    READ[block.language](block.text)


def test_every_block_is_run_or_read() -> None:
    """No block is of a language that nothing above knows, and there are as many as it seems."""
    known = {"python", "bash", "sh", "yaml", *READ}
    assert {block.language for block in BLOCKS} <= known
    assert len(BLOCKS) > 60
    assert sum(block.language == "python" for block in BLOCKS) > 30


def test_the_files_in_contributing_are_there() -> None:
    """Every file and folder that CONTRIBUTING shows, or names for a change, exists."""
    page = ROOT / "CONTRIBUTING.md"
    (layout,) = [block for block in blocks([page]) if block.language == "text"]
    package = ROOT / "src" / "upstox_totp"
    for name in re.findall(r"`(\w+/)?(\w+\.py)`", page.read_text("utf-8")):
        assert (package / "".join(name)).exists(), name
    modules = re.findall(r"\b\w+\.py\b", layout.text)
    assert len(modules) > 8
    for name in modules:
        assert list(package.rglob(name)), name
    folders = {line.split()[0] for line in layout.text.splitlines() if re.match(r" *\w+/", line)}
    for name in folders:
        assert (ROOT / name).is_dir() or (package / name).is_dir(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A relative link names a file that exists, and a heading of it where it names one."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]*)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        if anchor and not anchor.startswith("error-"):
            text = path.read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert anchor in slugs | set(re.findall(r"^\((.+)\)=$", text, re.MULTILINE)), target


def test_the_error_reference_has_every_code() -> None:
    """The page of codes is made from the table, and leaves none of it out."""
    module = load(ROOT / "docs" / "_ext" / "error_reference.py")
    text = "\n".join(module.lines())
    for code in ErrorCode:
        assert f"### {code}\n" in text
        assert EXPLANATIONS[code].meaning in text
        assert all(suggestion in text for suggestion in EXPLANATIONS[code].suggestions)


def test_the_recorded_demo_is_of_this_command() -> None:
    """The picture in the README shows both ways, fetches nothing, and is made by the script."""
    picture = (ROOT / "docs" / "_static" / "demo.svg").read_text(encoding="utf-8")
    words = picture.replace("&#160;", " ")
    assert "upstox_cli demo" in words
    for step in range(1, 7):
        assert f"{step} of 6" in words
    assert "TOTP login" in words
    assert "font-face" not in picture


def test_the_workflow_runs_the_make_commands() -> None:
    """What runs on a push is what runs here, and the issue template asks for the transcript."""
    github = ROOT / ".github"
    workflow = yaml.safe_load((github / "workflows" / "test.yml").read_text())
    makefile = (ROOT / "Makefile").read_text()
    commands = [s["run"] for j in workflow["jobs"].values() for s in j["steps"] if "run" in s]
    assert "bash .ci/run" in commands
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    for command in commands:
        program, *targets = command.split()
        if program == "make":
            assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
        else:
            assert command.startswith(("bash .ci/run", "python -m pip ", "python -m pytest "))
    systems = " ".join(
        str(job["strategy"]) for job in workflow["jobs"].values() if "strategy" in job
    )
    assert all(system in systems for system in ("windows", "macos", "3.11", "3.14"))
    form = yaml.safe_load((github / "ISSUE_TEMPLATE" / "login.yml").read_text())
    asked = {field["id"]: field for field in form["body"] if "id" in field}
    assert asked["transcript"]["validations"]["required"]


@pytest.mark.parametrize(
    "page", [ROOT / ".github" / "workflows" / "test.yml", *PAGES], ids=lambda page: page.name
)
def test_actions_are_pinned_by_commit(page: Path) -> None:
    """Whoever moves a tag changes nothing here; the version stands beside the commit."""
    for action in re.findall(r"^ *- uses: (.+)$", page.read_text("utf-8"), re.MULTILINE):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize(
    "line",
    ["upstox-totp", "upstox-totp[cli]", "upstox_totp", "upstox-totp>=0.1", ".[no-such-extra]"],
)
def test_no_line_may_install_the_package_of_this_name_from_the_registry(line: str) -> None:
    """It is another project's release; what pip is given here is a checkout."""
    with pytest.raises(AssertionError):
        check_pip(["install", line])


def test_what_says_how_to_install_says_it_for_every_shell() -> None:
    """No page and no message has single quotes, which cmd hands on, or the registry's name."""
    sources = [*PAGES, *(ROOT / "src").rglob("*.py")]
    lines = [
        line
        for path in sources
        for line in re.findall(r"(?:pip|pipx|tool) install [^\n`]*", path.read_text("utf-8"))
    ]
    assert len(lines) > 15
    for line in lines:
        assert not re.search(r"install '|'upstox", line), line
        assert "install upstox" not in line or line == "pip install upstox-totp", line


def test_pre_commit_fetches_nothing() -> None:
    """Every hook is local and runs what make runs."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
