"""Lets a project of a test find the pytest plugin."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from support import all_loaded  # noqa: F401 - before pytester runs anything

if TYPE_CHECKING:
    import pytest


def with_plugin(project: pytest.Pytester) -> pytest.Pytester:
    """Let a project find the plugin by its entry point, or tell it the name where it has none."""
    found = {point.value for point in entry_points(group="pytest11")}
    if "upstox_totp.pytest_plugin" not in found:
        project.plugins.append("upstox_totp.pytest_plugin")
    return project
