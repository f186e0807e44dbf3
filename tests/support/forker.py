"""Starts probes by forks of itself: run as a program by the tests, it has imported what they need.

Each call comes over the socket that the command line names, with four files: the three streams of
the probe, and one that is told its number at first and its exit code at last.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from support.probes import run

if TYPE_CHECKING:
    from collections.abc import Callable

FILES: Final = 4
SIZE: Final = struct.Struct("!I")


def wait_for_calls(calls: socket.socket) -> Callable[[], None]:
    """Start a probe for each call; return in the probe alone, with what it is to do.

    Args:
        calls: Where they come from; it is closed when the tests are over.
    """
    # Nobody waits for those who wait for the probes.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        size, files, _, _ = socket.recv_fds(calls, SIZE.size, FILES)
        if not size:
            sys.exit()
        text = b""
        (length,) = SIZE.unpack(size)
        while len(text) < length:
            text += calls.recv(length - len(text))
        if os.fork() == 0:
            calls.close()
            *streams, report = files
            start(streams, report)
            return become(json.loads(text), streams)
        for file in files:
            os.close(file)


def start(streams: list[int], report: int) -> None:
    """Start a probe, wait for its end and exit; return in the probe alone.

    Args:
        streams: The probe's streams.
        report: What to tell its number and its exit code.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told, tell = os.pipe()
    probe = os.fork()
    if probe == 0:
        os.setsid()
        for file in (report, told, tell):
            os.close(file)
        return
    os.close(tell)
    for file in streams:
        os.close(file)
    # A signal to its session finds it from now on.
    os.read(told, 1)
    os.write(report, f"{probe}\n".encode())
    _, status = os.waitpid(probe, 0)
    os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(call: dict[str, Any], streams: list[int]) -> Callable[[], None]:
    """Take on what a probe has by its start elsewhere, and return what it is to do.

    Args:
        call: Which probe, its arguments, environment and folder.
        streams: Its streams.
    """
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - no path
        for number, mode in enumerate("rww")
    )
    os.environ.clear()
    os.environ.update(call["environment"])
    # Where something that was imported has asked for it already.
    tempfile.tempdir = None
    os.chdir(call["folder"])
    return partial(run, call["probe"], *call["arguments"])


if __name__ == "__main__":
    wait_for_calls(socket.socket(fileno=int(sys.argv[1])))()
