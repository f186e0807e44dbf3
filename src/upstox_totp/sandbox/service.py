"""The steps on the `service` host: one-time password, verification, PIN and approval."""

import base64
from dataclasses import asdict
from typing import Any

from upstox_totp.sandbox.calls import (
    MALFORMED,
    MOBILE,
    SESSION,
    Call,
    Reply,
    demand,
    private_redirect,
)
from upstox_totp.sandbox.rules import Account
from upstox_totp.sandbox.state import Login, State

NEXT_REQUEST = 30


def _camel(account: Account) -> dict[str, Any]:
    """Return an account with its names as the service spells them."""
    words = [(name.split("_"), value) for name, value in asdict(account).items()]
    return {first + "".join(map(str.title, rest)): value for (first, *rest), value in words}


def _wrap(**data: object) -> Reply:
    return Reply({"success": True, "data": data})


class ServiceSteps:
    """Steps 2 to 5, and the redirects that may follow the last of them.

    The older pair (verify v4, 2fa v3) and the fields of steps 2 and 5 are known from several public
    clients. The newer pair, the redirects, failures with HTTP 200 and the code of an incorrect PIN
    are known from one client that was tried against the real service. The cookies' names, what is
    answered without them, and the choice among several accounts are assumptions.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules

    def otp(self, call: Call) -> Reply:
        """Answer step 2: open a one-time password's session."""
        login = self._state.login_of(call)
        data = call.data()
        self._state.guard.pass_lock()
        number, user_id = data.get("mobileNumber"), data.get("userId")
        country = data.get("countryIsdCode", "+91")
        demand(number == self._rules.credentials.username, MOBILE, "Invalid mobile number", number)
        demand(user_id == login.told.get("user_id"), MOBILE, "Invalid user id", user_id)
        demand(country == "+91", MOBILE, "Invalid country code", country)
        return _wrap(
            message="OTP sent",
            validateOTPToken=self._state.open_otp(login),
            nextRequestInterval=NEXT_REQUEST,
            userType="CUSTOMER",
            isTotpEnabled=self._rules.totp_enabled,
        )

    def verify(self, call: Call) -> Reply:
        """Answer step 3: check the one-time password."""
        login = self._state.login_of(call)
        data = call.data()
        self._state.guard.pass_lock()
        token = data.get("validateOtpToken")
        demand(token is not None, SESSION, "The OTP session has expired: no validateOtpToken")
        alive = self._state.clock.lived() < login.otp_dies
        demand(token == login.otp_token and alive, SESSION, "The OTP session has expired", token)
        demand("otp" in data, MALFORMED, "The body has no otp")
        self._state.pass_code(login, data["otp"], call.route.revision)
        if call.route.revision == "newer":
            whose: dict[str, Any] = {"accounts": [_camel(one) for one in self._rules.accounts]}
        else:
            profile = _camel(self._rules.account) | {"avatarUrl": ""}
            profile.pop("isDefault")
            whose = {"userProfile": profile}
        pin_set = self._rules.pin_set
        return _wrap(message="OTP verified", isSecretPinSet=pin_set, userType="CUSTOMER", **whose)

    def pin(self, call: Call) -> Reply:
        """Answer step 4: check the PIN and open the session."""
        login = self._state.login_of(call)
        self._demand_client(call, login)
        data = call.data()
        own = login.verified == call.route.revision
        demand(own, SESSION, "The OTP session has expired: not verified by this version")
        if call.route.revision == "newer":
            self._demand_account(call, login, data)
        method = data.get("twoFAMethod")
        demand(method == "SECRET_PIN", MALFORMED, "Unknown twoFAMethod", method)
        demand("inputText" in data, MALFORMED, "The body has no inputText")
        expected = base64.b64encode(self._rules.credentials.pin_code.encode()).decode()
        cookies = self._state.pass_pin(login, data["inputText"], expected)
        reply = _wrap(
            redirectUri=self._state.granted(login) if self._rules.pin_gives_code else None,
            userType="CUSTOMER",
            customerStatus=self._rules.customer_status,
            appStatus="ACTIVE",
            refreshTokenExpiry=int(self._state.clock.now()) + 86400,
            isPlusPlanFastWebsocketEnabled=False,
            isNewRefreshTokenCreated=True,
            isExternalClientOAuthApp=True,
        )
        return Reply(reply.payload, cookies=cookies)

    def authorize(self, call: Call) -> Reply:
        """Answer step 5: take the approval, and give the code or the way to it."""
        login = self._state.login_of(call)
        self._state.demand_session(login, call)
        self._demand_client(call, login)
        kind = call.query("response_type")
        demand(kind == "code", MALFORMED, "response_type must be code, not", kind)
        demand(call.query("requestId"), MALFORMED, "The query has no requestId")
        approval = call.data().get("userOAuthApproval")
        demand(approval is True, MALFORMED, "userOAuthApproval must be true, not", approval)
        demand(not login.denied, SESSION, "The session has expired, start again: access was denied")
        login.approved = True
        location = self._state.way_out(login, call, self._rules.authorize_redirects)
        return _wrap(redirectUri=location, isApproved=True)

    def follow(self, call: Call) -> Reply:
        """Answer a redirect after step 5; the last one leads to the app, with the code."""
        login = self._state.login_of(call)
        self._state.demand_session(login, call)
        demand(login.approved, SESSION, "Access was not approved")
        hops = int(call.query("hops") or 1) - 1
        return Reply(self._state.way_out(login, call, hops), render=private_redirect)

    def _eligible(self, login: Login) -> list[Account]:
        """Return the accounts the PIN may be for: the app's own, else the default, else any."""
        accounts = list(self._rules.accounts)
        own = [account for account in accounts if account.user_id == login.told.get("user_id")]
        return own or [account for account in accounts if account.is_default] or accounts

    def _demand_account(self, call: Call, login: Login, data: dict[str, Any]) -> None:
        number = data.get("profileId")
        demand(type(number) is int, MALFORMED, "profileId must be a number, not", number)
        chosen = [account for account in self._eligible(login) if account.profile_id == number]
        demand(chosen, MALFORMED, "profileId is of no account of this login:", number)
        account = chosen[0]
        headers = {"X-Profile-Id": str(account.profile_id), "X-User-Id": account.user_id}
        for name, expected in headers.items():
            demand(call.header(name) == expected, MALFORMED, f"Wrong {name}", call.header(name))

    def _demand_client(self, call: Call, login: Login) -> None:
        for name in ("client_id", "redirect_uri"):
            value = login.told.get(name) or getattr(self._rules, f"internal_{name}")
            demand(call.query(name) == value, MALFORMED, f"Invalid {name}", call.query(name))
