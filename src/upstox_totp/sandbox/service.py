"""The steps on the `service` host: one-time password, verification, PIN and approval."""

import base64
from collections.abc import Mapping
from typing import Any

from werkzeug.utils import redirect

from upstox_totp.sandbox.calls import Call, Reply, Service, demand
from upstox_totp.sandbox.rules import Account
from upstox_totp.sandbox.state import Login, State

NEXT_REQUEST = 30


def _wrap(cookies: Mapping[str, str] | None = None, /, **data: object) -> Reply:
    return Reply({"success": True, "data": data}, cookies=cookies or {})


def otp(state: State, call: Call) -> Reply:
    """Answer step 2: open a one-time password's session."""
    login = state.login_of(call)
    data = call.wrapped()
    state.demand_unlocked()
    number, user_id = data.get("mobileNumber"), data.get("userId")
    country = data.get("countryIsdCode", "+91")
    demand(
        number == state.rules.credentials.username, Service.MOBILE, "Invalid mobile number", number
    )
    demand(user_id == login.told.get("user_id"), Service.MOBILE, "Invalid user id", user_id)
    demand(country == "+91", Service.MOBILE, "Invalid country code", country)
    return _wrap(
        message="OTP sent",
        validateOTPToken=state.open_otp(login),
        nextRequestInterval=NEXT_REQUEST,
        userType="CUSTOMER",
        isTotpEnabled=state.rules.totp_enabled,
    )


def verify(state: State, call: Call) -> Reply:
    """Answer step 3: check the one-time password."""
    login = state.login_of(call)
    data = call.wrapped()
    state.demand_unlocked()
    token = data.get("validateOtpToken")
    demand(token is not None, Service.SESSION, "The OTP session has expired: no validateOtpToken")
    current = token == login.otp_token and state.lived() < login.otp_expires
    demand(current, Service.SESSION, "The OTP session has expired", token)
    demand("otp" in data, Service.MALFORMED, "The body has no otp")
    state.take_code(data["otp"])
    login.otp_token, login.verified = None, call.record.revision
    if login.verified == "newer":
        accounts = [
            _person(account) | {"isDefault": account.is_default} for account in state.rules.accounts
        ]
        whose: dict[str, Any] = {"accounts": accounts}
    else:
        whose = {"userProfile": _person(state.rules.account) | {"avatarUrl": ""}}
    pin_set = state.rules.pin_set
    return _wrap(message="OTP verified", isSecretPinSet=pin_set, userType="CUSTOMER", **whose)


def pin(state: State, call: Call) -> Reply:
    """Answer step 4: check the PIN and open the session."""
    login, rules = state.login_of(call), state.rules
    _demand_client(login, call)
    data = call.wrapped()
    own = login.verified == call.record.revision
    demand(own, Service.SESSION, "The OTP session has expired: not verified by this version")
    if login.verified == "newer":
        _demand_account(state, call, login, data.get("profileId"))
    method = data.get("twoFAMethod")
    demand(method == "SECRET_PIN", Service.MALFORMED, "Unknown twoFAMethod", method)
    demand("inputText" in data, Service.MALFORMED, "The body has no inputText")
    expected = base64.b64encode(rules.credentials.pin_code.encode()).decode()
    cookies = state.open_session(login, data["inputText"], expected)
    return _wrap(
        cookies,
        redirectUri=state.way_out(login, call, 0) if rules.pin_gives_code else None,
        userType="CUSTOMER",
        customerStatus=rules.customer_status,
        appStatus="ACTIVE",
        refreshTokenExpiry=int(state.now()) + 86400,
        isPlusPlanFastWebsocketEnabled=False,
        isNewRefreshTokenCreated=True,
        isExternalClientOAuthApp=True,
    )


def authorize(state: State, call: Call) -> Reply:
    """Answer step 5: take the approval, and give the code or the way to it."""
    login = state.login_of(call)
    state.demand_session(login, call)
    _demand_client(login, call)
    kind = call.args.get("response_type")
    demand(kind == "code", Service.MALFORMED, "response_type must be code, not", kind)
    demand(call.args.get("requestId"), Service.MALFORMED, "The query has no requestId")
    approval = call.wrapped().get("userOAuthApproval")
    demand(approval is True, Service.MALFORMED, "userOAuthApproval must be true, not", approval)
    demand(
        not login.denied, Service.SESSION, "The session has expired, start again: access was denied"
    )
    login.approved = True
    location = state.way_out(login, call, state.rules.authorize_redirects)
    return _wrap(redirectUri=location, isApproved=True)


def follow(state: State, call: Call) -> Reply:
    """Answer a redirect after step 5; the last one leads to the app, with the code."""
    login = state.login_of(call)
    state.demand_session(login, call)
    demand(login.approved, Service.SESSION, "Access was not approved")
    hops = int(call.args.get("hops") or 1) - 1
    return Reply(state.way_out(login, call, hops), render=redirect)


def _person(account: Account) -> dict[str, Any]:
    """Return an account with its names as the service spells them."""
    return {
        "userId": account.user_id,
        "profileId": account.profile_id,
        "firstName": account.first_name,
        "lastName": account.last_name,
    }


def _demand_account(state: State, call: Call, login: Login, number: object) -> None:
    """Refuse a PIN that is not for the app's own account, else the default one, else any."""
    demand(type(number) is int, Service.MALFORMED, "profileId must be a number, not", number)
    accounts = tuple(state.rules.accounts)
    own = [account for account in accounts if account.user_id == login.told.get("user_id")]
    eligible = own or [account for account in accounts if account.is_default] or accounts
    chosen = [account for account in eligible if account.profile_id == number]
    demand(chosen, Service.MALFORMED, "profileId is of no account of this login:", number)
    headers = {"X-Profile-Id": str(number), "X-User-Id": chosen[0].user_id}
    for name, expected in headers.items():
        sent = call.headers.get(name)
        demand(sent == expected, Service.MALFORMED, f"Wrong {name}", sent)


def _demand_client(login: Login, call: Call) -> None:
    """Refuse another client or redirect URI than the dialog told."""
    for name in ("client_id", "redirect_uri"):
        value = login.told.get(name) or getattr(call.rules, f"internal_{name}")
        demand(
            call.args.get(name) == value, Service.MALFORMED, f"Invalid {name}", call.args.get(name)
        )
