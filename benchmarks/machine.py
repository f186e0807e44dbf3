"""On what the figures were measured: enough to judge them, nothing of whose machine it is."""

from __future__ import annotations

import os
import platform
import ssl
from importlib.metadata import version
from typing import Final

from upstox_totp import __version__

_LIBRARIES: Final = (
    "requests",
    "urllib3",
    "pydantic",
    "pydantic-settings",
    "pyotp",
    "python-dotenv",
    "click",
    "filelock",
)


def facts() -> dict[str, str]:
    """Return what the figures depend on, by name."""
    return {
        "upstox_totp": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "CPUs": str(os.cpu_count()),
        "platform": f"{platform.system()} {platform.machine()}",
        "TLS": " ".join(ssl.OPENSSL_VERSION.split()[:2]),
        **{name: version(name) for name in _LIBRARIES},
    }
