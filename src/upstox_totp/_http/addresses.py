"""Whether an address is this machine's."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine.

    Args:
        host: A name or an address, without brackets and port.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
