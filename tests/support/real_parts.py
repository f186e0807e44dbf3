"""Other people's programs that a test starts: without its program it says so, or fails in CI."""

from __future__ import annotations

import os
import shutil
from typing import Final

import pytest

VARIABLE: Final = "REQUIRE_REAL_PARTS"
"""Set to 1, a missing part is a failure. `.ci/run`, which installs the parts, sets it.

It has no ``UPSTOX_`` before it: variables that have are taken away before a test.
"""


def need(part: object, what: str, how: str) -> None:
    """Go on if a part is there; else skip the test, or fail it where that is forbidden.

    Args:
        part: True, or anything that counts so, if the part is there.
        what: Names the part, as the beginning of a sentence.
        how: How to get it.
    """
    __tracebackhide__ = True
    if part:
        return
    reason = f"{what} is not here: {how}"
    if os.environ.get(VARIABLE) == "1":
        pytest.fail(f"{reason} ({VARIABLE}=1 forbids to skip)", pytrace=False)
    pytest.skip(reason)


def real_part(program: str, package: str | None = None) -> str:
    """Return the path of a program that a test starts, or do not run the test.

    Args:
        program: Its name on PATH, such as ``redis-server``.
        package: The Debian package that brings it, if it has another name.
    """
    __tracebackhide__ = True
    path = shutil.which(program)
    need(path, program, f"apt-get install {package or program}")
    assert path is not None
    return path
