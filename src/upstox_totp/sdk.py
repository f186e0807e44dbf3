"""Upstox's own Python SDK with the day's token at every use; needs ``upstox-python-sdk``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from upstox_totp.token_auth import TokenAuth

try:
    import upstox_client
    from upstox_client.rest import ApiException
except ImportError:
    raise ImportError("upstox_totp.sdk needs the package upstox-python-sdk: install it") from None

if TYPE_CHECKING:
    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.token_cache import TokenCache

__all__ = ["ApiClient", "Configuration"]

_UPSTOX: Final = "https://api.upstox.com"


class _EachItsOwn(type(upstox_client.Configuration)):  # type: ignore[misc]
    """Makes a configuration for each call, where the SDK copies the first one that it made."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return type.__call__(cls, *args, **kwargs)


class Configuration(upstox_client.Configuration, metaclass=_EachItsOwn):  # type: ignore[misc]
    """The SDK's configuration, whose access token is the day's whenever the SDK reads it.

    ``upstox_client.ApiClient(Configuration(client))`` calls Upstox for weeks: each call, and each
    connection of a stream, has the token of the day from the cache, and a login is made where there
    is none. Use `ApiClient` instead of the SDK's where a token may be ended before 03:30.

    Args:
        client: Whose token it is. Its base domain is where REST calls go.
        cache: Where tokens are cached; by default a `TokenCache` of its own.
    """

    def __init__(self, client: UpstoxTOTP, cache: TokenCache | None = None) -> None:
        self.auth = TokenAuth(client, cache)
        self._client = client
        # Two streams may be refused at once, and no client is for two threads at once.
        self._renewing = threading.Lock()
        super().__init__()
        host = client.api_url("").removesuffix("/")
        if host != _UPSTOX:
            self.host = self.order_host = host

    @property
    def access_token(self) -> str:
        """The access token of the day.

        Raises:
            UpstoxError: A token is needed, and cannot be had.
            requests.RequestException: A request of the login got no whole answer.
        """
        return self.auth.get_access_token()

    @access_token.setter
    def access_token(self, token: str) -> None:
        # The SDK's own constructor sets an empty one.
        if token:
            raise AttributeError("the access token comes from TokenAuth, and cannot be set")

    def renew(self) -> str:
        """Return a token that Upstox takes: the day's, or a new one where that has been ended.

        For a stream that was refused with 401: Upstox is asked whether the token lives, so that
        two streams make one login, and a 401 with another reason none.

        Raises:
            AuthenticationError: Tokens were ended twice within ten minutes.
            UpstoxError: No token can be had.
            requests.RequestException: A request got no whole answer.
        """
        with self._renewing:
            token = self.access_token
            lives = self._client.app_token.is_valid(token)
            return token if lives else self.auth.renew(token)


class ApiClient(upstox_client.ApiClient):  # type: ignore[misc]
    """The SDK's client, which makes a call once more when Upstox has ended its token.

    Args:
        configuration: The configuration that has the token.
    """

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Send a request as the SDK does, and once more with a new token after a dead one.

        Args:
            method: The HTTP method.
            url: The address.
            **options: What the SDK passes on: headers, query, body and timeout.

        Raises:
            ApiException: Upstox refuses the call.
            UpstoxError: A token is needed, and cannot be had.
            requests.RequestException: A request of the login got no whole answer.
        """
        auth = self.configuration.auth
        try:
            return super().request(method, url, **options)
        except ApiException as error:
            sent = (options.get("headers") or {}).get("Authorization", "")
            if not sent or not auth.says_dead(error.status, error.body):
                raise
        token = auth.renew(sent.removeprefix("Bearer "))
        options["headers"] = options["headers"] | {"Authorization": f"Bearer {token}"}
        return super().request(method, url, **options)
