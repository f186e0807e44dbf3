"""TokenAuth: the day's token on each request to Upstox, and a new one in time."""

from __future__ import annotations

import io
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPMessage
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from support.canaries import everything_logged
from upstox_totp import APIError, AuthenticationError, TokenAuth, TokenCache, UpstoxTOTP
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import FakeTime

pytestmark = pytest.mark.usefixtures("cache_dir")

DEAD = b'{"status": "error", "errors": [{"errorCode": "UDAPI100050", "message": "Invalid token"}]}'
API = "https://api.upstox.com"


class Upstox(HTTPAdapter):
    """Plays Upstox's own hosts, and others: answers as it was told, and keeps what was sent.

    Attributes:
        sent: The address and the ``Authorization`` of each request.
        bodies: The body of each request, read whole.
    """

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__()
        self._answers = list(answers)
        self.sent: list[tuple[str, str | None]] = []
        self.bodies: list[bytes] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer with what comes next, at last with 200."""
        assert request.url
        self.sent.append((request.url, request.headers.get("Authorization")))
        self.bodies.append(_whole(request.body))
        status, headers, content = self._answers.pop(0) if self._answers else (200, {}, b"{}")
        raw = HTTPResponse(
            io.BytesIO(content), headers, status, preload_content=False,
            original_response=_Original(),  # type: ignore[arg-type]
        )  # fmt: skip
        return self.build_response(request, raw)


def _whole(body: Any) -> bytes:
    if body is None or isinstance(body, str | bytes):
        return body.encode() if isinstance(body, str) else body or b""
    return b"".join(body)


class _Original:
    """What urllib3 keeps of http.client's answer; cookies are looked for in it."""

    msg = HTTPMessage()

    def isclosed(self) -> bool:
        """Say that nothing more is to be read."""
        return True


@pytest.fixture
def session(client: UpstoxTOTP) -> Iterator[requests.Session]:
    """A session as the documentation makes it."""
    with requests.Session() as made:
        made.auth = TokenAuth(client)
        yield made


def profile(client: UpstoxTOTP) -> str:
    """Return the address of the profile."""
    return client.base_domain.replace("{stage}", "api") + "/v2/user/profile"


def played(session: requests.Session, *answers: tuple[int, dict[str, str], bytes]) -> Upstox:
    """Let a session ask a played Upstox."""
    upstox = Upstox(*answers)
    session.mount("https://", upstox)
    session.mount("http://elsewhere", upstox)
    return upstox


def test_requests_carry_the_token(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """One login serves any number of requests."""
    for _ in range(3):
        assert session.get(profile(client)).status_code == 200
    assert sandbox.logins == 1


def test_a_token_is_replaced_at_half_past_three(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """Within the margin of its end the next one is got, before Upstox refuses it."""
    data = TokenCache().get_access_token(client).data
    session.get(profile(client))
    fake_time.skipped += data.expires_in.total_seconds() - 200
    assert session.get(profile(client)).status_code == 200
    session.get(profile(client))
    fake_time.skipped += 600
    assert session.get(profile(client)).status_code == 200
    assert sandbox.logins == 3
    assert {answer.step for answer in sandbox.requests if answer.step == "profile"} == {"profile"}
    # Between the margin and 03:30 Upstox grants a token that dies at 03:30 as well.
    assert len([one for one in sandbox.requests if one.step == "profile"]) == 4


def test_a_dead_token_is_replaced_once(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Upstox says that it is dead: the request is sent once more, and the caller sees no 401."""
    session.get(profile(client))
    sandbox.revoke(sandbox.access_tokens[-1])
    answer = session.get(profile(client))
    assert answer.status_code == 200
    assert [one.status_code for one in answer.history] == [401]
    assert sandbox.logins == 2


def test_another_programs_token_is_taken(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """Where the cache holds another one by now, nobody logs in."""
    session.get(profile(client))
    sandbox.revoke(sandbox.access_tokens[-1])
    TokenCache().get_access_token(client, refresh=True)
    assert session.get(profile(client)).status_code == 200
    assert sandbox.logins == 2


@pytest.mark.parametrize("code", ["UDAPI1221", "UDAPI1154", "UDAPI100067", None])
def test_another_refusal_renews_nothing(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox, code: str | None
) -> None:
    """A 401 about a static address, or about nothing, is the caller's to read."""
    errors = [{"errorCode": code}] if code else []
    session.get(profile(client))
    sandbox.misbehave("profile", Fault.json({"status": "error", "errors": errors}, 401), times=1)
    assert session.get(profile(client)).status_code == 401
    assert session.get(profile(client)).status_code == 200
    assert sandbox.logins == 1


def test_two_deaths_in_ten_minutes_are_an_error(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """Two programs that end each other's tokens stop; after ten minutes one login goes out."""
    for _ in range(2):
        session.get(profile(client))
        sandbox.revoke(sandbox.access_tokens[-1])
    for _ in range(2):
        with pytest.raises(AuthenticationError, match="second time within ten minutes"):
            session.get(profile(client))
    assert sandbox.logins == 2
    fake_time.skipped += 600
    assert session.get(profile(client)).status_code == 200
    assert sandbox.logins == 3


def test_threads_renew_a_dead_token_once(
    session: requests.Session, client: UpstoxTOTP, sandbox: Sandbox
) -> None:
    """All of them get the 401; one logs in."""
    session.get(profile(client))
    sandbox.revoke(sandbox.access_tokens[-1])
    auth = session.auth
    barrier = threading.Barrier(16)

    def ask() -> int:
        with requests.Session() as own:
            own.auth = auth
            barrier.wait()
            return own.get(profile(client)).status_code

    with ThreadPoolExecutor(16) as pool:
        assert [one.result() for one in [pool.submit(ask) for _ in range(16)]] == [200] * 16
    assert sandbox.logins == 2


def test_threads_share_a_failure(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """One of them fails to log in, and all know why."""
    auth = TokenAuth(client)
    sandbox.misbehave("otp", Fault.late(0.3), times=1)
    sandbox.misbehave("dialog", Fault.status(503))
    barrier = threading.Barrier(8)

    def ask() -> str:
        barrier.wait()
        with pytest.raises(APIError) as caught:
            auth.get_access_token()
        return type(caught.value).__name__

    with ThreadPoolExecutor(8) as pool:
        names = {one.result() for one in [pool.submit(ask) for _ in range(8)]}
    assert names == {"APIError"}
    assert len([one for one in sandbox.requests if one.step == "dialog"]) < 8


BODIES: dict[str, Any] = {
    "text": "quantity=1",
    "bytes": b"quantity=1",
    "file": lambda: io.BytesIO(b"quantity=1"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_is_sent_again(session: requests.Session, kind: str) -> None:
    """What is held whole, or can be read again from its start, goes out a second time."""
    upstox = played(session, (401, {}, DEAD))
    body = BODIES[kind]
    assert session.post(f"{API}/v2/order", data=body() if callable(body) else body).ok
    assert upstox.bodies == [b"quantity=1"] * 2


def test_a_body_that_is_gone_is_not_sent_again(
    session: requests.Session, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets the 401, and the next request another token."""
    upstox = played(session, (401, {}, DEAD))
    with caplog.at_level(logging.WARNING):
        assert session.post(f"{API}/v2/order", data=iter([b"1"])).status_code == 401
    assert "cannot be sent a second time" in caplog.text
    assert session.get(f"{API}/v2/user/profile").ok
    assert sandbox.logins == 2
    assert [token for _, token in upstox.sent] == [f"Bearer {t}" for t in sandbox.access_tokens]


@pytest.mark.parametrize(
    ("url", "goes"),
    [
        ("https://api.upstox.com/v2", True),
        ("https://API-HFT.upstox.com/v3", True),
        ("https://upstox.com/", True),
        ("https://api.upstox.com:443/", True),
        ("https://api.upstox.com:8443/", False),
        ("http://api.upstox.com/", False),
        ("https://api.upstox.com.example/", False),
        ("https://notupstox.com/", False),
        ("https://example.com/?u=https://api.upstox.com/", False),
        ("https://example.com#@api.upstox.com/", False),
        ("https://api.upstox.com@example.com/", False),
        ("https://example.com\\@api.upstox.com/", False),
        ("http://elsewhere/api.upstox.com/", False),
    ],
)
def test_only_upstox_gets_the_token(
    session: requests.Session, sandbox: Sandbox, url: str, *, goes: bool
) -> None:
    """However an address is written; for others nobody logs in."""
    upstox = played(session)
    session.mount("http://api.upstox.com", upstox)
    session.get(url)
    ((_, token),) = upstox.sent
    assert bool(token and token.startswith("Bearer")) is goes
    assert sandbox.logins == goes


def test_a_redirect_elsewhere_gets_no_token(session: requests.Session) -> None:
    """Not there, nor where that place leads."""
    upstox = played(
        session,
        (302, {"Location": "http://elsewhere/"}, b""),
        (302, {"Location": "https://api.upstox.com/v2/order"}, b""),
        (401, {}, DEAD),
    )
    assert session.get(f"{API}/v2/user/profile").status_code == 401
    assert [bool(token) for _, token in upstox.sent] == [True, False, False]


def test_a_stream_is_left_to_the_caller(session: requests.Session) -> None:
    """The body of an answer that is no 401 is not read."""
    played(session)
    answer = session.get(f"{API}/v2/market", stream=True)
    assert next(answer.iter_content(1)) == b"{"
    assert not answer._content_consumed  # type: ignore[attr-defined]  # noqa: SLF001 - as requests says it


def test_a_place_with_a_password_in_netrc_gets_no_token(
    session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever requests puts on there itself, and whatever that place says of it."""
    (tmp_path / "netrc").write_text("machine elsewhere login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    upstox = played(session, (302, {"Location": "http://elsewhere/"}, b""), (401, {}, DEAD))
    assert session.get(f"{API}/v2/user/profile").status_code == 401
    assert [(token or "").partition(" ")[0] for _, token in upstox.sent] == ["Bearer", "Basic"]


def test_a_request_is_sent_again_once(session: requests.Session, sandbox: Sandbox) -> None:
    """A second 401 is the caller's."""
    upstox = played(session, (401, {}, DEAD), (401, {}, DEAD))
    assert session.get(f"{API}/v2/user/profile").status_code == 401
    assert len(upstox.sent) == sandbox.logins == 2


def test_no_token_is_shown(session: requests.Session, sandbox: Sandbox, client: UpstoxTOTP) -> None:
    """Neither by the object, nor by what is logged, nor by an error."""
    with everything_logged() as records:
        session.get(profile(client))
        sandbox.revoke(sandbox.access_tokens[-1])
        session.get(profile(client))
        sandbox.revoke(sandbox.access_tokens[-1])
        with pytest.raises(AuthenticationError) as caught:
            session.get(profile(client))
    auth = session.auth
    assert isinstance(auth, TokenAuth)
    shown = [f"{record.getMessage()} {record.args}" for record in records]
    shown += [repr(auth), str(auth), repr(vars(auth)), str(caught.value), repr(caught.value)]
    entry = caught.tb
    while entry is not None:
        if "upstox_totp" in entry.tb_frame.f_code.co_filename:
            shown.append(repr(entry.tb_frame.f_locals))
        entry = entry.tb_next  # type: ignore[assignment]
    assert not [text for text in shown for token in sandbox.access_tokens if token in text]


def test_a_cache_of_the_programs_own(client: UpstoxTOTP, tmp_path: Path) -> None:
    """The token is kept where the program says."""
    TokenAuth(client, cache=TokenCache(tmp_path / "own")).get_access_token()
    assert (tmp_path / "own").exists()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("status", "body", "dead"),
    [
        (401, DEAD, True),
        (401, DEAD.decode().replace("errorCode", "error_code"), True),
        (403, DEAD, False),
        (401, b'{"errors": [{"errorCode": "UDAPI1221"}]}', False),
        (401, b"<html>", False),
        (401, b"[]", False),
        (401, b'{"errors": ["x"]}', False),
        (401, b"[" * 100_000, False),
        (401, None, False),
    ],
)
def test_says_dead(status: int, body: str | bytes | None, *, dead: bool) -> None:
    """One code tells that a token is dead, and nothing else that comes with a 401."""
    assert TokenAuth.says_dead(status, body) is dead
