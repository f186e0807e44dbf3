"""A class that a program puts in the place of requests.Session does not see a login."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

# What requests_cache.install_cache() does: both names lead to a class that remembers answers.
PROGRAM = """
import requests

class Remembering(requests.Session):
    seen = []

    def send(self, request, **kwargs):
        response = super().send(request, **kwargs)
        self.seen.append(request.url)
        return response

{before}
from upstox_totp import UpstoxTOTP
with UpstoxTOTP() as client:
    {after}
    assert client.app_token.get_access_token().success
    assert client.session.timeout == (10, 30)
requests.Session = requests.sessions.Session = Remembering
requests.get(client.base_domain.replace("{{stage}}", "api"))
print(len(Remembering.seen))
"""
INSTALL = "requests.Session = requests.sessions.Session = Remembering"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox for programs of their own."""
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cache_for_the_whole_process_does_not_see_a_login(sandbox: Sandbox, when: str) -> None:
    """Whether it is installed before the package is imported or after, it sees its own alone."""
    lines = {"before": "", "after": "pass"} | {when: INSTALL}
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", PROGRAM.format(**lines)],
        env=os.environ | sandbox.environment | {"UPSTOX_SLEEP_TIME": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "1\n"
