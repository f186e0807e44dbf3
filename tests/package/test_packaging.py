"""What is built: the metadata, the files of the wheel, and a sdist that builds the same wheel.

What a wheel does when it is installed is tested by tox, `make check`.
"""

from __future__ import annotations

import re
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
CORE = {"requests", "pydantic", "pydantic-settings", "pyotp", "python-dotenv"}


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


def test_the_changelog_tells_of_this_version() -> None:
    """The newest entry is the version that is built, below what is not released."""
    text = (ROOT / "CHANGELOG.md").read_text()
    titles = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert titles[:2] == ["Unreleased", upstox_totp.__version__]
