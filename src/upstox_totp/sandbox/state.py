"""What the service remembers: logins under way, attempts, authorization codes and tokens."""

import secrets
import threading
from dataclasses import dataclass, field

from upstox_totp.sandbox.answers import (
    LOCKED,
    OTP_BLOCKED,
    WRONG_CODE,
    WRONG_PIN,
    Refusal,
    demand,
)
from upstox_totp.sandbox.clock import Clock
from upstox_totp.sandbox.phone import Phone
from upstox_totp.sandbox.rate_limits import RateLimits
from upstox_totp.sandbox.routes import Revision
from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.tokens import TokenStore
from upstox_totp.sandbox.totp import codes_of

TOTP_PERIOD = 30
BLOCK = 600


@dataclass(slots=True, repr=False, eq=False)
class Login:
    """One dialog and what became of it.

    Args:
        dialog: The cookie set by the dialog.
        flow: The cookie set on the way to the login page.
        told: The query of the login page, which the client must send back.
        otp_token: The one-time password's token, if one is open.
        otp_dies: When that token dies, in epoch seconds.
        verified: The revision whose verification succeeded, if any.
        session: The cookie set by the PIN step, if it succeeded.
        approved: Whether access was approved.
        denied: Whether access was denied.
        state: The `state` that the app gave the dialog, if any.
        notice: What the login page has to say before its next form.
    """

    dialog: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    flow: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    told: dict[str, str] = field(default_factory=dict)
    otp_token: str | None = None
    otp_dies: float = 0.0
    verified: Revision | None = None
    session: str | None = None
    approved: bool = False
    denied: bool = False
    state: str | None = None
    notice: str = ""


class Guard:
    """Counts attempts, and locks and blocks the account.

    Args:
        rules: The sandbox's settings.
        clock: The server's clock.
    """

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._totp = codes_of(rules.credentials.totp_secret)
        self._used: set[int] = set()
        self.unlock()

    def unlock(self) -> None:
        """Lift the lock and the block, and give all attempts back."""
        self._left = {WRONG_CODE: self._rules.attempts, WRONG_PIN: self._rules.attempts}
        self._generated: list[float] = []
        self._blocked_until = 0.0
        self._locked = False

    def reset(self) -> None:
        """Lift everything, and forget which one-time passwords were used."""
        self.unlock()
        self._used.clear()

    def pass_lock(self) -> None:
        """Refuse when the account is locked.

        Raises:
            Refusal: It is.
        """
        demand(not self._locked, LOCKED, "Your account is locked, too many wrong attempts")

    def pass_generation(self) -> None:
        """Count one generated one-time password, and refuse when they were too many.

        Raises:
            Refusal: The limit was reached within the last ten minutes.
        """
        now = self._clock.now()
        self._generated = [moment for moment in self._generated if moment > now - BLOCK]
        if now >= self._blocked_until and len(self._generated) >= self._rules.otp_limit:
            self._blocked_until = now + BLOCK
            self._generated = []
        demand(
            now >= self._blocked_until,
            OTP_BLOCKED,
            "You have exceeded the number of OTPs. Try again after 10 minutes",
        )
        self._generated.append(now)

    def pass_code(self, code: object) -> None:
        """Accept a one-time password of this period or the one before, each once.

        Raises:
            Refusal: It is wrong; an attempt is spent.
        """
        period = int(self._clock.now() // TOTP_PERIOD)
        fresh = {
            self._totp.generate_otp(step): step
            for step in (period - 1, period)
            if step >= 0 and step not in self._used
        }
        if not self._rules.totp_enabled or not isinstance(code, str) or code not in fresh:
            raise self._spent(WRONG_CODE, "Invalid OTP", code)
        self._left[WRONG_CODE] = self._rules.attempts
        if self._rules.single_use_codes:
            self._used.add(fresh[code])
        if self._rules.step_clock:
            self._clock.step(TOTP_PERIOD)

    def pass_pin(self, text: object, expected: str) -> None:
        """Accept the PIN.

        Raises:
            Refusal: It is wrong; an attempt is spent.
        """
        if not self._rules.pin_set or text != expected:
            raise self._spent(WRONG_PIN, "Incorrect PIN", text)
        self._left[WRONG_PIN] = self._rules.attempts

    def _spent(self, code: int, message: str, value: object) -> Refusal:
        self._left[code] -= 1
        left = self._left[code]
        self._locked = left <= 0
        if self._locked:
            return Refusal(LOCKED, message, value, hint="Your account is locked")
        return Refusal(code, message, value, hint=f"{left} attempts left")


class State:
    """All the service remembers, under one lock.

    Args:
        rules: The sandbox's settings.
        clock: The server's clock.
    """

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self.rules = rules
        self.clock = clock
        self.lock = threading.RLock()
        self.guard = Guard(rules, clock)
        self.tokens = TokenStore(clock, rules.claims)
        self.totp_limits = RateLimits(rules.totp_login_limits, clock)
        self.phone = Phone(rules, clock, self.tokens)
        self.logins: dict[str, Login] = {}
        self.completed = 0
        self._grants: dict[str, float] = {}

    def reset(self) -> None:
        """Forget everything."""
        self.guard.reset()
        self.tokens.clear()
        self.totp_limits.clear()
        self.phone.clear()
        self.logins.clear()
        self.completed = 0
        self._grants.clear()

    def unlock(self) -> None:
        """Lift the lock and the blocks, and forget the requests that were counted."""
        self.guard.unlock()
        self.totp_limits.clear()

    def begin(self, state: str | None = None) -> Login:
        """Return a new login.

        Args:
            state: What the app wants back with the code.
        """
        login = Login(state=state)
        self.logins[login.dialog] = login
        return login

    def grant(self) -> str:
        """Return a new authorization code."""
        code = secrets.token_hex(8)
        self._grants[code] = self.clock.lived() + self.rules.code_lifetime
        return code

    def redeem(self, code: str) -> bool:
        """Use up an authorization code.

        Returns:
            Whether it was good until now.
        """
        return self.clock.lived() < self._grants.pop(code, 0.0)
