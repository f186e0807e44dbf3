"""The access token request, which a person approves on the phone."""

from upstox_totp.sandbox.answers import (
    INVALID_CLIENT,
    INVALID_INPUT,
    NO_NOTIFIER,
    WRONG_CLIENT,
    Refusal,
    Reply,
    demand,
)
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.phone import milliseconds
from upstox_totp.sandbox.state import State

JSON = "application/json"


class TokenRequest:
    """The request that makes the phone ask its owner.

    Upstox documents path, body, answer and the codes of an app that may not ask. Not known are the
    codes of a wrong client id or secret, and what a second request does to one that waits.

    Args:
        state: What the service remembers.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules

    def send(self, call: Call) -> Reply:
        """Answer the request: until when it can be approved, and who will be told."""
        app = self._rules.credentials
        client_id = call.segments["client_id"]
        known = client_id == app.client_id
        demand(known, WRONG_CLIENT, "Check your 'client_id'", client_id, name="client_id")
        media = call.request.mimetype
        demand(media == JSON, INVALID_INPUT, f"Content-Type must be {JSON}, not", media)
        body = call.json if isinstance(call.json, dict) else {}
        exact = set(body) == {"client_secret"}
        demand(exact, INVALID_INPUT, 'The body must be {"client_secret": ...} and no more')
        secret = body["client_secret"]
        right = secret == app.client_secret
        demand(right, INVALID_CLIENT, "Invalid client", secret, name="client_secret")
        if self._rules.token_request_refusal is not None:
            raise Refusal(self._rules.token_request_refusal, "The app may not ask for a token")
        url = self._state.phone.notifier_url
        if url is None:
            raise Refusal(NO_NOTIFIER, "The app has no notifier URL")
        pending = self._state.phone.ring(url)
        data = {"authorization_expiry": milliseconds(pending.lapses), "notifier_url": url}
        return Reply({"status": "success", "data": data})
