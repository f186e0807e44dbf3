"""The configured ways to a token, tried in their order where it is certain that nobody judged."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import requests

from upstox_totp._api.attempt import LoginAttempt
from upstox_totp._api.verdicts import leaves_unjudged
from upstox_totp._api.way import Way
from upstox_totp._log import logger
from upstox_totp.errors import ConfigurationError, UpstoxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upstox_totp._api.base import Client, Part
    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp.models import AccessTokenResponse


class NoLogin(Way):
    """The way ``none``: this program never logs in."""

    def _run(self, attempt: LoginAttempt) -> AccessTokenResponse:
        del attempt
        raise ConfigurationError(
            "No token that lives is kept, and login_method (UPSTOX_LOGIN_METHOD) is none: this "
            "program never logs in. Nothing was sent.",
            suggestions=[
                (
                    "Log in where a login method is set and the same tokens are kept, for example "
                    "with upstox_cli token; or set login_method to page or api here."
                )
            ],
        )


def _page(client: Client) -> Way:
    from upstox_totp._api.page_login import PageLogin  # noqa: PLC0415

    return PageLogin(client)


def _api(client: Client) -> Way:
    from upstox_totp._api.totp_login import TotpLoginAPI  # noqa: PLC0415

    return TotpLoginAPI(client)


# Loaded when first gone: a program goes one way.
_WAYS: Final[Mapping[str, Callable[[Client], Part]]] = {
    "page": _page,
    "api": _api,
    "browser": lambda client: client.browser_login,
    "phone": lambda client: client.token_request,
    "none": NoLogin,
}


def log_in(client: Client, ledger: AttemptLog, *, kept: bool = True) -> AccessTokenResponse:
    """Log in the first configured way, and the next where nobody judged what it sent.

    Args:
        client: Who logs in.
        ledger: The account's attempts.
        kept: Whether the caller keeps the token for others.

    Raises:
        UpstoxError: If Upstox refused, or the ledger holds what would be sent.
        requests.RequestException: If a request got no whole answer.
    """
    attempt = LoginAttempt(client.config.sleep_time / 1000, ledger, kept=kept)
    methods = client.config.login_method
    for method, following in pairwise(methods):
        try:
            return _WAYS[method](client).take_part(attempt)
        except (UpstoxError, requests.RequestException) as error:
            if not leaves_unjudged(error):
                raise
            logger.info("Going on with the next way to log in: %s", error, extra={"way": following})
    return _WAYS[methods[-1]](client).take_part(attempt)
