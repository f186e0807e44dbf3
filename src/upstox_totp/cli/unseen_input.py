"""What a user pastes into the terminal, unseen, while a command waits for something else."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST = 64 * 1024


@contextmanager
def unseen_input(prompt: str) -> Iterator[Callable[[], str | None] | None]:
    """Give what returns the next line that was pasted, None for none yet; the first call prompts.

    Gives None where no terminal can be read without waiting, or another program has it.
    """
    if sys.platform == "win32":
        yield None
        return
    import select  # noqa: PLC0415 - where there is a terminal of POSIX
    import termios  # noqa: PLC0415 - as above

    terminal = sys.stdin.fileno()
    in_front = True
    with suppress(OSError):
        in_front = os.tcgetpgrp(terminal) == os.getpgrp()
    if not in_front:
        # Whoever changes the terminal from the background is stopped.
        yield None
        return
    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]

    def look() -> str | None:
        nonlocal prompt
        if prompt:
            _write(prompt)
            termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
            prompt = ""
        if not select.select([terminal], [], [], 0)[0]:
            return None
        return os.read(terminal, _LONGEST).decode(errors="replace").strip() or None

    try:
        yield look
    finally:
        if not prompt:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
            _write("\n")


def _write(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()
