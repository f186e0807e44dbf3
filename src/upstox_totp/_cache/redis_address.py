"""Where a client of Redis leads, and who else can read what it sends."""

from __future__ import annotations

from typing import Any

from upstox_totp._http.addresses import is_loopback


def address_of(client: Any) -> str:
    """Return where a client leads, without a password.

    Args:
        client: A client of redis-py.
    """
    options = _options(client)
    if "path" in options:
        return f"Redis at {options['path']}"
    if "host" in options:
        return f"Redis at {options['host']}:{options.get('port', 6379)}"
    return "Redis"


def is_private(client: Any) -> bool:
    """Tell whether nobody on a network can read what a client sends.

    Args:
        client: A client of redis-py.
    """
    options = _options(client)
    if "path" in options or is_loopback(options.get("host")):
        return True
    kind = options.get("connection_class")
    lineage = {one.__name__ for one in kind.__mro__} if isinstance(kind, type) else set()
    encrypted = bool(options.get("ssl")) or "SSLConnection" in lineage
    verified = options.get("ssl_cert_reqs", "required")
    return encrypted and verified not in {"none", "optional", None, 0, 1}


def _options(client: Any) -> dict[str, Any]:
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        return {**pool.connection_kwargs, "connection_class": pool.connection_class}
    try:
        return dict(client.get_connection_kwargs())
    except AttributeError:
        return {}
