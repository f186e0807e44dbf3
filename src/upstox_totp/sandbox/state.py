"""What the service remembers: logins under way, attempts, authorization codes and tokens."""

import base64
import json
import secrets
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from upstox_totp.sandbox.calls import Call, Refusal, RequestRecord, Revision, Service, demand
from upstox_totp.sandbox.faults import PROPER, Fault
from upstox_totp.sandbox.rules import TOTP_PERIOD, RateLimit, Rules, codes_of

INDIA = timezone(timedelta(hours=5, minutes=30))
BLOCK = 600
YEAR = 365 * 86400
DIALOG_COOKIE: Final = "login_dialog"
FLOW_COOKIE: Final = "login_flow"
SESSION_COOKIE: Final = "login_session"


def next_expiry(now: float) -> int:
    """Return when an access token made at `now` expires: the next 03:30 in India (documented)."""
    local = datetime.fromtimestamp(now, INDIA)
    cut = local.replace(hour=3, minute=30, second=0, microsecond=0)
    return int((cut if cut > local else cut + timedelta(days=1)).timestamp())


def _web_token(claims: dict[str, Any]) -> str:
    """Return `claims` as a JSON Web Token, whose signature nobody here checks."""
    parts = ({"typ": "JWT", "alg": "HS256"}, claims)
    texts = [json.dumps(part, separators=(",", ":")).encode() for part in parts]
    segments = map(base64.urlsafe_b64encode, (*texts, secrets.token_bytes(32)))
    return b".".join(segment.rstrip(b"=") for segment in segments).decode()


@dataclass(slots=True, repr=False, eq=False)
class Login:
    """One dialog and what became of it: cookies that were set, what was told and verified."""

    # What the app gave the dialog, and wants back with the code.
    state: str | None = None
    dialog: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    flow: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    # The query of the login page, which the client must send back.
    told: dict[str, str] = field(default_factory=dict)
    otp_token: str | None = None
    otp_expires: float = 0.0
    verified: Revision | None = None
    session: str | None = None
    approved: bool = False
    denied: bool = False
    # What the login page says before its next form.
    notice: str = ""


class State:
    """All that the service remembers. A caller that changes it holds its lock."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._stepped = 0.0
        self.lock = threading.RLock()
        self.notifier_url: str | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything, but the app's notifier."""
        self.received: list[RequestRecord] = []
        # What came in on a path that exists, whatever was answered.
        self.counts: Counter[str] = Counter()
        # By step, in the order they were asked for, each as often as it was.
        self.faults: defaultdict[str | None, deque[Iterator[Fault]]] = defaultdict(deque)
        self.completed = 0
        # Of the token request that waits: the notifier that will be told, and when it lapses.
        self.requested: tuple[str, int] | None = None
        self.messages: list[dict[str, str]] = []
        # The addresses that calls may come from, none of them ours at first, and when they changed.
        self.addresses: dict[str, str | None] = {
            "primary_ip": "203.0.113.10",
            "secondary_ip": None,
        }
        self.moved: object = None
        self._logins: dict[str, Login] = {}
        self._grants: dict[str, float] = {}
        self._expiries: dict[str, float] = {}
        self.extended: set[str] = set()
        self._used_codes: set[int] = set()
        self.unlock()

    def unlock(self) -> None:
        """Lift the lock and the blocks, and give all attempts back."""
        kinds = (Service.WRONG_CODE, Service.WRONG_PIN)
        self.attempts_left = dict.fromkeys(kinds, self.rules.attempts)
        self._locked = False
        self._otp_requests: list[float] = []
        self._blocked_until = 0.0
        self._totp_logins: list[float] = []

    def next_fault(self, step: str | None) -> Fault:
        """Return the fault of the next request of `step`; `PROPER` if there is none."""
        coming = self.faults[step]
        while coming:
            if fault := next(coming[0], None):
                return fault
            coming.popleft()
        return PROPER

    def now(self) -> float:
        """Return the server's time in epoch seconds."""
        return self.lived() + self._stepped

    def lived(self) -> float:
        """Return the time without the steps, which stand for waits and must age no login."""
        return self.rules.clock() + self.rules.clock_offset

    def begin(self, state: str | None) -> Login:
        """Return a new login; the app wants `state` back with the code."""
        login = Login(state)
        self._logins[login.dialog] = login
        return login

    def login_of(self, call: Call, *, page: bool = False) -> Login:
        """Return the login of the dialog's and the page's cookies; the `page` sets the second."""
        cookies = call.cookies
        login = self._logins.get(cookies.get(DIALOG_COOKIE, ""))
        # The real code is not known.
        if login is None or not (page or cookies.get(FLOW_COOKIE) == login.flow):
            raise Refusal(
                Service.SESSION, "The session has expired, start again: no dialog's cookies"
            )
        return login

    @staticmethod
    def demand_session(login: Login, call: Call) -> None:
        """Refuse without the cookie that was set for the PIN."""
        own = login.session and call.cookies.get(SESSION_COOKIE) == login.session
        demand(own, Service.SESSION, "The session has expired, start again: no session cookie")

    def demand_unlocked(self) -> None:
        """Refuse when the account is locked."""
        demand(not self._locked, Service.LOCKED, "Your account is locked, too many wrong attempts")

    def open_otp(self, login: Login) -> str:
        """Generate a one-time password, and return its token; refuse when they were too many."""
        now, limits = self.now(), [(self.rules.otp_limit, BLOCK)]
        if now >= self._blocked_until and not self._let_in(self._otp_requests, limits):
            self._blocked_until = now + BLOCK
            self._otp_requests.clear()
        free = now >= self._blocked_until
        demand(
            free,
            Service.OTP_BLOCKED,
            "You have exceeded the number of OTPs. Try again after 10 minutes",
        )
        login.otp_token = f"ll1FA-{secrets.token_hex(32)}"
        login.otp_expires = self.lived() + self.rules.otp_lifetime
        return login.otp_token

    def let_in(self) -> bool:
        """Tell whether the limits let one more TOTP login in, and count it if so."""
        return self._let_in(self._totp_logins, self.rules.totp_login_limits)

    def _let_in(self, moments: list[float], limits: Iterable[RateLimit]) -> bool:
        now = self.now()
        # A clock that was moved back leaves moments to come, which say nothing.
        moments[:] = [moment for moment in moments if moment <= now]
        free = all(
            sum(moment > now - seconds for moment in moments) < most for most, seconds in limits
        )
        if free:
            moments.append(now)
        return free

    def take_code(self, code: object) -> None:
        """Accept a one-time password of this period or the one before, each once."""
        period = int(self.now() // TOTP_PERIOD)
        totp = codes_of(self.rules.credentials.totp_secret)
        periods = {max(period - 1, 0), period} - self._used_codes
        fresh = {totp.generate_otp(one): one for one in sorted(periods)}
        if not self.rules.totp_enabled or not isinstance(code, str) or code not in fresh:
            raise self._failed(Service.WRONG_CODE, "Invalid OTP", code, "totp")
        self.attempts_left[Service.WRONG_CODE] = self.rules.attempts
        if self.rules.single_use_codes:
            self._used_codes.add(fresh[code])
        if self.rules.step_clock:
            self._stepped += TOTP_PERIOD

    def take_pin(self, text: object, expected: str) -> None:
        """Accept the PIN, as it is written in the request."""
        if not self.rules.pin_set or text != expected:
            raise self._failed(Service.WRONG_PIN, "Incorrect PIN", text, "pin")
        self.attempts_left[Service.WRONG_PIN] = self.rules.attempts
        self.completed += 1

    def _failed(self, code: Service, message: str, value: object, name: str) -> Refusal:
        self.attempts_left[code] -= 1
        left = self.attempts_left[code]
        self._locked = left <= 0
        if self._locked:
            return Refusal(Service.LOCKED, message, value, name, "Your account is locked")
        return Refusal(code, message, value, name, f"{left} attempts left")

    def open_session(self, login: Login, text: object, expected: str) -> dict[str, str]:
        """Take the PIN, and return the cookie of the session that it opens."""
        self.demand_unlocked()
        self.take_pin(text, expected)
        login.session = secrets.token_urlsafe(24)
        return {SESSION_COOKIE: login.session}

    def way_out(self, login: Login, call: Call, hops: int) -> str:
        """Return where a login goes next: to the app with a code, or through redirects before."""
        if hops > 0:
            query = urlencode({"state": secrets.token_hex(4), "hops": hops})
            return call.address("api", f"/login/authorization/redirect?{query}")
        code = secrets.token_hex(8)
        self._grants[code] = self.lived() + self.rules.code_lifetime
        return self.app_address(code=code, state=login.state)

    def app_address(self, **parameters: str | None) -> str:
        """Return the app's redirect URI with these parameters, without those that are None."""
        given = {name: value for name, value in parameters.items() if value is not None}
        parts = urlsplit(self.rules.credentials.redirect_uri)
        query = "&".join(filter(None, (parts.query, urlencode(given))))
        return parts._replace(query=query).geturl()

    def redeem(self, code: str) -> bool:
        """Use up an authorization code, and tell whether it was good until now."""
        return self.lived() < self._grants.pop(code, 0.0)

    def issue(self, *, extended: bool = False) -> str:
        """Return a new token, which expires at the next 03:30 in India, or after a year."""
        now = self.now()
        expires = int(now) + YEAR if extended else next_expiry(now)
        claims = {
            "sub": self.rules.account.user_id,
            "jti": secrets.token_hex(12),
            "isMultiClient": False,
            "isPlusPlan": False,
            "iat": int(now),
            "iss": "udapi-gateway-service",
            "exp": expires,
        }
        token = _web_token(claims | dict(self.rules.claims))
        self._expiries[token] = expires
        if extended:
            self.extended.add(token)
        return token

    @property
    def access_tokens(self) -> list[str]:
        """The access tokens issued, oldest first, expired ones included."""
        return [token for token in self._expiries if token not in self.extended]

    def is_valid(self, token: str) -> bool:
        """Tell whether `token` was issued here, is not revoked and has not expired."""
        return self.now() < self._expiries.get(token, 0.0)

    def revoke(self, *tokens: str) -> None:
        """End tokens now; an unknown one is as good as ended."""
        self._expiries |= dict.fromkeys(self._expiries.keys() & tokens, 0.0)

    def end_sessions(self) -> None:
        """End every access token, and forget the logins under way."""
        self.revoke(*self.access_tokens)
        self._logins.clear()

    @property
    def waits(self) -> bool:
        """Whether a token request can be approved or rejected."""
        return self.requested is not None and self.now() < self.requested[1]

    def take_request(self) -> str:
        """End the wait of the token request, and return its notifier, or raise a RuntimeError."""
        if self.requested is None or not self.waits:
            raise RuntimeError("it has lapsed" if self.requested else "no token request waits")
        notifier_url, self.requested = self.requested[0], None
        return notifier_url
