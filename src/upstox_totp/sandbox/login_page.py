"""The login page, as a user or a browser tool uses it: one form after the other.

The forms ask for what the six requests send, and both share attempts, codes and locks. How the
real page looks, and where its forms go, is not known; that a browser is redirected after each
post, so that a reload sends nothing twice, is ours.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Literal
from urllib.parse import urlencode

from upstox_totp.sandbox import pages
from upstox_totp.sandbox.calls import Call, Refusal, Reply, Service, demand, private_redirect
from upstox_totp.sandbox.state import FLOW_COOKIE, Login, State

Stage = Literal["mobile", "code", "pin", "approval", "ended"]
SIX_DIGITS = re.compile(r"[0-9]{6}")
LAPSED = "The time for this login has run out. Begin again in the app that sent you here."
LATE = "The one-time code came too late. Begin again with the mobile number."
OVER = "This login is over. Begin again in the app that sent you here."


def lead(state: State, call: Call) -> Reply:
    """Lead from the dialog to the page, whose address tells what a client must know."""
    login = state.login_of(call, page=True)
    told = urlencode({name: value for name, value in login.told.items() if value is not None})
    address = call.address("login", f"/?{told}")
    return Reply(address, cookies={FLOW_COOKIE: login.flow}, render=private_redirect)


def answer(state: State, call: Call) -> Reply:
    """Answer one request of the page: its form, or what was typed in."""
    try:
        login = state.login_of(call)
        stage = _stage(state, call, login)
    except Refusal:
        return _page(state, pages.document("Log in", "", LAPSED))
    form = call.record.path.strip("/")
    if not form:
        return _page(state, _form(state, call, login, stage))
    login.notice = ""
    try:
        if form == stage:
            return _take(state, call, login, stage)
        if stage == "mobile":
            login.notice = LATE
    except Refusal as refusal:
        login.notice = refusal.text(echo=False)
    return _see_other(call.address("login", "/"))


def _stage(state: State, call: Call, login: Login) -> Stage:
    """Return what the login waits for."""
    if login.approved or login.denied:
        return "ended"
    if login.session is not None:
        state.demand_session(login, call)
        return "approval"
    if login.verified is not None:
        return "pin"
    waits = login.otp_token is not None and state.lived() < login.otp_expires
    return "code" if waits else "mobile"


def _page(state: State, page: str) -> Reply:
    redirect_uri = state.rules.credentials.redirect_uri
    return Reply(page, render=lambda html: pages.page_response(html, redirect_uri))


def _form(state: State, call: Call, login: Login, stage: Stage) -> str:
    """Return the page with the form of what the login waits for."""
    if stage == "ended":
        return pages.document("Log in", "", OVER)
    action = call.address("login", f"/{stage}")
    if stage != "approval":
        return pages.question(stage, action, login.notice)
    account, app = state.rules.account, state.rules.credentials.client_id
    request = (
        f"The app {app} asks for access to the account {account.user_id} "
        f"of {account.first_name} {account.last_name}."
    )
    return pages.decision(action, request, login.notice)


def _take(state: State, call: Call, login: Login, stage: Stage) -> Reply:
    """Take what was typed into the form that is due; all but the last lead back to the page."""
    known, page = state.rules.credentials, call.address("login", "/")
    if stage == "mobile":
        state.demand_unlocked()
        right = _typed(call, "mobile") == known.username
        demand(right, Service.SESSION, "No account has this mobile number")
        state.open_otp(login)
        return _see_other(page)
    if stage == "code":
        code = _typed(call, "otp")
        demand(SIX_DIGITS.fullmatch(code), Service.SESSION, "The one-time code has six digits")
        state.demand_unlocked()
        state.take_code(code)
        login.otp_token, login.verified = None, "newer"
        return _see_other(page)
    if stage == "pin":
        pin = _typed(call, "pin")
        demand(pin, Service.SESSION, "Enter the PIN")
        return _see_other(page, state.open_session(login, pin, known.pin_code))
    decision = _typed(call, "decision")
    demand(decision in {"approve", "deny"}, Service.SESSION, "Approve or deny the access")
    login.approved = decision == "approve"
    login.denied = not login.approved
    if login.denied:
        return _see_other(state.denied(login))
    return _see_other(state.way_out(login, call, state.rules.authorize_redirects))


def _typed(call: Call, name: str) -> str:
    return call.form.get(name, "").strip()


def _see_other(location: str, cookies: Mapping[str, str] | None = None) -> Reply:
    return Reply(location, cookies=cookies or {}, render=partial(private_redirect, status=303))
