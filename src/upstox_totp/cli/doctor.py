"""The way to Upstox: clock, hosts, proxy and certificates, looked at without a credential."""

from __future__ import annotations

import os
import platform
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from upstox_totp import __version__, _clock
from upstox_totp._api.routes import DIALOG, page_headers
from upstox_totp._http.failures import network_error
from upstox_totp._http.server_clock import ServerClock
from upstox_totp._http.session import Session
from upstox_totp._secrecy import MASK
from upstox_totp._settings.hosts import STAGES, valid_base_domain
from upstox_totp._settings.names import DEFAULTS
from upstox_totp._settings.sources import read_settings
from upstox_totp.cli.failures import ExitCode
from upstox_totp.cli.output import say
from upstox_totp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_TOLERABLE: Final = 5
_SECONDS: Final = 10


@dataclass(frozen=True)
class _Visit:
    """What came of asking a host.

    Attributes:
        stage: The stage that it serves.
        host: The host, with its port if it is not the scheme's own.
        outcome: In words.
        offset: How far its clock is ahead of the local one, in seconds, None if it did not tell.
        reached: Whether it answered at all.
    """

    stage: str
    host: str
    outcome: str
    offset: float | None = None
    reached: bool = False


def examine(env_file: Path | None) -> ExitCode:
    """Look at the way to Upstox, and say what is there.

    Args:
        env_file: The only file to read settings from; by default ``.env``.

    Returns:
        The code to end with: `ExitCode.NETWORK` if a host was not reached.

    Raises:
        ConfigurationError: If the file cannot be read, or the base domain is not valid.
    """
    base_domain = _base_domain(env_file)
    session = Session(repeatable=DIALOG.path)
    with session:
        visits = [_visit(session, base_domain, stage) for stage in STAGES]
    say(
        [
            (
                "Version",
                f"{__version__}, Python {platform.python_version()}, {ssl.OPENSSL_VERSION}",
            ),
            *((f"Host of {visit.stage}", f"{visit.host}: {visit.outcome}") for visit in visits),
            ("Clock", _compared([visit.offset for visit in visits if visit.offset is not None])),
            *(("Proxy", proxy) for proxy in _proxies(base_domain)),
            ("Certificates", _certificates()),
        ]
    )
    return ExitCode.DONE if all(visit.reached for visit in visits) else ExitCode.NETWORK


def _base_domain(env_file: Path | None) -> str:
    setting = read_settings(env_file=env_file).get("base_domain")
    try:
        return valid_base_domain(setting.value if setting else DEFAULTS["base_domain"])
    except ValueError:
        pass
    raise ConfigurationError("base_domain (UPSTOX_BASE_DOMAIN) is not valid.")


def _visit(session: Session, base_domain: str, stage: str) -> _Visit:
    url = base_domain.replace("{stage}", stage)
    host = urlsplit(url).netloc
    failure: requests.RequestException | None = None
    started = _clock.monotonic()
    server = ServerClock()
    try:
        answer = session.request(
            "GET", f"{url}/", headers=page_headers(), timeout=_SECONDS, allow_redirects=False
        )
        server.follow(answer.headers)
    except requests.RequestException as error:
        failure = error
    if failure is not None:
        return _Visit(stage, host, str(network_error(failure, "not reached", "GET", url)))
    milliseconds = (_clock.monotonic() - started) * 1000
    return _Visit(
        stage,
        host,
        f"reached in {milliseconds:.0f} ms, HTTP {answer.status_code}",
        server.offset if server.known else None,
        reached=True,
    )


def _compared(offsets: list[float]) -> str:
    if not offsets:
        return "not compared: no server told its time"
    # Half a second: the fraction that the server cut off, on average.
    ahead = min(offsets, key=abs) + 0.5
    side = "behind" if ahead > 0 else "ahead of"
    if abs(ahead) < 1:
        return "right to a second"
    advice = "" if abs(ahead) <= _TOLERABLE else ": set it right, for example with NTP"
    return f"{abs(ahead):.0f} s {side} the server's{advice}"


def _proxies(base_domain: str) -> Iterator[str]:
    proxies = get_environ_proxies(base_domain.replace("{stage}", STAGES[0]))
    used = {scheme: url for scheme, url in proxies.items() if scheme in {"http", "https", "all"}}
    if not used:
        yield "none"
    for scheme, url in sorted(used.items()):
        yield f"{scheme}: {_without_password(url)}"


def _without_password(url: str) -> str:
    scheme, mark, rest = url.rpartition("://")
    credentials, at, host = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{mark}{user}:{MASK}{at}{host}" if at else url


def _certificates() -> str:
    for name in _BUNDLES:
        path = os.environ.get(name)
        if path:
            return f"{path} ({name}{'' if Path(path).exists() else ', not there'})"
    return "those of certifi"
