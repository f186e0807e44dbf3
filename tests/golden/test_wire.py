"""Every request of each login method, as it goes out: method, address, headers in order, body."""

from __future__ import annotations

import base64
import http.client
import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from golden_files import compare

from conftest import configure, free_port
from support.person import person_at_hand
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp.errors import UpstoxError
from upstox_totp.sandbox import Credentials, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import FakeTime

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "page": {},
    "page, older revision": {"revision": "older"},
    "page, newer revision": {"revision": "newer"},
    "page, approval redirects": {"authorize_redirects": 2},
    "page, code with the PIN": {"pin_gives_code": True},
    "api": {},
    "browser": {},
    "phone": {},
}
# They differ from machine to machine, and say nothing of the login.
OF_THE_MACHINE: Final = {"Host", "User-Agent", "Accept-Encoding", "Content-Length", "Cookie"}
ACCOUNTS: Final = (
    Credentials(),
    Credentials(
        username="9000000001",
        password="another-pass",
        pin_code="731904",
        totp_secret="KRUGKIDROVUWG2ZAMJZG653OEBTG66BA",
        client_id="11111111-2222-4333-8444-555555555555",
        client_secret="q1w2e3r4t5",
    ),
)


class Wire:
    """Notes what this thread hands to http.client."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[tuple[str, str, list[tuple[str, str]]]] = []
        thread = threading.current_thread()
        putrequest, putheader = (
            http.client.HTTPConnection.putrequest,
            http.client.HTTPConnection.putheader,
        )

        def note_request(connection: Any, method: str, url: str, *args: Any, **named: Any) -> None:
            if threading.current_thread() is thread:
                self.requests.append((method, url, []))
            putrequest(connection, method, url, *args, **named)

        def note_header(connection: Any, name: Any, *values: Any) -> None:
            if threading.current_thread() is thread and self.requests:
                told = name if isinstance(name, str) else name.decode()
                value = ", ".join(v if isinstance(v, str) else str(v, "latin-1") for v in values)
                self.requests[-1][2].append((told, value))
            putheader(connection, name, *values)

        monkeypatch.setattr(http.client.HTTPConnection, "putrequest", note_request)
        monkeypatch.setattr(http.client.HTTPConnection, "putheader", note_header)


def sent(
    name: str,
    credentials: Credentials,
    time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    log_in: Callable[[UpstoxTOTP], object],
) -> list[Any]:
    """Return each request of a login, with the settings in it replaced by their names."""
    method, extra = name.partition(",")[0], SETTINGS.get(name, {})
    uri = f"http://127.0.0.1:{free_port()}/callback"
    fields = {key: getattr(credentials, key) for key in credentials.__dataclass_fields__}
    credentials = Credentials(**{**fields, "redirect_uri": uri})
    with (
        monkeypatch.context() as patch,
        Sandbox(clock=time.true, credentials=credentials, **extra) as sandbox,
    ):
        configure(patch, sandbox, UPSTOX_LOGIN_METHOD=method)
        person_at_hand(sandbox, patch)
        wire = Wire(patch)
        with UpstoxTOTP() as client, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # By phone it ends with the news that the token comes later.
            with suppress(*[UpstoxError] * (method == "phone")):
                log_in(client)
        names = {
            value: f"<{key}>"
            for key, value in ({k: getattr(credentials, k) for k in fields}).items()
            if isinstance(value, str)
        }
        names |= {base64.b64encode(value.encode()).decode(): f"<base64 of {key[1:]}"
                  for value, key in tuple(names.items())}  # fmt: skip
        names |= dict.fromkeys(sandbox.access_tokens, "<access token>")
        received = [one for one in sandbox.requests if one.stage != "login" or method == "page"]
    own = [one for one in wire.requests if method != "browser" or "/login/" in one[1]]
    bodies = {(one.method, one.path): one.form or one.json or len(one.body) for one in received}
    return [
        _named([kind, target.partition("?")[0], _query(target),
                [[key, "*" if key in OF_THE_MACHINE else value] for key, value in headers],
                bodies.get((kind, _path(target)))], names)
        for kind, target, headers in own
    ]  # fmt: skip


def _path(target: str) -> str:
    return "/" + target.partition("?")[0].split("/", 2)[2]


def _query(target: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    if not isinstance(value, str):
        return value
    for known, name in names.items():
        value = value.replace(known, name)
    return value


def alike(one: Any, other: Any) -> Any:
    """Return what two logins have in common, and a mark for what differs."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return {key: alike(one[key], other[key]) for key in one}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [alike(*pair) for pair in zip(one, other, strict=True)]
    return one if one == other else "<differs>"


@pytest.mark.parametrize("name", SETTINGS)
def test_each_login(name: str, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requests of two accounts, as far as they do not differ."""
    fake_time.go_to_nine()
    both = [
        sent(name, account, fake_time, monkeypatch, lambda upx: upx.app_token.get_access_token())
        for account in ACCOUNTS
    ]
    assert len(both[0]) == len(both[1])
    found = {f"{number} of {len(both[0])}": request
             for number, request in enumerate(alike(*both), 1)}  # fmt: skip
    compare(f"wire-{name.replace(', ', '-').replace(' ', '-')}", found)


def test_what_else_is_asked(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The validity, the end of a token, and a cached one."""
    fake_time.go_to_nine()

    def ask(client: UpstoxTOTP) -> None:
        cache = TokenCache(tmp_path / client.config.client_id)
        token = cache.get_access_token(client).data.access_token
        assert cache.get_access_token(client).data.access_token == token
        assert client.app_token.is_valid(token)
        client.app_token.revoke(token)
        assert not client.app_token.is_valid(token)

    both = [sent("api", account, fake_time, monkeypatch, ask) for account in ACCOUNTS]
    found = {str(number): request for number, request in enumerate(alike(*both), 1)}
    compare("wire-other", found)
