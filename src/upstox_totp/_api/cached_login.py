"""CachedLogin: one login in its account's lock, whose result is stored for all who ask."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import requests

from upstox_totp import _clock
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.backend import LockLostError
from upstox_totp._cache.failures import error_of, remember
from upstox_totp._cache.lifetime import as_datetime, credible_offset, expiry, when
from upstox_totp._cache.records import CachedToken
from upstox_totp._log import logger
from upstox_totp._redact import HiddenDict, Secrets
from upstox_totp.errors import AuthenticationError, UpstoxError
from upstox_totp.models import AccessTokenData, AccessTokenResponse

if TYPE_CHECKING:
    from upstox_totp._api.base import Client
    from upstox_totp._cache.records import LoginId, TokenRecord
    from upstox_totp._cache.store import AccountLock, Store


@dataclass(eq=False, repr=False)
class CachedLogin:
    """One call for a token that is not there."""

    client: Client
    store: Store
    seen: str = ""
    force: bool = False
    renewal: bool = False

    def __post_init__(self) -> None:
        client, config = self.client, self.client.config
        self.identity = client.identity
        self._secrets = Secrets()
        self._secrets.add_all(client.secrets)
        self._secrets.add(config.username, config.client_id, config.redirect_uri)

    def answer(self) -> AccessTokenResponse | None:
        """Return the token of another's login that has ended meanwhile, or raise its failure."""
        record = self.store.find(self.identity, 0)
        if record.version == self.seen:
            return None
        if record.failure is not None:
            # With other settings, this call's own login may succeed.
            if record.failure.fingerprint == self.identity.fingerprint:
                raise error_of(record.failure)
            return None
        if record.token is None:
            return None
        response = to_response(record.token)
        expires = when(response.data.expires_at)
        logger.info("Using the token of another program's login; it expires %s", expires)
        return response

    def log_in(self, lock: AccountLock) -> AccessTokenResponse:
        """Log in, and store what came of it; `LockLostError` if another has taken the lock."""
        stored = lock.read_token()
        log = AttemptLog(lock, self.identity, force=self.force, mask=self._secrets.mask)
        log.check()
        try:
            response = self.client.log_in(log)
            self._check_user(response.data, stored)
        except TokenPendingError:
            raise
        except (UpstoxError, requests.RequestException) as error:
            failure = remember(error, self.identity.fingerprint, self._secrets.mask)
            # Where the lock is another's meanwhile, what this login got is still its own.
            with suppress(LockLostError):
                log.note_failure(error)
                lock.write_token(stored.failed(failure))
            raise
        with suppress(LockLostError):
            self._write(lock, stored, response.data, log.login)
        return response

    def keep(self, lock: AccountLock, data: AccessTokenData) -> None:
        """Store a token that came in another way than by a login."""
        stored = lock.read_token()
        self._check_user(data, stored)
        login = AttemptLog(lock, self.identity).note_login(ends_others=False)
        self._write(lock, stored, data, login)

    def _write(
        self, lock: AccountLock, stored: TokenRecord, data: AccessTokenData, login: LoginId
    ) -> None:
        token = to_cached(data)
        for name in set(token.data) - {"access_token"}:
            if self._secrets.holds(json.dumps(token.data[name])):
                del token.data[name]
        identity, renewed = self.identity, self.renewal
        lock.write_token(stored.succeeded(token, identity, login, renewed=renewed))

    def _check_user(self, data: AccessTokenData, stored: TokenRecord) -> None:
        told = None if data.user_id is None else self._secrets.mask(str(data.user_id))
        wanted = self.identity.user_id
        known = stored.user_id if stored.is_of_account(self.identity) else None
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


def to_response(token: CachedToken) -> AccessTokenResponse:
    """Return a cached token as a login returned it: in plain values."""
    data = AccessTokenData.model_validate(json.loads(json.dumps(token.data)))
    data.obtained(as_datetime(token.obtained_at), timedelta(seconds=token.clock_offset))
    return AccessTokenResponse.model_construct(success=True, data=data)
