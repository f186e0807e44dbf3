"""TokenAuth: puts the day's token on requests to Upstox, and renews it when it has ended."""

from __future__ import annotations

import copy
import json
import os
import threading
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from requests import RequestException
from requests.auth import AuthBase
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

from upstox_totp import _clock
from upstox_totp._cache.lifetime import ADJUSTMENT, MARGIN
from upstox_totp._http.addresses import is_upstox, origin
from upstox_totp._log import logger
from upstox_totp._redact import HiddenStr
from upstox_totp.errors import AuthenticationError, ErrorCode, UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.models import AccessTokenData, AccessTokenResponse

_UNAUTHORIZED: Final = 401
_SOON: Final = 600.0


class Cache(Protocol):
    """What gives tokens; `TokenCache` does."""

    def get_access_token(
        self, client: Any, *, refresh: bool = False, instead_of: str | None = None
    ) -> AccessTokenResponse:
        """Return the cached token, or log in."""


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
        self._cache: Cache = TokenCache() if cache is None else cache
        self._held = _Held()
        self._ended = (HiddenStr(), -_SOON)
        self._failure: Exception | None = None
        self._tries = 0
        self._lock = (os.getpid(), threading.Lock())

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
        if _goes_to_upstox(r.url, self._client.base_domain):
            held = self._valid()
            r.headers["Authorization"] = held.header
            r.register_hook("response", _Watch(self, self._client.base_domain))  # type: ignore[no-untyped-call]
        return r

    def get_access_token(self) -> str:
        """Return the day's access token, for what is no ``requests`` session.

        Raises:
            UpstoxError: If a token is needed, and cannot be had.
            requests.RequestException: If a request of the login got no whole answer.
        """
        return self._valid().token

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
        return self._take(HiddenStr(token)).token

    @staticmethod
    def says_dead(status: int, body: str | bytes | None) -> bool:
        """Tell whether an answer of Upstox says that the token is invalid.

        Source: Upstox's API documentation, UDAPI100050. Other codes with the same status, a
        missing static address for example, say nothing about the token.

        Args:
            status: The HTTP status.
            body: The body as it came.
        """
        if status != _UNAUTHORIZED:
            return False
        try:
            errors = json.loads(body or "")["errors"]
            return any(
                ErrorCode.INVALID_TOKEN in (one.get("errorCode"), one.get("error_code"))
                for one in errors
            )
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
            return False

    def _valid(self) -> _Held:
        held = self._held
        return held if held.is_valid else self._take(None)

    def _take(self, refused: str | None) -> _Held:
        """Return a valid token that is another than the refused one; threads wait here."""
        tries = self._tries
        with self._own_lock():
            held = self._held
            if held.is_valid and held.token != refused:
                return held
            if self._tries != tries and self._failure is not None:
                # Another thread has tried for this one, too.
                raise copy.copy(self._failure)
            if refused is None and held.is_ended:
                refused = held.token
            try:
                self._held = _Held(self._ask(refused).data)
                self._failure = None
            except (UpstoxError, RequestException) as error:
                self._failure = copy.copy(error)
                raise
            finally:
                self._tries += 1
            return self._held

    def _ask(self, refused: str | None) -> AccessTokenResponse:
        if refused is None:
            return self._cache.get_access_token(self._client)
        token, when = self._ended
        now = _clock.monotonic()
        if refused != token and now - when < _SOON:
            raise AuthenticationError(
                "Upstox ended the access token, for the second time within ten minutes: another "
                "program may log in to this account, and each login ends the other's token.",
                error_code=ErrorCode.INVALID_TOKEN,
                suggestions=[
                    "Let all programs of the account use one cache (UPSTOX_CACHE_URL).",
                    "UPSTOX_LOGIN_METHOD=page ends no other token.",
                ],
            )
        if refused != token:
            self._ended = (HiddenStr(refused), now)
        return self._cache.get_access_token(self._client, instead_of=refused)

    def forget(self, token: str) -> None:
        """Let the next request take another token than one that is invalid."""
        with self._own_lock():
            if self._held.token == token:
                self._held.until = 0.0

    def _own_lock(self) -> threading.Lock:
        # The child of a fork has a copy of a lock that nobody there will ever release.
        pid, lock = self._lock
        if pid != os.getpid():
            self._lock = (os.getpid(), threading.Lock())
            lock = self._lock[1]
        return lock


class _Held:
    """A token as it is put on requests, and between which times of the local clock; shows nothing.

    A clock before ``since`` was set meanwhile: when the token expires has to be reckoned anew.
    """

    __slots__ = ("header", "since", "token", "until")

    def __init__(self, data: AccessTokenData | None = None) -> None:
        self.token = "" if data is None else data.access_token
        self.header = f"Bearer {self.token}"
        self.since = self.until = 0.0
        if data is not None:
            now, left = _clock.time(), data.expires_in.total_seconds()
            self.until = now + left - (MARGIN if left > MARGIN else 0.0)
            self.since = now - ADJUSTMENT

    @property
    def is_valid(self) -> bool:
        return self.since <= _clock.time() < self.until

    @property
    def is_ended(self) -> bool:
        return bool(self.token) and not self.until


class _Watch:
    """Watches the answers to one request, those of its redirects included."""

    __slots__ = ("_auth", "_base_domain", "_spent", "_strayed")

    def __init__(self, auth: TokenAuth, base_domain: str) -> None:
        self._auth = auth
        self._base_domain = base_domain
        self._spent = self._strayed = False

    def __call__(self, response: Response, **kwargs: Any) -> Response:
        """Send the request once more with a new token, if Upstox calls its token invalid."""
        if not _goes_to_upstox(response.request.url, self._base_domain):
            self._strayed = True
        elif response.status_code == _UNAUTHORIZED and not self._spent:
            return self._replace(response, kwargs)
        return response

    def _replace(self, response: Response, options: dict[str, Any]) -> Response:
        request = response.request
        used = HiddenStr(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if used and not self._auth.says_dead(response.status_code, response.content):
            return response
        # requests takes the token off at a redirect to another host; one of Upstox may have it,
        # unless the way there led elsewhere.
        if not used and self._strayed:
            return response
        if not _can_be_sent_again(response):
            logger.warning("The access token is invalid, and the body cannot be sent a second time")
            self._auth.forget(used)
            return response
        token = self._auth.renew(used) if used else self._auth.get_access_token()
        _put_on(request, token)
        response.close()
        began = _clock.monotonic()
        again: Response = response.connection.send(request, **options)
        again.elapsed = timedelta(seconds=_clock.monotonic() - began)
        again.history.append(response)
        self._spent = again.is_redirect
        return again


def _put_on(request: PreparedRequest, token: str) -> None:
    # Apart: there are tracebacks that show what the headers hold wherever a line names them.
    request.headers["Authorization"] = f"Bearer {token}"


def _can_be_sent_again(response: Response) -> bool:
    request = response.request
    if not hasattr(response, "connection"):
        return False
    if request.body is None or isinstance(request.body, str | bytes):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def _goes_to_upstox(url: str | None, base_domain: str) -> bool:
    # A prepared address has a slash after its host, and no other way to write one.
    scheme, _, rest = (url or "").partition("://")
    return _is_upstox(f"{scheme}://{rest.partition('/')[0]}", base_domain)


@lru_cache(maxsize=256)
def _is_upstox(url: str, base_domain: str) -> bool:
    try:
        return is_upstox(origin(url), base_domain)
    except ValueError:
        return False
