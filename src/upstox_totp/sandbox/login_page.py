"""The login page, as a user or a browser tool uses it: one form after the other.

The forms ask for what the six requests send, and both share attempts, codes and locks.
"""

from collections.abc import Mapping
from functools import partial
from html import escape
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import SIX_DIGITS, Call, Refusal, Reply, Service, demand
from upstox_totp.sandbox.state import FLOW_COOKIE, Login, State

LAPSED = "The time for this login has run out. Begin again in the app that sent you here."
LATE = "The one-time code came too late. Begin again with the mobile number."
OVER = "This login is over. Begin again in the app that sent you here."

STYLE = """
body { max-width: 22rem; margin: 4rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; }
input, button { box-sizing: border-box; width: 100%; margin: .25rem 0 1rem; padding: .6rem; }
button { color: #fff; background: #4b2d9f; border: 0; border-radius: 4px; font: inherit; }
[role=alert] { padding: .6rem; color: #8c1d18; background: #fdecea; }
"""
DOCUMENT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
{content}
<p>A mock for tests. The account behind it is made up.</p>
</html>
"""
NOTICE = '<p id="notice" role="alert">{notice}</p>\n'
FORM = '<form method="post" action="{action}">\n{fields}\n</form>'
FIELD = """<label for="{name}">{label}</label>
<input id="{name}" name="{name}" inputmode="numeric" {attributes} required{described}>
<button type="submit">Continue</button>"""
DECISION = """<p>{request}</p>
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny">Deny</button>"""

# Of each question: the page's title, the field's label and name, and the input's attributes.
TEL = 'type="tel" autocomplete="tel-national" pattern="[0-9]{10}" maxlength="10"'
CODE = 'type="text" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6"'
PIN = 'type="password" autocomplete="current-password" pattern="[0-9]*"'
QUESTIONS = {
    "mobile": ("Log in", "Mobile number", "mobile", TEL),
    "code": ("Enter the one-time code", "One-time code", "otp", CODE),
    "pin": ("Enter your PIN", "PIN", "pin", PIN),
}


def lead(state: State, call: Call) -> Reply:
    """Lead from the dialog to the page, whose address tells what a client must know."""
    login = state.login_of(call, page=True)
    told = urlencode({name: value for name, value in login.told.items() if value is not None})
    address = call.address("login", f"/?{told}")
    return Reply(address, cookies={FLOW_COOKIE: login.flow}, render=redirect)


def answer(state: State, call: Call) -> Reply:
    """Answer one request of the page: its form, or what was typed in."""
    try:
        login = state.login_of(call)
        stage = _stage(state, call, login)
    except Refusal:
        return _page("Log in", "", LAPSED)
    form = call.record.path.strip("/")
    if not form:
        return _page(*_form(state, call, login, stage))
    login.notice = ""
    try:
        if form == stage:
            return _take(state, call, login, stage)
        if stage == "mobile":
            login.notice = LATE
    except Refusal as refusal:
        login.notice = refusal.text(echo=False)
    return _see_other(call.address("login", "/"), {})


def _stage(state: State, call: Call, login: Login) -> str:
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


def _form(state: State, call: Call, login: Login, stage: str) -> tuple[str, str, str]:
    """Return title, content and notice of the page with the form that the login waits for."""
    if stage == "ended":
        return "Log in", "", OVER
    if stage == "approval":
        account, app = state.rules.account, state.rules.credentials.client_id
        request = (
            f"The app {app} asks for access to the account {account.user_id} "
            f"of {account.first_name} {account.last_name}."
        )
        title, fields = "Approve access", DECISION.format(request=escape(request))
    else:
        title, label, name, attributes = QUESTIONS[stage]
        described = ' aria-invalid="true" aria-describedby="notice"' if login.notice else ""
        fields = FIELD.format(name=name, label=label, attributes=attributes, described=described)
    action = escape(call.address("login", f"/{stage}"))
    return title, FORM.format(action=action, fields=fields), login.notice


def _page(title: str, content: str, notice: str) -> Reply:
    """Return a page, which runs no script."""
    if notice:
        content = NOTICE.format(notice=escape(notice)) + content
    page = DOCUMENT.format(title=title, style=STYLE, content=content)
    return Reply(page, render=partial(Response, mimetype="text/html"))


def _take(state: State, call: Call, login: Login, stage: str) -> Reply:
    """Take what was typed into the form that is due; all but the last lead back to the page."""
    typed = {name: value.strip() for name, value in call.form.items()}
    known, cookies = state.rules.credentials, {}
    location = call.address("login", "/")
    if stage == "mobile":
        state.demand_unlocked()
        right = typed.get("mobile") == known.username
        demand(right, Service.SESSION, "No account has this mobile number")
        state.open_otp(login)
    elif stage == "code":
        code = typed.get("otp", "")
        demand(SIX_DIGITS.fullmatch(code), Service.SESSION, "The one-time code has six digits")
        state.demand_unlocked()
        state.take_code(code)
        login.otp_token, login.verified = None, "newer"
    elif stage == "pin":
        pin = typed.get("pin")
        demand(pin, Service.SESSION, "Enter the PIN")
        cookies = state.open_session(login, pin, known.pin_code)
    else:
        decision = typed.get("decision")
        login.approved, login.denied = decision == "approve", decision == "deny"
        decided = login.approved or login.denied
        demand(decided, Service.SESSION, "Approve or deny the access")
        if login.approved:
            location = state.way_out(login, call, state.rules.authorize_redirects)
        else:
            # As RFC 6749 has it.
            location = state.app_address(error="access_denied", state=login.state)
    return _see_other(location, cookies)


def _see_other(location: str, cookies: Mapping[str, str]) -> Reply:
    return Reply(location, cookies=cookies, render=partial(redirect, code=303))
