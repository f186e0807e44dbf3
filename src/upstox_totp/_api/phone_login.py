"""PhoneLoginAPI: asks for a token that the user approves on the phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.base import Context
from upstox_totp._api.login_method import LoginMethod
from upstox_totp._cache.lifetime import as_datetime, when
from upstox_totp.errors import LoginWaitError
from upstox_totp.models import TokenRequestData, TokenRequestResponse
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._api.base import Client
    from upstox_totp._api.login_method import LoginContext


class TokenPendingError(LoginWaitError):
    """A token was asked for, and comes once the user approves it on the phone.

    ``ends`` is until when to wait for it, in seconds since the epoch.
    """

    ends: float = 0.0


class PhoneLoginAPI(LoginMethod):
    """Phone login API: Upstox asks the user on the phone, and sends the token to the notifier.

    It needs client id and client secret. The token goes to the notifier URL that the app has at
    Upstox, where `upstox_totp.notifier.Notifier` takes it.

    Args:
        client: The client whose settings and session are used.

    Attributes:
        announce: Is given the request that can be approved, whether it was sent now or before, to
            tell the user; None for nothing.
        timeout: How long `TokenCache` waits for the token, in seconds; None until it lapses.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.announce: Callable[[TokenRequestData], object] | None = None
        self.timeout: float | None = None

    def send(self) -> TokenRequestData:
        """Have Upstox ask the user on the phone. Sends one request, never a second.

        Returns:
            Until when it can be approved (``lapses_at``), and where the token will be sent
            (``notifier_url``).

        Raises:
            AuthenticationError: If the client secret was rejected.
            RateLimitError: If too much was asked for.
            ValidationError: If the answer is not what the protocol says; the phone may have been
                asked all the same.
            APIError: If the app may not ask, for example because it has no notifier URL.
            requests.RequestException: If no whole answer came; the phone may have been asked all
                the same.
        """
        return self._send_request(Context(self._client.secrets))

    def _run(self, context: LoginContext) -> NoReturn:
        until = context.attempt_log.asked_until
        if until:
            request = TokenRequestData(authorization_expiry=str(int(until * 1000)))
        else:
            request = self._send_request(context)
            until = request.lapses_at.timestamp()
            context.attempt_log.note_request(until)
        if self.announce is not None:
            self.announce(request)
        pending = TokenPendingError(
            "The token was asked for, and nobody has approved it on the phone yet.",
            suggestions=[
                f"Approve it in the Upstox app or on WhatsApp before {when(as_datetime(until))}.",
                "Then ask again where the notifier caches tokens.",
            ],
        )
        pending.ends = until if self.timeout is None else min(until, _clock.time() + self.timeout)
        with context.step(Step.TOKEN_REQUEST):
            raise pending

    def _send_request(self, context: Context) -> TokenRequestData:
        config = self._client.config
        config.demand("phone")
        route = routes.TOKEN_REQUEST
        return self._ask(
            context,
            route._replace(path=f"{route.path}/{quote(config.client_id, safe='')}"),
            TokenRequestResponse,
            document={"client_secret": config.client_secret},
        ).data
