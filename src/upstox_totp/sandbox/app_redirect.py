"""Where a login ends: the app's redirect URI, with a code or with an error."""

import secrets
from urllib.parse import urlencode, urlsplit

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.state import Login, State

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def with_parameters(redirect_uri: str, **parameters: str | None) -> str:
    """Return the app's redirect URI carrying parameters.

    Args:
        redirect_uri: The app's redirect URI, with or without a query.
        **parameters: What to add to the query; None is left out.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, (parts.query, urlencode(given))))
    return parts._replace(query=query).geturl()


def granted(state: State, login: Login) -> str:
    """Return the app's redirect URI with a new authorization code and the dialog's `state`."""
    uri = state.rules.credentials.redirect_uri
    return with_parameters(uri, code=state.grant(), state=login.state)


def denied(state: State, login: Login) -> str:
    """Return the app's redirect URI with the error of a person who said no.

    RFC 6749, section 4.1.2.1, says which error and that `state` goes with it.
    """
    uri = state.rules.credentials.redirect_uri
    return with_parameters(uri, error="access_denied", state=login.state)


def way_out(state: State, login: Login, call: Call, hops: int) -> str:
    """Return where an approved login goes next: to the app, or through redirects before it.

    Args:
        state: What the service remembers.
        login: The approved login.
        call: The request being answered.
        hops: How many redirects lie before the app.
    """
    if hops <= 0:
        return granted(state, login)
    query = urlencode({"state": secrets.token_hex(4), "hops": hops})
    return call.url("api", f"/login/authorization/redirect?{query}")


def private_redirect(location: str, status: int = 302) -> Response:
    """Return a redirect that no cache keeps and that tells the next page nothing of this one.

    Args:
        location: Where to.
        status: The HTTP status.
    """
    response = redirect(location, status)
    response.headers.update(PRIVATE)
    return response
