"""BearerAPI: what an access token itself is asked: whether it lives, and to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import HTTPError

from upstox_totp._api import routes
from upstox_totp._api.base import BaseAPI
from upstox_totp._api.refusals import refusal
from upstox_totp._http.answers import Answer
from upstox_totp._http.failures import network_error
from upstox_totp._secrecy import Secrets
from upstox_totp.errors import AuthenticationError, ErrorCode

if TYPE_CHECKING:
    from pydantic import SecretStr

_PROFILE: Final = ("GET", "/v2/user/profile")
_LOGOUT: Final = ("DELETE", "/v2/logout")
# A 401 with another code, a missing static IP for example, is no verdict on the token.
_DEAD: Final = frozenset({ErrorCode.INVALID_TOKEN, None})


class BearerAPI(BaseAPI):
    """What Upstox says to the bearer of an access token."""

    def is_alive(self, token: SecretStr) -> bool:
        """Tell whether Upstox still accepts a token.

        Args:
            token: The access token.

        Raises:
            UpstoxError: If Upstox refused for a reason other than the token.
            requests.RequestException: If no whole answer came.
        """
        return self._accepted(token, *_PROFILE)

    def end(self, token: SecretStr) -> bool:
        """Log a token out, and tell whether it was alive until then.

        Args:
            token: The access token.

        Raises:
            UpstoxError: If Upstox refused for a reason other than the token.
            requests.RequestException: If no whole answer came.
        """
        return self._accepted(token, *_LOGOUT)

    def _accepted(self, token: SecretStr, method: str, path: str) -> bool:
        secrets = Secrets()
        secrets.add(token)
        error = refusal(self._ask_bearer(token, method, path), None, secrets)
        if error is None:
            return True
        if isinstance(error, AuthenticationError) and error.error_code in _DEAD:
            return False
        raise error

    def _ask_bearer(self, token: SecretStr, method: str, path: str) -> Answer:
        url = self._client.base_domain.replace("{stage}", "api") + path
        failure: Exception
        try:
            return Answer(
                self._client.session.request(
                    method,
                    url,
                    headers=self._unset(routes.api_headers())
                    | {"Authorization": f"Bearer {token.get_secret_value()}"},
                    allow_redirects=False,
                )
            )
        except (requests.RequestException, HTTPError) as error:
            failure = error
        # Raised outside the handler: the failure holds the request and its token.
        raise network_error(failure, f"{method} {path}", method, url)
