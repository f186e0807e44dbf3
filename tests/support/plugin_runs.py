"""Lets a project of a test, which pytester runs in this process, find the pytest plugin."""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import upstox_totp

if TYPE_CHECKING:
    import pytest

# pytester forgets what such a run imported, and a package that loads its modules when they are
# first used would mix old and new classes: so all of them are loaded before.
for module in pkgutil.walk_packages(upstox_totp.__path__, "upstox_totp."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
# Where keyring brings a backport of importlib.metadata, that takes the place of the standard
# library's for good, and is forgotten with the rest.
with suppress(ImportError):
    import_module("keyring")


def with_plugin(project: pytest.Pytester) -> pytest.Pytester:
    """Let a project find the plugin by its entry point, or tell it the name where it has none."""
    found = {point.value for point in entry_points(group="pytest11")}
    if "upstox_totp.pytest_plugin" not in found:
        project.plugins.append("upstox_totp.pytest_plugin")
    return project
