"""AppTokenAPI: a fresh access token, whether one is valid, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import SecretStr

from upstox_totp._api import routes
from upstox_totp._api.base import BaseAPI, Context
from upstox_totp._api.responses import ABOUT_ADDRESSES
from upstox_totp._cache.waiting import log_in_alone
from upstox_totp._redact import HiddenDict
from upstox_totp.errors import APIError, AuthenticationError, ErrorCode
from upstox_totp.models import (
    AddressesResponse,
    LogoutResponse,
    ProfileData,
    ProfileResponse,
    QuoteResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._api.routes import Route
    from upstox_totp._http.answers import ModelT
    from upstox_totp.models import AccessTokenResponse, AddressesData


# An index, which everybody may ask for.
_INDEX: Final = {"instrument_key": "NSE_INDEX|Nifty 50"}


class TokenCheck(NamedTuple):
    """What Upstox says of an access token.

    Attributes:
        valid: Whether it accepts the token.
        owner: Whose it is, None if it is invalid or Upstox does not tell from here.
        refusal: Why Upstox refuses account and order calls from this address, None if it does not.
    """

    valid: bool
    owner: ProfileData | None = None
    refusal: APIError | None = None


class AppTokenAPI(BaseAPI):
    """App token API: gets an access token, asks whether it is valid, and ends it."""

    def get_access_token(self) -> AccessTokenResponse:
        """Log in with the configured methods and return a fresh access token.

        ``page`` sends six requests, ``sleep_time`` milliseconds apart, and repeats none from the
        second on. ``api`` sends one, and ends the account's earlier tokens. With several methods
        the next is tried only if it is certain that nothing was judged: the route does not exist,
        a block page answered, or the connection was refused.

        Waits while another login to the same account is under way, and for the next one-time
        password if the current one was used.

        Returns:
            The token in ``data.access_token``, and whose it is. It expires at 03:30 Indian time,
            see ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or earlier, or the account has no
                TOTP or PIN. Logging in again without a change costs another attempt.
            RateLimitError: If too many requests or one-time passwords were asked for.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason, or another login did not end.
            ConfigurationError: If the configured method is ``none``.
            requests.RequestException: If a request got no whole answer.
        """
        return log_in_alone(self._client, self._client.log_in)

    def is_valid(self, access_token: SecretStr | str) -> bool:
        """Ask Upstox whether it still accepts an access token.

        Sends the requests of `check`. Only Upstox's own word that the token is invalid counts; any
        other answer is an error.

        Args:
            access_token: The access token.

        Returns:
            True if Upstox accepts it, False if it says that the token is invalid or has expired.

        Raises:
            RateLimitError: If too many requests were sent.
            ValidationError: If the answer is not what the protocol says, as a proxy's page.
            APIError: If Upstox refused for a reason other than the token.
            AuthenticationError: If Upstox rejected something else than the token.
            requests.RequestException: If no whole answer came.
        """
        access_token = _hidden(access_token)
        return self.check(access_token).valid

    def check(self, access_token: SecretStr | str) -> TokenCheck:
        """Ask Upstox whether it still accepts an access token, and whose it is.

        Sends one request, for the profile. Away from the app's registered address Upstox refuses
        that whatever the token: then a second one asks for a price, which a valid token gets
        everywhere.

        Args:
            access_token: The access token.

        Returns:
            Whether it is valid, whose it is, and what refuses account calls from here.

        Raises:
            UpstoxError: As for `is_valid`.
            requests.RequestException: If no whole answer came.
        """
        access_token = _hidden(access_token)
        try:
            profile = self._ask_bearer(access_token, routes.PROFILE, ProfileResponse)
        except APIError as error:
            if error.error_code not in ABOUT_ADDRESSES:
                raise
            refusal = error
        else:
            return TokenCheck(profile is not None, profile.data if profile else None)
        quote = self._ask_bearer(access_token, routes.QUOTE, QuoteResponse, query=_INDEX)
        return TokenCheck(quote is not None, refusal=refusal)

    def read_addresses(self, access_token: SecretStr | str) -> AddressesData | None:
        """Ask Upstox which addresses are registered for the user's apps.

        Args:
            access_token: The access token.

        Returns:
            The addresses, None if Upstox says that the token is invalid or has expired.

        Raises:
            UpstoxError: As for `is_valid`.
            requests.RequestException: If no whole answer came.
        """
        access_token = _hidden(access_token)
        answer = self._ask_bearer(access_token, routes.ADDRESSES, AddressesResponse)
        return None if answer is None else answer.data

    def revoke(self, access_token: SecretStr | str) -> bool:
        """End an access token at Upstox.

        Args:
            access_token: The access token. A program that still uses it is logged out, too.

        Returns:
            True if this ended the token, False if it was invalid or had expired before.

        Raises:
            UpstoxError: As for `is_valid`; the token may still be valid.
            requests.RequestException: If no whole answer came.
        """
        access_token = _hidden(access_token)
        return self._ask_bearer(access_token, routes.LOGOUT, LogoutResponse) is not None

    def _ask_bearer(
        self,
        token: SecretStr,
        route: Route,
        model: type[ModelT],
        *,
        query: Mapping[str, str] | None = None,
    ) -> ModelT | None:
        """Return the answer to a token's bearer, None if it says that the token is dead."""
        context = Context(self._client.secrets)
        context.secrets.add(token)
        try:
            return self._ask(
                context,
                route,
                model,
                query=query,
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
