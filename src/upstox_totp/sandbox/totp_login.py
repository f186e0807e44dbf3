"""Upstox's own TOTP login: one request from API key, one-time password and PIN to a token."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from upstox_totp.sandbox.answers import (
    INVALID_CLIENT,
    INVALID_CREDENTIALS,
    INVALID_INPUT,
    TOO_MANY,
    Refusal,
    Reply,
    demand,
)
from upstox_totp.sandbox.calls import Call
from upstox_totp.sandbox.state import State
from upstox_totp.sandbox.users import token_fields

JSON = "application/json"
SIX_DIGITS = re.compile(r"[0-9]{6}")


@contextmanager
def _said_by_api(name: str | None = None) -> Iterator[None]:
    """Turn a refusal with a number of the `service` host into the one code of this host."""
    try:
        yield
    except Refusal as refusal:
        raise refusal.recoded(INVALID_CREDENTIALS, name) from None


class TotpLogin:
    """The one request of the TOTP login.

    Upstox documents path, headers, body, limits, and that the new token ends the account's others
    (two dated copies of the documentation). The flat answer is known from one public client. Not
    known are the codes and statuses of refusals, and the order in which things are looked at.

    Args:
        state: What the service remembers.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._rules = state.rules

    def log_in(self, call: Call) -> Reply:
        """Answer the login: judge the code, then the PIN, and let every older token die."""
        demand(self._state.totp_limits.let_in(), TOO_MANY, "Too Many Request Sent")
        totp, pin = self._credentials(call)
        guard = self._state.guard
        enabled = self._rules.totp_enabled
        demand(enabled, INVALID_CREDENTIALS, "TOTP is not enabled on this account")
        with _said_by_api():
            guard.pass_lock()
        with _said_by_api("totp"):
            guard.pass_code(totp)
        with _said_by_api("pin"):
            guard.pass_pin(pin, self._rules.credentials.pin_code)
        self._state.completed += 1
        self._state.tokens.revoke_all()
        fields = token_fields(self._state)
        enveloped = self._rules.totp_login_enveloped
        return Reply({"status": "success", "data": fields} if enveloped else fields)

    def _credentials(self, call: Call) -> tuple[str, str]:
        """Return code and PIN of a request of the right shape, from the right app."""
        accepted = {media.lower() for media in call.request.accept_mimetypes.values()}
        demand(JSON in accepted, INVALID_INPUT, f"Accept must be {JSON}", name="Accept")
        media = call.request.mimetype
        demand(media == JSON, INVALID_INPUT, f"Content-Type must be {JSON}, not", media)
        key = call.header("x-api-key")
        known = key == self._rules.credentials.client_id
        demand(known, INVALID_CLIENT, "Invalid x-api-key", key, name="x-api-key")
        body = call.json if isinstance(call.json, dict) else {}
        exact = set(body) == {"totp", "pin"}
        demand(exact, INVALID_INPUT, 'The body must be {"totp": ..., "pin": ...} and no more')
        for name, value in body.items():
            digits = isinstance(value, str) and SIX_DIGITS.fullmatch(value)
            demand(digits, INVALID_INPUT, f"{name} must be a text of six digits", value, name=name)
        return body["totp"], body["pin"]
