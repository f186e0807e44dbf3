"""Logs in with the core alone: with an interpreter whose only installed package is the wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from upstox_totp.sandbox import Sandbox

LOGIN = """
from importlib.metadata import distributions
import upstox_totp
from upstox_totp import UpstoxTOTP

assert "site-packages" in upstox_totp.__file__, upstox_totp.__file__
with UpstoxTOTP() as upx:
    response = upx.app_token.get_access_token()
assert response.success
assert response.data.access_token.count(".") == 2
assert response.data.expires_at.hour == 3
try:
    from upstox_totp import TokenCache
except ImportError as error:
    assert ".[cache]" in str(error), error
else:
    raise AssertionError("an extra is installed")
print(*(distribution.name.lower() for distribution in distributions()))
"""


def main(python: str) -> None:
    """Log in to a sandbox of this process, and compare what is installed with pyproject.toml."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    core = {re.split(r"[^\w-]", text)[0] for text in project["dependencies"]}
    extras = {
        re.split(r"[^\w.-]", text)[0].lower()
        for extra in project["optional-dependencies"].values()
        for text in extra
    }
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        # Python for Windows needs SYSTEMROOT to have random numbers.
        kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
        settings = sandbox.environment | {"UPSTOX_SLEEP_TIME": "100", "HOME": folder}
        ended = subprocess.run(  # noqa: S603 - an environment of tox
            [python, "-c", LOGIN],
            env=kept | settings, cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if ended.returncode:
        sys.exit(ended.stderr)
    names = set(ended.stdout.split())
    foreign = names & (extras - {"upstox-totp"} | {"pytest"})
    if core - names or foreign:
        sys.exit(f"The core lacks {core - names} or brings {foreign}.")
    sys.stdout.write(f"{python}: logged in with {', '.join(sorted(names))}\n")


if __name__ == "__main__":
    main(sys.argv[1])
