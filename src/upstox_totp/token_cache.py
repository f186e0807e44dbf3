"""TokenCache: one login a day for an account, however many threads and processes ask for it."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import pydantic
import requests
from pydantic import SecretBytes, SecretStr

from upstox_totp import _clock
from upstox_totp._extras import missing
from upstox_totp._log import logger
from upstox_totp._secrecy import HiddenDict, Secrets
from upstox_totp._settings.account import account_name
from upstox_totp._tokens.file_store import TokenFile, cache_directory
from upstox_totp._tokens.login_failure import LoginFailure
from upstox_totp._tokens.record import MARGIN, KeptToken, TokenRecord
from upstox_totp.errors import UpstoxError
from upstox_totp.models import AccessTokenData, AccessTokenResponse

try:
    from filelock import FileLock, Timeout
except ImportError:
    FileLock = None  # type: ignore[assignment, misc]
if FileLock is None:
    raise ImportError(missing("TokenCache", "cache"))

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from upstox_totp._settings.config import Config

# How often a waiting caller looks whether the login that it waits for has ended, in seconds.
_LOOK: Final = 0.05


class _Login(Protocol):
    def get_access_token(self) -> AccessTokenResponse: ...


class _Codes(Protocol):
    on_claim: Callable[[int], None] | None

    def mark_used(self, audience: str, period: int) -> None: ...


class Client(Protocol):
    """What the cache needs of a client; `UpstoxTOTP` has it."""

    @property
    def config(self) -> Config:
        """The settings, which tell accounts and credentials apart."""

    @property
    def base_domain(self) -> str:
        """Where it logs in."""

    @property
    def app_token(self) -> _Login:
        """The login."""

    @property
    def one_time_passwords(self) -> _Codes:
        """The one-time passwords, of which none must be used twice."""


class TokenCache:
    """Keeps the day's access token of each account, and lets one caller at a time log in.

    The token lies in a file of the user's own, with its expiry and no credential. It lives until
    03:30 Indian time.

    Args:
        directory: Where to keep tokens; by default ``UPSTOX_CACHE_DIR``, else a directory in the
            user's cache directory.
        margin: How long a kept token must live at least to be handed out; a number counts
            seconds.

    Raises:
        ValueError: If the margin is negative.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        margin: timedelta | float = timedelta(seconds=MARGIN),
    ) -> None:
        self._directory = directory
        self._margin = margin.total_seconds() if isinstance(margin, timedelta) else float(margin)
        if not self._margin >= 0:
            raise ValueError("margin must not be negative")

    def __repr__(self) -> str:
        """Return where tokens are kept, if that was said."""
        return f"TokenCache({self._directory!s})" if self._directory else "TokenCache()"

    def get_access_token(
        self, client: Client, *, refresh: bool = False, force: bool = False
    ) -> AccessTokenResponse:
        """Return the kept access token, or log in and keep the new one.

        However many threads and processes ask at once, one of them logs in; the others wait for it
        and share its token, or its failure. A disk that cannot be used costs a warning, never the
        login.

        Args:
            client: Whose token it is; ``client.app_token.get_access_token()`` logs in.
            refresh: Whether to log in although a token is kept, for example after a 401.
            force: Whether to log in although the same settings were rejected before, or a limit
                still holds. Five wrong PINs lock an account.

        Returns:
            The token in ``data.access_token``, and when it dies in ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or by an earlier login with the
                same settings; then nothing is sent, until a setting changes, `clear` is called or
                ``force`` is given.
            RateLimitError: If too much was asked for, now or earlier; then nothing is sent until
                its time has passed.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If a request got no whole answer.
        """
        with ExitStack() as stack:
            try:
                turn = self._take_turn(stack, client, refresh=refresh, force=force)
            except OSError as error:
                logger.warning("Logging in without a cache: %s", _reason(error))
                turn = None
            if turn is None:
                return client.app_token.get_access_token()
            if turn.failure is not None:
                raise turn.failure.to_error()
            return turn.response or _Attempt(client, turn).log_in()

    def _take_turn(self, stack: ExitStack, client: Client, *, refresh: bool, force: bool) -> _Turn:
        file = self._file(client)
        seen = file.read()
        kept = None if refresh else _response(seen.token, self._margin)
        if kept is not None:
            return _Turn(file, seen, response=kept)
        fingerprint = _fingerprint(client)
        _heed(seen, fingerprint, force=force)
        turn = stack.enter_context(_turn(file, seen, fingerprint))
        if turn.failure is None and turn.response is None:
            _heed(turn.record, fingerprint, force=force)
        return turn

    def clear(self, client: Client) -> None:
        """Forget the token, and that settings were rejected or a limit was reached.

        Waits for a login that is under way.

        Args:
            client: Whose token it is.

        Raises:
            OSError: If the directory cannot be written; the token is still there then.
        """
        file = self._file(client)
        if file.path.exists():
            with FileLock(file.lock_path, mode=0o600):
                file.write(file.read().cleared())

    def _file(self, client: Client) -> TokenFile:
        config = client.config
        named = config.cache_dir if self._directory is None else self._directory
        return TokenFile(
            cache_directory(named),
            account_name(config.username, config.client_id, client.base_domain),
        )


@dataclass(frozen=True)
class _Turn:
    """What a call found when its turn came.

    Attributes:
        file: Where the account is kept.
        record: What is kept of it.
        fingerprint: Stands for the settings of the call.
        response: The token that answers the call, None if there is none.
        failure: The failed login that answers the call, None if there is none.
    """

    file: TokenFile
    record: TokenRecord
    fingerprint: str = ""
    response: AccessTokenResponse | None = None
    failure: LoginFailure | None = None


class _Attempt:
    """The login of the one caller whose turn it is.

    Args:
        client: Who logs in.
        turn: Where to keep what comes of it, and what is kept so far.
    """

    def __init__(self, client: Client, turn: _Turn) -> None:
        self._client = client
        self._file = turn.file
        self._record = turn.record
        self._fingerprint = turn.fingerprint
        self._writable = True
        self._secrets = Secrets()
        self._secrets.add(*_credentials(client.config))

    def log_in(self) -> AccessTokenResponse:
        """Log in, and keep what came of it, whichever way it ended."""
        passwords = self._client.one_time_passwords
        if self._record.period is not None:
            passwords.mark_used(self._client.base_domain, self._record.period)
        passwords.on_claim = self._note_code
        try:
            response = self._client.app_token.get_access_token()
        except (UpstoxError, requests.RequestException) as error:
            failure = LoginFailure.of(error, self._fingerprint, self._secrets.mask)
            self._keep(self._record.failed(failure))
            raise
        finally:
            passwords.on_claim = None
        self._keep(self._record.succeeded(self._without_credentials(response.data)))
        return response

    def _note_code(self, period: int) -> None:
        # Before the code is sent: another process must not send it again if this one is killed.
        self._keep(replace(self._record, period=period))

    def _without_credentials(self, data: AccessTokenData) -> KeptToken:
        kept = to_kept(data)
        for name in set(kept.data) - set(AccessTokenData.model_fields):
            text = SecretStr(json.dumps(kept.data[name]))
            if self._secrets.mask(text.get_secret_value()) != text.get_secret_value():
                del kept.data[name]
        return kept

    def _keep(self, record: TokenRecord) -> None:
        self._record = record
        try:
            self._file.write(record)
        except OSError as error:
            if self._writable:
                logger.warning("Nothing of this login can be kept: %s", _reason(error))
            self._writable = False


def to_kept(data: AccessTokenData) -> KeptToken:
    """Return a token as it is kept.

    Args:
        data: The token as a login returned it.
    """
    now = datetime.fromtimestamp(_clock.time(), UTC)
    return KeptToken(
        HiddenDict(data.model_dump(mode="json")),
        (data.obtained_at or now).timestamp(),
        data.expires_at.timestamp(),
        data.clock_offset.total_seconds(),
    )


def _response(kept: KeptToken | None, margin: float) -> AccessTokenResponse | None:
    if kept is None or not kept.serves(margin):
        return None
    try:
        data = AccessTokenData.model_validate(dict(kept.data))
    except pydantic.ValidationError:
        return None
    data.obtained(
        datetime.fromtimestamp(kept.obtained_at, UTC), timedelta(seconds=kept.clock_offset)
    )
    return AccessTokenResponse(success=True, data=data)


def _heed(record: TokenRecord, fingerprint: str, *, force: bool) -> None:
    guard = record.guard(fingerprint)
    if guard is not None and not force:
        raise guard.to_refusal()


@contextmanager
def _turn(file: TokenFile, seen: TokenRecord, fingerprint: str) -> Iterator[_Turn]:
    """Wait until nobody else logs in, or a login has ended that answers this call, too."""
    file.make_directory()
    lock = FileLock(file.lock_path, mode=0o600)
    try:
        while True:
            held = _acquire(lock)
            turn = _Turn(file, file.read(), fingerprint)
            if turn.record.serial != seen.serial:
                turn = _with_outcome(turn)
            if held or turn.response is not None or turn.failure is not None:
                break
        yield turn
    finally:
        lock.release()


def _acquire(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=_LOOK, poll_interval=_LOOK)
    except Timeout:
        return False
    return True


def _with_outcome(turn: _Turn) -> _Turn:
    failure = turn.record.failure
    if failure is None:
        return replace(turn, response=_response(turn.record.token, 0))
    # With other settings, this call's own login may succeed.
    return replace(turn, failure=failure) if failure.fingerprint == turn.fingerprint else turn


def _reason(error: OSError) -> str:
    return str(error.strerror or error)


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


def _fingerprint(client: Client) -> str:
    """Stand for all settings at once: one hash a field would tell a PIN, of which few exist."""
    config = client.config
    key = _joined(config.totp_secret, config.client_secret)
    settings = _joined(*_credentials(config), client.base_domain)
    return hmac.digest(key.get_secret_value(), settings.get_secret_value(), hashlib.sha256).hex()


def _joined(*values: SecretStr | str) -> SecretBytes:
    return SecretBytes(json.dumps(values, default=SecretStr.get_secret_value).encode())
