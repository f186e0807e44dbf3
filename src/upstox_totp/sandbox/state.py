"""What the service remembers: logins under way, attempts, authorization codes and tokens."""

import secrets
import threading
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urlsplit

from upstox_totp.sandbox.calls import (
    LOCKED,
    OTP_BLOCKED,
    SESSION,
    WRONG_CODE,
    WRONG_PIN,
    Call,
    Refusal,
    demand,
)
from upstox_totp.sandbox.clock import TOTP_PERIOD, Clock, codes_of
from upstox_totp.sandbox.phone import Phone
from upstox_totp.sandbox.routes import Revision
from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.tokens import TokenStore

BLOCK = 600
ELSEWHERE = "203.0.113.10"
DIALOG_COOKIE: Final = "login_dialog"
FLOW_COOKIE: Final = "login_flow"
SESSION_COOKIE: Final = "login_session"


@dataclass(slots=True, repr=False, eq=False)
class Login:
    """One dialog and what became of it: cookies that were set, what was told and verified."""

    dialog: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    flow: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    # The query of the login page, which the client must send back.
    told: dict[str, str] = field(default_factory=dict)
    otp_token: str | None = None
    otp_dies: float = 0.0
    verified: Revision | None = None
    session: str | None = None
    approved: bool = False
    denied: bool = False
    # What the app gave the dialog, and what the login page says before its next form.
    state: str | None = None
    notice: str = ""


class Guard:
    """Counts attempts and requests, and locks and blocks the account."""

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._used: set[int] = set()
        self.unlock()

    def unlock(self) -> None:
        """Lift the lock and the blocks, and give all attempts back."""
        self._left = {WRONG_CODE: self._rules.attempts, WRONG_PIN: self._rules.attempts}
        self._generated: list[float] = []
        self._totp_logins: list[float] = []
        self._blocked_until = 0.0
        self._locked = False

    def reset(self) -> None:
        """Lift everything, and forget which one-time passwords were used."""
        self.unlock()
        self._used.clear()

    def pass_lock(self) -> None:
        """Refuse when the account is locked."""
        demand(not self._locked, LOCKED, "Your account is locked, too many wrong attempts")

    def pass_generation(self) -> None:
        """Count one generated one-time password, and refuse when they were too many."""
        now = self._clock.now()
        self._generated = [moment for moment in self._generated if moment > now - BLOCK]
        if now >= self._blocked_until and len(self._generated) >= self._rules.otp_limit:
            self._blocked_until = now + BLOCK
            self._generated = []
        free = now >= self._blocked_until
        demand(
            free, OTP_BLOCKED, "You have exceeded the number of OTPs. Try again after 10 minutes"
        )
        self._generated.append(now)

    def let_in(self) -> bool:
        """Tell whether the limits let one more TOTP login in, and count it if so."""
        limits, now = tuple(self._rules.totp_login_limits), self._clock.now()
        longest = max((seconds for _, seconds in limits), default=0.0)
        # A clock that was moved back leaves moments to come, which say nothing.
        moments = [moment for moment in self._totp_logins if now - longest < moment <= now]
        free = all(
            sum(moment > now - seconds for moment in moments) < most for most, seconds in limits
        )
        self._totp_logins = [*moments, now] if free else moments
        return free

    def pass_code(self, code: object) -> None:
        """Accept a one-time password of this period or the one before, each once."""
        period = int(self._clock.now() // TOTP_PERIOD)
        totp = codes_of(self._rules.credentials.totp_secret)
        fresh = {
            totp.generate_otp(step): step
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
        """Accept the PIN."""
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
    """All the service remembers, under one lock."""

    def __init__(self, rules: Rules, clock: Clock, notifier_url: str | None) -> None:
        self.rules = rules
        self.clock = clock
        self.lock = threading.RLock()
        self.guard = Guard(rules, clock)
        self.tokens = TokenStore(rules, clock)
        self.phone = Phone(rules, clock, self.tokens, notifier_url)
        self.completed = 0
        self.addresses: dict[str, str | None] = {}
        self.moved = ""
        self.register(ELSEWHERE)
        self._logins: dict[str, Login] = {}
        self._grants: dict[str, float] = {}

    def reset(self) -> None:
        """Forget everything."""
        for one in (self._logins, self._grants, self.tokens, self.phone):
            one.clear()
        self.guard.reset()
        self.completed = 0
        self.moved = ""
        self.register(ELSEWHERE)

    def register(self, primary: str, secondary: str | None = None) -> None:
        """Register the addresses that calls may come from, of which ours is none at first."""
        self.addresses = {"primary_ip": primary, "secondary_ip": secondary}

    def end_sessions(self) -> None:
        """Let every access token die, and forget the logins under way."""
        self.tokens.revoke(*self.tokens.access_tokens)
        self._logins.clear()

    def begin(self, state: str | None = None) -> Login:
        """Return a new login; the app wants `state` back with the code."""
        login = Login(state=state)
        self._logins[login.dialog] = login
        return login

    def login_of(self, call: Call, *, page: bool = False) -> Login:
        """Return the login of the dialog's and the page's cookies; the `page` sets the second."""
        login = self._logins.get(call.cookie(DIALOG_COOKIE))
        # The real code is not known.
        if login is None or not (page or call.cookie(FLOW_COOKIE) == login.flow):
            raise Refusal(SESSION, "The session has expired, start again: no dialog's cookies")
        return login

    @staticmethod
    def demand_session(login: Login, call: Call) -> None:
        """Refuse without the cookie that was set for the PIN."""
        own = login.session is not None and call.cookie(SESSION_COOKIE) == login.session
        demand(own, SESSION, "The session has expired, start again: no session cookie")

    def open_otp(self, login: Login) -> str:
        """Generate a one-time password, and return its token."""
        self.guard.pass_generation()
        login.otp_token = f"ll1FA-{secrets.token_hex(32)}"
        login.otp_dies = self.clock.lived() + self.rules.otp_lifetime
        return login.otp_token

    def pass_code(self, login: Login, code: object, revision: Revision | None) -> None:
        """Take a one-time password, which verifies a login by a revision."""
        self.guard.pass_code(code)
        login.otp_token = None
        login.verified = revision

    def pass_pin(self, login: Login, text: object, expected: str) -> dict[str, str]:
        """Take the PIN, and return the cookie of the session that it opens."""
        self.guard.pass_lock()
        self.guard.pass_pin(text, expected)
        login.session = secrets.token_urlsafe(24)
        self.completed += 1
        return {SESSION_COOKIE: login.session}

    def granted(self, login: Login) -> str:
        """Return the app's redirect URI with a new authorization code and the dialog's `state`."""
        code = secrets.token_hex(8)
        self._grants[code] = self.clock.lived() + self.rules.code_lifetime
        return self._led_back(code=code, state=login.state)

    def denied(self, login: Login) -> str:
        """Return the app's redirect URI with the error of a person who said no (RFC 6749)."""
        return self._led_back(error="access_denied", state=login.state)

    def way_out(self, login: Login, call: Call, hops: int) -> str:
        """Return where an approved login goes next: to the app, or through redirects before it."""
        if hops <= 0:
            return self.granted(login)
        query = urlencode({"state": secrets.token_hex(4), "hops": hops})
        return call.url("api", f"/login/authorization/redirect?{query}")

    def redeem(self, code: str) -> bool:
        """Use up an authorization code, and tell whether it was good until now."""
        return self.clock.lived() < self._grants.pop(code, 0.0)

    def _led_back(self, **parameters: str | None) -> str:
        given = {name: value for name, value in parameters.items() if value is not None}
        parts = urlsplit(self.rules.credentials.redirect_uri)
        query = "&".join(filter(None, (parts.query, urlencode(given))))
        return parts._replace(query=query).geturl()
