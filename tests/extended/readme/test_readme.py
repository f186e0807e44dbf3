"""README typed to the letter: a fresh folder, an empty environment, a fresh Python environment.

Blocks for Windows are read by the tests of the documentation; here a POSIX shell types the others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import upstox_totp
from support.documentation import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.documentation import Block

SECONDS: Final = 180
INSTALLERS: Final = ("pipx", "uv")
# How this machine reaches its registry, and nothing else of its environment.
KEPT: Final = re.compile(r"(PIP_|UV_|SSL_|https?_proxy|no_proxy)", re.IGNORECASE)
BLOCKS: Final = list(blocks([ROOT / "README.md"]))


class Reader:
    """Somebody with a home of their own, a checkout, and programs on a short PATH."""

    def __init__(self, folder: Path, sdist: Path, *places: Path) -> None:
        self.home, self.checkout = folder / "home", folder / "checkout"
        self.home.mkdir(parents=True)
        shutil.copytree(sdist, self.checkout)
        path = os.pathsep.join(map(str, [*places, "/usr/bin", "/bin"]))
        self.environment = {name: value for name, value in os.environ.items() if KEPT.match(name)}
        self.environment |= {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8"}
        # uv trusts authorities of its own, pip those of the machine.
        self.environment.setdefault("UV_SYSTEM_CERTS", "1")

    def type(self, *command: str | Path, where: Block | None = None) -> str:
        """Run a command as this reader, and return what it printed."""
        ended = subprocess.run(  # noqa: S603 - what README says
            [str(part) for part in command],
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{where}: {ended.stdout}"
        return ended.stdout

    def shell(self, block: Block) -> str:
        """Type a block into a shell."""
        return self.type("bash", "-euo", "pipefail", "-c", block.text, where=block)

    def expect_this_version(self, program: str | Path = "upstox_cli") -> None:
        """Check that what was installed is this checkout's, not another package of the name."""
        assert upstox_totp.__version__ in self.type(program, "--version").split()

    @contextmanager
    def sandbox(self) -> Iterator[dict[str, str]]:
        """Serve a sandbox from what the reader installed, and yield its settings."""
        python = str(shutil.which("python", path=self.environment["PATH"]))
        with subprocess.Popen(  # noqa: S603 - what README installed
            [python, "-m", "upstox_totp.sandbox", "--step-clock"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment,
            cwd=self.home,
        ) as server:
            settings: dict[str, str] = {}
            for line in server.stdout or ():
                name, _, value = line.strip().partition("=")
                settings[name] = value.strip("'\"")
                # The address is the last line, after the credentials.
                if name == "UPSTOX_BASE_DOMAIN":
                    break
            try:
                yield settings
            finally:
                server.terminate()

    def use(self, block: Block, settings: dict[str, str]) -> None:
        """Do with a block what its reader does, with the credentials of a sandbox."""
        if block.language == "env":
            lines = dict(line.split("=", 1) for line in block.text.splitlines())
            assert set(lines) <= {*settings, "UPSTOX_LOGIN_METHOD"}
            kept = {name: settings.get(name, value) for name, value in lines.items()}
            text = "".join(f"{name}='{value}'\n" for name, value in kept.items())
            (self.checkout / ".env").write_text(text, "utf-8")
        elif block.language == "bash":
            self.shell(block)
        elif block.language == "python":
            testing = "def test_" in block.text
            script = self.checkout / ("test_readme.py" if testing else "readme.py")
            script.write_text(block.text, "utf-8")
            if testing:
                self.type("pip", "install", "--quiet", "pytest")
                self.type("pytest", "-c", "/dev/null", "--rootdir=.", script.name, where=block)
            else:
                self.type("python", script.name, where=block)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the sdist holds."""
    folder = tmp_path_factory.mktemp("sdist")
    subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def installer_of(block: Block) -> str:
    """Return which installer other than pip a block begins with, empty if none."""
    return next((one for one in INSTALLERS if block.text.startswith(one)), "")


def test_readme_from_its_first_line_to_its_last(sdist: Path, tmp_path: Path) -> None:
    """Each block in its order, as it stands; the first one installs this version."""
    install, *rest = [block for block in BLOCKS if not installer_of(block)]
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    activated = tmp_path / "reader" / "checkout" / ".venv" / "bin"
    reader = Reader(tmp_path / "reader", sdist, activated, programs)
    reader.shell(install)
    reader.expect_this_version()
    with reader.sandbox() as settings:
        reader.environment["UPSTOX_BASE_DOMAIN"] = settings["UPSTOX_BASE_DOMAIN"]
        # No service is to be spared requests here.
        reader.environment["UPSTOX_SLEEP_TIME"] = "100"
        for block in rest:
            reader.use(block, settings)


@pytest.mark.parametrize("installer", INSTALLERS)
def test_another_installer(installer: str, sdist: Path, tmp_path: Path) -> None:
    """Its line is typed by somebody who has nothing else installed."""
    (block,) = [block for block in BLOCKS if installer_of(block) == installer]
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    (programs / installer).symlink_to(Path(sys.executable).with_name(installer))
    reader = Reader(tmp_path / "reader", sdist, programs)
    reader.shell(block)
    reader.expect_this_version(reader.home / ".local" / "bin" / "upstox_cli")
