"""The person's phone: the token request that waits on it, and the message of its approval."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from upstox_totp.sandbox.clock import Clock, next_expiry
from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.tokens import TokenStore

Message = dict[str, str]


def checked_url(url: str | None) -> str | None:
    """Return a notifier URL that can be posted to.

    Args:
        url: The address, or None for no notifier.

    Raises:
        ValueError: It is not an absolute http or https URL.
    """
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("notifier_url is not an absolute http or https URL")
    return url


def milliseconds(moment: float) -> str:
    """Return `moment`, in epoch seconds, as the token request writes times."""
    return str(int(moment * 1000))


def post(url: str, message: Mapping[str, str], timeout: float) -> int:
    """Post a message as JSON, past every proxy, and follow no redirect.

    Args:
        url: The notifier's address.
        message: The message.
        timeout: Seconds to wait for the connection, and for each part of the answer.

    Returns:
        The HTTP status of the answer.

    Raises:
        OSError: The notifier cannot be reached or does not answer in time.
        http.client.HTTPException: What it answers is not HTTP.
    """
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
    """A token request that nobody has answered yet.

    Args:
        notifier_url: Where the token will be sent.
        lapses: When it is too late to approve, in epoch seconds.
    """

    notifier_url: str
    lapses: int


class Phone:
    """Holds the last token request until it is approved, rejected or lapsed.

    Args:
        rules: The sandbox's settings.
        clock: The server's clock.
        tokens: Where an approved token comes from.
    """

    def __init__(self, rules: Rules, clock: Clock, tokens: TokenStore) -> None:
        self._rules = rules
        self._clock = clock
        self._tokens = tokens
        self._pending: Pending | None = None
        self.notifier_url = checked_url(rules.notifier_url)
        self.messages: list[Message] = []

    def clear(self) -> None:
        """Forget the request and the messages; the notifier's address stays."""
        self._pending = None
        self.messages.clear()

    def ring(self, notifier_url: str) -> Pending:
        """Take a token request, in the place of one that waits.

        Args:
            notifier_url: Where the token will be sent.
        """
        self._pending = Pending(notifier_url, next_expiry(self._clock.now()))
        return self._pending

    @property
    def waits(self) -> bool:
        """Whether a token request can be approved or rejected."""
        return self._pending is not None and self._clock.now() < self._pending.lapses

    def take(self) -> Pending:
        """Return the request that waits, which then waits no more.

        Raises:
            RuntimeError: There is none, or it has lapsed.
        """
        pending = self._pending
        if pending is None or not self.waits:
            raise RuntimeError("no token request waits" if pending is None else "it has lapsed")
        self._pending = None
        return pending

    def approve(self) -> tuple[str, Message]:
        """Issue the token that was asked for.

        Returns:
            Where to send it, and the message that carries it.

        Raises:
            RuntimeError: No request waits, or it has lapsed.
        """
        pending = self.take()
        now = self._clock.now()
        user_id = self._rules.account.user_id
        message = {
            "client_id": self._rules.credentials.client_id,
            "user_id": user_id,
            "access_token": self._tokens.issue(user_id),
            "token_type": "Bearer",
            "expires_at": milliseconds(next_expiry(now)),
            "issued_at": milliseconds(now),
            "message_type": "access_token",
        }
        self.messages.append(message)
        return pending.notifier_url, dict(message)
