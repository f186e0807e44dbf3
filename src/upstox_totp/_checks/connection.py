"""The way to Upstox: hosts, clock, proxy, certificates and app, looked at without a credential."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from upstox_totp import __version__, _clock
from upstox_totp._api import routes
from upstox_totp._api.context import Context
from upstox_totp._api.page_login import PageLogin
from upstox_totp._api.responses import blocked_by
from upstox_totp._http.addresses import STAGES, is_loopback, origin
from upstox_totp._http.answers import Answer
from upstox_totp._http.server_clock import ServerClock, read_offset
from upstox_totp._http.session import Session
from upstox_totp._redact import MASK
from upstox_totp._settings.rules import valid_base_domain
from upstox_totp._settings.table import DEFAULTS, variable
from upstox_totp.errors import ConfigurationError, UpstoxError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upstox_totp._settings.table import Settings

_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_APP: Final = ("client_id", "redirect_uri")
_TOLERABLE: Final = 5
# Two answers of one clock, whose seconds were cut off, differ by less than this, in seconds.
_AGREED: Final = 2.0
_SECONDS: Final = 10
_SECONDS_TO_CONNECT: Final = 3.0
_FAMILIES: Final = (("IPv4", socket.AF_INET), ("IPv6", socket.AF_INET6))
_CONNECTS: Final = "connects"
_ABSENT: Final = "has no address"
_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})


class Grade(StrEnum):
    """What a finding comes to."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was seen for a person, and the same for a program."""

    subject: str
    text: str
    grade: Grade = Grade.NOTE
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """Return the finding as JSON can hold it."""
        return {
            "subject": self.subject,
            "grade": self.grade.value,
            "text": self.text,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True)
class Examination:
    """What was found on the way to Upstox, and whether every host answered."""

    findings: tuple[Finding, ...]
    reached: bool


@dataclass(frozen=True)
class _Visit:
    """What came of asking a host: what to say of it, its clock's offset, whether it answered."""

    finding: Finding
    offset: float | None = None
    reached: bool = False


class _Visitor(PageLogin):
    """Asks hosts for their first page, and the dialog for the login page, without a credential."""

    def __init__(self, base_domain: str, config: object = None) -> None:
        # Nothing is repeated: a doctor knocks once.
        self.session = Session(repeatable="(none)")
        self.session.timeout = _SECONDS
        client: Any = SimpleNamespace(
            config=config, base_domain=base_domain, session=self.session, server_clock=ServerClock()
        )
        super().__init__(client)

    def visit(self, stage: str) -> _Visit:
        url = routes.address(stage, self._client.base_domain)
        subject, host = f"Host of {stage}", urlsplit(url).netloc
        context = Context()
        try:
            with context.step(Step.HOST):
                headers = routes.page_headers()
                answer = self._send(context, Step.HOST, "GET", url, headers=headers)
        except (requests.RequestException, UpstoxError) as error:
            return _Visit(Finding(subject, f"{host}: {error}", Grade.BAD, {"host": host}))
        milliseconds, status = context.transcript[-1].milliseconds, answer.response.status_code
        blocked, facts = _look_for_block(answer)
        facts = {"host": host, "milliseconds": milliseconds, "http_status": status, **facts}
        text = f"{host}: reached in {milliseconds} ms, HTTP {status}{blocked and f'. {blocked}'}"
        finding = Finding(subject, text, Grade.BAD if blocked else Grade.GOOD, facts)
        return _Visit(finding, read_offset(answer.response.headers, _clock.time()), reached=True)

    def open_dialog(self) -> None:
        context = Context()
        with context.step(Step.DIALOG):
            self._open_dialog(context)


def _look_for_block(answer: Answer | None) -> tuple[str, dict[str, Any]]:
    """Return what a block page means and what to do, empty for another answer, and its facts."""
    explanation = blocked_by(answer) if answer else None
    code = answer.edge_error if answer and explanation else None
    facts = {"block_page": explanation is not None, "edge_code": code}
    return " ".join([explanation.meaning, *explanation.suggestions]) if explanation else "", facts


def examine_connection(base_domain: str) -> Examination:
    """Look at the way to Upstox: each host is asked once for its first page."""
    visitor = _Visitor(base_domain)
    visits = [visitor.visit(stage) for stage in STAGES]
    visitor.session.close()
    offsets = [visit.offset for visit in visits if visit.offset is not None]
    version = f"{__version__}, Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
    findings = (
        Finding("Version", version, Grade.GOOD),
        *(visit.finding for visit in visits),
        *_look_at_families(base_domain),
        compare_clocks(
            offsets,
            on_loopback=is_loopback(origin(_url(base_domain, "api"))[1]),
            told=[visit.finding.text for visit in visits],
        ),
        *_look_at_proxies(base_domain),
        _look_at_certificates(),
        Finding(
            "Orders",
            "accepted only from the static address that is registered for your app (UDAPI1154, "
            "UDAPI1221); you can log in from anywhere",
        ),
    )
    return Examination(findings, all(visit.reached for visit in visits))


def examine_app(settings: Settings, base_domain: str) -> tuple[Finding, Exception | None]:
    """Open the login dialog with the app's client id and redirect URI, by one request.

    Returns what was found, and the error that it stands for, None if the dialog knows both.
    """
    missing = [name for name in _APP if name not in settings]
    if missing:
        names = " and ".join(f"{name} ({variable(name)})" for name in missing)
        raise ConfigurationError(
            f"{names} must be set: they name the app.",
            suggestions=["upstox_cli check-env shows every setting."],
            details={"settings": missing},
        )
    app = {name: str(settings[name].value) for name in _APP}
    visitor = _Visitor(base_domain, SimpleNamespace(sleep_time=0, **app))
    answers: list[requests.Response] = []
    visitor.session.hooks["response"].append(lambda response, **_: answers.append(response))
    failure: Exception | None = None
    try:
        visitor.open_dialog()
    except (UpstoxError, requests.RequestException) as error:
        failure = error
    visitor.session.close()
    blocked, facts = _look_for_block(Answer(answers[-1]) if answers else None)
    facts = {
        "fits": True if failure is None else None,
        "error_code": None,
        "http_status": answers[-1].status_code if answers else None,
        **facts,
    }
    if failure is None:
        text = "Upstox knows this client id and redirect URI"
        return Finding("App", text, Grade.GOOD, facts), None
    if not blocked and isinstance(failure, UpstoxError):
        code = failure.error_code
        facts |= {"fits": False, "error_code": None if code is None else str(code)}
    text = f"not checked. {blocked}" if blocked else str(failure)
    return Finding("App", text, Grade.BAD, facts), failure


def find_base_domain(settings: Settings) -> str:
    """Return where the settings lead, without asking for any other setting."""
    setting = settings.get("base_domain")
    try:
        return valid_base_domain(setting.value if setting else DEFAULTS["base_domain"])
    except ValueError:
        pass
    raise ConfigurationError("base_domain (UPSTOX_BASE_DOMAIN) is not valid.")


def _url(base_domain: str, stage: str) -> str:
    return base_domain.replace("{stage}", stage)


def compare_clocks(offsets: list[float], *, on_loopback: bool, told: Iterable[str] = ()) -> Finding:
    """Judge the local clock where two answers agree on it, or by certificates' dates.

    Offsets are in seconds, ahead of the local clock; ``told`` is what was said of the hosts.
    """
    if not offsets:
        if any(re.search(r"\bexpired\b|not yet valid", text) for text in told):
            text = "a certificate looks expired or not valid yet: check this machine's clock"
            return Finding("Clock", text, Grade.BAD)
        return Finding("Clock", "not checked: no server sent its time")
    # Half a second: the fraction that the server cut off, on average.
    pairs = [(b - a, (a + b) / 2 + 0.5) for a, b in pairwise(sorted(offsets))]
    apart, agreed = min(pairs, default=(_AGREED + 1, 0.0))
    if apart > _AGREED:
        each = ", ".join(_difference(offset) for offset in offsets)
        return Finding("Clock", f"not checked: two answers must agree, and these do not: {each}")
    text = _difference(agreed)
    facts = {"seconds_behind": round(agreed)}
    if abs(agreed) <= _TOLERABLE:
        return Finding("Clock", text, Grade.GOOD if abs(agreed) < 1 else Grade.NOTE, facts)
    if on_loopback:
        text += ", which may be a sandbox with another time (--step-clock, --clock-offset)"
        return Finding("Clock", text, Grade.NOTE, facts)
    return Finding("Clock", f"{text}. Synchronize it, for example with NTP", Grade.BAD, facts)


def _difference(ahead: float) -> str:
    if abs(ahead) < 1:
        return "in sync (within 1 s)"
    side = "behind" if ahead > 0 else "ahead of"
    return f"{abs(ahead):.0f} s {side} the server"


def _look_at_families(base_domain: str) -> Iterator[Finding]:
    """Look which of IPv4 and IPv6 lead to each host; a connection is made, and nothing sent."""
    seen = set()
    for url in (_url(base_domain, stage) for stage in STAGES):
        _, host, port = origin(url)
        if (host, port) in seen:
            continue
        seen.add((host, port))
        if select_proxy(url, get_environ_proxies(url)):
            yield Finding("IPv4, IPv6", f"{host}: not checked, because a proxy is used")
            continue
        outcomes = {name: _connect(host, port, family) for name, family in _FAMILIES}
        text = ", ".join(f"{name} {outcome}" for name, outcome in outcomes.items())
        works = _CONNECTS in outcomes.values()
        broken = [name for name, one in outcomes.items() if one not in {_CONNECTS, _ABSENT}]
        if works and not broken and _ABSENT in outcomes.values():
            text += " (fine)"
        if works and broken:
            text += (
                f". Each login may wait for {broken[0]} first. Fix it, or prefer the other one in "
                "the system's settings"
            )
        grade = Grade.GOOD if works and not broken else Grade.BAD
        yield Finding("IPv4, IPv6", f"{host}: {text}", grade, {"host": host, **outcomes})


def _connect(host: str, port: int, family: socket.AddressFamily) -> str:
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return _ABSENT
    if not found:
        return _ABSENT
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS_TO_CONNECT)
            connection.connect(found[0][4])
    except OSError as error:
        reason = "timed out" if isinstance(error, TimeoutError) else error.strerror
        return f"does not connect ({reason or type(error).__name__})"
    return _CONNECTS


def _look_at_proxies(base_domain: str) -> Iterator[Finding]:
    """Look which proxies are asked, and whether they can be."""
    proxies = get_environ_proxies(_url(base_domain, STAGES[0]))
    used = {scheme: url for scheme, url in proxies.items() if scheme in {"http", "https", "all"}}
    if not used:
        yield Finding("Proxy", "none", Grade.GOOD)
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
        return f"which must begin with one of {', '.join(sorted(_SCHEMES))}"
    try:
        host = parse_url(proxy if mark else f"http://{proxy}").host
    except LocationParseError:
        host = None
    if not host:
        return "which is not a valid address: use http://host:port"
    if scheme.lower().startswith("socks") and importlib.util.find_spec("socks") is None:
        return 'which needs PySocks: pip install "requests[socks]"'
    return ""


def _without_password(url: str) -> str:
    scheme, mark, rest = url.rpartition("://")
    credentials, at, host = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{mark}{user}:{MASK}{at}{host}" if at else url


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
    return Finding("Certificates", "certifi bundle", Grade.GOOD)
