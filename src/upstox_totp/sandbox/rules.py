"""How a sandbox is set up: the sample trader, and every choice that does not concern sockets."""

import base64
import contextlib
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from os import PathLike
from typing import Any, Literal, get_args

import pyotp

Offer = Literal["both", "newer", "older"]
Path = str | PathLike[str]
Certificate = tuple[Path, Path] | ssl.SSLContext
RateLimit = tuple[int, float]

OFFERS: tuple[str, ...] = get_args(Offer)
DOCUMENTED: tuple[RateLimit, ...] = ((1, 1.0), (10, 60.0), (60, 1800.0))
TOTP_PERIOD = 30
# HMAC pads a key with zero bytes up to 64, so appending them changes no code. pyotp refuses a key
# of under 112 bits; the length is the service's choice, and working accounts have 80.
_SHORTEST_KEY = 20
# Below what systems hand out by themselves, so that no connection and no sandbox takes it before
# the client listens there.
_PORTS = range(20_000, 32_000)


def codes_of(secret: str) -> pyotp.TOTP:
    """Return what makes the codes of a shared secret in base32, or raise a ValueError."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    if not key:
        raise ValueError("empty")
    return pyotp.TOTP(base64.b32encode(key.ljust(_SHORTEST_KEY, b"\0")).decode())


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a trader types in, and the app registered with Upstox; all of it invented.

    Everything but the app's `client_id` and `redirect_uri` is left out of the repr.

    Args:
        username: The mobile number, ten digits.
        password: The account's password. The login never asks for it.
        pin_code: The PIN, six digits.
        totp_secret: The shared secret of the one-time passwords, base32.
        client_id: The app's identifier ("API key").
        client_secret: The app's secret.
        redirect_uri: The redirect URI the app is registered with. The sandbox only sends browsers
            there. A sandbox made without credentials has one with a free port of the loopback
            interface instead; `dataclasses.replace(Sandbox().credentials, pin_code=...)` keeps it.
    """

    username: str = field(default="9876501234", repr=False)
    password: str = field(default="SandboxPassword1", repr=False)
    pin_code: str = field(default="482915", repr=False)
    totp_secret: str = field(default="K5QXGZLTMVRWK3DFMNZGS3DPNVQWY2LD", repr=False)
    client_id: str = "sandbox-5d0b7c1e-93f4-4a86-b2d7-0c61e8f3a94b"
    client_secret: str = field(default="s8k2m4q7wz", repr=False)
    redirect_uri: str = "https://127.0.0.1/callback"


@dataclass(frozen=True, slots=True)
class Account:
    """One trading account behind the mobile number.

    Args:
        user_id: The account's user id (UCC).
        profile_id: The number by which the newer PIN step names the account.
        is_default: Whether the service calls this account the default one.
        first_name: The holder's first name.
        last_name: The holder's last name.
    """

    user_id: str = "4CB7QX"
    profile_id: int = 20481377
    is_default: bool = True
    first_name: str = "Asha"
    last_name: str = "Rao"


def _sample() -> Credentials:
    """Return credentials with a redirect URI on a free port of the loopback interface."""
    for port in secrets.SystemRandom().sample(_PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return Credentials(redirect_uri=f"http://127.0.0.1:{port}/callback")
    raise OSError("no free port on the loopback interface")


@dataclass(kw_only=True, eq=False, repr=False)
class Rules:
    """The settings of a sandbox; `Sandbox` documents each of them."""

    port: InitVar[int] = 0
    credentials: Credentials = field(default_factory=_sample)
    revision: Offer = "both"
    step_clock: bool = False
    clock_offset: float = 0.0
    clock: Callable[[], float] = time.time
    charset: str | None = None
    certificate: InitVar[Certificate | None] = None
    otp_limit: int = 100
    attempts: int = 5
    account: Account = field(default_factory=Account)
    accounts: Iterable[Account] = ()
    echo: bool = True
    otp_lifetime: float = 300.0
    code_lifetime: float = 300.0
    single_use_codes: bool = True
    totp_enabled: bool = True
    pin_set: bool = True
    customer_status: str = "ACTIVE"
    pin_gives_code: bool = False
    authorize_redirects: int = 0
    totp_login: bool = True
    totp_login_enveloped: bool = False
    totp_login_limits: Iterable[RateLimit] = DOCUMENTED
    notifier_url: InitVar[str | None] = None
    token_request_refusal: str | None = None
    static_address: bool = False
    described: bool = False
    internal_client_id: str = "IND-kf83ms02xq7v"
    internal_redirect_uri: str = "https://api-v2.upstox.com/login/authorization/redirect"
    user: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self, *_: Any) -> None:
        """Keep what can be read once only, and refuse what would otherwise fail much later."""
        # All accounts of the trader, the app's own last so that taking the first one fails.
        self.accounts = (*self.accounts, self.account)
        self.totp_login_limits = tuple(self.totp_login_limits)
        if self.revision not in OFFERS:
            raise ValueError(f"no revision {self.revision!r}; it is one of {', '.join(OFFERS)}")
        try:
            codes_of(self.credentials.totp_secret)
        except ValueError:
            raise ValueError("totp_secret is not base32") from None
        if any(most <= 0 or seconds <= 0 for most, seconds in self.totp_login_limits):
            raise ValueError("totp_login_limits must be of positive numbers")
