"""TokenAuth: puts the day's token on requests to Upstox, and renews it when it has ended."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from requests.auth import AuthBase
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from upstox_totp import _clock
from upstox_totp._cache.lifetime import MARGIN
from upstox_totp._http.addresses import is_upstox
from upstox_totp._log import logger
from upstox_totp._redact import HiddenStr
from upstox_totp.errors import ErrorCode
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from upstox_totp.client import UpstoxTOTP


class TokenAuth(AuthBase):
    """Puts the day's access token on each request of a ``requests`` session.

    ``session.auth = TokenAuth(client)`` is all that a program needs: the token comes from the
    cache, and is replaced when it expires at 03:30 Indian time, or when Upstox says that it is
    invalid (401 with the code UDAPI100050); then the request is sent once more, if its body can
    be. Only Upstox hosts over https, and those of the client's base domain, get the token; a
    redirect elsewhere does not. All threads may share one: one of them logs in, the others wait.

    Args:
        client: Whose token it is.
        cache: Where tokens are cached; by default a `TokenCache` of its own.
    """

    def __init__(self, client: UpstoxTOTP, cache: TokenCache | None = None) -> None:
        self._client = client
        self._cache = cache or TokenCache()
        # The token, and until when it is used without asking the cache.
        self._held = HiddenStr(), 0.0

    def __repr__(self) -> str:
        """Return where tokens are sent to, and none of them."""
        return f"<TokenAuth {self._client.base_domain}>"

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Put the token on a request, if it goes to Upstox; ``requests`` calls this.

        Args:
            r: The request.

        Raises:
            UpstoxError: If a token is needed, and cannot be had.
            requests.RequestException: If a request of the login got no whole answer.
        """
        if is_upstox(r.url or "", self._client.base_domain):
            _put_on(r, self.get_access_token())
            r.register_hook("response", self._renew_refused)  # type: ignore[no-untyped-call]
        return r

    def get_access_token(self) -> str:
        """Return the day's access token, for what is no ``requests`` session.

        Raises:
            UpstoxError: If a token is needed, and cannot be had.
            requests.RequestException: If a request of the login got no whole answer.
        """
        token, until = self._held
        return str.__str__(token) if _clock.time() < until else self._take(None)

    def renew(self, token: str) -> str:
        """Return a token in place of one that Upstox says is invalid.

        Args:
            token: The invalid one. If another is cached by now, that is returned without a login.

        Raises:
            AuthenticationError: If tokens were ended twice within ten minutes: another program
                logs in as well, and a third login would end its token again.
            UpstoxError: If no token can be had.
            requests.RequestException: If a request of the login got no whole answer.
        """
        hidden = HiddenStr(token)
        del token
        return self._take(hidden)

    @staticmethod
    def says_dead(status: int, body: str | bytes | None) -> bool:
        """Tell whether an answer of Upstox says that the token is invalid.

        Source: Upstox's API documentation, UDAPI100050. Other codes with the same status, a
        missing static address for example, say nothing about the token.

        Args:
            status: The HTTP status.
            body: The body as it came.
        """
        text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
        return status == HTTPStatus.UNAUTHORIZED and ErrorCode.INVALID_TOKEN in text

    def _take(self, ended: HiddenStr | None) -> str:
        """Return what the cache has, or logs in for; its lock lets one of many threads log in."""
        data = self._cache.get_access_token(self._client, instead_of=ended).data
        left = data.expires_in.total_seconds()
        until = _clock.time() + left - (MARGIN if left > MARGIN else 0.0)
        self._held = HiddenStr(data.access_token), until
        return data.access_token

    def _renew_refused(self, response: Response, **options: Any) -> Response:
        """Send a request once more with a new token, if Upstox calls its token invalid."""
        request = response.request
        ours = is_upstox(request.url or "", self._client.base_domain)
        ended = _dead_token(response) if ours else None
        if ended is None:
            return response
        if not _can_be_sent_again(response):
            logger.warning("The access token is invalid, and the body cannot be sent a second time")
            self.renew(ended)
            return response
        _put_on(request, self.renew(ended))
        response.close()
        again: Response = response.connection.send(request, **options)
        again.history.append(response)
        return again


# There are tracebacks that show what headers and bodies hold wherever a line names them: apart from
# what may raise.
def _put_on(request: PreparedRequest, token: str) -> None:
    request.headers["Authorization"] = f"Bearer {token}"


def _dead_token(response: Response) -> HiddenStr | None:
    """Return the token that an answer says is invalid, None if it says no such thing."""
    # requests takes the token off at a redirect to another host.
    sent = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not sent or response.status_code != HTTPStatus.UNAUTHORIZED:
        # The body is the caller's to read.
        return None
    return HiddenStr(sent) if TokenAuth.says_dead(401, response.content) else None


def _can_be_sent_again(response: Response) -> bool:
    body = response.request.body
    if body is not None and not isinstance(body, str | bytes):
        try:
            rewind_body(response.request)
        except UnrewindableBodyError:
            return False
    # Adapters of others may not say where the answer came from.
    return hasattr(response, "connection")
