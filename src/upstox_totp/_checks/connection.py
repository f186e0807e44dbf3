"""The way to Upstox: hosts, clock, proxy, certificates, token and app, looked at step by step."""

from __future__ import annotations

import os
import platform
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy

from upstox_totp import __version__
from upstox_totp._api import routes
from upstox_totp._api.app_token import AppTokenAPI
from upstox_totp._api.base import Context
from upstox_totp._api.page_login import PageLogin
from upstox_totp._api.responses import BLOCKED_BY, blocked_by
from upstox_totp._http.addresses import STAGES, is_loopback, origin
from upstox_totp._http.server_clock import TOLERABLE, ServerClock
from upstox_totp._http.session import Session
from upstox_totp._redact import MASK, Secrets
from upstox_totp._settings.rules import valid_base_domain
from upstox_totp._settings.table import DEFAULTS, variable
from upstox_totp.errors import ConfigurationError, UpstoxError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr

    from upstox_totp._settings.table import Settings

_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_APP: Final = ("client_id", "redirect_uri")
_OF_PROXIES: Final = (
    requests.exceptions.ProxyError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
)
_SECONDS: Final = 10
_SECONDS_TO_CONNECT: Final = 3.0
_FAMILIES: Final = (("IPv4", socket.AF_INET), ("IPv6", socket.AF_INET6))
_CONNECTS: Final = "connects"
_ABSENT: Final = "has no address"


class Grade(StrEnum):
    """What a finding comes to."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was seen for a person, and the same for a program.

    ``error`` is what kept a program from Upstox, None if nothing did.
    """

    subject: str
    text: str
    grade: Grade
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: Exception | None = None


def examine(
    base_domain: str, *, token: SecretStr | None, app: Mapping[str, str] | None
) -> Iterator[Finding]:
    """Look at the way to Upstox: each host is asked once for its first page.

    Upstox is asked about the token, if there is one, and the login dialog about the app.
    """
    # Nothing is repeated: a doctor knocks once.
    with Session(repeatable="(none)") as session:
        session.timeout = _SECONDS
        client: Any = SimpleNamespace(
            config=SimpleNamespace(sleep_time=0, **(app or {})),
            base_domain=base_domain,
            session=session,
            server_clock=ServerClock(),
            secrets=Secrets(),
        )
        version = f"{__version__}, Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
        yield Finding("Version", version, Grade.GOOD)
        if base_domain != DEFAULTS["base_domain"]:
            text = f"{base_domain} ({variable('base_domain')}), not Upstox's own"
            yield Finding("Base domain", text, Grade.NOTE)
        visitor = _Visitor(client)
        hosts = [visitor.visit(stage) for stage in STAGES]
        yield from hosts
        yield from _look_at_families(base_domain)
        on_loopback = is_loopback(origin(routes.address("api", base_domain))[1])
        yield judge_clock(client.server_clock, on_loopback=on_loopback)
        yield from _look_at_proxies(base_domain, hosts)
        yield _look_at_certificates()
        yield _look_at_token(AppTokenAPI(client), token)
        if app is not None:
            yield visitor.look_at_app()


def find_app(settings: Settings) -> dict[str, str]:
    """Return the settings that name the app; `ConfigurationError` for those that are missing."""
    missing = [name for name in _APP if name not in settings]
    if missing:
        names = " and ".join(f"{name} ({variable(name)})" for name in missing)
        raise ConfigurationError(
            f"{names} must be set: they name the app.",
            suggestions=["upstox_cli check-env shows every setting."],
            details={"settings": missing},
        )
    return {name: str(settings[name].value) for name in _APP}


def find_base_domain(settings: Settings) -> str:
    """Return where the settings lead, without asking for any other setting."""
    setting = settings.get("base_domain")
    with suppress(ValueError):
        return valid_base_domain(setting.value if setting else DEFAULTS["base_domain"])
    raise ConfigurationError("base_domain (UPSTOX_BASE_DOMAIN) is not valid.")


class _Visitor(PageLogin):
    """Asks hosts for their first page, and the dialog for the login page, without a credential."""

    def visit(self, stage: str) -> Finding:
        url = routes.address(stage, self._client.base_domain)
        subject, host = f"Host of {stage}", urlsplit(url).netloc
        context = Context()
        try:
            with context.step(Step.HOST):
                headers = routes.page_headers()
                answer = self._send(context, Step.HOST, "GET", url, headers=headers)
        except (requests.RequestException, UpstoxError) as error:
            return Finding(subject, f"{host}: {error}", Grade.BAD, {"host": host}, error)
        milliseconds, status = context.transcript[-1].milliseconds, answer.response.status_code
        text = f"{host}: reached in {milliseconds} ms, HTTP {status}"
        block = blocked_by(answer)
        facts = {
            "host": host,
            "milliseconds": milliseconds,
            "http_status": status,
            "block_page": block is not None,
            "edge_code": answer.edge_error if block else None,
        }
        if block is not None:
            text = " ".join([f"{text}.", block.meaning, *block.suggestions])
        return Finding(subject, text, Grade.BAD if block else Grade.GOOD, facts)

    def look_at_app(self) -> Finding:
        context = Context()
        failure: requests.RequestException | UpstoxError | None = None
        try:
            with context.step(Step.DIALOG):
                self._open_dialog(context)
        except (requests.RequestException, UpstoxError) as error:
            failure = error
        details, code = getattr(failure, "details", {}), getattr(failure, "error_code", None)
        blocked = details.get("answered_by") in BLOCKED_BY
        unknown = blocked or isinstance(failure, requests.RequestException)
        facts = {
            "fits": None if unknown else failure is None,
            "error_code": None if code is None else str(code),
            "http_status": context.transcript[-1].status,
            "block_page": blocked,
            "edge_code": details.get("edge_error"),
        }
        if failure is None:
            text = "Upstox knows this client id and redirect URI"
            return Finding("App", text, Grade.GOOD, facts)
        text = f"not checked. {failure}" if blocked else str(failure)
        return Finding("App", text, Grade.BAD, facts, failure)


def _look_at_token(api: AppTokenAPI, token: SecretStr | None) -> Finding:
    if token is None:
        return Finding("Token", "no cached token, so not checked", Grade.SKIPPED)
    try:
        check = api.check(token)
    except (requests.RequestException, UpstoxError) as error:
        return Finding("Token", f"not checked. {error}", Grade.BAD)
    facts = {"valid": check.valid, "refused_here": check.refusal is not None}
    if not check.valid:
        text = "Upstox no longer accepts the cached token: upstox_cli status --verify forgets it"
        return Finding("Token", text, Grade.BAD, facts)
    if check.refusal is None:
        return Finding("Token", "valid, and accepted from this address", Grade.GOOD, facts)
    text = (
        "valid; account and order calls are refused from this address "
        f"({check.refusal.error_code}): register it, or trade from the registered one"
    )
    with suppress(requests.RequestException, UpstoxError):
        addresses = api.read_addresses(token)
        named = [addresses.primary_ip, addresses.secondary_ip] if addresses else []
        text += f" ({', '.join(filter(None, named)) or 'none is registered'})"
    return Finding("Token", text, Grade.NOTE, facts)


def judge_clock(server_clock: ServerClock, *, on_loopback: bool) -> Finding:
    """Judge the local clock by what the answers of the hosts told."""
    ahead = server_clock.local_ahead
    if ahead is None:
        text = "not checked: no two servers sent the same time"
        return Finding("Clock", text, Grade.SKIPPED)
    facts = {"seconds_behind": round(-ahead)}
    if abs(ahead) < 1:
        return Finding("Clock", "in sync (within 1 s)", Grade.GOOD, facts)
    text = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server"
    if abs(ahead) <= TOLERABLE:
        return Finding("Clock", text, Grade.NOTE, facts)
    if on_loopback:
        text += ", which may be a sandbox with another time (--step-clock, --clock-offset)"
        return Finding("Clock", text, Grade.NOTE, facts)
    return Finding("Clock", f"{text}. Synchronize it, for example with NTP", Grade.BAD, facts)


def _look_at_families(base_domain: str) -> Iterator[Finding]:
    """Look which of IPv4 and IPv6 lead to each host; a connection is made, and nothing sent."""
    urls = {origin(url)[1:]: url for url in (routes.address(one, base_domain) for one in STAGES)}
    for (host, port), url in urls.items():
        if select_proxy(url, get_environ_proxies(url)):
            text = f"{host}: not checked, because a proxy is used"
            yield Finding("IPv4, IPv6", text, Grade.SKIPPED)
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
        address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
    except (OSError, UnicodeError, IndexError):
        return _ABSENT
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS_TO_CONNECT)
            connection.connect(address)
    except OSError as error:
        reason = "timed out" if isinstance(error, TimeoutError) else error.strerror
        return f"does not connect ({reason or type(error).__name__})"
    return _CONNECTS


def _look_at_proxies(base_domain: str, hosts: list[Finding]) -> Iterator[Finding]:
    """Look which proxies there are; whether the one that is used works, the hosts have told."""
    url = routes.address("api", base_domain)
    proxies = get_environ_proxies(url)
    problem = next((str(one.error) for one in hosts if isinstance(one.error, _OF_PROXIES)), None)
    named = {scheme: proxies[scheme] for scheme in ("all", "http", "https") if scheme in proxies}
    if not named:
        yield Finding("Proxy", "none", Grade.GOOD)
    for scheme, proxy in named.items():
        bad = problem is not None and proxy == select_proxy(url, proxies)
        shown = re.sub(r"^(\w+://)?.*@", rf"\1{MASK}@", proxy)
        text = f"{scheme}: {shown}{', which does not work: see the hosts' if bad else ''}"
        facts = {"scheme": scheme, "proxy": shown, "problem": problem if bad else None}
        yield Finding("Proxy", text, Grade.BAD if bad else Grade.GOOD, facts)


def _look_at_certificates() -> Finding:
    named = [(name, os.environ[name]) for name in _BUNDLES if os.environ.get(name)]
    if not named:
        return Finding("Certificates", "certifi bundle", Grade.GOOD)
    name, path = named[0]
    there = Path(path).exists()
    text = f"{path} ({name}{'' if there else ', not there'})"
    facts = {"bundle": path, "variable": name, "exists": there}
    return Finding("Certificates", text, Grade.GOOD if there else Grade.BAD, facts)
