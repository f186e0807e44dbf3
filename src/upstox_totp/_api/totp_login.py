"""TotpLoginAPI: Upstox's own TOTP login, one request with API key, one-time password and PIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upstox_totp._api import routes
from upstox_totp._api.login_method import LoginMethod
from upstox_totp._cache.records import Credential
from upstox_totp._redact import HiddenDict
from upstox_totp.models import AccessTokenData
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from upstox_totp._api.login_method import LoginContext
    from upstox_totp.models import AccessTokenResponse


class TotpLoginAPI(LoginMethod):
    """Upstox's own TOTP login, which Upstox documents since September 2026.

    It needs the API key, the TOTP secret and a PIN of six digits, and TOTP enabled on the account.
    A token of this login ends every access token that the account had.
    """

    ends_others = True

    def _run(self, context: LoginContext) -> AccessTokenResponse:
        config = self._client.config
        config.demand("api")
        if self._client.server_clock.local_ahead is None:
            # Its time is not known yet: a code for a wrong one would be an attempt lost.
            self._ask_time(context)
        with context.step(Step.TOTP_LOGIN):
            code, time_step = self._claim_code(context, pauses=1)
            with context.attempt_log.sending(Credential.CODE, Credential.PIN, time_step=time_step):
                data = self._ask(
                    context,
                    routes.TOTP_LOGIN,
                    AccessTokenData,
                    required=HiddenDict({"x-api-key": config.client_id.encode()}),
                    document={"totp": code, "pin": config.pin_code},
                )
        return self._as_response(data)
