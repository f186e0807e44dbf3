"""The code blocks of README and docs, and how each language of them is run or read."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import time
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml
from dotenv import dotenv_values
from markdown_it import MarkdownIt

from support import install_lines
from support.cli_runs import find_command
from support.install_lines import check_pip
from upstox_totp import _clock
from upstox_totp._settings.table import NAMES, variable
from upstox_totp.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from upstox_totp.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
SUBPROCESS_SECONDS = 60

PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
        *(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
    ]
)
# Its console blocks are generated; test_command_pages.py compares them with what is printed now.
GENERATED = ROOT / "docs" / "command-line.md"


# What stands on Windows where `chmod` and `source` stand elsewhere.
POWERSHELL = {
    "py -m venv .venv",
    r".venv\Scripts\Activate.ps1",
    'icacls .env /inheritance:r /grant:r "${env:USERNAME}:F"',
}


@dataclass(frozen=True)
class Block:
    """One code block.

    Attributes:
        page: Where it stands.
        line: The line it begins at.
        language: What it is written in.
        text: The code.
    """

    page: Path
    line: int
    language: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        """Return where it stands, as a test is named for it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}-{self.language}"


def blocks(pages: list[Path]) -> Iterator[Block]:
    """Return the code blocks of some pages, without Sphinx's own directives."""
    for page in pages:
        for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
            language = token.info.strip()
            if token.type in {"fence", "code_block"} and not language.startswith("{"):
                assert token.map
                yield Block(page, token.map[0] + 1, language, token.content)


def load(script: Path) -> Any:
    """Return a script of the repository, which is no part of a package, as a module."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name.
    sys.modules[script.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[script.stem]
    return module


class ScaledTime:
    """Real time, only faster: threads that share it wait for each other as they do in real time.

    Attributes:
        factor: How many times faster.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self._epoch, self._start = time.time(), time.monotonic()

    def monotonic(self) -> float:
        """Return the clock that never jumps."""
        return self._start + (time.monotonic() - self._start) * self.factor

    def time(self) -> float:
        """Return the wall clock."""
        return self._epoch + self.monotonic() - self._start

    def sleep(self, seconds: float) -> None:
        """Wait for a part of the time."""
        time.sleep(max(0.0, seconds) / self.factor)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the package live in this time."""
        for name in ("time", "monotonic", "sleep"):
            monkeypatch.setattr(_clock, name, getattr(self, name))


def furnish(folder: Path, sandbox: Sandbox) -> None:
    """Put into a folder the files that a user of the examples has."""
    settings = sandbox.environment
    whole = "".join(f"{name}={value}\n" for name, value in settings.items())
    (folder / "bot").mkdir()
    for name in (
        ".env.production", "asha.env", "ravi.env", "upstox.env", "bot/upstox.env", "sandbox.env",
    ):  # fmt: skip
        (folder / name).write_text(whole)
    own = {name: value for name, value in settings.items() if name != "UPSTOX_BASE_DOMAIN"}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in own.items()))
    accounts = folder / "config" / "upstox-totp" / "accounts"
    accounts.mkdir(parents=True)
    for name in ("asha", "ravi"):
        (accounts / f"{name}.env").write_text(whole)
    secrets = {name.removeprefix("UPSTOX_").lower(): value for name, value in own.items()}
    (folder / "secrets.json").write_text(json.dumps(secrets))
    (folder / "notifier-secret").write_text("a-made-up-secret-of-the-examples\n")
    for name in ("bot.py", "report.py"):
        (folder / name).write_text(
            "import os\nassert os.environ['UPSTOX_ACCESS_TOKEN'].count('.') == 2\n"
        )
    for path in folder.glob("*.env"):
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)


def settings_for(text: str, sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """Return the environment of an example: one that names a file has its settings there."""
    kept = {
        "UPSTOX_CACHE_DIR": str(folder / "cache"),
        "UPSTOX_SLEEP_TIME": "100",
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    if "from_env_file" not in text and "--env-file" not in text:
        kept["UPSTOX_BASE_DOMAIN"] = sandbox.base_domain
    return kept


def at_the_sandbox(text: str, sandbox: Sandbox) -> str:
    """Return an example with the API of Upstox replaced by the sandbox's."""
    return text.replace("https://api.upstox.com", sandbox.base_domain.replace("{stage}", "api"))


class SecretsManager:
    """Stands in for a secret manager in somebody's cloud: it holds what lies in secrets.json."""

    @classmethod
    def client(cls, service: str) -> SecretsManager:
        """Return the manager, as ``boto3`` does."""
        assert service == "secretsmanager"
        return cls()

    def get_secret_value(self, **named: str) -> dict[str, str]:
        """Return a secret that is named, as AWS does."""
        assert set(named) == {"SecretId"}
        return {"Name": named["SecretId"], "SecretString": Path("secrets.json").read_text("utf-8")}


def run_python(text: str, name: str) -> dict[str, Any]:
    """Run a Python example as a script, and return the names that it defined."""
    names: dict[str, Any] = {"__name__": "__main__"}
    # Not by mock, which would forget all else that the example imports.
    sys.modules["boto3"] = SecretsManager  # type: ignore[assignment]
    try:
        exec(compile(text, name, "exec"), names)  # noqa: S102 - written in the repository
    finally:
        del sys.modules["boto3"]
    return names


def run_with_sdk(text: str, sandbox: Sandbox, settings: dict[str, str]) -> str:
    """Run a Python example that needs the official SDK, which this environment has.

    The SDK's own default host is replaced by the sandbox's; the example is run as it stands.
    """
    host = sandbox.base_domain.replace("{stage}", "api")
    prelude = (
        "import upstox_client\n"
        "configuration = upstox_client.Configuration()\n"
        f"configuration.host = {host!r}\n"
        "upstox_client.Configuration.set_default(configuration)\n"
        # The address of streams is a constant of the SDK's.
        "import websocket\n"
        "websocket.WebSocketApp.run_forever = lambda *_, **__: None\n"
    )
    # The SDK joins the threads of a client that is dropped, which may wait for ever at exit.
    leave = "\nimport os, sys; sys.stdout.flush(); os._exit(0)\n"
    return run_process([sys.executable, "-c", prelude + text + leave], settings)


def run_process(command: list[str], settings: dict[str, str], folder: Path | None = None) -> str:
    """Run a command that must succeed, and return what it printed on stdout."""
    run = subprocess.run(  # noqa: S603 - the examples of the repository itself
        command,
        env=os.environ | settings,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SUBPROCESS_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


# What stands in for the world outside; each notes how it was called, and checks what it can.
STAND_INS = {
    **{
        name: f'exec "$EXAMPLES_PYTHON" "$EXAMPLES_HELPER" {name} "$@"'
        for name in ("pip", "pipx", "uv")
    },
    "python3": (
        'if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" && touch "$3/bin/activate"; '
        'else exec "$EXAMPLES_PYTHON" "$@"; fi'
    ),
    # Without the flags of the make that runs these tests.
    "make": 'env -u MAKEFLAGS -u MAKELEVEL "$EXAMPLES_MAKE" -n -C "$EXAMPLES_ROOT" "$@" >/dev/null',
    "sudo": 'exec "$@"',
    "pass": (
        '[ "$1" = show ] && exec "$EXAMPLES_PYTHON" -c '
        '"import json, sys; print(json.load(open(\'secrets.json\'))[sys.argv[1]])" "${2##*/}"'
    ),
    "systemctl": 'case "$1" in daemon-reload|enable|start) ;; *) exit 1 ;; esac',
    "journalctl": '[ "$1" = --unit ]',
    "docker": 'case "$1" in build|run) ;; *) exit 1 ;; esac',
}


def _other_shells(text: str) -> str:
    """Return an example with the lines for other shells reduced to what the command prints."""
    return re.sub(
        r"^.*(_UPSTOX_CLI_COMPLETE=(?:zsh|fish)_source upstox_cli).*$",
        r'test -n "$(\1)"',
        text,
        flags=re.MULTILINE,
    )


def run_bash(text: str, settings: dict[str, str], folder: Path) -> str:
    """Run a shell example; what it would install, start or build is played by stand-ins."""
    stand_ins = folder / "stand-ins"
    stand_ins.mkdir()
    for name, script in STAND_INS.items():
        path = stand_ins / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(stat.S_IRWXU)
    own = Path(sys.executable).parent
    make = next(
        path
        for place in os.environ["PATH"].split(os.pathsep)
        if (path := Path(place) / "make").exists()
    )
    return run_process(
        ["bash", "-euo", "pipefail", "-c", _other_shells(text)],
        settings
        | {
            "PATH": f"{stand_ins}:{own}:{os.environ['PATH']}",
            "HOME": str(folder),
            "GITHUB_ENV": str(folder / "github.env"),
            "EXAMPLES_PYTHON": sys.executable,
            "EXAMPLES_HELPER": install_lines.__file__,
            "EXAMPLES_ROOT": str(ROOT),
            "EXAMPLES_MAKE": str(make),
        },
        folder,
    )


def check_command(words: list[str]) -> None:
    """Check a call of the command line without carrying it out."""
    position = next(i for i, word in enumerate(words) if re.search(r"upstox_cli(\.exe)?$", word))
    name, *arguments = words[position + 1 :]
    if ">" in arguments:
        arguments = arguments[: arguments.index(">")]
    command = find_command(name)
    # Below its group: a command keeps the help option that it was first asked for.
    command.make_context(name, arguments, parent=click.Context(cli, **cli.context_settings))


def check_env(text: str) -> None:
    """Check that an example of a ``.env`` holds settings there are."""
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    assert values
    assert set(values) <= {variable(name) for name in NAMES}
    assert all(values.values())


def check_unit(text: str) -> None:
    """Check a systemd unit: a service that runs a command there is, or a timer."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    if unit.has_section("Service"):
        words = shlex.split(unit["Service"]["ExecStart"])
        if words[0].endswith("/alert"):
            assert unit["Service"]["EnvironmentFile"]
        else:
            check_command(words)
        serves = " notifier " in unit["Service"]["ExecStart"]
        assert unit["Service"]["Type"] == ("simple" if serves else "oneshot")
    else:
        assert unit["Timer"]["OnCalendar"]
        assert unit["Install"]["WantedBy"] == "timers.target"


def check_cron(text: str) -> None:
    """Check that each line of a crontab sets a variable, or has a time and a command."""
    lines = [line for line in text.splitlines() if not re.match(r"#|[A-Z_]+=\S+$", line)]
    assert lines
    for line in lines:
        match = re.fullmatch(r"(?:[\d*,/-]+ +){5}(\S.*)", line)
        assert match, line
        if "upstox_cli" in line:
            check_command(shlex.split(match.group(1)))


def check_dockerfile(text: str) -> None:
    """Check the instructions of an image, and the command that it runs."""
    rows = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    names = [name for name, _ in rows]
    assert names[0] == "FROM"
    assert set(names) <= {"FROM", "COPY", "RUN", "USER", "ENV", "VOLUME", "ENTRYPOINT", "CMD"}
    given = dict(rows)
    check_command(json.loads(given["ENTRYPOINT"]) + json.loads(given["CMD"]))
    for name, rest in rows:
        if name == "RUN" and rest.startswith("pip "):
            check_pip(shlex.split(rest)[1:])


def check_bat(text: str) -> None:
    """Check calls of the Windows scheduler, and the command that it is to run."""
    for line in text.splitlines():
        taken = re.fullmatch(r"for /f %t in \('(.+)'\) do set UPSTOX_ACCESS_TOKEN=%t", line)
        if taken:
            check_command(shlex.split(taken.group(1)))
            continue
        words = [word.strip('"') for word in shlex.split(line, posix=False)]
        assert words[0] == "schtasks"
        assert words[1] in {"/Create", "/Run", "/Query"}
        options = dict(zip(words[2::2], words[3::2], strict=False))
        assert options["/TN"] == "Upstox token"
        if words[1] == "/Create":
            assert re.fullmatch(r"\d\d:\d\d", options["/ST"])
            check_command(options["/TR"].split())


def check_powershell(text: str) -> None:
    """Check lines for PowerShell: calls of pip and of our command, and what Windows has."""
    for line in text.splitlines():
        if line in POWERSHELL:
            continue
        command = line.removeprefix("$env:UPSTOX_ACCESS_TOKEN = ")
        words = shlex.split(command)
        if words[0] == "pip":
            check_pip(words[1:])
        else:
            assert words[0] == "upstox_cli", line
            check_command(words)


def run_yaml(text: str, settings: dict[str, str], folder: Path) -> None:
    """Check a workflow or a set of services; the shell steps of a workflow are run."""
    document: dict[Any, Any] = yaml.safe_load(text)
    if "services" in document:
        services = document["services"].values()
        for kind in ("volumes", "secrets"):
            used = [name.partition(":")[0] for one in services for name in one.get(kind, ())]
            assert set(used) == set(document[kind])
        for service in services:
            check_program(service.get("command", []))
        return
    if "kind" in document:
        for container in containers_of(document):
            check_program(container["command"])
            check_env("".join(f"{one['name']}={one['value']}\n" for one in container["env"]))
        return
    for job in document["jobs"].values():
        assert job["timeout-minutes"]
        # All but the login method is a secret of the repository.
        method = {"UPSTOX_LOGIN_METHOD": "api"}
        secrets = {name: f"${{{{ secrets.{name} }}}}" for name in job.get("env", {})}
        assert job.get("env", {}) in (secrets, secrets | method)
        check_env("".join(f"{name}=x\n" for name in secrets))
        steps = [step["run"] for step in job["steps"] if "run" in step]
        # Each step has what those before it put into $GITHUB_ENV.
        script = "\n".join(f"{step}\nset -a; . $GITHUB_ENV; set +a" for step in steps)
        (folder / "github.env").touch()
        assert "::add-mask::ey" in run_bash(script, settings, folder)


def check_program(words: list[str]) -> None:
    """Check what a container runs: a command that there is, or a program of the user's own."""
    if words and words[0] == "upstox_cli":
        check_command(words)


def containers_of(document: Any) -> Iterator[dict[str, Any]]:
    """Return the containers of a manifest, wherever they stand in it."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name in {"containers", "initContainers"}:
                yield from (
                    {"env": [{"name": "UPSTOX_DEBUG", "value": "true"}], **c} for c in value
                )
            yield from containers_of(value)
