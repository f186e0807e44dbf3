"""Requests are sent in one place."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import upstox_totp

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(upstox_totp.__file__).parent
SENDING = {"request", "get", "post", "put", "patch", "delete", "head", "options", "send"}


def sent_in(path: Path) -> Iterator[str]:
    """Yield where a module sends a request, through a session or without one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = ast.unparse(node.func.value)
        if node.func.attr in SENDING and owner.split(".")[-1].lstrip("_") in {
            "session",
            "requests",
        }:
            yield f"{path.relative_to(PACKAGE).as_posix()}: {owner}.{node.func.attr}"


def test_session_request_is_called_in_one_place() -> None:
    """Every request is paced, bounded, validated, and leaves a transcript: BaseAPI sends it."""
    modules = [
        path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.relative_to(PACKAGE).parts
    ]
    found = [where for path in modules for where in sent_in(path)]
    assert found == ["_api/base.py: self._session.request"]
