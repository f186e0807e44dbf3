"""KeptLogin: one login in its account's turn, whose outcome is kept for all who ask."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import pydantic
import requests
from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.attempts import find_blocks
from upstox_totp._cache.kept import serves
from upstox_totp._cache.lifetime import as_datetime, credible_offset, expiry
from upstox_totp._cache.record import CachedToken
from upstox_totp._cache.remembering import error_of, remember
from upstox_totp._cache.store import LockLostError
from upstox_totp._redact import HiddenDict, Secrets
from upstox_totp.errors import AuthenticationError, UpstoxError
from upstox_totp.models import AccessTokenData, AccessTokenResponse

if TYPE_CHECKING:
    from upstox_totp._cache.attempt_log import LoginMark
    from upstox_totp._cache.failure import LoginFailure
    from upstox_totp._cache.record import TokenRecord
    from upstox_totp._cache.store import Store, Turn
    from upstox_totp._settings.account import Identity
    from upstox_totp._settings.config import Config


class Client(Protocol):
    """What the cache needs of a client; `UpstoxTOTP` has it."""

    @property
    def config(self) -> Config:
        """The settings: where to keep tokens, and what must not be kept with them."""

    @property
    def identity(self) -> Identity:
        """What tells accounts and settings apart."""

    def log_in(self, ledger: AttemptLog) -> AccessTokenResponse:
        """Log in, and count in a ledger what costs an attempt."""


class KeptLogin:
    """One who asks for a token that is not there.

    Args:
        client: Who logs in.
        store: Where what comes of it is kept.
        seen: What was kept when the call began.
        force: Whether one login goes out although something holds it.
    """

    def __init__(self, client: Client, store: Store, seen: TokenRecord, *, force: bool) -> None:
        self._client = client
        self._identity = client.identity
        self._store = store
        self._seen = seen
        self._force = force
        self._answer: AccessTokenResponse | LoginFailure | None = None
        self._secrets = Secrets()
        self._secrets.add(*_credentials(client.config))

    def check(self) -> None:
        """Raise what forbids the login, before it is waited for.

        Raises:
            UpstoxError: If something does.
        """
        if self._force:
            return
        record = self._store.read_ledger(self._identity)
        for hold in find_blocks(record, self._identity, _clock.time()):
            raise hold.to_error()

    def is_answered(self) -> bool:
        """Tell whether another one's login has ended meanwhile, in a way that answers this call."""
        record = self._store.read_token(self._identity)
        if record.serial == self._seen.serial:
            return False
        if record.failure is not None:
            # With other settings, this call's own login may succeed.
            same = record.failure.fingerprint == self._identity.fingerprint
            self._answer = record.failure if same else None
        elif record.token is not None and serves(self._store, record, self._identity, 0):
            self._answer = to_response(record.token)
        return self._answer is not None

    def answer(self) -> AccessTokenResponse:
        """Return the token of another one's login, or raise its failure."""
        if isinstance(self._answer, AccessTokenResponse):
            return self._answer
        if self._answer is not None:
            raise error_of(self._answer)
        raise RuntimeError("no other login has answered this call")

    def log_in(self, turn: Turn) -> AccessTokenResponse:
        """Log in, and keep what came of it, whichever way it ended.

        Args:
            turn: The account's turn.

        Raises:
            LockLostError: If another login has taken it.
        """
        ledger = AttemptLog(turn, self._identity, force=self._force, mask=self._secrets.mask)
        ledger.check()
        try:
            response = self._client.log_in(ledger)
            self._check_user(turn, response.data)
        except TokenPendingError:
            raise
        except (UpstoxError, requests.RequestException) as error:
            failure = remember(error, self._identity.fingerprint, self._secrets.mask)
            # Where the turn is another's meanwhile, what this login got is still its own.
            with suppress(LockLostError):
                ledger.note_failure(error)
                turn.write_token(turn.read_token().failed(failure))
            raise
        with suppress(LockLostError):
            self._keep(turn, response.data, ledger.mark)
        return response

    def keep(self, turn: Turn, data: AccessTokenData) -> None:
        """Keep a token that came in another way than by a login.

        Args:
            turn: The account's turn.
            data: The token.

        Raises:
            AuthenticationError: If it is another user's.
            LockLostError: If somebody else logs in now.
        """
        self._check_user(turn, data)
        mark = AttemptLog(turn, self._identity).note_login(ends_others=False)
        self._keep(turn, data, mark)

    def _keep(self, turn: Turn, data: AccessTokenData, mark: LoginMark) -> None:
        token = self._without_credentials(data)
        turn.write_token(turn.read_token().succeeded(token, self._identity, mark))

    def _check_user(self, turn: Turn, data: AccessTokenData) -> None:
        told = None if data.user_id is None else self._secrets.mask(str(data.user_id))
        wanted, remembered = self._identity.user_id, turn.read_token().user_id
        expected = wanted or remembered
        if told is None or expected is None or told.upper() == expected.upper():
            return
        where = "user_id (UPSTOX_USER_ID)" if wanted else "the tokens of this app before"
        error = AuthenticationError(
            f"The token is of user {told}; {where} said {expected}. It is not kept.",
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
        kept = to_cached(data)
        for name in set(kept.data) - {"access_token"}:
            text = SecretStr(json.dumps(kept.data[name]))
            if self._secrets.mask(text.get_secret_value()) != text.get_secret_value():
                del kept.data[name]
        return kept


def to_cached(data: AccessTokenData) -> CachedToken:
    """Return a token as it is kept.

    Args:
        data: The token as a login returned it.
    """
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
    """Tell whether a token is to take the place of what is kept.

    Args:
        seen: What is kept.
        data: The token.
    """
    kept, made = seen.token, data.obtained_at
    if kept is None or made is None or not kept.serves(0):
        return True
    return kept.access_token != data.access_token and made.timestamp() >= kept.obtained_at


def to_response(kept: CachedToken) -> AccessTokenResponse | None:
    """Return a kept token as a login returned it, None if it is none.

    Args:
        kept: The token as it is kept.
    """
    known = _VALID.get(id(kept.data)) or _validated(kept)
    if known is None:
        return None
    first, valid = known
    # Who is handed it may change it, and it is handed out again.
    data = valid.model_copy()
    for values in (vars(data), data.model_extra or {}):
        for name, value in values.items():
            if isinstance(value, _CONTAINERS):
                values[name] = _copied(value)
    # A store that tells how long a key lives knows another offset each time.
    if kept.clock_offset != first.clock_offset or kept.obtained_at != first.obtained_at:
        _obtained(data, kept)
    return AccessTokenResponse(success=True, data=data)


# By the identity of the fields, which are held here, so that no others take their place.
_VALID: Final[dict[int, tuple[CachedToken, AccessTokenData]]] = {}
_MOST_VALID: Final = 8
_CONTAINERS: Final = (dict, list)


def _validated(kept: CachedToken) -> tuple[CachedToken, AccessTokenData] | None:
    try:
        data = AccessTokenData.model_validate(kept.data)
    except pydantic.ValidationError:
        return None
    if len(_VALID) >= _MOST_VALID:
        _VALID.clear()
    known = _VALID[id(kept.data)] = kept, _obtained(data, kept)
    return known


def _obtained(data: AccessTokenData, kept: CachedToken) -> AccessTokenData:
    return data.obtained(as_datetime(kept.obtained_at), timedelta(seconds=kept.clock_offset))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _copied(one) if isinstance(one, _CONTAINERS) else one
            for name, one in value.items()
        }
    return [_copied(one) if isinstance(one, _CONTAINERS) else one for one in value]


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
