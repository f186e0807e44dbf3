"""Commands whose stdout or stderr is a terminal, and what that terminal shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest

from support.cli_runs import COMMAND

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Seen:
    """What came of a command.

    Attributes:
        piped: What went to the stream that is no terminal.
        raw: What went to the terminal, with what controls it.
        code: The exit code.
    """

    piped: str
    raw: str
    code: int

    @property
    def lines(self) -> list[str]:
        """The lines that the terminal got, each as it stood after its last erasure."""
        pieces = self.raw.replace("\r\n", "\n").split("\n")
        return [_CONTROL.sub("", re.split(r"\x1b\[2K", piece)[-1]).rstrip("\r") for piece in pieces]


def at_terminal(*arguments: str, stream: str = "stderr", width: int = 80, **variables: str) -> Seen:
    """Run a command one of whose streams is a terminal.

    Args:
        arguments: The command's.
        stream: Which stream is the terminal; the other is a pipe.
        width: The columns of the terminal.
        variables: What the environment has besides.
    """
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: slave}
    process = subprocess.Popen(  # noqa: S603 - this interpreter
        [*COMMAND, *arguments],
        text=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": str(width)} | variables,
        **streams,
    )
    os.close(slave)
    shown: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(master, 4096):
                shown.append(piece)
        except OSError:
            pass  # Linux ends a terminal so.

    reader = threading.Thread(target=read)
    reader.start()
    piped = process.communicate()
    reader.join()
    os.close(master)
    text = b"".join(shown).decode()
    return Seen(piped[0 if stream == "stderr" else 1], text, process.returncode)


def with_streams_closed(closed: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command with streams closed, as a shell closes them.

    Args:
        closed: What the shell does, for example ``>&-``.
        arguments: The command's.
    """
    if os.name != "posix":
        pytest.skip("a shell of POSIX closes streams")
    line = f'exec "$0" -m upstox_totp "$@" {closed}'
    return subprocess.run(  # noqa: S603 - a fixed line
        ["/bin/sh", "-c", line, sys.executable, *arguments], capture_output=True, check=False
    )
