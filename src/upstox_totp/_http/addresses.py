"""Addresses: the hosts of Upstox, their origins, and what is this machine."""

from __future__ import annotations

import ipaddress
from typing import Final

STAGES: Final = ("api", "service", "login")


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port as requests will see them; ValueError if it is no plain URL."""
    from urllib3.util import parse_url  # noqa: PLC0415 - a cached token needs none

    try:
        # A query may be long, and tells nothing of this.
        parsed = parse_url(url.partition("?")[0])
    except ValueError:
        # The message holds the URL.
        parsed = None
    # urllib3 ends the host at a backslash, other parsers do not: neither meaning is wanted.
    if parsed is None or not parsed.host or parsed.auth or "\\" in url:
        raise ValueError("not an absolute URL")
    scheme = parsed.scheme or ""
    if scheme not in {"http", "https"}:
        raise ValueError("not an http or https URL")
    return scheme, parsed.host.strip("[]").lower(), parsed.port or (80 if scheme == "http" else 443)


def is_upstox(url: str, base_domain: str) -> bool:
    """Tell whether a URL leads to Upstox, at the port of https, or to the base domain's origins."""
    try:
        scheme, host, port = target = origin(url)
    except ValueError:
        return False
    own = host == "upstox.com" or host.endswith(".upstox.com")
    if own and (scheme, port) == ("https", 443):
        return True
    return any(target == origin(base_domain.replace("{stage}", stage)) for stage in STAGES)
