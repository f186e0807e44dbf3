"""The published library of this documentation, by itself, logs in to the sandbox.

It has our distribution's name, so that it lives in an environment of its own: tox names the
interpreter, where a Python is new enough for the library.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from support.documentation import run_process
from upstox_totp.sandbox import Account, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json
import sys
from importlib.metadata import version

from upstox_totp import UpstoxTOTP

client = UpstoxTOTP()
client.base_domain = sys.argv[1]
try:
    answer = client.app_token.get_access_token()
    told = {"token": answer.data.access_token, "user_id": answer.data.user_id}
except Exception as error:
    told = {"error": str(error)}
json.dump({"version": version("upstox-totp"), **told}, sys.stdout)
"""


def log_in(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    """Log in with the published library, and return what it told."""
    command = [os.environ["PUBLISHED_PYTHON"], "-I", "-c", PROGRAM, sandbox.base_domain]
    told: dict[str, str] = json.loads(run_process(command, sandbox.environment, folder))
    return told


@pytest.mark.parametrize("revision", ["older", "both"])
def test_it_logs_in_by_the_older_revision(revision: str, tmp_path: Path) -> None:
    """Its six requests are the sandbox's older revision, which "both" offers as well."""
    with Sandbox(revision=revision) as sandbox:  # type: ignore[arg-type]
        told = log_in(sandbox, tmp_path)
        steps = [record.step for record in sandbox.requests if record.status == 200]
        paths = [record.path for record in sandbox.requests]
        assert told == {
            "version": "1.0.8",
            "token": sandbox.access_tokens[0],
            "user_id": Account().user_id,
        }
    assert steps == ["login_page", "otp", "verify", "pin", "authorize", "token"]
    assert "/login/open/v4/auth/1fa/otp-totp/verify" in paths


def test_it_does_not_know_the_newer_revision(tmp_path: Path) -> None:
    """Where only that is offered, it stops at step 3, before a PIN is sent."""
    with Sandbox(revision="newer") as sandbox:
        told = log_in(sandbox, tmp_path)
        assert sandbox.pins_received == 0
        assert sandbox.requests[-1].step == "verify"
    assert "UDAPI100500" in told["error"]
