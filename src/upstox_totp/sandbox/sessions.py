"""The cookies of a login, and which login they belong to."""

from upstox_totp.sandbox.answers import SESSION, Refusal, demand
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.state import Login, State

DIALOG_COOKIE = "login_dialog"
FLOW_COOKIE = "login_flow"
SESSION_COOKIE = "login_session"


def login_of_dialog(state: State, call: Call) -> Login:
    """Return the login that the dialog's cookie belongs to.

    Raises:
        Refusal: The cookie is missing or of no login (the real code is not known).
    """
    login = state.logins.get(call.cookie(DIALOG_COOKIE))
    if login is None:
        raise Refusal(SESSION, "The session has expired, start again: no dialog's cookie")
    return login


def login_of(state: State, call: Call) -> Login:
    """Return the login that the cookies of dialog and login page belong to.

    Raises:
        Refusal: They are missing or of no login (the real code is not known).
    """
    login = state.logins.get(call.cookie(DIALOG_COOKIE))
    if login is None or call.cookie(FLOW_COOKIE) != login.flow:
        raise Refusal(SESSION, "The session has expired, start again: no dialog's cookies")
    return login


def demand_session(login: Login, call: Call) -> None:
    """Refuse without the cookie that was set for the PIN.

    Raises:
        Refusal: It is missing or another login's.
    """
    demand(
        login.session is not None and call.cookie(SESSION_COOKIE) == login.session,
        SESSION,
        "The session has expired, start again: no session cookie",
    )
