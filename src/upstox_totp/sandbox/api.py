"""The steps on the `api` host: dialog, token exchange, TOTP API, token request, and tokens used."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import (
    JSON,
    MISSING,
    SIX_DIGITS,
    Api,
    Call,
    Refusal,
    Reply,
    demand,
    demand_field,
)
from upstox_totp.sandbox.state import DIALOG_COOKIE, INDIA, State, next_expiry

FORM = "application/x-www-form-urlencoded"
REFRESHED_FOR = 7 * 86400


def _success(data: object) -> Reply:
    return Reply({"status": "success", "data": data})


def milliseconds(moment: float) -> str:
    """Return `moment`, in epoch seconds, as the token request writes times."""
    return str(int(moment * 1000))


def dialog(state: State, call: Call) -> Reply:
    """Answer step 1: begin a login and lead to the login page."""
    kind = call.args.get("response_type")
    demand(kind == "code", Api.INVALID_INPUT, "Invalid response_type", kind, "response_type")
    demand_field("redirect_uri", call.args.get("redirect_uri"))
    _demand_app(state, call.args, "client_id", "redirect_uri")
    login = state.begin(call.args.get("state"))
    told = {
        "client_id": state.rules.internal_client_id,
        "redirect_uri": state.rules.internal_redirect_uri,
        "response_type": "code",
        "user_id": state.rules.account.user_id,
        "user_type": "individual",
    }

    def lead(params: dict[str, str]) -> Response:
        login.told = params
        return redirect(call.address("login", "/open/start"))

    return Reply(told, cookies={DIALOG_COOKIE: login.dialog}, render=lead)


def token(state: State, call: Call) -> Reply:
    """Answer step 6: exchange the authorization code, which is used up whatever happens."""
    media, form = call.mimetype, call.form
    demand(media == FORM, Api.INVALID_INPUT, f"The body must be {FORM}, not", media)
    good = state.redeem(form.get("code", ""))
    for name in MISSING:
        demand_field(name, form.get(name))
    kind = form["grant_type"]
    demand(
        kind == "authorization_code", Api.INVALID_INPUT, "Invalid grant_type", kind, "grant_type"
    )
    _demand_app(state, form, "client_id", "redirect_uri", "client_secret")
    demand(good, Api.INVALID_CODE, "Invalid Auth code", form["code"], "code")
    return Reply(_issued(state))


def totp_login(state: State, call: Call) -> Reply:
    """Answer the TOTP login: judge the code, then the PIN, and end every older token."""
    demand(state.let_in(), Api.TOO_MANY, "Too Many Request Sent")
    accepted = {media.lower() for media in call.accept_mimetypes.values()}
    demand(JSON in accepted, Api.INVALID_INPUT, f"Accept must be {JSON}", name="Accept")
    app, key = state.rules.credentials, call.headers.get("x-api-key")
    demand(key == app.client_id, Api.INVALID_CLIENT, "Invalid x-api-key", key, "x-api-key")
    body = call.fields("totp", "pin")
    for name, value in body.items():
        digits = isinstance(value, str) and SIX_DIGITS.fullmatch(value)
        demand(digits, Api.INVALID_INPUT, f"{name} must be a text of six digits", value, name)
    enabled = state.rules.totp_enabled
    demand(enabled, Api.INVALID_CREDENTIALS, "TOTP is not enabled on this account")
    try:
        state.demand_unlocked()
        state.take_code(body["totp"])
        state.take_pin(body["pin"], app.pin_code)
    except Refusal as refusal:
        # One code on this host for all that is wrong with a credential.
        raise replace(refusal, code=Api.INVALID_CREDENTIALS) from None
    state.revoke(*state.access_tokens)
    fields = _issued(state)
    return _success(fields) if state.rules.totp_login_enveloped else Reply(fields)


def token_request(state: State, call: Call) -> Reply:
    """Answer a token request: until when it can be approved on the phone, and who will be told."""
    demand_field("client_id", call.segments.get("client_id"))
    _demand_app(state, call.segments, "client_id")
    # The OpenAPI description lists the second one.
    body = call.fields(optional={"client_secret", "otp_verification_disabled"})
    unasked = type(body.get("otp_verification_disabled", False)) is bool
    demand(unasked, Api.INVALID_INPUT, "otp_verification_disabled must be true or false")
    demand_field("client_secret", body.get("client_secret"))
    _demand_app(state, body, "client_secret")
    if state.rules.token_request_refusal is not None:
        raise Refusal(state.rules.token_request_refusal, "The app may not ask for a token")
    if state.notifier_url is None:
        raise Refusal(Api.NO_NOTIFIER, "The app has no notifier URL")
    lapses = next_expiry(state.now())
    state.requested = (state.notifier_url, lapses)
    expiry = milliseconds(lapses)
    return _success({"authorization_expiry": expiry, "notifier_url": state.notifier_url})


def approved(state: State) -> tuple[str, dict[str, str]]:
    """Issue the token that was requested; return where to send it, and the message."""
    notifier_url, now = state.take_request(), state.now()
    message = {
        "client_id": state.rules.credentials.client_id,
        "user_id": state.rules.account.user_id,
        "access_token": state.issue(),
        "token_type": "Bearer",
        "expires_at": milliseconds(next_expiry(now)),
        "issued_at": milliseconds(now),
        "message_type": "access_token",
    }
    state.messages.append(message)
    return notifier_url, message


def profile(state: State, call: Call) -> Reply:
    """Answer who the bearer is, from the registered address alone."""
    _demand_address(state, call, Api.STATIC_ADDRESS)
    _demand_token(state, call)
    return _success(_user(state))


def logout(state: State, call: Call) -> Reply:
    """Answer a logout, which ends the bearer's token."""
    try:
        _demand_token(state, call)
    except Refusal as refusal:
        if not state.rules.described:
            raise
        words = dict.fromkeys(("message", "localizedMessage"), refusal.message)
        return Reply({"cause": None, "stackTrace": [], "suppressed": []} | words, 401)
    state.revoke(call.bearer)
    return _success(True)  # noqa: FBT003 - the whole answer


def quote(state: State, call: Call) -> Reply:
    """Answer a price for any valid token, from any address."""
    _demand_token(state, call, reading=True)
    key = call.args.get("instrument_key") or ""
    demand(key, Api.INVALID_INPUT, "instrument_key is required", name="instrument_key")
    price = {"last_price": 24_500.5, "instrument_token": key}
    return _success({key.replace("|", ":"): price})


def order(state: State, call: Call) -> Reply:
    """Take an order, from the registered address alone; nobody trades it."""
    _demand_address(state, call, Api.OTHER_ADDRESS)
    _demand_token(state, call)
    return _success({"order_ids": [secrets.token_hex(8)]})


def addresses(state: State, call: Call) -> Reply:
    """Tell the registered addresses, or register others: once a week, which ends tokens."""
    _demand_token(state, call)
    if call.method == "PUT":
        body = call.fields("primary_ip", optional={"secondary_ip"})
        for name, value in body.items():
            demand(_is_address(value), Api.INVALID_INPUT, f"Invalid {name}", value, name)
        week = datetime.fromtimestamp(state.now(), INDIA).isocalendar()[:2]
        demand(week != state.moved, Api.INVALID_INPUT, "Static IPs change once in a calendar week")
        state.moved = week
        state.addresses |= {"secondary_ip": None} | body
        state.end_sessions()
    return _success(state.addresses)


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


def _demand_app(state: State, sent: Mapping[str, Any], *names: str) -> None:
    """Refuse what is not the app's own: its client id, redirect URI or secret."""
    for name in names:
        secret, value = name == "client_secret", sent.get(name)
        code = Api.INVALID_CLIENT if secret else Api.WRONG_CLIENT
        message = "Invalid client" if secret else f"Check your '{name}'"
        demand(value == getattr(state.rules.credentials, name), code, message, value, name)


def _demand_address(state: State, call: Call, code: Api) -> None:
    """Refuse what must come from a registered address, if that is another one."""
    addresses = [one for one in state.addresses.values() if one]
    here = not state.rules.static_address or call.remote_addr in addresses
    text = f"Permitted only from the static IP configured in your account: {', '.join(addresses)}"
    demand(here, code, text)


def _demand_token(state: State, call: Call, *, reading: bool = False) -> None:
    valid = state.is_valid(call.bearer)
    demand(valid, Api.INVALID_TOKEN, "Invalid token used to access API", call.bearer)
    allowed = reading or call.bearer not in state.extended
    demand(allowed, Api.EXTENDED, "Not permitted with an extended token")


def _user(state: State) -> dict[str, Any]:
    """Return the documented fields of the account's user, as the profile has them."""
    account = state.rules.account
    user = {
        "email": "asha.rao@example.com",
        "exchanges": ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"],
        "products": ["D", "CO", "I"],
        "broker": "UPSTOX",
        "user_id": account.user_id,
        "user_name": f"{account.first_name} {account.last_name}",
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "user_type": "individual",
        "poa": False,
        "is_active": True,
    }
    return user | dict(state.rules.user)


def _issued(state: State) -> dict[str, Any]:
    """Issue an access token and an extended one, and return the answer that holds them."""
    answer = _user(state) | {
        "ddpi": False,
        "access_token": state.issue(),
        "extended_token": state.issue(extended=True),
    }
    if not state.rules.described:
        return answer
    now = state.now()
    return answer | {
        "expires_in": next_expiry(now) - int(now),
        "token_type": "Bearer",
        "refresh_token": secrets.token_urlsafe(32),
        "refresh_token_expires_in": REFRESHED_FOR,
    }
