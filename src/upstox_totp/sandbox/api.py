"""The steps on the `api` host: dialog, token exchange, profile, logout, and the TOTP login."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from ipaddress import ip_address

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import (
    EXTENDED,
    INVALID_CLIENT,
    INVALID_CODE,
    INVALID_CREDENTIALS,
    INVALID_INPUT,
    INVALID_TOKEN,
    JSON,
    MISSING,
    OTHER_ADDRESS,
    STATIC_ADDRESS,
    TOO_MANY,
    WRONG_CLIENT,
    Call,
    Refusal,
    Reply,
    demand,
    demand_field,
)
from upstox_totp.sandbox.clock import INDIA
from upstox_totp.sandbox.state import DIALOG_COOKIE, State

FORM = "application/x-www-form-urlencoded"
SIX_DIGITS = re.compile(r"[0-9]{6}")


@contextmanager
def _said_by_api(name: str | None = None) -> Iterator[None]:
    """Turn a refusal with a number of the `service` host into the one code of this host."""
    try:
        yield
    except Refusal as refusal:
        raise refusal.recoded(INVALID_CREDENTIALS, name) from None


def _success(data: object) -> Reply:
    return Reply({"status": "success", "data": data})


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


class ApiSteps:
    """Steps 1 and 6, what an access token is good for, and the login in one request.

    Upstox documents the requests, the fields, the error codes but two (invalid authorization code
    and invalid client, from public clients), and that a code is good for one exchange, even a
    failed one; `state` is RFC 6749's. The login page's query is known from public clients. Of the
    TOTP login, two dated copies of the documentation have path, headers, body, limits, and that the
    new token ends the account's others; the flat answer is known from one public client, and not
    known are the codes and statuses of refusals, and the order in which things are looked at.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules

    def dialog(self, call: Call) -> Reply:
        """Answer step 1: begin a login and lead to the login page."""
        app = self._rules.credentials
        kind = call.query("response_type")
        demand(kind == "code", INVALID_INPUT, "Invalid response_type", kind, name="response_type")
        demand_field("redirect_uri", call.query("redirect_uri"))
        for name, value in (("client_id", app.client_id), ("redirect_uri", app.redirect_uri)):
            sent = call.query(name)
            demand(sent == value, WRONG_CLIENT, f"Check your '{name}'", sent, name=name)
        login = self._state.begin(call.query("state"))
        told = {
            "client_id": self._rules.internal_client_id,
            "redirect_uri": self._rules.internal_redirect_uri,
            "response_type": "code",
            "user_id": self._rules.account.user_id,
            "user_type": "individual",
        }

        def lead(params: dict[str, str]) -> Response:
            login.told = params
            return redirect(call.url("login", "/open/start"))

        return Reply(told, cookies={DIALOG_COOKIE: login.dialog}, render=lead)

    def token(self, call: Call) -> Reply:
        """Answer step 6: exchange the authorization code, which is used up whatever happens."""
        media = call.request.mimetype
        demand(media == FORM, INVALID_INPUT, f"The body must be {FORM}, not", media)
        form = call.request.form
        good = self._state.redeem(form.get("code", ""))
        for name in MISSING:
            demand_field(name, form.get(name))
        app = self._rules.credentials
        expected = (
            ("grant_type", "authorization_code", INVALID_INPUT, "Invalid grant_type"),
            ("client_id", app.client_id, WRONG_CLIENT, "Check your 'client_id'"),
            ("redirect_uri", app.redirect_uri, WRONG_CLIENT, "Check your 'redirect_uri'"),
            ("client_secret", app.client_secret, INVALID_CLIENT, "Invalid client"),
        )
        for name, value, code, message in expected:
            demand(form.get(name) == value, code, message, form.get(name), name=name)
        demand(good, INVALID_CODE, "Invalid Auth code", form.get("code"), name="code")
        return Reply(self._state.tokens.answer())

    def profile(self, call: Call) -> Reply:
        """Answer who the bearer is, from the registered address alone."""
        self._demand_address(call, STATIC_ADDRESS)
        self._demand_token(call)
        return _success(self._state.tokens.user())

    def logout(self, call: Call) -> Reply:
        """Answer a logout: the bearer's token dies."""
        try:
            self._demand_token(call)
        except Refusal as refusal:
            if not self._rules.described:
                raise
            words = dict.fromkeys(("message", "localizedMessage"), refusal.message)
            return Reply({"cause": None, "stackTrace": [], "suppressed": []} | words, 401)
        self._state.tokens.revoke(call.bearer)
        return _success(True)  # noqa: FBT003 - the whole answer

    def quote(self, call: Call) -> Reply:
        """Answer a price, to whoever has a live token, from any address."""
        self._demand_token(call, reading=True)
        key = call.query("instrument_key")
        demand(key, INVALID_INPUT, "instrument_key is required", name="instrument_key")
        name = str(key).replace("|", ":")
        return _success({name: {"last_price": 24_500.5, "instrument_token": key}})

    def order(self, call: Call) -> Reply:
        """Take an order, from the registered address alone; nobody trades it."""
        self._demand_address(call, OTHER_ADDRESS)
        self._demand_token(call)
        return _success({"order_ids": [secrets.token_hex(8)]})

    def address(self, call: Call) -> Reply:
        """Tell the registered addresses, or register others: once a week, which ends tokens."""
        self._demand_token(call)
        state = self._state
        if call.request.method == "PUT":
            body = call.body("primary_ip", optional={"secondary_ip"})
            for name, value in body.items():
                demand(_is_address(value), INVALID_INPUT, f"Invalid {name}", value, name=name)
            week = str(datetime.fromtimestamp(state.clock.now(), INDIA).isocalendar()[:2])
            demand(week != state.moved, INVALID_INPUT, "Static IPs change once in a calendar week")
            state.moved = week
            state.register(body["primary_ip"], body.get("secondary_ip"))
            state.end_sessions()
        return _success(state.addresses)

    def totp_login(self, call: Call) -> Reply:
        """Answer the TOTP login: judge the code, then the PIN, and let every older token die."""
        guard = self._state.guard
        demand(guard.let_in(), TOO_MANY, "Too Many Request Sent")
        totp, pin = self._credentials(call)
        enabled = self._rules.totp_enabled
        demand(enabled, INVALID_CREDENTIALS, "TOTP is not enabled on this account")
        with _said_by_api():
            guard.pass_lock()
        with _said_by_api("totp"):
            guard.pass_code(totp)
        with _said_by_api("pin"):
            guard.pass_pin(pin, self._rules.credentials.pin_code)
        self._state.completed += 1
        self._state.tokens.revoke(*self._state.tokens.access_tokens)
        fields = self._state.tokens.answer()
        enveloped = self._rules.totp_login_enveloped
        return _success(fields) if enveloped else Reply(fields)

    def _credentials(self, call: Call) -> tuple[str, str]:
        """Return code and PIN of a request of the right shape, from the right app."""
        accepted = {media.lower() for media in call.request.accept_mimetypes.values()}
        demand(JSON in accepted, INVALID_INPUT, f"Accept must be {JSON}", name="Accept")
        key = call.header("x-api-key")
        known = key == self._rules.credentials.client_id
        demand(known, INVALID_CLIENT, "Invalid x-api-key", key, name="x-api-key")
        body = call.body("totp", "pin")
        for name, value in body.items():
            digits = isinstance(value, str) and SIX_DIGITS.fullmatch(value)
            demand(digits, INVALID_INPUT, f"{name} must be a text of six digits", value, name=name)
        return body["totp"], body["pin"]

    def _demand_address(self, call: Call, code: str) -> None:
        """Refuse, whatever the token, what does not come from a registered address."""
        addresses = self._state.addresses.values()
        here = not self._rules.static_address or call.request.remote_addr in addresses
        named = ", ".join(filter(None, addresses))
        demand(here, code, f"Permitted only from the static IP configured in your account: {named}")

    def _demand_token(self, call: Call, *, reading: bool = False) -> None:
        token, tokens = call.bearer, self._state.tokens
        demand(tokens.is_alive(token), INVALID_TOKEN, "Invalid token used to access API", token)
        allowed = reading or not tokens.is_extended(token)
        demand(allowed, EXTENDED, "Not permitted with an extended token")
