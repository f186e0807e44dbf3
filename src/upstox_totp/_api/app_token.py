"""AppTokenAPI: a fresh access token, by the configured ways; whether it lives, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from upstox_totp._api import routes
from upstox_totp._api.base import BaseAPI
from upstox_totp._api.context import Context
from upstox_totp._cache.waiting import log_in_alone
from upstox_totp._redact import HiddenDict
from upstox_totp.errors import AuthenticationError, ErrorCode
from upstox_totp.models import LogoutResponse, ProfileResponse

if TYPE_CHECKING:
    from upstox_totp._api.routes import Route
    from upstox_totp._http.answers import ModelT
    from upstox_totp.models import AccessTokenResponse, ProfileData


class AppTokenAPI(BaseAPI):
    """App token API: gets an access token, asks whether it lives, and ends it."""

    def get_access_token(self) -> AccessTokenResponse:
        """Log in by the configured ways and return a fresh access token.

        The way ``page`` sends six requests, ``sleep_time`` milliseconds apart: login dialog, OTP
        request, one-time password, PIN, authorization, token exchange. From the second on none is
        repeated, save where the connection was refused or the newer revision's verification does
        not exist. The way ``api`` sends one, and ends the account's earlier tokens. Of several
        ways the next is gone only where it is certain that nobody judged what was sent: the route
        does not exist, a page of an edge before Upstox answered, or the connection was refused.

        Waits while another thread of this process logs in to the same account, and for the next
        one-time password if this process has used the current one.

        Returns:
            The token in ``data.access_token``, and whose it is. The token dies at 03:30 Indian
            time, see ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or earlier in this process, or
                the account has no TOTP or PIN. Logging in again without a change costs another
                context.
            RateLimitError: If too many requests or one-time passwords were asked for.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason, or another login did not end.
            ConfigurationError: If the configured way is ``none``.
            requests.RequestException: If a request got no whole answer.
        """
        return log_in_alone(self._client, lambda log: self._client.log_in(log, cached=False))

    def is_valid(self, access_token: SecretStr | str) -> bool:
        """Ask Upstox whether it still accepts an access token.

        Sends one request, for the profile of the token's owner. Only Upstox' own word that the
        token is invalid counts; any other answer is an error.

        Args:
            access_token: The access token.

        Returns:
            True if Upstox accepts it, False if it says that the token is invalid or has expired.

        Raises:
            RateLimitError: If too many requests were sent.
            ValidationError: If the answer is not what the protocol says, as a proxy's page.
            APIError: If Upstox refused for a reason other than the token, such as a missing
                static address.
            AuthenticationError: If Upstox rejected something else than the token.
            requests.RequestException: If no whole answer came.
        """
        access_token = _hidden(access_token)
        return self.read_profile(access_token) is not None

    def revoke(self, access_token: SecretStr | str) -> bool:
        """End an access token at Upstox.

        Args:
            access_token: The access token. A program that still uses it is logged out, too.

        Returns:
            True if the token has been ended by this, False if Upstox says that it was invalid or
            had expired before.

        Raises:
            RateLimitError: If too many requests were sent.
            ValidationError: If the answer is not what the protocol says: the token may live.
            APIError: If Upstox refused for a reason other than the token.
            AuthenticationError: If Upstox rejected something else than the token.
            requests.RequestException: If no whole answer came.
        """
        access_token = _hidden(access_token)
        return self._ask_bearer(access_token, routes.LOGOUT, LogoutResponse) is not None

    def read_profile(self, access_token: SecretStr | str) -> ProfileData | None:
        """Ask Upstox whose an access token is.

        Args:
            access_token: The access token.

        Returns:
            What Upstox says of its owner, None if it says that the token is invalid or has expired.

        Raises:
            UpstoxError: As for `is_valid`.
            requests.RequestException: If no whole answer came.
        """
        answer = self._ask_bearer(_hidden(access_token), routes.PROFILE, ProfileResponse)
        return None if answer is None else answer.data

    def _ask_bearer(self, token: SecretStr, route: Route, model: type[ModelT]) -> ModelT | None:
        """Return the answer to a token's bearer, None if it says that the token is dead."""
        context = Context()
        context.secrets.add_all(self._client.secrets)
        context.secrets.add(token)
        try:
            return self._ask(
                context,
                route,
                model,
                headers=routes.api_headers(),
                required=HiddenDict(
                    {"Authorization": f"Bearer {token.get_secret_value()}".encode()}
                ),
            )
        except AuthenticationError as error:
            if error.error_code not in {ErrorCode.INVALID_TOKEN, None}:
                raise
            return None


def _hidden(token: SecretStr | str) -> SecretStr:
    return token if isinstance(token, SecretStr) else SecretStr(token)
