"""The way to Upstox: hosts, clock, proxy, certificates and app, looked at without a credential."""

from __future__ import annotations

import os
import platform
import ssl
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests

from upstox_totp import __version__
from upstox_totp._api import routes
from upstox_totp._api.base import BaseAPI
from upstox_totp._api.context import Context
from upstox_totp._checks.edge import EdgePage, edge_page
from upstox_totp._checks.findings import Finding, Grade
from upstox_totp._checks.hosts import look_at_families, look_at_proxies
from upstox_totp._http.addresses import is_loopback
from upstox_totp._http.server_clock import ServerClock, read_offset
from upstox_totp._http.session import Session
from upstox_totp._settings.hosts import STAGES, origin, valid_base_domain
from upstox_totp._settings.names import DEFAULTS
from upstox_totp.errors import ConfigurationError, UpstoxError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from upstox_totp._settings.sources import Settings

_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_TOLERABLE: Final = 5
# Two answers of one clock, whose seconds were cut off, differ by less than this, in seconds.
_AGREED: Final = 2.0
_SECONDS: Final = 10
# Nothing is repeated: a doctor knocks once.
_NONE: Final = "(none)"


@dataclass(frozen=True)
class _Visit:
    """What came of asking a host: what to say of it, its clock's offset, whether it answered."""

    finding: Finding
    offset: float | None = None
    reached: bool = False


class _Visitor:
    """A client without settings."""

    def __init__(self, session: Session, base_domain: str) -> None:
        self.session = session
        self.base_domain = base_domain
        self.server_clock = ServerClock()


class _Hosts(BaseAPI):
    """The hosts of Upstox, asked for their first page without a credential."""

    def visit(self, stage: str) -> _Visit:
        url = routes.root(stage, self._client.base_domain)
        subject, host = f"Host of {stage}", urlsplit(url).netloc
        context = Context()
        try:
            with context.step(Step.HOST):
                headers = self._unset(routes.page_headers())
                answer = self._send(context, Step.HOST, "GET", url, headers=headers).response
        except (requests.RequestException, UpstoxError) as error:
            return _Visit(Finding(subject, f"{host}: {error}", Grade.BAD, {"host": host}))
        page = edge_page(answer)
        milliseconds = context.transcript[-1].milliseconds
        facts = {
            "host": host,
            "milliseconds": milliseconds,
            "http_status": answer.status_code,
            "block_page": page is not None,
            "edge_code": page.code if page else None,
        }
        text = f"{host}: reached in {milliseconds} ms, HTTP {answer.status_code}{_told(page)}"
        grade = Grade.GOOD if page is None else Grade.BAD
        return _Visit(
            Finding(subject, text, grade, facts), read_offset(answer.headers), reached=True
        )


@dataclass(frozen=True)
class Examination:
    """What was found on the way to Upstox.

    Attributes:
        findings: Everything that was looked at, in the order to tell it.
        reached: Whether every host answered.
    """

    findings: tuple[Finding, ...]
    reached: bool


def examine_connection(base_domain: str) -> Examination:
    """Look at the way to Upstox: each host is asked once for its first page.

    Args:
        base_domain: A URL with ``{stage}`` in it.
    """
    with Session(repeatable=_NONE) as session:
        session.timeout = _SECONDS
        visitor: Any = _Visitor(session, base_domain)
        visits = [_Hosts(visitor).visit(stage) for stage in STAGES]
    offsets = [visit.offset for visit in visits if visit.offset is not None]
    findings = (
        Finding("Version", f"{__version__}, Python {platform.python_version()}, {_tls()}"),
        *(visit.finding for visit in visits),
        *look_at_families(base_domain),
        compare_clocks(offsets, on_loopback=is_loopback(origin(_url(base_domain, "api"))[1])),
        *look_at_proxies(base_domain),
        _look_at_certificates(),
        Finding(
            "Orders",
            "are taken only from the static address that is registered for the app at Upstox "
            "(UDAPI1154, UDAPI1221); a login is not bound to it",
        ),
    )
    return Examination(findings, all(visit.reached for visit in visits))


def find_base_domain(settings: Settings) -> str:
    """Return where the settings lead, without asking for any other setting.

    Args:
        settings: The settings as they were found.

    Raises:
        ConfigurationError: If the base domain is not valid.
    """
    setting = settings.get("base_domain")
    try:
        return valid_base_domain(setting.value if setting else DEFAULTS["base_domain"])
    except ValueError:
        pass
    raise ConfigurationError("base_domain (UPSTOX_BASE_DOMAIN) is not valid.")


def _url(base_domain: str, stage: str) -> str:
    return base_domain.replace("{stage}", stage)


def _tls() -> str:
    return ssl.OPENSSL_VERSION


def _told(page: EdgePage | None) -> str:
    return f", {page}" if page else ""


def compare_clocks(offsets: list[float], *, on_loopback: bool) -> Finding:
    """Judge the local clock, where two answers say the same of it.

    Args:
        offsets: How far the clock of each answer is ahead of the local one, in seconds.
        on_loopback: Whether a sandbox on this machine answered, whose clock may be moved.
    """
    if not offsets:
        return Finding("Clock", "not compared: no server told its time")
    agreed = _agreed(offsets)
    if agreed is None:
        told = ", ".join(_difference(offset) for offset in offsets)
        return Finding("Clock", f"not judged: two answers must agree, and these do not: {told}")
    text = _difference(agreed)
    facts = {"seconds_behind": round(agreed)}
    if abs(agreed) < 1:
        return Finding("Clock", text, Grade.GOOD, facts)
    if abs(agreed) <= _TOLERABLE:
        return Finding("Clock", text, Grade.NOTE, facts)
    if on_loopback:
        text += ", which may be a sandbox's that was moved (--step-clock, --clock-offset)"
        return Finding("Clock", text, Grade.NOTE, facts)
    return Finding("Clock", f"{text}: set it right, for example with NTP", Grade.BAD, facts)


def _agreed(offsets: list[float]) -> float | None:
    """Return what two of them say, None if no two say the same."""
    near = sorted(offsets)
    pairs = [(b - a, (a + b) / 2) for a, b in pairwise(near)]
    closest = min(pairs, default=None)
    # Half a second: the fraction that the server cut off, on average.
    return None if closest is None or closest[0] > _AGREED else closest[1] + 0.5


def _difference(ahead: float) -> str:
    if abs(ahead) < 1:
        return "right to a second"
    side = "behind" if ahead > 0 else "ahead of"
    return f"{abs(ahead):.0f} s {side} the server's"


def _look_at_certificates() -> Finding:
    for name in _BUNDLES:
        path = os.environ.get(name)
        if path:
            there = Path(path).exists()
            return Finding(
                "Certificates",
                f"{path} ({name}{'' if there else ', not there'})",
                Grade.NOTE if there else Grade.BAD,
                {"bundle": path, "variable": name, "exists": there},
            )
    return Finding("Certificates", "those of certifi")
