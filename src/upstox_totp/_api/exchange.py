"""From an authorization code to an access token, for every way that ends in one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._hidden import HiddenBytes
from upstox_totp.models import AccessTokenData, AccessTokenResponse

if TYPE_CHECKING:
    from upstox_totp._api.attempt import Attempt
    from upstox_totp._api.base import LoginAPI
    from upstox_totp._api.routes import Route
    from upstox_totp._http.server_clock import ServerClock

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def exchange_code(
    way: LoginAPI, attempt: Attempt, code: SecretStr, route: Route = routes.TOKEN
) -> AccessTokenResponse:
    """Exchange an authorization code for an access token.

    A code is good for one exchange, even one that fails: nothing is repeated.

    Args:
        way: Whose settings and session are used.
        attempt: The login under way.
        code: The authorization code.
        route: Whom to ask; names the step.

    Raises:
        UpstoxError: If Upstox refused, or answered something else.
        requests.RequestException: If no whole answer came.
    """
    client = way._client  # noqa: SLF001
    config = client.config
    attempt.secrets.add(code, config.client_secret)
    data = way._ask(  # noqa: SLF001
        attempt,
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
    return as_response(data, client.server_clock)


def as_response(data: AccessTokenData, clock: ServerClock) -> AccessTokenResponse:
    """Return a token that has just arrived in the shape of every answer, with its age.

    Args:
        data: What Upstox answered.
        clock: The server's clock.
    """
    now = clock.now()
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
