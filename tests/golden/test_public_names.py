"""What programs hold on to: public names, their parameters, fields and properties."""

from __future__ import annotations

import importlib
import inspect
from functools import cached_property
from typing import TYPE_CHECKING, Any

from golden_files import compare
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = ("", ".errors", ".models", ".transcript", ".token_cache", ".token_auth", ".notifier",
           ".client", ".sandbox")  # fmt: skip


def _parameters(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(built in)"
    plain = [
        one.replace(
            annotation=inspect.Parameter.empty,
            default=one.default
            if one.default is None or isinstance(one.default, bool | int | float | str | tuple)
            else one.empty
            if one.default is one.empty
            else "<default>",
        )
        for one in signature.parameters.values()
        if not one.name.startswith("_")
    ]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _described(kind: type) -> Iterator[tuple[str, str]]:
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield name, "required" if field.is_required() else "optional"
    else:
        if issubclass(kind, BaseException):
            yield "", " < ".join(one.__name__ for one in kind.__mro__[:-1])
        if not issubclass(kind, int | str):
            yield "()", _parameters(kind)
    for name, member in vars(kind).items():
        if name.startswith(("_", "model_")):
            continue
        inner = getattr(member, "__func__", member)
        if inspect.isfunction(inner):
            yield f"{name}()", _parameters(inner)
        elif isinstance(member, property | cached_property):
            yield name, "property"
        elif isinstance(member, kind):
            yield name, f"member {member!r}"


def test_public_names() -> None:
    """Each public name of each public module, with its parameters, fields and properties."""
    found: dict[str, str] = {}
    seen: set[int] = set()
    for suffix in MODULES:
        module = importlib.import_module(f"upstox_totp{suffix}")
        public = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
        ]  # fmt: skip
        for name in public:
            value = getattr(module, name)
            if id(value) in seen or getattr(value, "_is_protocol", False):
                continue
            seen.add(id(value))
            key = f"{module.__name__}.{name}"
            if isinstance(value, type):
                found |= {f"{key} {part}".strip(): told for part, told in _described(value)}
            else:
                found[key] = _parameters(value) if callable(value) else type(value).__name__
    compare("public-names", {key: value for key, value in found.items() if "0x" not in value})
