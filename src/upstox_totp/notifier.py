"""Notifier: receives a token that was approved on the phone, and caches it once it is verified."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import pydantic
import requests
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from upstox_totp import _clock
from upstox_totp._cache.lifetime import as_datetime, expiry, jwt_claims, milliseconds
from upstox_totp._log import logger, warn_user
from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import AuthenticationError, ConfigurationError, UpstoxError
from upstox_totp.models import AccessTokenData, ProfileData
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from upstox_totp.client import UpstoxTOTP

SHORTEST_SECRET: Final = 24
MAX_MESSAGE: Final = 16 * 1024
"""The largest message that is read, in bytes."""

_AT_ONCE: Final = 10
_PER_MINUTE: Final = 20
_MOST_WAITING: Final = 8192
_MOST_REFUSED: Final = 4096
_FIRST_PAUSE: Final = 15.0
_LONGEST_PAUSE: Final = 600.0
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

    @property
    def digest(self) -> bytes:
        """What tells its token from others, and does not tell the token."""
        return _digest(self.access_token.get_secret_value())

    @property
    def token_names_user(self) -> bool:
        """Whether the token itself says that it is of the user that the message names."""
        claims = jwt_claims(self.access_token.get_secret_value())
        return str(claims.get("sub", "")).upper() == self.user_id.upper()

    def is_expired(self, now: float) -> bool:
        """Tell whether the token has expired by what the message or the token itself says."""
        told = milliseconds(self.expires_at)
        own = expiry(self.access_token.get_secret_value(), self._made_by(now))
        return as_datetime(now) >= (own if told is None else min(told, own))

    def as_token(self, profile: ProfileData, now: float) -> AccessTokenData:
        """Return the token, its owner as Upstox told it."""
        token = {"access_token": self.access_token.get_secret_value()}
        try:
            data = AccessTokenData.model_validate({**profile.model_dump(), **token})
        except pydantic.ValidationError:
            data = AccessTokenData.model_validate({"user_id": profile.user_id, **token})
        return data.obtained(self._made_by(now), timedelta(seconds=now - _clock.time()))

    def _made_by(self, now: float) -> datetime:
        # Nobody vouches for the message's time: no later than now, and a token lives for a day.
        latest = as_datetime(now)
        made = milliseconds(self.issued_at) or latest
        return min(max(made, latest - _DAY), latest).astimezone(UTC)


@dataclass
class _Message:
    """A message that waits, and whose it is once Upstox told."""

    notification: _Notification
    owner: ProfileData | None = None
    likely: bool = False
    tries: int = 0
    due: float = field(default_factory=_clock.monotonic)

    def postpone(self) -> None:
        """Let it wait longer after each try, ten minutes at most."""
        self.due = _clock.monotonic() + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self.tries)
        self.tries += 1


class _Budget:
    """How many questions may be asked: some at once, and then so many a minute."""

    def __init__(self) -> None:
        self._left = float(_AT_ONCE)
        self._seen = _clock.monotonic()

    def take(self) -> bool:
        """Take one, and tell whether there was one."""
        now = _clock.monotonic()
        self._left = min(_AT_ONCE, self._left + (now - self._seen) * _PER_MINUTE / 60)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


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
        self._asking = threading.Lock()
        self._lock = threading.Lock()
        self._budget = _Budget()
        self._waiting: dict[bytes, _Message] = {}
        self._newest_next = True
        self._refused: OrderedDict[bytes, None] = OrderedDict()
        self._worker: threading.Thread | None = None
        self._closed = threading.Event()
        record = self._cache.read(client)
        self._stored = b"" if record.token is None else _digest(record.token.access_token)
        self._user_id = client.identity.user_id or record.user_id or ""
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
            while (message := self._take()) is not None:
                if self._settle(message) is HTTPStatus.ACCEPTED:
                    message.postpone()
                    self._let_wait(message)

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
        digest = notification.digest
        with self._lock:
            if digest in self._refused:
                return HTTPStatus.FORBIDDEN
            if digest in self._waiting:
                return HTTPStatus.ACCEPTED
            if digest == self._stored:
                return HTTPStatus.OK
        message = _Message(notification, likely=notification.token_names_user)
        status = HTTPStatus.ACCEPTED
        if self._asking.acquire(blocking=False):
            try:
                if self._budget.take():
                    status = self._settle(message)
                    message.postpone()
            finally:
                self._asking.release()
        if status is HTTPStatus.ACCEPTED:
            self._let_wait(message)
        return status

    def _let_wait(self, message: _Message) -> None:
        with self._lock:
            self._waiting[message.notification.digest] = message
            if len(self._waiting) > _MOST_WAITING:  # The least likely and most tried one goes.
                ranks = {name: (not one.likely, one.tries) for name, one in self._waiting.items()}
                del self._waiting[max(ranks, key=ranks.__getitem__)]
            running = self._worker is not None and self._worker.is_alive()
            if not running and not self._closed.is_set():
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while not self._closed.wait(_LOOK):
            try:
                self.try_again()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may work
                logger.warning("A message could not be tried again: %s", type(error).__name__)
            with self._lock:
                if not self._waiting:
                    self._worker = None
                    return

    def _take(self) -> _Message | None:
        """Take out the next message to try: a likely one first, the newest and the oldest in turn.

        A message that came before a flood is not kept waiting by it, nor one that comes after it.
        """
        now = _clock.monotonic()
        with self._lock:
            due = [name for name, one in self._waiting.items() if one.due <= now]
            # One that Upstox has vouched for waits for the store alone.
            vouched = next((name for name in due if self._waiting[name].owner), None)
            if vouched is not None:
                return self._waiting.pop(vouched)
            due = [name for name in due if self._waiting[name].likely] or due
            if not due or not self._budget.take():
                return None
            self._newest_next = not self._newest_next
            return self._waiting.pop(due[0] if self._newest_next else due[-1])

    def _settle(self, message: _Message) -> HTTPStatus:
        """Ask Upstox whose the token is, store it if it is this user's, and return the status."""
        notification = message.notification
        now = self._client.server_clock.now()
        if notification.is_expired(now):
            return self._refuse(notification)
        try:
            if message.owner is None:
                owner = self._find_owner(notification)
                if owner is not None and owner.user_id is None:
                    return HTTPStatus.ACCEPTED
                if owner is None or str(owner.user_id).upper() != self._user_id.upper():
                    return self._refuse(notification)
                message.owner = owner
        except (UpstoxError, requests.RequestException) as error:
            warn_user(f"A token came and is not verified yet, so it is tried again. {error}")
            return HTTPStatus.ACCEPTED
        return self._store(notification, message.owner)

    def _find_owner(self, notification: _Notification) -> ProfileData | None:
        """Return whose the token is, None if it is invalid or nobody's that the message names."""
        check = self._client.app_token.check(notification.access_token)
        if check.refusal is None or not check.valid:
            return check.owner
        # From here Upstox does not tell whose it is.
        if notification.token_names_user:
            return ProfileData(user_id=notification.user_id)
        warn_user(
            "A token came that does not say whose it is, and Upstox tells that at the app's "
            "registered address alone. It is not cached: run the notifier there."
        )
        return None

    def _store(self, notification: _Notification, owner: ProfileData) -> HTTPStatus:
        data = notification.as_token(owner, self._client.server_clock.now())
        problem: str | None
        try:
            stored = self._cache.keep(self._client, data)
            if stored and (ended := self._find_ended(data)) is not None:
                stored = self._cache.keep(self._client, data, instead_of=ended)
        except (UpstoxError, requests.RequestException, OSError) as error:
            if isinstance(error, AuthenticationError) and "user_id" in error.settings:
                return self._refuse(notification)
            problem = getattr(error, "strerror", None) or str(error)
        else:
            if stored:
                self._stored = notification.digest
                logger.info("A token came, was verified and is cached")
            return HTTPStatus.OK if stored else HTTPStatus.ACCEPTED
        warn_user(f"A verified token cannot be cached yet; it is tried again: {problem}")
        return HTTPStatus.ACCEPTED

    def _find_ended(self, data: AccessTokenData) -> str | None:
        """Return the cached token if it was taken for the newer one, and Upstox has ended it.

        Their times are of two clocks, in whole seconds: the one that is valid is the newer one.
        """
        cached = self._cache.read(self._client).token
        if cached is None or cached.access_token == data.access_token:
            return None
        valid = self._client.app_token.is_valid(cached.access_token)
        return None if valid else cached.access_token

    def _refuse(self, notification: _Notification) -> HTTPStatus:
        logger.debug("A token was refused: it is invalid, or another user's")
        with self._lock:
            self._refused[notification.digest] = None
            while len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)
        return HTTPStatus.FORBIDDEN


def check_secret(secret: SecretStr) -> None:
    """Raise a `ConfigurationError` for a secret of the path that is too short, or no plain text."""
    text = secret.get_secret_value()
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    if not plain or len(text) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"The secret in the notifier's path must have at least {SHORTEST_SECRET} letters, "
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


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
