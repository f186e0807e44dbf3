"""TokenCache: one login a day for an account, however many threads and processes ask for it."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakKeyDictionary

import pydantic
import requests
from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.attempts import counted_anew, find_blocks
from upstox_totp._cache.backend import Backend, Entry, Holder, Lock, LockLostError
from upstox_totp._cache.failures import error_of, remember
from upstox_totp._cache.lifetime import MARGIN, as_datetime, credible_offset, expiry
from upstox_totp._cache.records import CachedToken
from upstox_totp._cache.store import open_store
from upstox_totp._cache.waiting import PATIENCE, locked, look_after, wait_for_approval
from upstox_totp._redact import HiddenDict, Secrets
from upstox_totp._settings.config import as_secret
from upstox_totp.errors import (
    AuthenticationError,
    ErrorCode,
    LoginWaitError,
    UpstoxError,
    missing_extra,
)
from upstox_totp.models import AccessTokenData, AccessTokenResponse

try:
    import filelock  # noqa: F401 - its extra is asked for where it is missed
except ImportError:
    raise ImportError(missing_extra("TokenCache", "cache")) from None

if TYPE_CHECKING:
    import os

    from upstox_totp._cache.records import Failure, LoginId, TokenRecord
    from upstox_totp._cache.store import AccountLock, Store
    from upstox_totp._settings.account import Identity
    from upstox_totp._settings.config import Config

__all__ = ["Backend", "Entry", "Holder", "Lock", "LockLostError", "TokenCache"]

# A directory may be removed in the middle of a login, but not by chance again and again.
_MOST_LOCKS: Final = 5
_SOON: Final = 600.0


class Client(Protocol):
    """What the cache needs of a client; `UpstoxTOTP` has it."""

    @property
    def config(self) -> Config:
        """The settings: where to store tokens, and what must not be stored with them."""

    @property
    def identity(self) -> Identity:
        """What tells accounts and settings apart."""

    def log_in(self, attempt_log: AttemptLog, /) -> AccessTokenResponse:
        """Log in, and write what costs an attempt."""


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
        self._forget()
        self._patience = PATIENCE
        self._margin = margin.total_seconds() if isinstance(margin, timedelta) else float(margin)
        if not self._margin >= 0:
            raise ValueError("margin must not be negative")

    def _forget(self) -> None:
        self._opened: dict[bool, tuple[Config, Store]] = {}
        # What each client was handed last, as a hash.
        self._handed: WeakKeyDictionary[Client, bytes] = WeakKeyDictionary()

    def __repr__(self) -> str:
        """Return where tokens are stored, if that was said."""
        return f"TokenCache({self._directory!s})" if self._directory else "TokenCache()"

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: the settings, and no connection."""
        return {**vars(self), "_opened": None, "_handed": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what `__getstate__` returned."""
        vars(self).update(state)
        self._forget()

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
        ended = None if told is None else _digest(told.get_secret_value())
        store = self._open(client)
        found = store.find(client.identity, self._margin)
        renewal = ended is not None and found.token is not None
        if refresh and not force and ended is None:
            ended = self._handed.get(client)
            refresh = ended is None
        cached = None if refresh or force else self._other(found, ended)
        if cached is None:
            if renewal and not force:
                _check_renewal(found)
            cached = self._log_in(_Login(client, store, found, force=force, renewal=renewal), store)
        self._handed[client] = _digest(cached.data.access_token)
        return cached

    @staticmethod
    def _other(found: TokenRecord, ended: bytes | None) -> AccessTokenResponse | None:
        """Return a token that may be handed out, unless it is the one that has ended."""
        token = found.token
        if token is None or (ended is not None and _digest(token.access_token) == ended):
            return None
        return to_response(token)

    def _log_in(self, login: _Login, store: Store) -> AccessTokenResponse:
        identity = login.identity
        try:
            for _ in range(_MOST_LOCKS):
                login.check()
                answered = login.is_answered
                with locked(store, identity, patience=self._patience, answered=answered) as lock:
                    if lock is None or answered():
                        return login.answer()
                    with suppress(LockLostError):
                        return login.log_in(lock)
        except TokenPendingError as error:
            pending = error
        else:
            raise LoginWaitError(
                f"The lock to log in was lost {_MOST_LOCKS} times, at {store.describe()}.",
                suggestions=["Let nothing remove the directory while a login is under way."],
            )
        if wait_for_approval(store, identity, ends=pending.ends, answered=login.is_answered):
            return login.answer()
        raise pending

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
            cached = self._other(store.find(client.identity, self._margin), None)
            if cached is not None:
                return cached
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
        with locked(store, client.identity, patience=self._patience) as lock:
            if lock is not None:
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
        try:
            seen = lock.read_token()
            ended = seen.token is not None and seen.token.access_token == instead_of
            if ended or is_newer(seen, data):
                _Login(client, store, seen).keep(lock, data)
        except LockLostError:
            return False
        finally:
            lock.release()
        return True

    def _open(self, client: Client, *, strict: bool = False) -> Store:
        config = client.config
        known = self._opened.get(strict)
        if known is None or known[0] is not config:
            # What the program names goes before the address of the settings.
            named = self._directory
            store = open_store(
                config.cache_dir if named is None else named,
                url=self._url or (config.cache_url if named is None else None),
                key=self._key or config.cache_key,
                backend=self._backend,
                strict=strict,
            )
            known = self._opened[strict] = config, store
        return known[1]


class _Login:
    """One call for a token that is not there."""

    def __init__(
        self,
        client: Client,
        store: Store,
        seen: TokenRecord,
        *,
        force: bool = False,
        renewal: bool = False,
    ) -> None:
        self._client = client
        self.identity = client.identity
        self._store = store
        self._seen = self._stored = seen
        self._force = force
        self._renewal = renewal
        self._answer: AccessTokenResponse | Failure | None = None
        self._secrets = Secrets()
        self._secrets.add(*_credentials(client.config))

    def check(self) -> None:
        """Raise what blocks the login, before it is waited for."""
        if self._force:
            return
        record, now = self._store.read_attempts(self.identity), _clock.time()
        if counted_anew(record, now) is record:
            for block in find_blocks(record, self.identity, now):
                raise block.to_error()

    def is_answered(self) -> bool:
        """Tell whether another's login has ended meanwhile, in a way that answers this call."""
        record = self._stored = self._store.read_token(self.identity)
        if record.version == self._seen.version:
            return False
        token = self._store.served(record, self.identity, 0).token
        if record.failure is not None:
            # With other settings, this call's own login may succeed.
            same = record.failure.fingerprint == self.identity.fingerprint
            self._answer = record.failure if same else None
        elif token is not None:
            self._answer = to_response(token)
        return self._answer is not None

    def answer(self) -> AccessTokenResponse:
        """Return the token of another's login, or raise its failure."""
        if isinstance(self._answer, AccessTokenResponse):
            return self._answer
        if self._answer is not None:
            raise error_of(self._answer)
        raise RuntimeError("no other login has answered this call")

    def log_in(self, lock: AccountLock) -> AccessTokenResponse:
        """Log in, and store what came of it; `LockLostError` if another has taken the lock."""
        log = AttemptLog(lock, self.identity, force=self._force, mask=self._secrets.mask)
        log.check()
        try:
            response = self._client.log_in(log)
            self._check_user(response.data)
        except TokenPendingError:
            raise
        except (UpstoxError, requests.RequestException) as error:
            failure = remember(error, self.identity.fingerprint, self._secrets.mask)
            # Where the lock is another's meanwhile, what this login got is still its own.
            with suppress(LockLostError):
                log.note_failure(error)
                lock.write_token(self._stored.failed(failure))
            raise
        with suppress(LockLostError):
            self._write(lock, response.data, log.login)
        return response

    def keep(self, lock: AccountLock, data: AccessTokenData) -> None:
        """Store a token that came in another way than by a login."""
        self._check_user(data)
        self._write(lock, data, AttemptLog(lock, self.identity).note_login(ends_others=False))

    def _write(self, lock: AccountLock, data: AccessTokenData, login: LoginId) -> None:
        token = self._without_credentials(data)
        lock.write_token(self._stored.succeeded(token, self.identity, login, renewed=self._renewal))

    def _check_user(self, data: AccessTokenData) -> None:
        told = None if data.user_id is None else self._secrets.mask(str(data.user_id))
        wanted = self.identity.user_id
        known = self._stored.user_id if self._stored.is_of_account(self.identity) else None
        expected = wanted or known
        if told is None or expected is None or told.upper() == expected.upper():
            return
        where = "user_id (UPSTOX_USER_ID)" if wanted else "the tokens of this app before"
        error = AuthenticationError(
            f"The token is of user {told}; {where} said {expected}. It is not cached.",
            details={"expected": expected, "received": told},
            suggestions=[
                (
                    "Check whose settings these are; if the account is to change, "
                    "TokenCache().clear(client) or upstox_cli logout forgets the one before."
                )
            ],
        )
        error.settings = ("user_id",)
        raise error

    def _without_credentials(self, data: AccessTokenData) -> CachedToken:
        token = to_cached(data)
        for name in set(token.data) - {"access_token"}:
            text = SecretStr(json.dumps(token.data[name]))
            if self._secrets.mask(text.get_secret_value()) != text.get_secret_value():
                del token.data[name]
        return token


def to_cached(data: AccessTokenData) -> CachedToken:
    """Return a token as it is stored."""
    made = data.obtained_at or as_datetime(_clock.time())
    offset = credible_offset(data.access_token, made, data.clock_offset)
    made = as_datetime(made.timestamp() - (data.clock_offset - offset).total_seconds())
    return CachedToken(
        HiddenDict(data.model_dump(mode="json")),
        made.timestamp(),
        expiry(data.access_token, made).timestamp(),
        offset.total_seconds(),
    )


def is_newer(seen: TokenRecord, data: AccessTokenData) -> bool:
    """Tell whether a token is to take the place of what is stored."""
    token, made = seen.token, data.obtained_at
    if token is None or made is None or not token.serves(0):
        return True
    return token.access_token != data.access_token and made.timestamp() >= token.obtained_at


def to_response(token: CachedToken) -> AccessTokenResponse | None:
    """Return a cached token as a login returned it, None if it is none."""
    known = _VALID.get(id(token.data)) or _validated(token)
    if known is None:
        return None
    first, valid = known
    # Who is handed it may change it, and it is handed out again.
    data = valid.model_copy()
    for values in (vars(data), data.model_extra or {}):
        for name, value in values.items():
            if isinstance(value, _CONTAINERS):
                values[name] = _copied(value)
    # A backend that forgets by itself knows another offset each time.
    if token.clock_offset != first.clock_offset:
        _dated(data, token)
    return AccessTokenResponse(success=True, data=data)


# By the identity of the fields, which are held here, so that no others take their place.
_VALID: Final[dict[int, tuple[CachedToken, AccessTokenData]]] = {}
_MOST_VALID: Final = 8
_CONTAINERS: Final = (dict, list)


def _validated(token: CachedToken) -> tuple[CachedToken, AccessTokenData] | None:
    try:
        data = AccessTokenData.model_validate(token.data)
    except pydantic.ValidationError:
        return None
    if len(_VALID) >= _MOST_VALID:
        _VALID.clear()
    known = _VALID[id(token.data)] = token, _dated(data, token)
    return known


def _dated(data: AccessTokenData, token: CachedToken) -> AccessTokenData:
    return data.obtained(as_datetime(token.obtained_at), timedelta(seconds=token.clock_offset))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _copied(one) if isinstance(one, _CONTAINERS) else one
            for name, one in value.items()
        }
    return [_copied(one) if isinstance(one, _CONTAINERS) else one for one in value]


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


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _credentials(config: Config) -> tuple[SecretStr | str, ...]:
    return (
        config.username,
        config.password,
        config.pin_code,
        config.totp_secret,
        config.client_id,
        config.client_secret,
        config.redirect_uri,
    )
