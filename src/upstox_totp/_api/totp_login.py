"""TotpLoginAPI: Upstox's own TOTP login, one request with API key, one-time password and PIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upstox_totp._api import routes
from upstox_totp._api.base import json_body
from upstox_totp._api.exchange import as_response
from upstox_totp._api.way import Way
from upstox_totp._cache.attempt_log import Credential
from upstox_totp._hidden import HiddenDict
from upstox_totp.models import AccessTokenData
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from upstox_totp._api.attempt import LoginAttempt
    from upstox_totp.models import AccessTokenResponse


class TotpLoginAPI(Way):
    """Upstox's own TOTP login, which Upstox documents since September 2026.

    It needs the API key, the TOTP secret and a PIN of six digits, and TOTP enabled on the account.
    A token made this way ends every access token that the account had.
    """

    ends_others = True

    def _run(self, attempt: LoginAttempt) -> AccessTokenResponse:
        config, clock = self._client.config, self._client.server_clock
        config.demand("api")
        self._learn_time(attempt)
        with attempt.step(Step.TOTP_LOGIN):
            # The pause before the request comes out of the code's life.
            code, period = self._client.one_time_passwords.claim(
                clock, attempt.ledger.next_time_step, within=attempt.pause
            )
            attempt.secrets.add(code)
            with attempt.sending(Credential.CODE, Credential.PIN, time_step=period):
                data = self._ask(
                    attempt,
                    routes.TOTP_LOGIN,
                    AccessTokenData,
                    headers=routes.api_headers(),
                    required=HiddenDict(
                        {
                            "Content-Type": "application/json",
                            "x-api-key": config.client_id.encode(),
                        }
                    ),
                    body=json_body({"totp": code, "pin": config.pin_code}),
                )
        return as_response(data, clock)

    def _learn_time(self, attempt: LoginAttempt) -> None:
        """Let the clock be known: a code for a wrong one would be an attempt lost."""
        clock = self._client.server_clock
        if not clock.known:
            self._ask_time(attempt)
        if clock.is_doubtful:
            self._ask_time(attempt)
