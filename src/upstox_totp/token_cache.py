"""TokenCache: one login a day for an account, however many threads and processes ask for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api.kept_login import Client, KeptLogin, is_newer, to_response
from upstox_totp._api.phone_login import TokenPendingError
from upstox_totp._cache import file_lock  # noqa: F401 - its extra is asked for where it is missed
from upstox_totp._cache.approval import wait_for_approval
from upstox_totp._cache.kept import open_store, serves
from upstox_totp._cache.lifetime import MARGIN
from upstox_totp._cache.store import LockLostError
from upstox_totp._cache.turns import PATIENCE, look_after, turn_of
from upstox_totp._settings.config import as_secret
from upstox_totp.errors import LoginWaitError

if TYPE_CHECKING:
    import os

    from upstox_totp._cache.record import TokenRecord
    from upstox_totp._cache.store import Store
    from upstox_totp._settings.account import Identity
    from upstox_totp._settings.config import Config
    from upstox_totp.models import AccessTokenData, AccessTokenResponse

# A directory may be removed in the middle of a login, but not by chance again and again.
_MOST_TURNS: Final = 5


class TokenCache:
    """Keeps the day's access token of each account, and lets one caller at a time log in.

    The token lies in a file of the user's own, with its expiry and no credential. It lives until
    03:30 Indian time.

    Args:
        directory: Where to keep tokens; by default ``UPSTOX_CACHE_DIR``, else a directory in the
            user's cache directory.
        margin: How long a kept token must live at least to be handed out; a number counts
            seconds.
        url: The address of a Redis that machines share, in place of a directory (extra
            ``redis``); by default ``UPSTOX_CACHE_URL``.
        key: Encrypts what is kept there (extra ``encryption``); by default
            ``UPSTOX_CACHE_KEY``. Several keys have commas between them: the first encrypts.
        store: A store, in place of either.

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
        store: Store | None = None,
    ) -> None:
        self._directory = directory
        self._url, self._key = url and SecretStr(url), key
        self._store = store
        self._shared: dict[bool, tuple[Config, Store]] = {}
        self._patience = PATIENCE
        self._margin = margin.total_seconds() if isinstance(margin, timedelta) else float(margin)
        if not self._margin >= 0:
            raise ValueError("margin must not be negative")

    def __repr__(self) -> str:
        """Return where tokens are kept, if that was said."""
        return f"TokenCache({self._directory!s})" if self._directory else "TokenCache()"

    def get_access_token(
        self,
        client: Client,
        *,
        refresh: bool = False,
        force: bool = False,
        instead_of: SecretStr | str | None = None,
    ) -> AccessTokenResponse:
        """Return the kept access token, or log in and keep the new one.

        However many threads and processes ask at once, one of them logs in; the others wait for it
        and share its token, or its failure. A disk that cannot be used costs a warning, never the
        login.

        Args:
            client: Whose token it is; ``client.log_in`` logs in.
            refresh: Whether to log in although a token is kept, for example after a 401. By the
                way ``api`` the new token ends the old one, in every app and program that uses it.
            instead_of: A token that is dead: another one that is kept is returned, and if there
                is none, one login goes out.
            force: Whether to let one login out although a credential was rejected before, or a
                limit still holds. Five wrong PINs lock an account.

        Returns:
            The token in ``data.access_token``, and when it dies in ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, now or before: then nothing is
                sent, and the error says what is held, since when, and what releases it. Also if
                the token is of another user than the one it should be of.
            RateLimitError: If too much was asked for, now or earlier; then nothing is sent until
                its time has passed.
            LoginWaitError: If another login of the account did not end for three minutes.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If a request got no whole answer.
        """
        dead = None if instead_of is None else as_secret(instead_of)
        del instead_of
        identity = client.identity
        store = self._open(client)
        seen = store.read_token(identity)
        refresh = refresh or (
            dead is not None
            and seen.token is not None
            and seen.token.access_token == dead.get_secret_value()
        )
        kept = None if refresh else self._kept(store, seen, identity, self._margin)
        if kept is not None:
            return kept
        caller = KeptLogin(client, store, seen, force=force)
        try:
            return self._log_in(caller, store, identity)
        except TokenPendingError as error:
            pending = error
        answered = caller.is_answered
        if wait_for_approval(store, identity, ends=pending.ends, answered=answered):
            return caller.answer()
        raise pending

    def _log_in(self, caller: KeptLogin, store: Store, identity: Identity) -> AccessTokenResponse:
        for _ in range(_MOST_TURNS):
            caller.check()
            with turn_of(
                store, identity, patience=self._patience, answered=caller.is_answered
            ) as turn:
                if turn is None or caller.is_answered():
                    return caller.answer()
                try:
                    return caller.log_in(turn)
                except LockLostError:
                    continue
        raise LoginWaitError(
            f"The turn to log in was lost {_MOST_TURNS} times, at {store.describe()}.",
            suggestions=["Let nothing remove the directory while a login is under way."],
        )

    def wait_for_token(self, client: Client, seconds: float) -> AccessTokenResponse:
        """Return the kept access token, or wait until another program has got one. Never logs in.

        Args:
            client: Whose token it is; of its settings only those that name the app are needed.
            seconds: How long to wait at most.

        Returns:
            The token in ``data.access_token``, and when it dies in ``data.expires_at``.

        Raises:
            LoginWaitError: If no token was there in that time.
            CacheError: If a cache that machines share cannot be used, or not be read.
        """
        identity = client.identity
        store = self._open(client)
        waited = 0.0
        while True:
            record = store.read_token(identity)
            kept = self._kept(store, record, identity, self._margin)
            if kept is not None:
                return kept
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

        Waits for a login that is under way. Codes that were used stay used.

        Args:
            client: Whose token it is.

        Raises:
            OSError: If the store cannot be written; the token is still there then.
            LoginWaitError: If another login of the account did not end for three minutes.
        """
        identity = client.identity
        store = self._open(client, strict=True)
        with turn_of(store, identity, patience=self._patience) as turn:
            if turn is not None:
                turn.write_token(turn.read_token().cleared())
                turn.write_ledger(turn.read_ledger().cleared().stamped())

    def read(self, client: Client) -> TokenRecord:
        """Return what is kept of an app's token, whether it lives or not.

        Args:
            client: Whose token it is.
        """
        return self._open(client).read_token(client.identity)

    def keep(self, client: Client, data: AccessTokenData, *, instead_of: str | None = None) -> bool:
        """Keep a token that came in another way than by a login, if it is newer than the kept one.

        Args:
            client: Whose token it is.
            data: The token.
            instead_of: A token that is dead: it is replaced though it seems to be newer.

        Returns:
            False if it is not kept now, since somebody logs in.

        Raises:
            AuthenticationError: If it is another user's.
            OSError: If the store cannot be written.
        """
        store = self._open(client, strict=True)
        turn = store.take_turn(client.identity)
        if turn is None:
            return False
        try:
            seen = turn.read_token()
            dead = seen.token is not None and seen.token.access_token == instead_of
            if not dead and not is_newer(seen, data):
                return True
            KeptLogin(client, store, seen, force=False).keep(turn, data)
        except LockLostError:
            return False
        finally:
            turn.release()
        return True

    def _open(self, client: Client, *, strict: bool = False) -> Store:
        config = client.config
        named = config.cache_dir if self._directory is None else self._directory
        # A directory or a store that the program names goes before the address of the settings.
        url = self._url or (config.cache_url if self._directory is None else None)
        key = self._key or config.cache_key
        if not url and self._store is None:
            return open_store(named, strict=strict)
        known = self._shared.get(strict)
        if known is None or known[0] is not config:
            store = open_store(named, url=url, key=key, store=self._store, strict=strict)
            known = self._shared[strict] = (config, store)
        return known[1]

    def _kept(
        self, store: Store, record: TokenRecord, identity: Identity, margin: float
    ) -> AccessTokenResponse | None:
        if record.token is None or not serves(store, record, identity, margin):
            return None
        return to_response(record.token)
