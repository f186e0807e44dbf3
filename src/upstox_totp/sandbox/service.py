"""The steps on the `service` host: one-time password, verification, PIN and approval."""

import base64
import secrets
from typing import Any

from upstox_totp.sandbox.answers import (
    MALFORMED,
    MOBILE,
    SESSION,
    Reply,
    demand,
)
from upstox_totp.sandbox.app_redirect import granted, private_redirect, way_out
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.credentials import Account
from upstox_totp.sandbox.sessions import SESSION_COOKIE, demand_session, login_of
from upstox_totp.sandbox.state import Login, State

NEXT_REQUEST = 30


class ServiceSteps:
    """Steps 2 to 5, and the redirects that may follow the last of them.

    The older pair (verify v4, 2fa v3) and the fields of steps 2 and 5 are known from several public
    clients. The newer pair, the redirects, failures with HTTP 200 and the code of an incorrect PIN
    are known from one client that was tried against the real service. The cookies' names, what is
    answered without them, and the choice among several accounts are assumptions.

    Args:
        state: What the service remembers.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules

    def otp(self, call: Call) -> Reply:
        """Answer step 2: open a one-time password's session."""
        login = login_of(self._state, call)
        data = call.data()
        self._state.guard.pass_lock()
        number = data.get("mobileNumber")
        user_id = data.get("userId")
        country = data.get("countryIsdCode", "+91")
        demand(number == self._rules.credentials.username, MOBILE, "Invalid mobile number", number)
        demand(user_id == login.told.get("user_id"), MOBILE, "Invalid user id", user_id)
        demand(country == "+91", MOBILE, "Invalid country code", country)
        self._state.guard.pass_generation()
        login.otp_token = f"ll1FA-{secrets.token_hex(32)}"
        login.otp_dies = self._state.clock.lived() + self._rules.otp_lifetime
        return self._wrap(
            message="OTP sent",
            validateOTPToken=login.otp_token,
            nextRequestInterval=NEXT_REQUEST,
            userType="CUSTOMER",
            isTotpEnabled=self._rules.totp_enabled,
        )

    def verify(self, call: Call) -> Reply:
        """Answer step 3: check the one-time password."""
        login = login_of(self._state, call)
        data = call.data()
        self._state.guard.pass_lock()
        token = data.get("validateOtpToken")
        demand(token is not None, SESSION, "The OTP session has expired: no validateOtpToken")
        alive = self._state.clock.lived() < login.otp_dies
        demand(token == login.otp_token and alive, SESSION, "The OTP session has expired", token)
        demand("otp" in data, MALFORMED, "The body has no otp")
        self._state.guard.pass_code(data["otp"])
        login.otp_token = None
        login.verified = call.route.revision
        newer = call.route.revision == "newer"
        return self._wrap(
            message="OTP verified",
            isSecretPinSet=self._rules.pin_set,
            userType="CUSTOMER",
            **(self._accounts() if newer else self._profile()),
        )

    def pin(self, call: Call) -> Reply:
        """Answer step 4: check the PIN and open the session."""
        login = login_of(self._state, call)
        self._demand_client(call, login)
        data = call.data()
        demand(
            login.verified == call.route.revision,
            SESSION,
            "The OTP session has expired: not verified by this version",
        )
        if call.route.revision == "newer":
            self._demand_account(call, login, data)
        method = data.get("twoFAMethod")
        demand(method == "SECRET_PIN", MALFORMED, "Unknown twoFAMethod", method)
        demand("inputText" in data, MALFORMED, "The body has no inputText")
        self._state.guard.pass_lock()
        expected = base64.b64encode(self._rules.credentials.pin_code.encode()).decode()
        self._state.guard.pass_pin(data["inputText"], expected)
        login.session = secrets.token_urlsafe(24)
        self._state.completed += 1
        reply = self._wrap(
            redirectUri=granted(self._state, login) if self._rules.pin_gives_code else None,
            userType="CUSTOMER",
            customerStatus=self._rules.customer_status,
            appStatus="ACTIVE",
            refreshTokenExpiry=int(self._state.clock.now()) + 86400,
            isPlusPlanFastWebsocketEnabled=False,
            isNewRefreshTokenCreated=True,
            isExternalClientOAuthApp=True,
        )
        return Reply(reply.payload, cookies={SESSION_COOKIE: login.session})

    def authorize(self, call: Call) -> Reply:
        """Answer step 5: take the approval, and give the code or the way to it."""
        login = login_of(self._state, call)
        demand_session(login, call)
        self._demand_client(call, login)
        kind = call.query("response_type")
        demand(kind == "code", MALFORMED, "response_type must be code, not", kind)
        demand(call.query("requestId"), MALFORMED, "The query has no requestId")
        approval = call.data().get("userOAuthApproval")
        demand(approval is True, MALFORMED, "userOAuthApproval must be true, not", approval)
        demand(not login.denied, SESSION, "The session has expired, start again: access was denied")
        login.approved = True
        location = way_out(self._state, login, call, self._rules.authorize_redirects)
        return self._wrap(redirectUri=location, isApproved=True)

    def follow(self, call: Call) -> Reply:
        """Answer a redirect after step 5; the last one leads to the app, with the code."""
        login = login_of(self._state, call)
        demand_session(login, call)
        demand(login.approved, SESSION, "Access was not approved")
        hops = int(call.query("hops") or 1) - 1
        return Reply(way_out(self._state, login, call, hops), render=private_redirect)

    def _accounts(self) -> dict[str, Any]:
        return {
            "accounts": [
                {
                    "profileId": account.profile_id,
                    "userId": account.user_id,
                    "isDefault": account.is_default,
                    "firstName": account.first_name,
                    "lastName": account.last_name,
                }
                for account in self._rules.all_accounts
            ],
        }

    def _profile(self) -> dict[str, Any]:
        account = self._rules.account
        return {
            "userProfile": {
                "profileId": account.profile_id,
                "userId": account.user_id,
                "firstName": account.first_name,
                "lastName": account.last_name,
                "avatarUrl": "",
            },
        }

    def _eligible(self, login: Login) -> list[Account]:
        """Return the accounts the PIN may be for: the app's own, else the default, else any."""
        accounts = self._rules.all_accounts
        own = [account for account in accounts if account.user_id == login.told.get("user_id")]
        default = [account for account in accounts if account.is_default]
        return own or default or list(accounts)

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
        expected = {
            "client_id": login.told.get("client_id") or self._rules.internal_client_id,
            "redirect_uri": login.told.get("redirect_uri") or self._rules.internal_redirect_uri,
        }
        for name, value in expected.items():
            demand(call.query(name) == value, MALFORMED, f"Invalid {name}", call.query(name))

    @staticmethod
    def _wrap(**data: object) -> Reply:
        return Reply({"success": True, "data": data})
