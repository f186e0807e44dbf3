"""LoginMethod: what every login method shares, and a login with the configured ones."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import requests

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.base import BaseAPI, Context
from upstox_totp._api.one_time_passwords import OneTimePasswords
from upstox_totp._api.responses import leaves_unjudged
from upstox_totp._cache.backend import LockLostError
from upstox_totp._cache.lifetime import when
from upstox_totp._cache.waiting import log_in_alone
from upstox_totp._log import logger, warn_user
from upstox_totp.errors import UpstoxError
from upstox_totp.models import AccessTokenData, AccessTokenResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from upstox_totp._api.base import Client
    from upstox_totp._api.routes import Route
    from upstox_totp._cache.attempt_log import AttemptLog


class LoginContext(Context):
    """A login under way, whose attempts are counted in ``attempt_log``."""

    def __init__(self, client: Client, attempt_log: AttemptLog) -> None:
        super().__init__(client.secrets, client.config.sleep_time / 1000, attempt_log.extend)
        self.attempt_log = attempt_log


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
        client = self._client
        return log_in_alone(client, lambda log: self.log_in(LoginContext(client, log)))

    def log_in(self, context: LoginContext) -> AccessTokenResponse:
        """Log in as a part of a login that may have tried other methods before."""
        self._session.clear_cookies()
        response = self._run(context)
        attempt_log = context.attempt_log
        ends_one = self.ends_others and not attempt_log.cached and attempt_log.earlier_token_lives
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

    def _claim_code(self, context: LoginContext, *, pauses: int) -> tuple[SecretStr, int]:
        """Return a one-time password to send, and its time step.

        The pauses before the requests that carry it come out of its life.
        """
        clock = self._client.server_clock
        if clock.is_doubtful:
            # One odd answer is no reason to spend a code on its time.
            self._ask_time(context)
        passwords = OneTimePasswords(self._client.config.totp_secret)
        code, time_step = passwords.claim(
            clock, context.attempt_log.next_time_step, within=pauses * context.pause
        )
        context.secrets.add(code)
        return code, time_step

    def _exchange_code(
        self, context: Context, code: SecretStr, route: Route = routes.TOKEN
    ) -> AccessTokenResponse:
        """Exchange an authorization code, which is good for one exchange, even one that fails."""
        config = self._client.config
        context.secrets.add(code)
        data = self._ask(
            context,
            route,
            AccessTokenData,
            form={
                "code": code,
                "client_id": config.client_id,
                "client_secret": config.client_secret,
                "redirect_uri": config.redirect_uri,
                "grant_type": "authorization_code",
            },
        )
        return self._as_response(data)

    def _as_response(self, data: AccessTokenData) -> AccessTokenResponse:
        """Return a token that has just arrived in the shape of every answer, with its age."""
        now = self._client.server_clock.now()
        data.obtained(datetime.fromtimestamp(now, UTC), timedelta(seconds=now - _clock.time()))
        # Both are valid: validating them would build a validator that no other answer needs.
        return AccessTokenResponse.model_construct(success=True, data=data)


def log_in(
    client: Client, method_of: Callable[[str], LoginMethod], attempt_log: AttemptLog
) -> AccessTokenResponse:
    """Log in with the first configured method, and with the next where nothing was judged."""
    context = LoginContext(client, attempt_log)
    untried, tried = list(client.config.login_method), dict[str, str]()
    while True:
        name = untried.pop(0)
        try:
            response = method_of(name).log_in(context)
        except (UpstoxError, requests.RequestException) as error:
            tried[name] = str(error)
            if untried and leaves_unjudged(error):
                logger.info("Trying the next login method: %s", error, extra={"login_method": name})
                continue
            if len(tried) > 1:
                details = error.details if isinstance(error, UpstoxError) else vars(error)
                details["tried"] = tried
            raise
        user = context.secrets.mask(str(response.data.user_id or "an unnamed user"))
        expires = when(response.data.expires_at)
        logger.info("Logged in as %s with %s; the token expires %s", user, name, expires)
        return response
