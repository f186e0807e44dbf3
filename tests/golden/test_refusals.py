"""Every refusal of every login method: its class, code and settings, and what it costs.

What the log counts shows in what goes out when the same is called again: four times at once, and
once more after sixteen minutes.
"""

from __future__ import annotations

import itertools
import secrets
import warnings
from base64 import b32encode
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from golden_files import compare
from urllib3.util.retry import Retry

from conftest import configure, free_port
from support.person import person_at_hand
from upstox_totp import AuthenticationError, ErrorCode, TokenCache, UpstoxError, UpstoxTOTP
from upstox_totp.sandbox import Credentials, Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import FakeTime

pytestmark = pytest.mark.no_cover

FAULTS: Final[dict[str, Fault]] = {
    "200 {}": Fault.json({}),
    "200 {success: false}": Fault.json({"success": False}),
    "200 {success: false, error: text}": Fault.json({"success": False, "error": "text"}),
    "200 broken JSON": Fault.body(b'{"success": true, "data": {'),
    "200 data null": Fault.json({"success": True, "data": None}),
    "200 empty": Fault.body(b""),
    "200 html": Fault.html(),
    "200 list": Fault.json([1]),
    "200 null": Fault.json(None),
    "200 odd error": Fault.json({"success": False, "error": {"code": [1], "message": {}}}),
    "204": Fault.status(204),
    "302 foreign": Fault.redirect("https://example.com/login?client_id=a"),
    "302 http": Fault.redirect("http://login.upstox.com/"),
    "302 loop": Fault.redirect_loop(),
    "302 nowhere": Fault.status(302),
    "307 foreign": Fault.redirect("https://example.com/", 307),
    "400": Fault.status(400),
    "400 oauth": Fault.json({"error": "invalid_grant", "error_description": "no"}, 400),
    "401": Fault.status(401),
    "401 html": Fault.html(401),
    "401 odd code": Fault.refuse("ODD1", "Approve this device first", 401),
    "401 maintenance": Fault.refuse(1017000, "We are under maintenance", 401),
    "403 gateway": Fault.json({"message": "Forbidden"}, 403),
    "403 html": Fault.html(403),
    "403 reason": Fault.json({"error": {"reason": "x"}, "message": "Access Denied"}, 403),
    "404": Fault.status(404),
    "404 html": Fault.html(404),
    "407": Fault.status(407),
    "429": Fault.retry_after(7),
    "429 a day and more": Fault.retry_after(999_999_999),
    "429 bare": Fault.status(429),
    "429 html": Fault.html(429),
    "500": Fault.status(500),
    "502": Fault.html(502),
    "503 attempts": Fault.status(503, "No answer after 3 attempts"),
    "503 attempts left": Fault.refuse(1017000, "3 attempts left", 503),
    "503 later": Fault.status(503, headers={"Retry-After": "3600"}),
    "530": Fault.html(530),
    "refused 1017000": Fault.refuse(1017000, "No. You sent"),
    "refused 1017000, gave up": Fault.refuse(1017000, "Gave up after 3 attempts"),
    "refused 1017000, 3 left": Fault.refuse(1017000, "Wrong, 3 attempts left for"),
    "refused 1017000, 1 left": Fault.refuse(1017000, "Wrong, 1 attempt left"),
    "refused ODD1": Fault.refuse("ODD1", "No. You sent"),
    "refused ODD1, PIN": Fault.refuse("ODD1", "Incorrect PIN"),
    "refused ODD1, code": Fault.refuse("ODD1", "Invalid TOTP"),
    "without success": Fault.json({"data": {}}),
    "hang": Fault.hang(),
    "reset": Fault.reset(),
    "reset in the middle": Fault.reset("middle"),
    "close": Fault.close(),
    "close in the middle": Fault.close("middle"),
}
FEW: Final = ("200 html", "204", "302 foreign", "401", "404 html", "429", "500", "503 later",
              "refused 1017000", "refused ODD1, PIN", "reset", "reset in the middle")  # fmt: skip
STEPS: Final = {
    "page": ("dialog", "otp", "verify", "pin", "authorize", "token"),
    "api": ("totp_login",),
    "browser": ("token",),
    "phone": ("token_request",),
}
ROWS: Final = [(method, step) for method, steps in STEPS.items() for step in steps]
ATTEMPTS: Final = {"otp": "otp", "verify": "code", "pin": "pin", "totp_login": "code and pin",
                   "token": "token", "token_request": "token request"}  # fmt: skip
CODES_OF_A_TOKEN: Final = (ErrorCode.INVALID_CLIENT, ErrorCode.INVALID_AUTHORIZATION_CODE,
                           ErrorCode.TOO_MANY_REQUESTS, ErrorCode.INTERNAL_ERROR)  # fmt: skip
SIXTEEN_MINUTES: Final = 960


class Account:
    """One account at a sandbox of its own, which nobody has failed at before."""

    def __init__(
        self, method: str, time: FakeTime, monkeypatch: pytest.MonkeyPatch, **extra: str
    ) -> None:
        secret = b32encode(secrets.token_bytes(20)).decode()
        self.method, self.time = method, time
        credentials = Credentials(
            totp_secret=secret, redirect_uri=f"http://127.0.0.1:{free_port()}/callback"
        )
        self.sandbox = Sandbox(clock=time.true, credentials=credentials)
        self.sandbox.start()
        configure(monkeypatch, self.sandbox, UPSTOX_LOGIN_METHOD=method, **extra)
        person_at_hand(self.sandbox, monkeypatch)
        self.client = UpstoxTOTP()
        self.log_in: Callable[[], object] = self.client.app_token.get_access_token

    def misbehave(self, step: Any, fault: str) -> None:
        """Let a step misbehave in one of the ways of `FAULTS`."""
        if fault == "hang":
            self.client.session.timeout = 0.2
        self.sandbox.misbehave(step, FAULTS[fault])

    def close(self) -> None:
        """Stop its sandbox."""
        self.client.session.close()
        self.sandbox.stop()

    def calls(self, number: int) -> list[str]:
        """Return how as many calls ended, and what they sent that counts."""
        return [self._call() for _ in range(number)]

    def _call(self) -> str:
        before = len(self.sandbox.requests)
        if self.method == "browser":
            # Whoever sits there waits for the next code.
            self.time.skipped += 30
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.log_in()
                outcome = "token"
            except (UpstoxError, requests.RequestException) as error:
                outcome = described(error)
        sent = [one for one in self.sandbox.requests[before:] if one.stage != "login"]
        counted = Counter(ATTEMPTS[one.step] for one in sent if one.step in ATTEMPTS)
        told = ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))
        return f"{outcome}; sent {told or 'no attempt' if sent else 'nothing'}"


def described(error: Exception) -> str:
    """Return class, code, step and settings of an error, and what it says of time and attempts."""
    facts: dict[str, Any] = {"at": getattr(getattr(error, "step", None), "name", None)}
    if isinstance(error, UpstoxError):
        code = error.error_code
        facts |= {
            "code": code.name if isinstance(code, ErrorCode) else code,
            "status": error.details.get("http_status"),
            "left": error.details.get("attempts_left"),
            "settings": "+".join(sorted(error.settings))
            if isinstance(error, AuthenticationError)
            else None,
        }
    told = (f"{name}={value}" for name, value in facts.items() if value not in {None, ""})
    return " ".join([type(error).__name__, *told])


def shortened(calls: list[str]) -> list[str]:
    """Return calls with those in a row that ended alike as one."""
    groups = [(text, len(list(group))) for text, group in itertools.groupby(calls)]
    return [text if number == 1 else f"{number} x {text}" for text, number in groups]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime) -> None:
    """No pause between two tries of the dialog; and no token expires in the middle."""
    monkeypatch.setattr(Retry, "sleep", lambda *_args, **_named: None)
    fake_time.go_to_nine()


@pytest.mark.parametrize(("method", "step"), ROWS)
def test_each_fault(
    method: str, step: Any, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault at each step, called four times and once more after sixteen minutes."""
    found = {}
    for name in FEW if method == "browser" else FAULTS:
        account = Account(method, fake_time, monkeypatch)
        account.misbehave(step, name)
        calls = shortened(account.calls(4))
        fake_time.skipped += SIXTEEN_MINUTES
        found[name] = {"calls": calls, "later": account.calls(1)[0]}
        account.close()
    compare(f"faults-{method}-{step}", found)


@pytest.mark.parametrize(("method", "step"), ROWS)
def test_each_known_code(
    method: str, step: Any, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each code that the library knows, in answer to each step, called four times."""
    found = {}
    for code in CODES_OF_A_TOKEN if method == "browser" else ErrorCode:
        account = Account(method, fake_time, monkeypatch)
        account.sandbox.misbehave(step, Fault.refuse(code.value, "Words", echo=False))
        found[code.name] = shortened(account.calls(4))
        account.close()
    compare(f"codes-{method}-{step}", found)


@pytest.mark.parametrize(("method", "step"), ROWS[1:7])
def test_a_few_faults_with_the_cache(
    method: str, step: Any, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The attempts of a login that is cached lie in files, and count alike."""
    found = {}
    for number, name in enumerate(FEW):
        directory = str(tmp_path / f"cache-{number}")
        account = Account(method, fake_time, monkeypatch, UPSTOX_CACHE_DIR=directory)
        account.log_in = lambda client=account.client: TokenCache().get_access_token(client)  # type: ignore[misc]
        account.misbehave(step, name)
        calls = shortened(account.calls(4))
        fake_time.skipped += SIXTEEN_MINUTES
        found[name] = {"calls": calls, "later": account.calls(1)[0]}
        account.close()
    compare(f"cached-{method}-{step}", found)


CREDENTIALS: Final = {
    "wrong PIN": {"pin_code": "000000"},
    "wrong TOTP secret": {"totp_secret": "KRUGKIDROVUWG2ZAMJZG653OEBTG66BA"},
    "wrong client id": {"client_id": "00000000-0000-4000-8000-000000000000"},
    "wrong client secret": {"client_secret": "0000000000"},
    "wrong redirect URI": {"redirect_uri": "https://example.com/other"},
    "wrong user name": {"username": "9000000001"},
    "wrong user id": {"user_id": "ZZ9999"},
}


@pytest.mark.parametrize("method", ["page", "api"])
def test_each_wrong_setting(
    method: str, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the sandbox itself refuses."""
    found = {}
    for name, wrong in CREDENTIALS.items():
        with monkeypatch.context() as patch:
            settings = {f"UPSTOX_{key.upper()}": value for key, value in wrong.items()}
            account = Account(method, fake_time, patch, **settings)
            calls = shortened(account.calls(4))
            fake_time.skipped += SIXTEEN_MINUTES
            found[name] = {"calls": calls, "later": account.calls(1)[0]}
            account.close()
    compare(f"settings-{method}", found)
