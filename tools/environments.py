"""Makes the environments of the Makefile, of the wheel's tests and of other people's programs.

Each is made anew when what belongs in it changes. One pip installs into all of them: unpacking
another pip into each, and compiling modules that nothing imports, took a third of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENTS: Final = ROOT / ".venvs"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OLDEST: Final = (3, 11)
LATEST: Final = 20
WINDOWS: Final = sys.platform == "win32"


@dataclass(frozen=True)
class Environment:
    """What an environment holds.

    Attributes:
        folder: Where it lies.
        requirements: What pip is to install, as on its command line.
        oldest: The oldest Python that these run on.
    """

    folder: Path
    requirements: tuple[str, ...]
    oldest: tuple[int, int] = OLDEST


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group of pyproject.toml, and of those it includes.

    Args:
        name: The group.
    """
    found: list[str] = []
    for item in PROJECT["dependency-groups"][name]:
        found.extend([item] if isinstance(item, str) else group(item["include-group"]))
    return tuple(found)


# With pip in it, since a developer uses it.
NAMED: Final = {
    "dev": Environment(ROOT / ".venv", ("pip", "--editable", ".[all]", *group("dev"))),
    "demo": Environment(ENVIRONMENTS / "demo", ("--editable", ".[cli]")),
    "sdk": Environment(ENVIRONMENTS / "sdk", ("--editable", ".[cache]", *group("sdk"))),
    "installers": Environment(ENVIRONMENTS / "installers", group("installers")),
    "published": Environment(ENVIRONMENTS / "published", group("published"), oldest=(3, 12)),
}


def installed(folder: Path) -> Path:
    """Return the interpreter of an environment.

    Args:
        folder: Where the environment lies.
    """
    return folder / ("Scripts/python.exe" if WINDOWS else "bin/python")


def interpreters() -> dict[tuple[int, int], Path]:
    """Return each Python from 3.11 that this machine has, by version."""
    found: dict[tuple[int, int], Path] = {}
    homes = sorted(Path.home().glob(".pyenv/versions/*/bin"))
    for minor in range(OLDEST[1], LATEST):
        name = f"python3.{minor}"
        places = (shutil.which(name), *(str(home / name) for home in homes))
        usable = (path for path in places if path and _makes_environments(path))
        path = next(usable, None)
        if path is not None:
            found[3, minor] = Path(path)
    # The one that runs this has made an environment already.
    return {sys.version_info[:2]: Path(sys.executable)} | found


def _makes_environments(path: str) -> bool:
    # A name on PATH may be a stand-in that works for one version only, or lack a part of itself.
    try:
        run = subprocess.run(
            [path, "-c", "import ensurepip, ssl, venv"], capture_output=True, check=False
        )
    except OSError:
        return False
    return run.returncode == 0


def pip(folder: Path, *arguments: str | Path) -> list[str]:
    """Return the command line that runs a pip for an environment.

    Args:
        folder: Where the environment lies.
        arguments: What pip is to do.
    """
    own = [str(installed(folder)), "-m", "pip"]
    other = [sys.executable, "-m", "pip", "--python", str(installed(folder))]
    command = other if importlib.util.find_spec("pip") else own
    return [*command, *map(str, arguments), "--disable-pip-version-check"]


def install(folder: Path, *arguments: str | Path, told: bool = False) -> None:
    """Install into an environment.

    Args:
        folder: Where the environment lies.
        arguments: As for ``pip install``.
        told: Whether to print the name of each package that pip takes up.

    Raises:
        subprocess.CalledProcessError: If pip failed; it has said why.
    """
    command = pip(folder, "install", "--no-compile", *arguments)
    if not told:
        subprocess.run([*command, "--quiet"], check=True, cwd=ROOT)
        return
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        for line in running.stdout or ():
            if line.startswith(("Collecting", "Installing", "ERROR")):
                print(f"{folder.name}: {line[:80].rstrip()}", flush=True)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)


def make(
    folder: Path, python: Path, requirements: tuple[str, ...], because: str, *, told: bool = False
) -> bool:
    """Make an environment, unless it is there as it should be.

    Args:
        folder: Where it is to lie.
        python: The interpreter to make it with.
        requirements: What pip is to install.
        because: What else it depends on, so that it is made anew when that changes.
        told: Whether to print what is being installed.

    Returns:
        Whether it was made.
    """
    state = hashlib.sha256("\n".join([str(python), because, *requirements]).encode()).hexdigest()
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text("utf-8") == state:
        stamp.touch()  # newer than pyproject.toml, for make
        return False
    shutil.rmtree(folder, ignore_errors=True)
    without = ["--without-pip"] if importlib.util.find_spec("pip") else []
    subprocess.run([str(python), "-m", "venv", *without, str(folder)], check=True)
    install(folder, *requirements, told=told)
    stamp.write_text(state, "utf-8")
    return True


def suitable(wanted: Environment) -> Path | None:
    """Return the interpreter for an environment: this one, else the oldest that will do.

    Args:
        wanted: The environment.

    Returns:
        The interpreter, or None if this machine has none that is new enough.
    """
    if sys.version_info[:2] >= wanted.oldest:
        return Path(sys.executable)
    found = sorted(interpreters().items())
    return next((path for version, path in found if version >= wanted.oldest), None)


def _make_named(name: str) -> None:
    wanted = NAMED[name]
    where = wanted.folder.relative_to(ROOT)
    python = suitable(wanted)
    if python is None:
        print(f"{where}: left out, no Python {wanted.oldest[0]}.{wanted.oldest[1]} is here.")
        return
    print(f"{where}: installing what it needs, once ...", flush=True)
    because = (ROOT / "pyproject.toml").read_text("utf-8")
    made = make(wanted.folder, python, wanted.requirements, because, told=True)
    print(f"{where}: {'ready' if made else 'was ready'}.", flush=True)


def main() -> None:
    """Make the environments that are named, and say what is being done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="+", choices=NAMED)
    names = parser.parse_args().names
    # They wait for the registry most of the time.
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        for _ in pool.map(_make_named, names):
            pass


if __name__ == "__main__":
    main()
