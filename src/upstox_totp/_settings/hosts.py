"""The hosts of Upstox: the base domain, its URLs, and what is this machine."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from upstox_totp._http.addresses import is_loopback
from upstox_totp._log import logger
from upstox_totp._settings.names import DEFAULTS

STAGES: Final = ("api", "service", "login")


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL, as requests will understand them.

    Args:
        url: An absolute URL.

    Raises:
        ValueError: If it is not an absolute http or https URL, or holds a user name.
    """
    try:
        # A query may be long, and tells nothing of this.
        parsed = parse_url(url.partition("?")[0])
    except LocationParseError:
        parsed = None
    # urllib3 ends the host at a backslash, other parsers do not: neither meaning is wanted.
    if parsed is None or not parsed.host or parsed.auth or "\\" in url:
        raise ValueError("not an absolute URL")
    scheme = parsed.scheme or ""
    if scheme not in {"http", "https"}:
        raise ValueError("not an http or https URL")
    return scheme, parsed.host.strip("[]").lower(), parsed.port or (80 if scheme == "http" else 443)


def is_upstox(target: tuple[str, str, int] | None, base_domain: str) -> bool:
    """Tell whether an origin is Upstox's own, or one of the base domain's.

    Args:
        target: What `origin` returned, None for an address that has none.
        base_domain: Where the client logs in.
    """
    if target is None:
        return False
    scheme, host, _ = target
    own = host == "upstox.com" or host.endswith(".upstox.com")
    return (scheme == "https" and own) or target in _base_origins(base_domain)


@lru_cache(maxsize=64)
def _base_origins(base_domain: str) -> frozenset[tuple[str, str, int]]:
    return frozenset(origin(base_domain.replace("{stage}", stage)) for stage in STAGES)


def valid_base_domain(template: str) -> str:
    """Check a base domain and return it without a trailing slash.

    Args:
        template: A URL with ``{stage}`` in it.

    Raises:
        ValueError: If it is not such a URL, or would send credentials unencrypted over a network.
    """
    template = template.rstrip("/")
    if "{stage}" not in template or re.search(r"[?#\s]", template):
        raise ValueError("no {stage}, or more than scheme, host and path")
    scheme, host, _ = origin(template.replace("{stage}", STAGES[0]))
    if scheme != "https" and not is_loopback(host):
        raise ValueError("http on a host other than loopback")
    if template != DEFAULTS["base_domain"] and not is_loopback(host):
        logger.warning("Credentials will be sent to %s, not to Upstox", template)
    return template
