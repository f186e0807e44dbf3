"""CachedLogin: one login in its account's lock, whose result is stored for all who ask."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pydantic
import requests
from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.attempts import counted_anew, find_blocks
from upstox_totp._cache.backend import LockLostError
from upstox_totp._cache.failures import error_of, remember
from upstox_totp._cache.lifetime import as_datetime, credible_offset, expiry, when
from upstox_totp._cache.records import CachedToken
from upstox_totp._log import logger
from upstox_totp._redact import HiddenDict, Secrets
from upstox_totp.errors import AuthenticationError, UpstoxError
from upstox_totp.models import AccessTokenData, AccessTokenResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upstox_totp._api.base import Client
    from upstox_totp._cache.records import Failure, LoginId, TokenRecord
    from upstox_totp._cache.store import AccountLock, Store
    from upstox_totp._settings.config import Config


class CachedLogin:
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
            expires = when(self._answer.data.expires_at)
            logger.info("Using the token of another program's login; it expires %s", expires)
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
    try:
        # Whoever is handed it may change it, and it is handed out again.
        data = AccessTokenData.model_validate(json.loads(json.dumps(token.data)))
    except pydantic.ValidationError:
        return None
    data.obtained(as_datetime(token.obtained_at), timedelta(seconds=token.clock_offset))
    return AccessTokenResponse.model_construct(success=True, data=data)


def _credentials(config: Config) -> Iterator[SecretStr | str]:
    yield from (config.username, config.password, config.pin_code, config.totp_secret)
    yield from (config.client_id, config.client_secret, config.redirect_uri)
