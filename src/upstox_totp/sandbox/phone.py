"""The person's phone: the token request that waits on it, and the message of its approval."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from upstox_totp.sandbox.calls import (
    INVALID_CLIENT,
    INVALID_INPUT,
    NO_NOTIFIER,
    WRONG_CLIENT,
    Call,
    Refusal,
    Reply,
    demand,
    demand_field,
)
from upstox_totp.sandbox.clock import Clock, next_expiry
from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.tokens import TokenStore


def milliseconds(moment: float) -> str:
    """Return `moment`, in epoch seconds, as the token request writes times."""
    return str(int(moment * 1000))


def post(url: str, message: Mapping[str, str], timeout: float) -> int:
    """Post a message as JSON, past every proxy and redirect, and return the status answered."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/json"}
        connection.request("POST", target, json.dumps(message).encode(), headers)
        return connection.getresponse().status
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Pending:
    """A token request that nobody has answered: who will be told, and when it lapses."""

    notifier_url: str
    lapses: int


class Phone:
    """Holds the last token request until it is approved, rejected or lapsed.

    Upstox documents path, body, answer and the codes of an app that may not ask. Not known are the
    codes of a wrong client id or secret, and what a second request does to one that waits.
    """

    def __init__(
        self, rules: Rules, clock: Clock, tokens: TokenStore, notifier_url: str | None
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._tokens = tokens
        self._pending: Pending | None = None
        self.notifier_url = notifier_url
        self.messages: list[dict[str, str]] = []

    @property
    def notifier_url(self) -> str | None:
        """The app's notifier, an absolute http or https URL; None for an app without one."""
        return self._notifier_url

    @notifier_url.setter
    def notifier_url(self, url: str | None) -> None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
                raise ValueError("notifier_url is not an absolute http or https URL")
        self._notifier_url = url

    def clear(self) -> None:
        """Forget the request and the messages; the notifier's address stays."""
        self._pending = None
        self.messages.clear()

    def request(self, call: Call) -> Reply:
        """Answer a token request: until when it can be approved, and who will be told."""
        app = self._rules.credentials
        client_id = call.segments.get("client_id")
        demand_field("client_id", client_id)
        known = client_id == app.client_id
        demand(known, WRONG_CLIENT, "Check your 'client_id'", client_id, name="client_id")
        # The OpenAPI description lists the second one.
        body = call.body(optional={"client_secret", "otp_verification_disabled"})
        unasked = type(body.get("otp_verification_disabled", False)) is bool
        demand(unasked, INVALID_INPUT, "otp_verification_disabled must be true or false")
        secret = body.get("client_secret")
        demand_field("client_secret", secret)
        right = secret == app.client_secret
        demand(right, INVALID_CLIENT, "Invalid client", secret, name="client_secret")
        if self._rules.token_request_refusal is not None:
            raise Refusal(self._rules.token_request_refusal, "The app may not ask for a token")
        url = self.notifier_url
        if url is None:
            raise Refusal(NO_NOTIFIER, "The app has no notifier URL")
        self._pending = Pending(url, next_expiry(self._clock.now()))
        data = {"authorization_expiry": milliseconds(self._pending.lapses), "notifier_url": url}
        return Reply({"status": "success", "data": data})

    @property
    def waits(self) -> bool:
        """Whether a token request can be approved or rejected."""
        return self._pending is not None and self._clock.now() < self._pending.lapses

    def take(self) -> Pending:
        """Return the request that waits, which then waits no more, or raise a RuntimeError."""
        pending = self._pending
        if pending is None or not self.waits:
            raise RuntimeError("no token request waits" if pending is None else "it has lapsed")
        self._pending = None
        return pending

    def approve(self) -> tuple[str, dict[str, str]]:
        """Issue the token that was asked for; return where to send it, and the message."""
        pending = self.take()
        now = self._clock.now()
        message = {
            "client_id": self._rules.credentials.client_id,
            "user_id": self._rules.account.user_id,
            "access_token": self._tokens.issue(),
            "token_type": "Bearer",
            "expires_at": milliseconds(next_expiry(now)),
            "issued_at": milliseconds(now),
            "message_type": "access_token",
        }
        self.messages.append(message)
        return pending.notifier_url, dict(message)
