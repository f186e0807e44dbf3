"""The login page, as a person or a browser tool uses it: one form after the other."""

import re
from collections.abc import Callable
from functools import partial
from typing import Literal
from urllib.parse import urlencode

from upstox_totp.sandbox import pages
from upstox_totp.sandbox.calls import SESSION, Call, Refusal, Reply, demand, private_redirect
from upstox_totp.sandbox.state import FLOW_COOKIE, Login, State

Take = Callable[[Call, Login], Reply]
Stage = Literal["mobile", "code", "pin", "approval", "ended"]
SIX_DIGITS = re.compile(r"[0-9]{6}")
LAPSED = "The time for this login has run out. Begin again in the app that sent you here."
LATE = "The one-time code came too late. Begin again with the mobile number."
OVER = "This login is over. Begin again in the app that sent you here."


def _typed(call: Call, name: str) -> str:
    return call.request.form.get(name, "").strip()


def _back(call: Call, cookies: dict[str, str] | None = None) -> Reply:
    see_other = partial(private_redirect, status=303)
    return Reply(call.url("login", "/"), cookies=cookies or {}, render=see_other)


class LoginPage:
    """The page that the dialog leads to, and the forms on it.

    The forms ask for what the six requests send, and both share attempts, codes and locks. How the
    real page looks, and where its forms go, is not known; that one is redirected after each post,
    so that a reload sends nothing twice, is ours.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules
        self._actions: dict[str, Take] = {
            "mobile": self._take_mobile,
            "code": self._take_code,
            "pin": self._take_pin,
            "approval": self._take_decision,
        }

    def answer(self, call: Call) -> Reply:
        """Answer one request of the page: the way to it, its form, or what was typed in."""
        if call.route.path == "/open/start":
            return self._lead(call)
        try:
            login = self._state.login_of(call)
            stage = self._stage(call, login)
        except Refusal:
            return self._page(pages.document("Log in", "", LAPSED))
        form = call.route.path.removeprefix("/")
        if not form:
            return self._page(self._form(call, login, stage))
        late = stage != form
        login.notice = LATE if late and stage == "mobile" else ""
        if late:
            return _back(call)
        try:
            return self._actions[form](call, login)
        except Refusal as refusal:
            login.notice = refusal.text(echo=False)
            return _back(call)

    def _lead(self, call: Call) -> Reply:
        """Lead from the dialog to the page, whose address tells what a client must know."""
        login = self._state.login_of(call, page=True)
        told = urlencode({name: value for name, value in login.told.items() if value is not None})
        address = call.url("login", f"/?{told}")
        return Reply(address, cookies={FLOW_COOKIE: login.flow}, render=private_redirect)

    def _page(self, page: str) -> Reply:
        redirect_uri = self._rules.credentials.redirect_uri
        return Reply(page, render=lambda html: pages.page_response(html, redirect_uri))

    def _stage(self, call: Call, login: Login) -> Stage:
        """Return what the login waits for."""
        if login.approved or login.denied:
            return "ended"
        if login.session is not None:
            self._state.demand_session(login, call)
            return "approval"
        if login.verified is not None:
            return "pin"
        waits = login.otp_token is not None and self._state.clock.lived() < login.otp_dies
        return "code" if waits else "mobile"

    def _form(self, call: Call, login: Login, stage: Stage) -> str:
        """Return the page with the form of what the login waits for."""
        if stage == "ended":
            return pages.document("Log in", "", OVER)
        action = call.url("login", f"/{stage}")
        if stage != "approval":
            return pages.question(stage, action, login.notice)
        account, app = self._rules.account, self._rules.credentials.client_id
        request = (
            f"The app {app} asks for access to the account {account.user_id} "
            f"of {account.first_name} {account.last_name}."
        )
        return pages.decision("Approve access", action, request, login.notice)

    def _take_mobile(self, call: Call, login: Login) -> Reply:
        self._state.guard.pass_lock()
        known = _typed(call, "mobile") == self._rules.credentials.username
        demand(known, SESSION, "No account has this mobile number")
        self._state.open_otp(login)
        return _back(call)

    def _take_code(self, call: Call, login: Login) -> Reply:
        code = _typed(call, "otp")
        demand(SIX_DIGITS.fullmatch(code), SESSION, "The one-time code has six digits")
        self._state.guard.pass_lock()
        self._state.pass_code(login, code, "newer")
        return _back(call)

    def _take_pin(self, call: Call, login: Login) -> Reply:
        pin = _typed(call, "pin")
        demand(pin, SESSION, "Enter the PIN")
        return _back(call, self._state.pass_pin(login, pin, self._rules.credentials.pin_code))

    def _take_decision(self, call: Call, login: Login) -> Reply:
        decision = _typed(call, "decision")
        demand(decision in {"approve", "deny"}, SESSION, "Approve or deny the access")
        login.approved = decision == "approve"
        login.denied = not login.approved
        hops = self._rules.authorize_redirects
        location = (
            self._state.way_out(login, call, hops) if login.approved else self._state.denied(login)
        )
        return Reply(location, render=partial(private_redirect, status=303))
