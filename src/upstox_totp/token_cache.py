"""TokenCache: one login a day for an account, however many threads and processes ask for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakKeyDictionary

from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api.cached_login import CachedLogin, is_newer, to_response
from upstox_totp._api.imported_token import check_imported
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp._cache.backend import Backend, Entry, Holder, Lock, LockLostError
from upstox_totp._cache.files import has_locks
from upstox_totp._cache.lifetime import MARGIN
from upstox_totp._cache.store import open_store
from upstox_totp._cache.waiting import locked, look_after, wait_for_approval
from upstox_totp._redact import HiddenStr
from upstox_totp._settings.config import as_secret
from upstox_totp.errors import (
    AuthenticationError,
    ErrorCode,
    LoginWaitError,
    missing_extra,
)
from upstox_totp.models import AccessTokenResponse

if not has_locks():
    raise ImportError(missing_extra("TokenCache", "cache"))

if TYPE_CHECKING:
    import os

    from upstox_totp._api.base import Client
    from upstox_totp._cache.records import CachedToken, TokenRecord
    from upstox_totp._cache.store import Store
    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.models import AccessTokenData

__all__ = ["Backend", "Entry", "Holder", "Lock", "LockLostError", "TokenCache"]

# A machine may be suspended in the middle of a login, but not by chance again and again.
_MOST_LOCKS: Final = 5
_SOON: Final = 600.0


class TokenCache:
    """Stores the day's access token of each account, and lets one caller at a time log in.

    The token lies in a file of the user's own, with its expiry and no credential. It is valid until
    03:30 Indian time.

    Args:
        directory: Where to store tokens; by default ``UPSTOX_CACHE_DIR``, otherwise a directory in
            the user's cache directory.
        margin: How long a cached token must be valid at least to be handed out; a number counts
            seconds.
        url: The address of a Redis that machines share, in place of a directory (extra
            ``redis``); by default ``UPSTOX_CACHE_URL``.
        key: Encrypts what is stored there (extra ``encryption``); by default
            ``UPSTOX_CACHE_KEY``. Several keys have commas between them: the first encrypts.
        store: A backend, in place of either: a `RedisStore`, or one of your own.

    Raises:
        ValueError: If the margin is negative.
        ConfigurationError: If a URL is given and the extra that it needs is not installed.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        margin: timedelta | float = timedelta(seconds=MARGIN),
        url: str | None = None,
        key: SecretStr | str | None = None,
        store: Backend | None = None,
    ) -> None:
        self._directory = directory
        self._url, self._key = url and SecretStr(url), as_secret(key)
        del url, key
        self._backend = store
        # What each client was handed last.
        self._handed: WeakKeyDictionary[Client, HiddenStr] = WeakKeyDictionary()
        self._margin = margin.total_seconds() if isinstance(margin, timedelta) else float(margin)
        if not self._margin >= 0:
            raise ValueError("margin must not be negative")

    def __repr__(self) -> str:
        """Return where tokens are stored, if that was said."""
        return f"TokenCache({self._directory!s})" if self._directory else "TokenCache()"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return this one: its connections cannot be copied, and need not be."""
        return self

    def get_access_token(
        self,
        client: Client,
        *,
        refresh: bool = False,
        force: bool = False,
        instead_of: SecretStr | str | None = None,
    ) -> AccessTokenResponse:
        """Return the cached access token, or log in and cache the new one.

        However many threads and processes ask at once, one of them logs in; the others wait for it
        and share its token, or its failure. A disk that cannot be used costs a warning, never the
        login.

        Args:
            client: Whose token it is; ``client.log_in`` logs in.
            refresh: Whether to log in although a token is cached, for example after a 401; a token
                that this client was not handed yet is returned first. With the method ``api`` the
                new token ends the old one, in every app and program that uses it.
            instead_of: A token that has ended: another one that is cached is returned, and if there
                is none, one login goes out.
            force: Whether to let one login out although a credential was rejected before, or a
                limit still blocks. Five wrong PINs lock an account.

        Returns:
            The token in ``data.access_token``, and when it expires in ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or before: then nothing is
                sent, and the error says what is blocked, since when, and what unblocks it. Also if
                the token is of another user than the one it should be of, or if tokens were ended
                twice within ten minutes: another login would end somebody's token again.
            RateLimitError: If too much was asked for, now or earlier; then nothing is sent until
                its time has passed.
            LoginWaitError: If another login of the account did not end for three minutes.
            CacheError: If a cache that machines share cannot be used, or not be read.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If a request got no whole answer.
        """
        told = as_secret(instead_of)
        del instead_of
        ended = None if told is None else HiddenStr(told.get_secret_value())
        store = self._open(client)
        found = store.find(client.identity, self._margin)
        token = found.token
        renewal = ended is not None and token is not None
        if refresh and not force and ended is None:
            ended = self._handed.get(client)
            refresh = ended is None
        if token is not None and not refresh and not _is_token(token, ended):
            response = to_response(token)
        else:
            if renewal and not force:
                _check_renewal(found)
            login = CachedLogin(client, store, found.version, force=force, renewal=renewal)
            response = _log_in(login)
        self._handed[client] = HiddenStr(response.data.access_token)
        return response

    def wait_for_token(self, client: Client, seconds: float) -> AccessTokenResponse:
        """Return the cached access token, or wait until another program has got one.

        Never logs in.

        Args:
            client: Whose token it is; of its settings only those that name the app are needed.
            seconds: How long to wait at most.

        Returns:
            The token in ``data.access_token``, and when it expires in ``data.expires_at``.

        Raises:
            LoginWaitError: If no token was there in that time.
            CacheError: If a cache that machines share cannot be used, or not be read.
        """
        store = self._open(client)
        waited = 0.0
        while True:
            token = store.find(client.identity, self._margin).token
            if token is not None:
                return to_response(token)
            if waited >= seconds:
                raise LoginWaitError(
                    f"Nobody has got a token within {seconds:.0f} seconds, at {store.describe()}.",
                    details={"waited": seconds},
                    suggestions=["See what the machine that logs in says."],
                )
            look = min(look_after(waited), seconds - waited)
            _clock.pause(look)
            waited += look

    def clear(self, client: Client) -> None:
        """Forget the token, and that credentials were rejected or a limit was reached.

        Waits for a login that is under way. Codes that were used stay used. What this machine
        cannot read, since it was encrypted with another key, is replaced.

        Args:
            client: Whose token it is.

        Raises:
            OSError: If the store cannot be written; the token is still there then.
            CacheError: If a cache that machines share cannot be used.
            LoginWaitError: If another login of the account did not end for three minutes.
        """
        store = self._open(client, strict=True)
        with locked(store, client.identity) as lock:
            lock.clear()

    def read(self, client: Client) -> TokenRecord:
        """Return what is stored of an app's token, whether it is valid or not.

        Args:
            client: Whose token it is.
        """
        return self._open(client).read_token(client.identity)

    def keep(self, client: Client, data: AccessTokenData, *, instead_of: str | None = None) -> bool:
        """Cache a token that came in another way than by a login, if it is newer than the cached.

        Args:
            client: Whose token it is.
            data: The token.
            instead_of: A token that has ended: it is replaced though it seems to be newer.

        Returns:
            False if it is not cached now, since somebody logs in.

        Raises:
            AuthenticationError: If it is another user's.
            OSError: If the store cannot be written.
            CacheError: If a cache that machines share cannot be used.
        """
        store = self._open(client, strict=True)
        lock = store.acquire(client.identity)
        if lock is None:
            return False
        with lock, suppress(LockLostError):
            seen = lock.read_token()
            ended = seen.token is not None and _is_token(seen.token, instead_of)
            if ended or is_newer(seen, data):
                CachedLogin(client, store).keep(lock, data)
            return True
        return False

    def import_token(
        self, client: UpstoxTOTP, access_token: SecretStr | str
    ) -> AccessTokenResponse:
        """Cache a token that the user made by hand, if Upstox accepts it.

        Such a token is made on Upstox's page: Developer Apps, the app, Generate. It is served to
        every program until it expires, at 03:30 Indian time at the latest.

        Args:
            client: Whose token it is.
            access_token: The token.

        Returns:
            The token in ``data.access_token``, and when it expires in ``data.expires_at``.

        Raises:
            ConfigurationError: If it is no access token, or an extended or an analytics token.
            AuthenticationError: If Upstox does not accept it, or it is another user's.
            LoginWaitError: If another login of the account did not end for three minutes.
            OSError: If the store cannot be written.
            UpstoxError: If Upstox said neither that it is valid nor that it is not.
            requests.RequestException: If no whole answer came.
        """
        hidden = as_secret(access_token)
        del access_token
        data = check_imported(client, hidden or SecretStr(""))
        store = self._open(client, strict=True)
        with locked(store, client.identity) as lock:
            CachedLogin(client, store).keep(lock, data)
        return AccessTokenResponse(success=True, data=data)

    def _open(self, client: Client, *, strict: bool = False) -> Store:
        config = client.config
        # What the program names goes before the address of the settings.
        named = self._directory
        return open_store(
            config.cache_dir if named is None else named,
            url=self._url or (config.cache_url if named is None else None),
            key=self._key or config.cache_key,
            backend=self._backend,
            strict=strict,
        )


def _log_in(login: CachedLogin) -> AccessTokenResponse:
    """Log in, or return the token of another's login."""
    store, identity = login.store, login.identity
    try:
        for _ in range(_MOST_LOCKS):
            lock = locked(store, identity, login.answer)
            if isinstance(lock, AccessTokenResponse):
                return lock
            with lock, suppress(LockLostError):
                return login.answer() or login.log_in(lock)
    except TokenPendingError as error:
        pending = error
    else:
        raise LoginWaitError(
            f"The lock to log in was lost {_MOST_LOCKS} times, at {store.describe()}.",
            suggestions=["Let nothing remove the lock while a login is under way."],
        )
    answer = wait_for_approval(store, identity, ends=pending.ends, answer=login.answer)
    if answer is None:
        raise pending
    return answer


def _check_renewal(found: TokenRecord) -> None:
    """Raise where the token that has ended took the place of one that had, minutes ago."""
    token = found.token
    if token is None or not found.renewed:
        return
    if _clock.time() + token.clock_offset - token.obtained_at >= _SOON:
        return
    raise AuthenticationError(
        "Upstox ended the access token, for the second time within ten minutes: another program "
        "may log in to this account, and each login ends the other's token.",
        error_code=ErrorCode.INVALID_TOKEN,
        suggestions=[
            "Let all programs of the account use one cache (UPSTOX_CACHE_URL).",
            "UPSTOX_LOGIN_METHOD=page ends no other token.",
        ],
    )


def _is_token(token: CachedToken, text: str | None) -> bool:
    # Apart: there are tracebacks that show the values of all that a frame's lines name.
    return token.access_token == text
