"""The configured login methods, tried in order where it is certain that nothing was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from upstox_totp._api.context import LoginContext
from upstox_totp._api.login_method import LoginMethod
from upstox_totp._api.responses import leaves_unjudged
from upstox_totp._cache.lifetime import when
from upstox_totp._log import logger
from upstox_totp.errors import ConfigurationError, UpstoxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._api.base import Client
    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp.models import AccessTokenResponse


class NoLogin(LoginMethod):
    """The method ``none``: this program never logs in."""

    def _run(self, context: LoginContext) -> AccessTokenResponse:
        del context
        raise ConfigurationError(
            "No valid token is cached, and login_method (UPSTOX_LOGIN_METHOD) is none: this "
            "program never logs in. Nothing was sent.",
            suggestions=[
                (
                    "Log in where a login method is set and the same cache is used, for example "
                    "with upstox_cli token."
                ),
                "Or set login_method to page or api here.",
            ],
        )


def log_in(
    client: Client,
    method_of: Callable[[str], LoginMethod],
    attempt_log: AttemptLog,
    *,
    cached: bool = True,
) -> AccessTokenResponse:
    """Log in with the first configured method, and with the next where nothing was judged."""
    config = client.config
    context = LoginContext(config.sleep_time / 1000, attempt_log, cached=cached)
    *others, last = config.login_method
    tried: dict[str, str] = {}
    for name in others:
        try:
            return _logged_in(method_of(name).log_in(context), name, context)
        except (UpstoxError, requests.RequestException) as error:
            if not leaves_unjudged(error):
                raise
            tried[name] = str(error)
            logger.info("Trying the next login method: %s", error, extra={"login_method": name})
    try:
        return _logged_in(method_of(last).log_in(context), last, context)
    except (UpstoxError, requests.RequestException) as error:
        if tried:
            details = error.details if isinstance(error, UpstoxError) else vars(error)
            details["tried"] = {**tried, last: str(error)}
        raise


def _logged_in(
    response: AccessTokenResponse, method: str, context: LoginContext
) -> AccessTokenResponse:
    data = response.data
    user = context.secrets.mask(str(data.user_id or "an unnamed user"))
    logger.info(
        "Logged in as %s with %s; the token expires %s", user, method, when(data.expires_at)
    )
    return response
