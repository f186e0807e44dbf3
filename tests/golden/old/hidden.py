"""Bytes and objects that hold secrets: used as they are, never shown."""

from __future__ import annotations

from typing import Any


class HiddenBytes(bytes):
    """Bytes that hold a secret: used as they are, never shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask and the length."""
        return f"{type(self).__name__}(*** {len(self)} bytes)"

    __str__ = __repr__


class HiddenDict(dict[str, Any]):
    """A JSON object that is never shown."""

    def __repr__(self) -> str:
        """Return a mask."""
        return "{***}"
