"""LoginMethod: what every login method shares."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlencode

from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.base import BaseAPI
from upstox_totp._api.context import LoginContext
from upstox_totp._cache.backend import LockLostError
from upstox_totp._cache.waiting import log_in_alone
from upstox_totp._log import warn_user
from upstox_totp._redact import HiddenBytes
from upstox_totp.models import AccessTokenData, AccessTokenResponse

if TYPE_CHECKING:
    from upstox_totp._api.context import Context
    from upstox_totp._api.routes import Route
    from upstox_totp._cache.attempt_log import AttemptLog

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class LoginMethod(BaseAPI):
    """One login method.

    Attributes:
        ends_others: Whether Upstox ends the account's earlier tokens when it gives a new one.
    """

    ends_others: ClassVar[bool] = False

    def get_access_token(self) -> AccessTokenResponse:
        """Log in with this method, whichever is configured, and return a fresh access token.

        Returns:
            The token in ``data.access_token``; it expires at 03:30 Indian time, see
            ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or earlier. Logging in again
                without a change costs another attempt.
            RateLimitError: If too much was asked for.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If a request got no whole answer.
        """
        return log_in_alone(self._client, self._log_in_uncached)

    def log_in(self, context: LoginContext) -> AccessTokenResponse:
        """Log in as a part of a login that may have tried other methods before."""
        self._client.session.clear_cookies()
        context.secrets.add_all(self._client.secrets)
        response = self._run(context)
        attempt_log = context.attempt_log
        ends_one = self.ends_others and not context.cached and attempt_log.earlier_token_lives
        # The token is there: that the lock is another's meanwhile does not take it away.
        with suppress(LockLostError):
            attempt_log.note_login(ends_others=self.ends_others)
        if ends_one:
            warn_user(
                "This login has ended the access token of the login before: a program that still "
                "uses it is logged out. TokenCache hands one token to all who ask."
            )
        return response

    @abstractmethod
    def _run(self, context: LoginContext) -> AccessTokenResponse:
        """Send the requests of this method."""

    def _log_in_uncached(self, attempt_log: AttemptLog) -> AccessTokenResponse:
        pause = self._client.config.sleep_time / 1000
        return self.log_in(LoginContext(pause, attempt_log, cached=False))

    def _exchange_code(
        self, context: Context, code: SecretStr, route: Route = routes.TOKEN
    ) -> AccessTokenResponse:
        """Exchange an authorization code, which is good for one exchange, even one that fails."""
        config = self._client.config
        context.secrets.add(code, config.client_secret)
        data = self._ask(
            context,
            route,
            AccessTokenData,
            headers=routes.api_headers(),
            required=_FORM,
            body=_form(
                {
                    "code": code,
                    "client_id": config.client_id,
                    "client_secret": config.client_secret,
                    "redirect_uri": config.redirect_uri,
                    "grant_type": "authorization_code",
                }
            ),
        )
        return self._as_response(data)

    def _as_response(self, data: AccessTokenData) -> AccessTokenResponse:
        """Return a token that has just arrived in the shape of every answer, with its age."""
        now = self._client.server_clock.now()
        data.obtained(datetime.fromtimestamp(now, UTC), timedelta(seconds=now - _clock.time()))
        # Both are valid: validating them would build a validator that no other answer needs.
        return AccessTokenResponse.model_construct(success=True, data=data)


def _form(fields: dict[str, SecretStr | str]) -> HiddenBytes:
    return HiddenBytes(
        urlencode(
            {
                name: value.get_secret_value() if isinstance(value, SecretStr) else value
                for name, value in fields.items()
            }
        ).encode()
    )
