"""Notifier: receives a token that was approved on the phone, and caches it once it is verified."""

from __future__ import annotations

import hmac
import re
import threading
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from upstox_totp import _clock
from upstox_totp._api.imported_token import owned_token
from upstox_totp._cache.lifetime import as_datetime, expiry, jwt_claims, milliseconds
from upstox_totp._log import logger, warn_user
from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import AuthenticationError, ConfigurationError, UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.models import AccessTokenData

MAX_MESSAGE: Final = 16 * 1024
"""The largest message that is read, in bytes."""

_SHORTEST_SECRET: Final = 24
_AT_ONCE: Final = 10
_PER_MINUTE: Final = 20
_MOST_WAITING: Final = 8192
_PAUSE: Final = 30.0
_LOOK: Final = 1.0
_DAY: Final = timedelta(days=1)


def _plain(secret: SecretStr) -> SecretStr:
    if not re.fullmatch("[!-~]{1,4096}", secret.get_secret_value()):
        raise ValueError("not plain text")
    return secret


_Milliseconds = Annotated[str, Field(pattern="^[0-9]{1,15}$")]


class _Notification(BaseModel):
    """The message that brings a token. It is signed by nobody: anyone can write one."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    client_id: str = Field(max_length=256)
    user_id: str = Field(max_length=64, repr=False)
    access_token: Annotated[SecretStr, AfterValidator(_plain)]
    token_type: Literal["Bearer", "bearer"]
    expires_at: _Milliseconds
    issued_at: _Milliseconds
    message_type: Literal["access_token"]

    @cached_property
    def names_user(self) -> bool:
        """Whether the token itself says that it is of the user that the message names."""
        claims = jwt_claims(self.access_token.get_secret_value())
        return str(claims.get("sub", "")).upper() == self.user_id.upper()

    def is_expired(self, now: float) -> bool:
        """Tell whether the token has expired by what the message or the token itself says."""
        own = expiry(self.access_token.get_secret_value(), self.made_by(now))
        return as_datetime(now) >= min(own, milliseconds(self.expires_at) or own)

    def made_by(self, now: float) -> datetime:
        """Return when the token was made: nobody vouches for it, but a token lives for a day."""
        latest = as_datetime(now)
        return min(max(milliseconds(self.issued_at) or latest, latest - _DAY), latest)


class Notifier:
    """A WSGI application for the notifier URL of an app: ``https://…/notify/<secret>``.

    Upstox sends a token there, once, after it was approved on the phone. The message is not
    signed: anyone who knows the address can send one. The notifier therefore asks Upstox with the
    token itself whose it is, before it stores the token where every `TokenCache` of these settings
    finds it. From an address that is not the app's registered one Upstox does not tell the owner:
    there the token must be valid, and the message and the token must name the expected user. What
    cannot be verified just then waits in the memory of this process, is served to nobody, and is
    tried again until the token expires.

    It answers 200 to a token that is stored, a repeated one too, 202 to one that waits, 4xx to
    everything else. Upstox is asked 10 times at once at most, and 20 times a minute.

    Args:
        client: Whose tokens it takes; it needs ``client_id``. No other thread may use it.
        secret: What follows ``/notify/`` in the path, at least 24 letters, digits, ``-`` or ``_``.
        cache: Where tokens are stored; by default where `TokenCache` stores them.

    Raises:
        ConfigurationError: If the secret is too short, or it is not known of which user the tokens
            are: neither from ``UPSTOX_USER_ID`` nor from an earlier token of the app.
    """

    def __init__(
        self, client: UpstoxTOTP, secret: SecretStr | str, cache: TokenCache | None = None
    ) -> None:
        hidden = secret if isinstance(secret, SecretStr) else SecretStr(secret)
        check_secret(hidden)
        self._path = SecretStr(f"/notify/{hidden.get_secret_value()}")
        self._client = client
        self._cache = cache or TokenCache()
        # The client may be used by one thread at a time.
        self._asking = threading.Lock()
        self._lock = threading.Lock()
        # What waits, and from when on it may be tried.
        self._waiting: dict[_Notification, float] = {}
        self._newest_next = True
        self._allowed, self._counted = float(_AT_ONCE), _clock.monotonic()
        self._worker: threading.Thread | None = None
        self._closed = threading.Event()
        self._user_id = client.identity.user_id or self._cache.read(client).user_id or ""
        if not self._user_id:
            raise ConfigurationError(
                "It is not known of which user the tokens are: user_id (UPSTOX_USER_ID) is not "
                "set, and no token of this app was cached before.",
                details={"settings": ["user_id"]},
                suggestions=["Set UPSTOX_USER_ID to the user id in your Upstox profile."],
            )

    def __repr__(self) -> str:
        """Return how many messages wait, and not the secret."""
        return f"<Notifier, {len(self._waiting)} waiting>"

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., object]
    ) -> Iterable[bytes]:
        """Answer one request; a WSGI server calls this."""
        status = self._receive(environ)
        body = f"{status.phrase}\n".encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST"))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def close(self) -> None:
        """Stop trying again; what waits is forgotten."""
        self._closed.set()
        with self._lock:
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """How many messages wait to be verified."""
        return len(self._waiting)

    def try_again(self) -> None:
        """Try what waits again, as far as that is due and within bounds.

        A thread does so by itself as long as anything waits.
        """
        with self._asking:
            while (notification := self._next()) is not None:
                status = self._settle(notification)
                with self._lock:
                    if status is HTTPStatus.ACCEPTED:
                        self._waiting[notification] = _clock.monotonic() + _PAUSE
                    else:
                        self._waiting.pop(notification, None)

    def _receive(self, environ: Mapping[str, Any]) -> HTTPStatus:
        path = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").removesuffix(b"/")
        if not hmac.compare_digest(path, self._path.get_secret_value().encode()):
            return HTTPStatus.NOT_FOUND
        if environ.get("REQUEST_METHOD") != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        body = _read_body(environ)
        if isinstance(body, HTTPStatus):
            return body
        try:
            notification = _Notification.model_validate_json(body)
        except (pydantic.ValidationError, RecursionError):
            return HTTPStatus.BAD_REQUEST
        return self._judge(notification)

    def _judge(self, notification: _Notification) -> HTTPStatus:
        ours = self._client.config.client_id, self._user_id.upper()
        theirs = notification.client_id, notification.user_id.upper()
        if theirs != ours or notification.is_expired(self._client.server_clock.now()):
            logger.debug("A message that is not for this app's user was refused")
            return HTTPStatus.FORBIDDEN
        status, due = HTTPStatus.ACCEPTED, 0.0
        if notification not in self._waiting and self._asking.acquire(blocking=False):
            try:
                if self._may_ask():
                    status = self._settle(notification)
                    due = _clock.monotonic() + _PAUSE
            finally:
                self._asking.release()
        if status is HTTPStatus.ACCEPTED:
            self._let_wait(notification, due)
        return status

    def _let_wait(self, notification: _Notification, due: float) -> None:
        with self._lock:
            self._waiting.setdefault(notification, due)
            if len(self._waiting) > _MOST_WAITING:
                # The oldest of the least likely goes.
                del self._waiting[min(self._waiting, key=lambda one: one.names_user)]
            # In the child of a fork the parent's thread is not alive.
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while not self._closed.wait(_LOOK):
            try:
                self.try_again()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may work
                logger.warning("A message could not be tried again: %s", type(error).__name__)

    def _next(self) -> _Notification | None:
        """Return the next message to try: a likely one first, the newest and the oldest in turn.

        A message that came before a flood is not kept waiting by it, nor one that comes after it.
        """
        now = _clock.monotonic()
        with self._lock:
            due = [one for one, at in self._waiting.items() if at <= now]
        due = [one for one in due if one.names_user] or due
        if not due or not self._may_ask():
            return None
        self._newest_next = not self._newest_next
        return due[0 if self._newest_next else -1]

    def _may_ask(self) -> bool:
        """Tell whether Upstox may be asked: some times at once, and then so often a minute."""
        now = _clock.monotonic()
        self._allowed += (now - self._counted) * _PER_MINUTE / 60
        self._allowed, self._counted = min(_AT_ONCE, self._allowed), now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _settle(self, notification: _Notification) -> HTTPStatus:
        """Ask Upstox whose the token is, store it if it is this user's, and return the status."""
        now = self._client.server_clock.now()
        try:
            data = None
            if not notification.is_expired(now):
                data = owned_token(self._client, notification.access_token)
            if data is None:
                logger.debug("A token that is not valid was refused")
                return HTTPStatus.FORBIDDEN
            if str(data.user_id).upper() != self._user_id.upper():
                warn_user(
                    f"A valid token came that does not say that it is of user {self._user_id}. It "
                    "is not cached. At the app's registered address, Upstox tells whose it is."
                )
                return HTTPStatus.FORBIDDEN
            offset = timedelta(seconds=now - _clock.time())
            stored = self._store(data.obtained(notification.made_by(now), offset))
        except (UpstoxError, OSError) as error:
            if isinstance(error, AuthenticationError) and "user_id" in error.settings:
                return HTTPStatus.FORBIDDEN
            problem = getattr(error, "strerror", None) or error
            warn_user(f"A token came and cannot be cached yet; it is tried again: {problem}")
            return HTTPStatus.ACCEPTED
        if not stored:
            return HTTPStatus.ACCEPTED
        logger.info("A token came, was verified and is cached")
        return HTTPStatus.OK

    def _store(self, data: AccessTokenData) -> bool:
        """Cache a valid token, and tell whether it could be done."""
        stored = self._cache.keep(self._client, data)
        cached = self._cache.read(self._client).token
        if not stored or cached is None or cached.access_token == data.access_token:
            return stored
        # It seems to be older by their times, which are of two clocks, in whole seconds: if the
        # other one was ended, it is the newer one.
        if self._client.app_token.is_valid(cached.access_token):
            return True
        return self._cache.keep(self._client, data, instead_of=cached.access_token)


def check_secret(secret: SecretStr) -> None:
    """Raise a `ConfigurationError` for a secret of the path that is too short, or no plain text."""
    text = secret.get_secret_value()
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    if not plain or len(text) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"The secret in the notifier's path must have at least {_SHORTEST_SECRET} letters, "
            "digits, - or _.",
            suggestions=["secrets.token_urlsafe() makes one."],
        )


def _read_body(environ: Mapping[str, Any]) -> HiddenBytes | HTTPStatus:
    """Return the body of a request, or the status to refuse it with."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    size = MAX_MESSAGE + 1
    if length.isascii() and length.isdigit():
        size = min(size, int(length[:20]))
    elif length or not environ.get("wsgi.input_terminated"):
        # Some servers would wait for more than there is.
        return HTTPStatus.LENGTH_REQUIRED
    if size > MAX_MESSAGE and length:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    body = HiddenBytes()
    try:
        while len(body) < size and (piece := environ["wsgi.input"].read(size - len(body))):
            body = HiddenBytes(body + piece)
    except Exception:  # noqa: BLE001 - each server has its own for a message that breaks off
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if len(body) > MAX_MESSAGE else body
