"""The settings: their names, variables and defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "UPSTOX_"
REQUIRED: Final = (
    "username",
    "password",
    "pin_code",
    "totp_secret",
    "client_id",
    "client_secret",
    "redirect_uri",
)
DEFAULTS: Final[Mapping[str, Any]] = {
    "debug": False,
    "sleep_time": 1000,
    "base_domain": "https://{stage}.upstox.com",
    "login_revision": "auto",
    "cache_dir": None,
}
NAMES: Final = (*REQUIRED, *DEFAULTS)


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    Args:
        name: The setting's name, for example ``pin_code``.
    """
    return PREFIX + name.upper()
