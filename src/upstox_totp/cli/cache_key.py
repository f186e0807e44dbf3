"""``cache-key``: prints a key that encrypts what machines share."""

from __future__ import annotations

from upstox_totp._cache.encryption import new_key
from upstox_totp.cli.main import command
from upstox_totp.cli.output import write_line


@command(
    "Print a new key for UPSTOX_CACHE_KEY.\n\nEvery machine that shares a cache needs the same key."
)
def cache_key() -> None:
    write_line(new_key())
