"""Dotted paths into decoded JSON, for leaving fields out and putting others in."""

from typing import Any


def _child(value: Any, name: str) -> Any:
    """Return the member of a dict or list called `name`, or None."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    return None


def _parent(value: Any, path: str) -> tuple[Any, str]:
    """Return what holds the last name of `path`, and that name."""
    *names, last = path.split(".")
    for name in names:
        value = _child(value, name)
    return value, last


def removed(payload: Any, path: str) -> Any:
    """Return `payload` without the field at `path`.

    Args:
        payload: Decoded JSON; it is changed.
        path: Dotted names, numbers for places in a list.
    """
    holder, last = _parent(payload, path)
    if isinstance(holder, dict):
        holder.pop(last, None)
    elif isinstance(holder, list) and _child(holder, last) is not None:
        del holder[int(last)]
    return payload


def replaced(payload: Any, path: str, value: object) -> Any:
    """Return `payload` with `value` at `path`.

    Args:
        payload: Decoded JSON; it is changed.
        path: Dotted names, numbers for places in a list. A last name that is not there is added.
        value: Decoded JSON.
    """
    holder, last = _parent(payload, path)
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list) and last.isdigit() and int(last) < len(holder):
        holder[int(last)] = value
    return payload
