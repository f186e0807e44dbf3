"""Loads every module of the package, for tests that run others in this process.

pytester forgets what such a run imported, and a package that loads its modules when they are first
used would mix old and new classes.
"""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module

import upstox_totp

for module in pkgutil.walk_packages(upstox_totp.__path__, "upstox_totp."):
    # The SDK lies in an environment of its own.
    if not module.name.endswith(("__main__", ".sdk")):
        import_module(module.name)

# Where it brings a backport of importlib.metadata, that takes the place of the standard library's
# for good, and is forgotten with the rest.
with suppress(ImportError):
    import_module("keyring")
