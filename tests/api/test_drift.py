"""What users of this release see when Upstox changes its login: the table of docs/protocol.md."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from upstox_totp import TokenCache, UpstoxError, UpstoxTOTP
from upstox_totp._api import routes
from upstox_totp.sandbox import Fault, Sandbox
from upstox_totp.sandbox import routes as sandbox_routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conftest import FakeTime

pytestmark = pytest.mark.usefixtures("cache_dir")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
BLOCK_PAGE = "<html><title>Cloudflare</title>Error 1010</html>"
OTP, VERIFY, PIN = "1fa/otp/generate", "v5/auth/1fa/otp-totp/verify", "/login/open/v4/auth/2fa"
OLDER_VERIFY = "v4/auth/1fa/otp-totp/verify"
TOTP_LOGIN = "v2/totp-login"
TRIES = 6


@dataclass(frozen=True)
class Drift:
    """A change at Upstox, how the sandbox plays it, and where it is mended."""

    what: str
    fix: str
    moved: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[Any, Callable[[], Fault]] = field(default_factory=dict)


def renamed(old: str, new: str) -> Callable[[], Fault]:
    """Return a fault that gives a field of an answer another name."""

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        data = {new if name == old else name: value for name, value in answer["data"].items()}
        return answer | {"data": data}

    return partial(Fault.change, change)


DRIFTS = {
    "verify-moves": Drift(
        "The verification moves to v6; the older revision stays",
        "`routes.py`",
        moved={VERIFY: VERIFY.replace("v5", "v6")},
    ),
    "verify-moves-alone": Drift(
        "The verification moves to v6; the older revision is gone",
        "`routes.py`",
        moved={VERIFY: VERIFY.replace("v5", "v6"), OLDER_VERIFY: "gone"},
    ),
    "pin-moves": Drift(
        "The PIN's route moves to v5",
        "`routes.py`",
        moved={PIN: PIN.replace("v4", "v5")},
    ),
    "otp-moves": Drift(
        "The OTP request's route moves to v7",
        "`routes.py`",
        moved={f"v6/auth/{OTP}": f"v7/auth/{OTP}"},
    ),
    "field-otp-token": Drift(
        "The OTP request's answer renames `validateOTPToken`",
        "`models.py`, `page_login.py`",
        faults={"otp": renamed("validateOTPToken", "otpToken")},
    ),
    "field-accounts": Drift(
        "The verification's answer renames `accounts`",
        "`models.py`, `page_login.py`",
        faults={"verify": renamed("accounts", "profiles")},
    ),
    "header": Drift(
        "The OTP request demands another header",
        "`routes.py`",
        faults={"otp": lambda: Fault.refuse(1017000, "No X-App-Version")},
    ),
    "block-page": Drift(
        "Cloudflare blocks programs at the login service (error 1010)",
        "none",
        faults={"otp": lambda: Fault.status(403, BLOCK_PAGE, "text/html")},
    ),
    "totp-login-moves": Drift(
        "The TOTP login's route moves to v3, or is gone",
        "`routes.py`",
        moved={TOTP_LOGIN: TOTP_LOGIN.replace("v2", "v3")},
    ),
}


def follow(path: str, moved: Mapping[str, str]) -> str:
    """Return where a path has moved to."""
    return next((path.replace(old, new) for old, new in moved.items() if old in path), path)


def log_in(sandbox: Sandbox, methods: str) -> UpstoxError | None:
    """Log in as a program with a cache does, and return the error, if there is one."""
    known = {name.removeprefix("UPSTOX_").lower(): v for name, v in sandbox.environment.items()}
    with UpstoxTOTP.from_settings(**known, login_method=methods) as client:
        try:
            assert TokenCache().get_access_token(client, refresh=True).data.access_token
        except UpstoxError as error:
            return error
    return None


def spent(sandbox: Sandbox) -> str:
    """Return what has reached a route that exists, in words."""
    counts = (sandbox.otp_requests, sandbox.codes_received, sandbox.pins_received)
    words = zip(counts, ("OTP request", "code", "PIN"), strict=True)
    told = [f"{n} {what}{'s' * (n > 1)}" for n, what in words if n]
    return ", ".join(told) or "nothing"


@pytest.fixture
def drifted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Drift:
    """A change at Upstox, made in the sandbox."""
    drift: Drift = DRIFTS[request.param]
    routes = (
        replace(route, path=follow(route.path, drift.moved)) for route in sandbox_routes.ROUTES
    )
    monkeypatch.setattr(sandbox_routes, "MAP", sandbox_routes.map_of(routes))
    return drift


@pytest.mark.parametrize("drifted", DRIFTS, indirect=True)
def test_a_change_at_upstox_is_seen_as_the_page_says(drifted: Drift, fake_time: FakeTime) -> None:
    """The row tells the error, what it and six tries cost, and whether the other method helps."""
    ends = []
    for methods in ("page", "api", "api,page"):
        with Sandbox(clock=fake_time.true, totp_login_limits=(), echo=False) as sandbox:
            for step, fault in drifted.faults.items():
                sandbox.misbehave(step, fault())
            error = log_in(sandbox, methods)
            if error is None:
                continue
            assert error.suggestions
            assert error.transcript[-1].step is error.step
            once = spent(sandbox)
            for _ in range(TRIES - 1):
                assert log_in(sandbox, methods) is not None
            ends.append(
                f"`{methods}`: `{type(error).__name__}` at {error.step}; "
                f"spent: {once}, by six: {spent(sandbox)}"
            )
    row = f"| {drifted.what} | {' '.join(ends) or 'none'} | {drifted.fix} |"
    assert row in PAGE.read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    "drifted", [name for name, drift in DRIFTS.items() if drift.moved], indirect=True
)
def test_a_moved_route_is_mended_in_one_module(
    drifted: Drift, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows it in routes.py logs in again, with each method."""

    def mended(route: routes.Route) -> routes.Route:
        return route._replace(path=follow(route.path, drifted.moved))

    newer = routes.NEWER._replace(
        verify=mended(routes.NEWER.verify), two_factor=mended(routes.NEWER.two_factor)
    )
    monkeypatch.setattr(routes, "REVISIONS", {"auto": (newer,)})
    for name in ("OTP_GENERATE", "TOTP_LOGIN"):
        monkeypatch.setattr(routes, name, mended(getattr(routes, name)))
    for methods in ("page", "api"):
        with Sandbox(clock=fake_time.true) as sandbox:
            assert log_in(sandbox, methods) is None
