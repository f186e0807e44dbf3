"""Way: what every way to a token that a ledger watches over has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from upstox_totp._api.attempt import LoginAttempt
from upstox_totp._api.base import LoginAPI
from upstox_totp._cache.alone import log_in_alone
from upstox_totp._cache.store import LockLostError
from upstox_totp._log import warn_user

if TYPE_CHECKING:
    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp.models import AccessTokenResponse


class Way(LoginAPI, ABC):
    """One way to a token.

    Attributes:
        ends_others: Whether Upstox ends the account's earlier tokens when it gives a new one.
    """

    ends_others: ClassVar[bool] = False

    def get_access_token(self) -> AccessTokenResponse:
        """Log in this way, whichever is configured, and return a fresh access token.

        Returns:
            The token in ``data.access_token``; it dies at 03:30 Indian time, see
            ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or earlier in this process.
                Logging in again without a change costs another attempt.
            RateLimitError: If too much was asked for.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If a request got no whole answer.
        """
        return log_in_alone(self._client.identity, self._log_in_uncached)

    def log_in(self, ledger: AttemptLog) -> AccessTokenResponse:
        """Log in this way, for a caller who holds the account's turn and keeps the token.

        Args:
            ledger: The account's attempts.

        Raises:
            UpstoxError: If Upstox refused, or the ledger holds what would be sent.
            requests.RequestException: If a request got no whole answer.
        """
        return self.take_part(LoginAttempt(self._client.config.sleep_time / 1000, ledger))

    def take_part(self, attempt: LoginAttempt) -> AccessTokenResponse:
        """Log in this way as a part of a login that may have tried others before.

        Args:
            attempt: The login under way.

        Raises:
            UpstoxError: If Upstox refused, or the ledger holds what would be sent.
            requests.RequestException: If a request got no whole answer.
        """
        self._client.session.cookies.clear()
        attempt.secrets.add_all(self._client.secrets)
        response = self._run(attempt)
        ends_one = self.ends_others and not attempt.kept and attempt.ledger.earlier_token_lives
        # The token is there: that the turn is another's meanwhile does not take it away.
        with suppress(LockLostError):
            attempt.ledger.note_login(ends_others=self.ends_others)
        if ends_one:
            warn_user(
                "This login has ended the access token of the login before: a program that still "
                "uses it is logged out. TokenCache hands one token to all who ask.",
                each_time=True,
            )
        return response

    @abstractmethod
    def _run(self, attempt: LoginAttempt) -> AccessTokenResponse:
        """Log in."""

    def _log_in_uncached(self, ledger: AttemptLog) -> AccessTokenResponse:
        pause = self._client.config.sleep_time / 1000
        return self.take_part(LoginAttempt(pause, ledger, kept=False))
