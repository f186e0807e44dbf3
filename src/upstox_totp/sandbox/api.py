"""The steps on the `api` host: dialog, token exchange, profile, logout."""

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox.answers import (
    EXTENDED,
    INVALID_CLIENT,
    INVALID_CODE,
    INVALID_INPUT,
    INVALID_TOKEN,
    WRONG_CLIENT,
    Reply,
    demand,
)
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.sessions import DIALOG_COOKIE
from upstox_totp.sandbox.state import State
from upstox_totp.sandbox.users import token_fields, user_fields

FORM = "application/x-www-form-urlencoded"


class ApiSteps:
    """Steps 1 and 6, and what an access token is good for.

    Upstox documents the requests, the fields, the error codes but two (invalid authorization code
    and invalid client, from public clients), and that a code is good for one exchange, even a
    failed one; `state` is RFC 6749's. The login page's query is known from public clients.

    Args:
        state: What the service remembers.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules

    def dialog(self, call: Call) -> Reply:
        """Answer step 1: begin a login and lead to the login page."""
        app = self._rules.credentials
        kind = call.query("response_type")
        demand(kind == "code", INVALID_INPUT, "Invalid response_type", kind, name="response_type")
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
        return Reply(token_fields(self._state))

    def profile(self, call: Call) -> Reply:
        """Answer who the bearer is."""
        self._demand_token(call)
        return Reply({"status": "success", "data": user_fields(self._rules)})

    def logout(self, call: Call) -> Reply:
        """Answer a logout: the bearer's token dies."""
        self._demand_token(call)
        self._state.tokens.revoke(call.bearer)
        return Reply({"status": "success", "data": True})

    def _demand_token(self, call: Call) -> None:
        token = call.bearer
        tokens = self._state.tokens
        demand(tokens.is_alive(token), INVALID_TOKEN, "Invalid token used to access API", token)
        demand(not tokens.is_extended(token), EXTENDED, "Not permitted with an extended token")
