"""Stops a build at once on a Python that is too old."""

import platform

from hatchling.metadata.plugin.interface import MetadataHookInterface
from packaging.specifiers import SpecifierSet


class NeededPython(MetadataHookInterface):
    """Looks at this Python before anything is installed.

    pip before 24 tries version after version of every dependency for hours instead.
    """

    def update(self, metadata: dict) -> None:
        """Leave the metadata as they are."""
        needed, found = metadata["requires-python"], platform.python_version()
        if not SpecifierSet(needed).contains(found, prereleases=True):
            raise SystemExit(f"upstox-totp needs Python {needed}; this is Python {found}.")
