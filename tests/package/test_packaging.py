"""What is built: the metadata, the files of the wheel, and a sdist that builds the same wheel.

What a wheel does when it is installed is tested by tox, `make check`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

import upstox_totp
from support.documentation import ROOT

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {"cache", "cli", "sandbox", "redis", "encryption", "notifier", "keyring", "all"}
CORE = {"requests", "pydantic", "pyotp", "python-dotenv"}


def build(source: Path, target: Path, kind: str) -> Path:
    """Build a wheel or a sdist, and return it."""
    subprocess.run(  # noqa: S603 - this interpreter, our own arguments
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", target, source],
        check=True,
        capture_output=True,
    )
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this tree."""
    return build(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def test_the_core_is_what_it_says(metadata: Message) -> None:
    """Five dependencies, each with a lower bound and nothing else; eight extras."""
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    core = {item.name: str(item.specifier) for item in required if item.marker is None}
    assert set(core) == CORE
    assert all(re.fullmatch(r">=[\d.]+", bound) for bound in core.values()), core
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Version"] == upstox_totp.__version__


def test_the_extra_all_is_all_of_them() -> None:
    """`all` names each other extra."""
    extras = PROJECT["project"]["optional-dependencies"]
    (whole,) = map(Requirement, extras["all"])
    assert whole.extras == set(extras) - {"all"}


def test_the_version_stands_in_one_place() -> None:
    """No file but the package's own says which version this is."""
    assert "version" not in PROJECT["project"]
    text = f'"{upstox_totp.__version__}"'
    found = [path for path in (ROOT / "src").rglob("*.py") if text in path.read_text()]
    assert [path.name for path in found] == ["__init__.py"]


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    """Every module, the marker of a typed package and the licence; no test and no script."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entries = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    src = ROOT / "src"
    expected = {str(path.relative_to(src)) for path in src.rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == expected
    assert "upstox_totp/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"upstox_totp"}
    assert "upstox_cli = upstox_totp.__main__:main" in entries
    assert "upstox_totp = upstox_totp.pytest_plugin" in entries


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """Byte for byte; and it holds what is needed to run the tests."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "sdist", filter="data")
    (tree,) = (tmp_path / "sdist").iterdir()
    for name in ("tests/conftest.py", "docs/conf.py", "Makefile", ".env.example", "CHANGELOG.md"):
        assert (tree / name).exists(), name
    assert not list(tree.rglob("*.pyc"))
    again = build(tree, tmp_path / "again", "wheel")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


JUNK = (
    ".env", ".env.production", "login.har", "notes.md", "secrets/client_secret", "token.json",
    "strategy.py", "src/.env", "src/strategy.py", "src/upstox_totp/.env", "tests/login.har",
    "src/upstox_totp/login.har", "src/upstox_totp/cli/notes.txt", "tests/.env", "docs/login.har",
    "src/upstox_totp/secrets/pin_code", "docs/_static/login.har", "benchmarks/.env.production",
    "benchmarks/results.json", ".ci/deploy.key", ".github/token",
)  # fmt: skip


def tracked() -> list[str]:
    """Return the files that are ours, by git."""
    if not (ROOT / ".git").exists() or not (git := shutil.which("git")):
        pytest.skip("this is no checkout, or git is missing")
    listed = subprocess.run([git, "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def test_only_what_is_ours_is_published(tmp_path: Path) -> None:
    """Whatever else lies in a checkout and in the package's folder stays there."""
    ours, tree = tracked(), tmp_path / "tree"
    for name in (*ours, *JUNK):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes() if name in ours else b"PIN=1234")
    with tarfile.open(build(tree, tmp_path / "sdist", "sdist")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == {*ours, "PKG-INFO"}
    with zipfile.ZipFile(build(tree, tmp_path / "wheel", "wheel")) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = [name for name in ours if name.startswith("src/")]
    assert found == {name.removeprefix("src/") for name in package}


def test_an_old_python_is_told_at_once(tmp_path: Path) -> None:
    """The build stops with a sentence; pip before 24 would try every release of everything."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "src" / "upstox_totp").mkdir(parents=True)
    shutil.copy(ROOT / "src/upstox_totp/__init__.py", tmp_path / "src/upstox_totp/__init__.py")
    program = (
        "import platform, hatchling.build\n"
        "platform.python_version = lambda: '3.10.13'\n"
        "hatchling.build.prepare_metadata_for_build_wheel('made')\n"
    )
    ended = subprocess.run(  # noqa: S603 - this interpreter, our own arguments
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.stderr == "upstox-totp needs Python >=3.11; this is Python 3.10.13.\n"
    assert ended.returncode == 1


def test_the_changelog_tells_of_this_version() -> None:
    """The newest entry is the version that is built, below what is not released."""
    text = (ROOT / "CHANGELOG.md").read_text()
    titles = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert titles[:2] == ["Unreleased", upstox_totp.__version__]
