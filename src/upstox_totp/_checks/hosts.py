"""The way to the hosts: over which family of addresses, and through which proxy."""

from __future__ import annotations

import importlib.util
import socket
from typing import TYPE_CHECKING, Final

from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from upstox_totp._checks.findings import Finding, Grade
from upstox_totp._redact import MASK
from upstox_totp._settings.hosts import STAGES, origin

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAMILIES: Final = (("IPv4", socket.AF_INET), ("IPv6", socket.AF_INET6))
_CONNECTS: Final = "connects"
_ABSENT: Final = "has no address"
_SECONDS: Final = 3.0
_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})


def look_at_families(base_domain: str) -> Iterator[Finding]:
    """Look which of IPv4 and IPv6 lead to each host; a connection is made, and nothing sent.

    Args:
        base_domain: A URL with ``{stage}`` in it.
    """
    seen = set()
    for stage in STAGES:
        url = base_domain.replace("{stage}", stage)
        _, host, port = origin(url)
        if (host, port) in seen:
            continue
        seen.add((host, port))
        if select_proxy(url, get_environ_proxies(url)):
            yield Finding("IPv4, IPv6", f"{host}: not looked at, since a proxy is asked")
            continue
        outcomes = {name: _connect(host, port, family) for name, family in _FAMILIES}
        yield _compared(host, outcomes)


def _compared(host: str, outcomes: dict[str, str]) -> Finding:
    text = ", ".join(f"{name} {outcome}" for name, outcome in outcomes.items())
    works = _CONNECTS in outcomes.values()
    broken = [name for name, told in outcomes.items() if told not in {_CONNECTS, _ABSENT}]
    if works and broken:
        text += (
            f". Each login may wait for {broken[0]} first: mend it, or prefer the other family "
            "in the system's settings"
        )
    grade = Grade.GOOD if works and not broken else Grade.BAD
    return Finding("IPv4, IPv6", f"{host}: {text}", grade, {"host": host, **outcomes})


def _connect(host: str, port: int, family: socket.AddressFamily) -> str:
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return _ABSENT
    if not found:
        return _ABSENT
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(found[0][4])
    except OSError as error:
        reason = "timed out" if isinstance(error, TimeoutError) else error.strerror
        return f"does not connect ({reason or type(error).__name__})"
    return _CONNECTS


def look_at_proxies(base_domain: str) -> Iterator[Finding]:
    """Look which proxies are asked, and whether they can be.

    Args:
        base_domain: A URL with ``{stage}`` in it.
    """
    proxies = get_environ_proxies(base_domain.replace("{stage}", STAGES[0]))
    used = {scheme: url for scheme, url in proxies.items() if scheme in {"http", "https", "all"}}
    if not used:
        yield Finding("Proxy", "none")
    for scheme, url in sorted(used.items()):
        shown, problem = _without_password(url), _problem(url)
        yield Finding(
            "Proxy",
            f"{scheme}: {shown}{problem and f', {problem}'}",
            Grade.BAD if problem else Grade.NOTE,
            {"scheme": scheme, "proxy": shown, "problem": problem or None},
        )


def _problem(proxy: str) -> str:
    scheme, mark, _ = proxy.partition("://")
    if mark and scheme.lower() not in _SCHEMES:
        return f"no proxy of a known kind: {', '.join(sorted(_SCHEMES))}"
    try:
        host = parse_url(proxy if mark else f"http://{proxy}").host
    except LocationParseError:
        host = None
    if not host:
        return "which is no valid address: http://host:port"
    if scheme.lower().startswith("socks") and importlib.util.find_spec("socks") is None:
        return 'which needs PySocks: pip install "requests[socks]"'
    return ""


def _without_password(url: str) -> str:
    scheme, mark, rest = url.rpartition("://")
    credentials, at, host = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{mark}{user}:{MASK}{at}{host}" if at else url
