"""Callback: the address that a login in the browser comes back with, and what it says."""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from pydantic import SecretStr

from upstox_totp._api.redirects import address_of
from upstox_totp._api.refusals import plain_words
from upstox_totp._http.addresses import is_loopback
from upstox_totp._settings.hosts import origin
from upstox_totp.errors import APIError, AuthenticationError, ValidationError

if TYPE_CHECKING:
    from upstox_totp._redact import Secrets

MOST: Final = 64 * 1024
"""The longest address that is read, in characters."""

_MOST_FIELDS: Final = 100
_STATE_BYTES: Final = 32
_DENIED: Final = "access_denied"
_AGAIN: Final = "Begin again, and use the address that belongs to this login."


class ForeignCallbackError(ValidationError):
    """An address that does not come from this login; nothing of it is used."""


class Callback:
    """What one login in the browser must come back with.

    Args:
        redirect_uri: The app's redirect URI.
        known: Is told the ``state``, and masks what must not be shown in Upstox's words.
    """

    def __init__(self, redirect_uri: str, known: Secrets) -> None:
        self._redirect_uri = redirect_uri
        self._own = Counter(_fields(redirect_uri.partition("#")[0].partition("?")[2]))
        self._known = known
        self._state = SecretStr(secrets.token_urlsafe(_STATE_BYTES))
        known.add(self._state)

    def begin(self, dialog: str, client_id: str) -> SecretStr:
        """Return the address to open in the browser.

        Args:
            dialog: The URL of the login dialog.
            client_id: The API key of the app.
        """
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": self._redirect_uri,
            "state": self._state.get_secret_value(),
        }
        return SecretStr(f"{dialog}?{urlencode(query)}")

    def read(self, query: SecretStr) -> SecretStr:
        """Return the authorization code in a query.

        Args:
            query: What follows the redirect URI's ``?``.

        Raises:
            ForeignCallbackError: If its ``state`` is not this login's.
            AuthenticationError: If the person denied the access.
            APIError: If Upstox refused for another reason.
            ValidationError: If there is no code, or more than one.
        """
        fields = self._read_fields(query)
        states = fields.get("state", [])
        if len(states) != 1 or not self._is_ours(states[0]):
            raise ForeignCallbackError(
                "The address does not belong to this login: its state is another one.",
                suggestions=[_AGAIN],
            )
        if "error" in fields:
            self._refuse(fields)
        codes = fields.get("code", [])
        if len(codes) != 1 or not codes[0].get_secret_value().strip():
            what = "several authorization codes" if len(codes) > 1 else "no authorization code"
            raise ValidationError(
                f"The login came back with {what}.",
                details={"expected": "one code in the query of the redirect URI"},
                suggestions=["Log in again; if that happens each time, report it."],
            )
        self._known.add(codes[0])
        return codes[0]

    def read_address(self, address: SecretStr) -> SecretStr:
        """Return the authorization code in an address that a person pasted.

        Args:
            address: The whole address.

        Raises:
            ForeignCallbackError: If it does not begin with the redirect URI, or its ``state`` is
                not this login's.
            UpstoxError: As for `read`.
        """
        text = SecretStr(address.get_secret_value().strip())
        if len(text.get_secret_value()) > MOST or not self._is_at_home(text):
            raise ForeignCallbackError(
                "What was pasted is not the app's redirect URI with what Upstox added to it.",
                suggestions=[
                    (
                        "Log in, let the browser go on until its address begins with the app's "
                        "redirect URI (the page itself may be missing), and paste all of it."
                    )
                ],
            )
        return self.read(SecretStr(_query(text)))

    def _is_ours(self, state: SecretStr) -> bool:
        given = state.get_secret_value().encode(errors="surrogatepass")
        return hmac.compare_digest(given, self._state.get_secret_value().encode())

    def _is_at_home(self, address: SecretStr) -> bool:
        return address_of(address.get_secret_value()) == address_of(self._redirect_uri)

    def _read_fields(self, query: SecretStr) -> dict[str, list[SecretStr]]:
        # The redirect URI may have brought a query of its own, which comes back with the rest.
        own = self._own.copy()
        fields: dict[str, list[SecretStr]] = {}
        for name, value in _fields(query.get_secret_value()):
            if own[name, value] > 0:
                own[name, value] -= 1
            else:
                fields.setdefault(name, []).append(SecretStr(value))
        return fields

    def _refuse(self, fields: dict[str, list[SecretStr]]) -> None:
        self._known.add(*fields.get("code", []))
        told = fields["error"][:1] + fields.get("error_description", [])[:1]
        words = [plain_words(one.get_secret_value(), self._known) for one in told]
        if words[0] == _DENIED:
            raise AuthenticationError(
                "The access was denied on the login page, so there is no token.",
                error_code=_DENIED,
                suggestions=["Log in again and approve the app, if you want a token."],
            )
        raise APIError(
            f"The login page sent back a refusal: {': '.join(filter(None, words))}.",
            error_code=words[0],
            suggestions=[
                (
                    "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI), "
                    "and that the app is active."
                )
            ],
        )


def listening_place(redirect_uri: str) -> tuple[str, int] | None:
    """Return host and port of a redirect URI where this machine can listen, None if there is none.

    Args:
        redirect_uri: The app's redirect URI; one with http on the loopback interface is.
    """
    try:
        scheme, host, port = origin(redirect_uri)
    except ValueError:
        return None
    return (host, port) if scheme == "http" and is_loopback(host) else None


def _query(address: SecretStr) -> str:
    return address.get_secret_value().partition("#")[0].partition("?")[2]


def _fields(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query[:MOST], keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []
