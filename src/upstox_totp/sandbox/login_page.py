"""The login page, as a person or a browser tool uses it: one form after the other."""

import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import Literal
from urllib.parse import urlencode

from upstox_totp.sandbox import pages
from upstox_totp.sandbox.answers import SESSION, Refusal, Reply, demand
from upstox_totp.sandbox.app_redirect import denied, private_redirect, way_out
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.sessions import (
    FLOW_COOKIE,
    SESSION_COOKIE,
    demand_session,
    login_of,
    login_of_dialog,
)
from upstox_totp.sandbox.state import Login, State

Take = Callable[[Call, Login], Reply]
Stage = Literal["mobile", "code", "pin", "approval", "ended"]
SIX_DIGITS = re.compile(r"[0-9]{6}")
LAPSED = "The time for this login has run out. Begin again in the app that sent you here."
LATE = "The one-time code came too late. Begin again with the mobile number."
OVER = "This login is over. Begin again in the app that sent you here."


class LoginPage:
    """The page that the dialog leads to, and the forms on it.

    The forms ask for what the six requests send, and both share attempts, codes and locks. How the
    real page looks, and where its forms go, is not known; that one is redirected after each post,
    so that a reload sends nothing twice, is ours.

    Args:
        state: What the service remembers.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules
        self._actions: dict[str, tuple[Stage, Take]] = {
            "/mobile": ("mobile", self._take_mobile),
            "/code": ("code", self._take_code),
            "/pin": ("pin", self._take_pin),
            "/approval": ("approval", self._take_decision),
        }

    def answer(self, call: Call) -> Reply:
        """Answer one request of the page: the way to it, its form, or what was typed in."""
        if call.route.path == "/open/start":
            return self._lead(call)
        try:
            login = login_of(self._state, call)
            stage = self._stage(call, login)
        except Refusal:
            return self._page(pages.document("Log in", "", LAPSED))
        if call.route.path == "/":
            return self._page(self._form(call, login, stage))
        wanted, act = self._actions[call.route.path]
        if stage != wanted:
            login.notice = LATE if stage == "mobile" else ""
            return self._back(call)
        login.notice = ""
        try:
            return act(call, login)
        except Refusal as refusal:
            login.notice = refusal.text(echo=False)
            return self._back(call)

    def _lead(self, call: Call) -> Reply:
        """Lead from the dialog to the page, whose address tells what a client must know."""
        login = login_of_dialog(self._state, call)
        told = urlencode({name: value for name, value in login.told.items() if value is not None})
        return Reply(
            call.url("login", f"/?{told}"),
            cookies={FLOW_COOKIE: login.flow},
            render=private_redirect,
        )

    def _page(self, page: str) -> Reply:
        redirect_uri = self._rules.credentials.redirect_uri
        return Reply(page, render=lambda html: pages.page_response(html, redirect_uri))

    @staticmethod
    def _back(call: Call) -> Reply:
        return Reply(call.url("login", "/"), render=partial(private_redirect, status=303))

    def _stage(self, call: Call, login: Login) -> Stage:
        """Return what the login waits for."""
        if login.approved or login.denied:
            return "ended"
        if login.session is not None:
            demand_session(login, call)
            return "approval"
        if login.verified is not None:
            return "pin"
        waits = login.otp_token is not None and self._state.clock.lived() < login.otp_dies
        return "code" if waits else "mobile"

    def _form(self, call: Call, login: Login, stage: Stage) -> str:
        """Return the page with the form of what the login waits for."""
        ask = pages.question
        notice = login.notice
        match stage:
            case "mobile":
                to = call.url("login", "/mobile")
                field = ("Mobile number", "mobile", pages.MOBILE)
                return ask("Log in", to, *field, notice=notice)
            case "code":
                to = call.url("login", "/code")
                field = ("One-time code", "otp", pages.CODE)
                return ask("Enter the one-time code", to, *field, notice=notice)
            case "pin":
                to = call.url("login", "/pin")
                return ask("Enter your PIN", to, "PIN", "pin", pages.PIN, notice=notice)
            case "approval":
                account, app = self._rules.account, self._rules.credentials.client_id
                request = (
                    f"The app {app} asks for access to the account {account.user_id} "
                    f"of {account.first_name} {account.last_name}."
                )
                return pages.decision(
                    "Approve access", call.url("login", "/approval"), request, notice
                )
            case _:
                return pages.document("Log in", "", OVER)

    def _take_mobile(self, call: Call, login: Login) -> Reply:
        guard = self._state.guard
        guard.pass_lock()
        known = self._typed(call, "mobile") == self._rules.credentials.username
        demand(known, SESSION, "No account has this mobile number")
        guard.pass_generation()
        login.otp_token = f"ll1FA-{secrets.token_hex(32)}"
        login.otp_dies = self._state.clock.lived() + self._rules.otp_lifetime
        return self._back(call)

    def _take_code(self, call: Call, login: Login) -> Reply:
        code = self._typed(call, "otp")
        demand(SIX_DIGITS.fullmatch(code), SESSION, "The one-time code has six digits")
        self._state.guard.pass_lock()
        self._state.guard.pass_code(code)
        login.otp_token = None
        login.verified = "newer"
        return self._back(call)

    def _take_pin(self, call: Call, login: Login) -> Reply:
        pin = self._typed(call, "pin")
        demand(pin, SESSION, "Enter the PIN")
        self._state.guard.pass_lock()
        self._state.guard.pass_pin(pin, self._rules.credentials.pin_code)
        login.session = secrets.token_urlsafe(24)
        self._state.completed += 1
        reply = self._back(call)
        return Reply(reply.payload, cookies={SESSION_COOKIE: login.session}, render=reply.render)

    def _take_decision(self, call: Call, login: Login) -> Reply:
        decision = self._typed(call, "decision")
        demand(decision in {"approve", "deny"}, SESSION, "Approve or deny the access")
        login.approved = decision == "approve"
        login.denied = not login.approved
        hops = self._rules.authorize_redirects
        location = (
            way_out(self._state, login, call, hops)
            if login.approved
            else denied(self._state, login)
        )
        return Reply(location, render=partial(private_redirect, status=303))

    @staticmethod
    def _typed(call: Call, name: str) -> str:
        return call.request.form.get(name, "").strip()
