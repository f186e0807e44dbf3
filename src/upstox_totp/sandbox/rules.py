"""How a sandbox is set up: every choice that does not concern sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from upstox_totp.sandbox.credentials import Account, Credentials
from upstox_totp.sandbox.rate_limits import RateLimit
from upstox_totp.sandbox.routes import OFFERS, Offer
from upstox_totp.sandbox.totp import codes_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The settings of a sandbox; `Sandbox` documents each of them."""

    credentials: Credentials
    account: Account
    accounts: tuple[Account, ...]
    revision: Offer
    step_clock: bool
    charset: str | None
    echo: bool
    otp_limit: int
    attempts: int
    otp_lifetime: float
    code_lifetime: float
    single_use_codes: bool
    totp_enabled: bool
    pin_set: bool
    customer_status: str
    pin_gives_code: bool
    authorize_redirects: int
    totp_login: bool
    totp_login_enveloped: bool
    totp_login_limits: tuple[RateLimit, ...]
    notifier_url: str | None = field(repr=False)
    token_request_refusal: str | None
    internal_client_id: str
    internal_redirect_uri: str
    user: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)

    def __post_init__(self) -> None:
        """Check what would otherwise fail much later.

        Raises:
            ValueError: The revision is unknown, a limit is not positive, or the shared secret is
                not base32.
        """
        if self.revision not in OFFERS:
            raise ValueError(f"no revision {self.revision!r}; it is one of {', '.join(OFFERS)}")
        try:
            codes_of(self.credentials.totp_secret)
        except ValueError:
            raise ValueError("totp_secret is not base32") from None
        if any(most <= 0 or seconds <= 0 for most, seconds in self.totp_login_limits):
            raise ValueError("totp_login_limits must be of positive numbers")

    @property
    def content_type(self) -> str:
        """The `Content-Type` of JSON answers, to the letter."""
        return (
            f"application/json;charset={self.charset.upper()}"
            if self.charset
            else ("application/json")
        )

    @property
    def all_accounts(self) -> tuple[Account, ...]:
        """Every account of the trader, the app's own last so that taking the first one fails."""
        return (*self.accounts, self.account)
