"""Tests the wheel as users get it: on every Python here, at the lowest dependencies and the newest.

For each environment, all in ``.venvs``:

1. ``pip install`` of the wheel without extras; nothing but the core dependencies comes with it,
   and a login works against a sandbox that runs in another process.
2. With all extras, the test suite runs in a folder of its own, where ``src`` is out of reach.

The lowest dependencies are the lower bounds in pyproject.toml, read from there. The first is
``python tools/wheel_test.py core``, which also makes the environments of the second, ``suites``;
without a word, one follows the other.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from environments import (
    ENVIRONMENTS,
    PROJECT,
    ROOT,
    group,
    install,
    installed,
    interpreters,
    make,
    pip,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# No dependency of ours but of requests, which takes older ones still. Before 2.2 it has no
# read1(), so that the lowest environment runs the session's other way of reading an answer.
TRANSITIVE: Final = ("urllib3==2.0.7",)
DECLARED: Final = (ROOT / "pyproject.toml").read_text("utf-8")
# Where chance draws what is tried, each environment tries a part, and none what another tried:
# what a version of Python or of a dependency does is seen in any part, what we do in `make unit`.
CASES: Final = 60
FIRST_CASE: Final = 1_000_000
EXAMPLES: Final = 20
# These read the repository, or build it.
OF_THE_REPOSITORY: Final = (
    "test_documentation*",
    "test_data_models*",
    "test_drift*",
    "test_packaging*",
    "test_sdk*",
    "test_published*",
    "test_real_parts*",
    "test_type_readme*",
    "test_benchm*",
)

INSTALLED: Final = """
import upstox_totp

assert "site-packages" in upstox_totp.__file__, upstox_totp.__file__
"""
NAMES: Final = """
from importlib.metadata import distributions

print(*(distribution.name for distribution in distributions()))
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
    assert ".[cache]" in str(error)
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

    def folder(self, extra: str) -> Path:
        """Return where it lies.

        Args:
            extra: The extra that the wheel is installed with, empty for the core alone.
        """
        return ENVIRONMENTS / f"{self.name}-{extra or 'core'}"


def lowest() -> tuple[str, ...]:
    """Return the lower bounds of pyproject.toml as exact versions."""
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    bounds = [requirement for group in groups for requirement in group if ">=" in requirement]
    return (*(requirement.replace(">=", "==") for requirement in bounds), *TRANSITIVE)


def core() -> set[str]:
    """Return the names of the core dependencies."""
    return {re.split(r"[^\w-]", text)[0] for text in PROJECT["project"]["dependencies"]}


def environments() -> list[Environment]:
    """Return what to test: the lowest dependencies on the oldest Python, the newest on each."""
    found = sorted(interpreters().items())
    (_, oldest), *_ = found
    rows = [Environment("lowest", oldest, lowest(), suite=True)]
    for version, path in found:
        name = f"newest-{version[0]}.{version[1]}"
        # `make unit` runs the suite with the newest dependencies on the Python it was set up with.
        rows.append(Environment(name, path, (), suite=version != sys.version_info[:2]))
    return rows


def run(*command: str | Path, **options: Any) -> None:
    """Run a command that must succeed.

    Args:
        command: The command and its arguments.
        options: As for ``subprocess.run``.
    """
    subprocess.run([str(part) for part in command], check=True, **options)


def prepare(environment: Environment, wheel: Path, extra: str, more: tuple[str, ...]) -> None:
    """Make an environment, or bring one up to date, and install the wheel into it.

    Args:
        environment: What to make.
        wheel: The wheel.
        extra: The extra to install it with, empty for the core alone.
        more: Further requirements.
    """
    folder = environment.folder(extra)
    pins = [pin for pin in environment.pins if extra or _name(pin) in core() | {"urllib3"}]
    requirements = (f"{wheel}[{extra}]" if extra else str(wheel), *pins, *more)
    made = make(folder, environment.python, requirements, DECLARED)
    state = hashlib.sha256(wheel.read_bytes()).hexdigest()
    stamp = folder / ".wheel"
    if stamp.exists() and stamp.read_text("utf-8") == state:
        return
    if not made:
        install(folder, "--force-reinstall", "--no-deps", wheel)
    run(*pip(folder, "check", "--quiet"))
    stamp.write_text(state, "utf-8")


def _name(requirement: str) -> str:
    return re.split(r"[=<>\[]", requirement)[0].lower()


def check_core(environment: Path, settings: dict[str, str]) -> None:
    """Log in with the core alone, whose dependencies are the declared ones and theirs.

    Args:
        environment: Where it lies.
        settings: Lead to a sandbox that runs in another process.
    """
    python = installed(environment)
    listed = subprocess.run([str(python), "-c", NAMES], capture_output=True, text=True, check=True)
    names = set(listed.stdout.lower().split())
    missing = core() - names
    extras = PROJECT["project"]["optional-dependencies"].values()
    foreign = names & {_name(text) for extra in extras for text in extra} - {"upstox-totp"}
    foreign |= names & {"pytest"}
    if missing or foreign:
        raise SystemExit(f"The core lacks {missing} or brings {foreign}.")
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-c", LOGIN, cwd=folder, env=_environment(settings))


def _environment(settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UPSTOX_")}
    kept.pop("PYTHONPATH", None)
    return kept | settings | {"UPSTOX_SLEEP_TIME": "100", "NO_PROXY": "127.0.0.1"}


def run_suite(environment: Environment, number: int) -> None:
    """Run the tests against the installed wheel, in a folder that holds them and no source.

    Args:
        environment: The environment.
        number: Which of the suites it is.
    """
    python = installed(environment.folder("all"))
    chance = {
        "FUZZ": str(CASES),
        "FUZZ_SEED": str(FIRST_CASE + number * CASES),
        "ANY_JSON": str(EXAMPLES),
    }
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
            cwd=folder, env=_environment(chance),
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


def build() -> Path:
    """Build the wheel, and return it."""
    folder = ENVIRONMENTS / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT,
        stdout=subprocess.DEVNULL)  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_all(rows: list[Environment]) -> None:
    """Build the wheel, make every environment with it, and log in with the core alone in each.

    Args:
        rows: The environments.
    """
    wheel = build()
    started = time.monotonic()
    one_login = Lock()
    with serving() as settings, ThreadPoolExecutor(max_workers=2) as pool:

        def ready(row: Environment) -> None:
            prepare(row, wheel, "", ())
            # They share an account, whose codes work once each.
            with one_login:
                check_core(row.folder(""), settings)
            if row.suite:
                prepare(row, wheel, "all", group("test"))

        for _ in pool.map(ready, rows):
            pass
    print(f"{len(rows)} environments, a login each: {time.monotonic() - started:.0f} s", flush=True)


def run_suites(rows: list[Environment]) -> None:
    """Run the suite in each environment that has one, one after the other.

    Args:
        rows: The environments.
    """
    for number, row in enumerate(row for row in rows if row.suite):
        started = time.monotonic()
        run_suite(row, number)
        print(f"{row.name}: suite passed, {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    """Test the wheel in every environment, or one part of that."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", nargs="?", choices=["core", "suites"], help="do this part alone")
    part = parser.parse_args().part
    rows = environments()
    if part != "suites":
        make_all(rows)
    if part != "core":
        run_suites(rows)


if __name__ == "__main__":
    main()
