"""Probes in processes of their own, without the second that each would import for.

Where a test is not about how a program starts, a fork of one that has imported already shows the
same: it has used nothing of the library yet. The forker lives as long as the tests of its process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TESTS: Final = Path(__file__).parents[1]
SECONDS: Final = 60
"""How long a probe may take once nothing more is said to it."""

_SIZE: Final = struct.Struct("!I")


class Forked:
    """A probe in a process and a session of its own, with the pipes that `Popen` would give it.

    Args:
        probe: Its name in the forker.
        arguments: As on its command line.
        environment: What it has as environment, None for that of the test.
        folder: Where it runs, None for where the test does.

    Attributes:
        pid: Its number, and that of its session.
        stdin: What it reads.
        stdout: What it wrote.
        returncode: Its exit code, None as long as nobody waited for it.
    """

    def __init__(
        self,
        probe: object,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        call = {
            "probe": str(probe),
            "arguments": [str(one) for one in arguments],
            "environment": dict(os.environ if environment is None else environment),
            "folder": str(folder or Path.cwd()),
        }
        read, stdin = os.pipe()
        stdout, write = os.pipe()
        told, report = os.pipe()
        # A file, which is never full and has no reader to wait for.
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - `_close` does
        _ask(call, [read, write, self._stderr.fileno(), report])
        for file in (read, write, report):
            os.close(file)
        self.stdin = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout = os.fdopen(stdout, encoding="utf-8")
        self._told = os.fdopen(told)
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, and nothing that it started."""
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        if self.returncode is None:
            self.returncode = int(self._told.readline())
        return self.returncode

    def end(self) -> None:
        """Kill it with all that it started."""
        if not self.stdout.closed:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.communicate()

    def communicate(self) -> tuple[str, str]:
        """Say nothing more to it, and return what it wrote to stdout and stderr until its end."""
        timer = threading.Timer(SECONDS, self.kill)
        timer.start()
        # What it did not read before it was killed.
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        with self.stdout, self._stderr, self._told:
            output = self.stdout.read()
            self.wait()
            timer.cancel()
            self._stderr.seek(0)
            return output, self._stderr.read()


def run_forked(probe: object, *arguments: object) -> tuple[str, str]:
    """Run a probe, which must succeed, and return what it wrote to stdout and stderr."""
    program = Forked(probe, *arguments)
    output, errors = program.communicate()
    assert program.returncode == 0, errors
    return output, errors


@cache
def _forker() -> socket.socket:
    ours, theirs = socket.socketpair()
    # It is measured nowhere: what it forks ends without a word to coverage.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-m", "support.forker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=_TESTS,
            env=kept,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _ask(call: Mapping[str, object], files: Sequence[int]) -> None:
    text = json.dumps(call).encode()
    forker = _forker()
    socket.send_fds(forker, [_SIZE.pack(len(text))], files)
    forker.sendall(text)
