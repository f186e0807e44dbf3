"""Tests the wheel as users get it: on every Python here, at the lowest dependencies and the newest.

For each environment, all in ``.venvs``:

1. ``pip install`` of the wheel without extras; nothing but the core dependencies comes with it,
   and a login works against a sandbox that runs in another process.
2. With all extras, the test suite runs in a folder of its own, where ``src`` is out of reach.

The lowest dependencies are the lower bounds in pyproject.toml, read from there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENTS: Final = ROOT / ".venvs"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
OLDEST: Final = (3, 11)
LATEST: Final = 20
# No dependency of ours but of requests, which takes older ones still. Before 2.2 it has no
# read1(), so that the lowest environment runs the session's other way of reading an answer.
TRANSITIVE: Final = ("urllib3==2.0.7",)
TOOLS: Final = frozenset({"pip", "setuptools"})
# These read the repository, or build it.
OF_THE_REPOSITORY: Final = ("test_documentation*", "test_packaging*", "test_sdk*", "test_benchm*")

INSTALLED: Final = """
import upstox_totp

assert "site-packages" in upstox_totp.__file__, upstox_totp.__file__
"""
LOGIN: Final = f"""
{INSTALLED}
from upstox_totp import UpstoxTOTP

with UpstoxTOTP() as upx:
    response = upx.app_token.get_access_token()
assert response.success
assert response.data.access_token.count(".") == 2
assert response.data.expires_at.hour == 3
try:
    from upstox_totp import TokenCache
except ImportError as error:
    assert "upstox-totp[cache]" in str(error)
else:
    raise AssertionError("an extra is installed")
"""


@dataclass(frozen=True)
class Environment:
    """One Python with one set of dependencies.

    Attributes:
        name: Names its folders.
        python: The interpreter to make it with.
        pins: Requirements that fix the dependencies, none for the newest.
        suite: Whether the whole test suite runs in it.
    """

    name: str
    python: Path
    pins: tuple[str, ...]
    suite: bool


def lowest() -> tuple[str, ...]:
    """Return the lower bounds of pyproject.toml as exact versions."""
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    bounds = [requirement for group in groups for requirement in group if ">=" in requirement]
    return (*(requirement.replace(">=", "==") for requirement in bounds), *TRANSITIVE)


def core() -> set[str]:
    """Return the names of the core dependencies."""
    return {re.split(r"[^\w-]", text)[0] for text in PROJECT["project"]["dependencies"]}


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


def environments(*, smoke: bool) -> list[Environment]:
    """Return what to test: the lowest dependencies on the oldest Python, the newest on each.

    Args:
        smoke: Whether to leave the suite out everywhere.
    """
    found = sorted(interpreters().items())
    (_, oldest), *_ = found
    rows = [Environment("lowest", oldest, lowest(), suite=not smoke)]
    for version, path in found:
        name = f"newest-{version[0]}.{version[1]}"
        # `make unit` runs the suite with the newest dependencies on the Python it was set up with.
        suite = not smoke and version != sys.version_info[:2]
        rows.append(Environment(name, path, (), suite=suite))
    return rows


def run(*command: str | Path, **options: Any) -> None:
    """Run a command that must succeed.

    Args:
        command: The command and its arguments.
        options: As for ``subprocess.run``.
    """
    subprocess.run([str(part) for part in command], check=True, **options)


def installed(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / "bin" / "python"


def prepare(environment: Environment, wheel: Path, extra: str, more: tuple[str, ...]) -> Path:
    """Make an environment, or bring one up to date, and install the wheel into it.

    Args:
        environment: What to make.
        wheel: The wheel.
        extra: The extra to install it with, empty for the core alone.
        more: Further requirements.

    Returns:
        The environment's interpreter.
    """
    folder = ENVIRONMENTS / f"{environment.name}-{extra or 'core'}"
    python = installed(folder)
    wanted = [str(environment.python), *environment.pins, *more, extra]
    wanted.append((ROOT / "pyproject.toml").read_text())
    state = hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    stamp = folder / ".installed"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if not stamp.exists() or stamp.read_text() != state:
        shutil.rmtree(folder, ignore_errors=True)
        run(environment.python, "-m", "venv", folder)
        pins = [pin for pin in environment.pins if extra or _name(pin) in core() | {"urllib3"}]
        run(*pip, f"{wheel}[{extra}]" if extra else wheel, *pins, *more)
        stamp.write_text(state)
    run(*pip, "--force-reinstall", "--no-deps", wheel)
    run(python, "-m", "pip", "check", "--quiet", "--disable-pip-version-check")
    return python


def _name(requirement: str) -> str:
    return re.split(r"[=<>\[]", requirement)[0].lower()


def check_core(python: Path, settings: dict[str, str]) -> None:
    """Log in with the core alone, whose dependencies are the declared ones and theirs.

    Args:
        python: The environment's interpreter.
        settings: Lead to a sandbox that runs in another process.
    """
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = {_name(line) for line in listed.splitlines()} - TOOLS
    missing = core() - names
    foreign = names & {"click", "rich", "filelock", "platformdirs", "werkzeug", "pytest"}
    if missing or foreign:
        raise SystemExit(f"The core lacks {missing} or brings {foreign}.")
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-c", LOGIN, cwd=folder, env=_environment(settings))


def _environment(settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UPSTOX_")}
    kept.pop("PYTHONPATH", None)
    return kept | settings | {"UPSTOX_SLEEP_TIME": "100", "NO_PROXY": "127.0.0.1"}


def run_suite(python: Path) -> None:
    """Run the tests against the installed wheel, in a folder that holds them and no source.

    Args:
        python: The environment's interpreter.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("tests", "docs"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("_build"))
        for part in ("pyproject.toml", "README.md", ".env.example"):
            shutil.copy(ROOT / part, folder)
        run(python, "-c", INSTALLED, cwd=folder)
        ignored = [f"--ignore-glob=*/{pattern}" for pattern in OF_THE_REPOSITORY]
        run(
            python, "-m", "pytest", "-n", "auto", "-q", *ignored,
            cwd=folder, env=_environment({}),
        )  # fmt: skip


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Serve a sandbox in another process, and return the settings that lead to it."""
    command = [sys.executable, "-m", "upstox_totp.sandbox", "--step-clock"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            lines = server.stdout or ()
            # The address is the last line, after the credentials.
            settings: dict[str, str] = {}
            while "UPSTOX_BASE_DOMAIN" not in settings:
                name, _, value = next(iter(lines)).strip().partition("=")
                settings[name] = value
            yield settings
        finally:
            server.terminate()


def main() -> None:
    """Build the wheel and test it in every environment."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="log in everywhere, run no suite")
    rows = environments(smoke=parser.parse_args().smoke)
    tests = tuple(PROJECT["dependency-groups"]["test"])
    with tempfile.TemporaryDirectory() as folder, serving() as settings:
        run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT,
            stdout=subprocess.DEVNULL)  # fmt: skip
        (wheel,) = Path(folder).glob("*.whl")
        for row in rows:
            started = time.monotonic()
            check_core(prepare(row, wheel, "", ()), settings)
            if row.suite:
                run_suite(prepare(row, wheel, "all", tests))
            done = "login and suite" if row.suite else "login"
            print(f"{row.name}: {done} passed, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
