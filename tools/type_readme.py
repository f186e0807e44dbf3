"""Types README to the letter: a fresh folder, an empty environment, a fresh Python environment.

The folder is what the sdist holds. Every block of a shell, of Python and of ``.env`` is used as it
stands and in its order; where credentials are needed they are those of a sandbox, served from what
the install lines installed. Each way to install is checked to have brought this version.

Blocks for Windows are typed where there is a PowerShell; here it is said that they are not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from environments import ENVIRONMENTS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = 120
INSTALLERS: Final = ("pipx", "uv")
# The one setting of a block whose value a reader keeps.
WAY: Final = "UPSTOX_LOGIN_METHOD"
# How this machine reaches its registry, and nothing else of its environment.
KEPT: Final = re.compile(r"(PIP_|UV_|SSL_|https?_proxy|no_proxy)", re.IGNORECASE)


@dataclass(frozen=True)
class Block:
    """A code block of README.

    Attributes:
        line: The line of README at which it begins.
        language: What it is written in.
        text: The code.
    """

    line: int
    language: str
    text: str


def blocks(readme: str) -> list[Block]:
    """Return the code blocks of a README.

    Args:
        readme: Its text.
    """
    return [
        Block(readme.count("\n", 0, found.start()) + 1, found["language"], found["text"])
        for found in re.finditer(
            r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", readme, re.DOTALL | re.MULTILINE
        )
    ]


def version() -> str:
    """Return the version of this checkout."""
    text = (ROOT / "src" / "upstox_totp" / "__init__.py").read_text("utf-8")
    (found,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


def unpacked(folder: Path) -> Path:
    """Build the sdist, unpack it, and return its folder.

    Args:
        folder: Where to do so.
    """
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


class Person:
    """Somebody with a home of their own, a checkout, and programs on a short PATH.

    Attributes:
        home: Their home directory.
        checkout: Where they type.
        environment: Every variable that they have.
    """

    def __init__(self, home: Path, checkout: Path, *places: Path) -> None:
        self.home = home
        self.checkout = checkout
        path = os.pathsep.join(map(str, [*places, "/usr/bin", "/bin"]))
        self.environment = {name: value for name, value in os.environ.items() if KEPT.match(name)}
        self.environment |= {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8"}
        # uv trusts authorities of its own, pip those of the machine.
        self.environment.setdefault("UV_SYSTEM_CERTS", "1")

    def type(self, command: list[str | Path], block: Block | None = None) -> str:
        """Run a command as this person, and return what it printed.

        Args:
            command: The command.
            block: What it comes from.

        Raises:
            SystemExit: If it failed; the message names the lines of README.
        """
        ended = subprocess.run(
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
        if ended.returncode:
            where = f"README.md:{block.line}: {block.text}" if block else f"{command}\n"
            raise SystemExit(f"{where}ended with {ended.returncode}:\n{ended.stdout}")
        return ended.stdout

    def shell(self, block: Block) -> str:
        """Type a block into a shell.

        Args:
            block: The block.
        """
        return self.type(["bash", "-euo", "pipefail", "-c", block.text], block)

    def expect_this_version(self, block: Block, program: str | Path = "upstox_cli") -> None:
        """Check that what was installed is this checkout's, not another package of the name.

        Args:
            block: What installed it.
            program: The command to ask.

        Raises:
            SystemExit: If another version answers, or none.
        """
        said = self.type([program, "--version"], block).strip()
        if version() not in said.split():
            raise SystemExit(
                f"README.md:{block.line} installed {said!r} instead of {version()}:\n{block.text}"
            )


@contextmanager
def serving(person: Person) -> Iterator[dict[str, str]]:
    """Serve a sandbox from what a person installed, and yield the settings that lead to it.

    Args:
        person: The person.
    """
    python = str(shutil.which("python", path=person.environment["PATH"]))
    with subprocess.Popen(
        [python, "-m", "upstox_totp.sandbox", "--step-clock"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=person.environment,
        cwd=person.home,
    ) as server:
        try:
            settings: dict[str, str] = {}
            for line in server.stdout or ():
                name, _, value = line.strip().partition("=")
                settings[name] = value.strip("'\"")
                # The address is the last line, after the credentials.
                if name == "UPSTOX_BASE_DOMAIN":
                    break
            yield settings
        finally:
            server.terminate()


def with_values_of(text: str, settings: dict[str, str]) -> str:
    """Return a block of ``.env`` with its values replaced by those of a sandbox.

    Args:
        text: The block.
        settings: The sandbox's settings.

    Raises:
        SystemExit: If the block names a setting that a login does not need.
    """
    lines = dict(line.split("=", 1) for line in text.splitlines())
    if unknown := set(lines) - set(settings) - {WAY}:
        raise SystemExit(f"README's .env names {unknown}.")
    return "".join(f"{name}='{settings.get(name, value)}'\n" for name, value in lines.items())


def use(person: Person, block: Block, settings: dict[str, str]) -> str:
    """Do with a block what its reader does, and return what was done.

    Args:
        person: Who reads.
        block: The block.
        settings: Those of a sandbox.
    """
    if block.language == "env":
        (person.checkout / ".env").write_text(with_values_of(block.text, settings), "utf-8")
        return "written to .env"
    if block.language == "bash":
        person.shell(block)
        return "typed"
    if block.language != "python":
        return "not typed here"
    testing = "def test_" in block.text
    script = person.checkout / ("test_readme.py" if testing else "readme.py")
    script.write_text(block.text, "utf-8")
    if testing:
        person.type(["pip", "install", "--quiet", "pytest"], block)
        person.type(["pytest", "-c", "/dev/null", "--rootdir=.", script.name], block)
        return "run by pytest"
    person.type(["python", script.name], block)
    return "run"


def install_otherwise(program: str, block: Block, folder: Path, checkout: Path) -> None:
    """Type the line of another installer than pip, as somebody who has nothing else installed.

    Args:
        program: The installer.
        block: Its block.
        folder: A folder for this person.
        checkout: What to install.
    """
    programs = folder / "programs"
    programs.mkdir(parents=True)
    for name in (program, "python3"):
        source = ENVIRONMENTS / "installers" / "bin" / name
        (programs / name).symlink_to(source if name == program else sys.executable)
    own = shutil.copytree(checkout, folder / "checkout")
    person = Person(folder, own, programs)
    person.shell(block)
    person.expect_this_version(block, folder / ".local" / "bin" / "upstox_cli")
    print(f"README.md:{block.line} {program}: typed, version {version()} answers", flush=True)


def main() -> None:
    """Type README."""
    began = time.monotonic()
    found = blocks((ROOT / "README.md").read_text("utf-8"))
    others = {
        program: block
        for program in INSTALLERS
        for block in found
        if block.language == "bash" and block.text.startswith(program)
    }
    with (
        tempfile.TemporaryDirectory() as name,
        ThreadPoolExecutor(max_workers=len(INSTALLERS)) as pool,
    ):
        folder = Path(name)
        checkout = unpacked(folder)
        waiting = [
            pool.submit(install_otherwise, program, block, folder / program, checkout)
            for program, block in others.items()
        ]
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        person = Person(folder / "home", shutil.copytree(checkout, folder / "own"), venv / "bin")
        person.home.mkdir()
        own = [block for block in found if block not in others.values()]
        install, *rest = own
        person.shell(install)
        person.expect_this_version(install)
        print(f"README.md:{install.line} pip: typed, version {version()} answers", flush=True)
        with serving(person) as settings:
            person.environment["UPSTOX_BASE_DOMAIN"] = settings["UPSTOX_BASE_DOMAIN"]
            # Nobody is to be spared requests here.
            person.environment["UPSTOX_SLEEP_TIME"] = "100"
            for block in rest:
                done = use(person, block, settings)
                print(f"README.md:{block.line} {block.language}: {done}", flush=True)
        for other in waiting:
            other.result()
    if set(others) != set(INSTALLERS):
        raise SystemExit(f"README has lines for {set(others)} only.")
    print(f"{len(found)} blocks, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
