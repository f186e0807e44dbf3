"""Notifier: receives a token that was approved on the phone, and keeps it once it is verified."""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import requests
from pydantic import SecretStr

from upstox_totp._api.notification import MOST, Notification, digest_of
from upstox_totp._cache.waiting_room import Budget, Waiting, WaitingRoom
from upstox_totp._hidden import HiddenBytes
from upstox_totp._log import logger, warn_user
from upstox_totp.errors import ConfigurationError, UpstoxError
from upstox_totp.token_cache import TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.models import ProfileData

SHORTEST_SECRET: Final = 24
"""How long the secret in the path is at least, in characters."""

_AT_ONCE: Final = 10
_PER_MINUTE: Final = 20
_MOST_WAITING: Final = 1024
_MOST_REFUSED: Final = 4096
_LOOK: Final = 1.0


class _Verdict(Enum):
    """What came of looking at a message."""

    KEPT = auto()
    REFUSED = auto()
    UNKNOWN = auto()


class _Message:
    """A message that waits, and whose it is once Upstox told.

    Args:
        notification: The message.
    """

    def __init__(self, notification: Notification) -> None:
        self.notification = notification
        self.profile: ProfileData | None = None


class Notifier:
    """A WSGI application for the notifier URL of an app: ``https://…/notify/<secret>``.

    Upstox sends a token there, once, after it was approved on the phone. The message is not
    signed: whoever knows the address can send one. So it is looked at closely, and Upstox is asked
    with the token itself whose it is, before the token is kept where every `TokenCache` of these
    settings finds it. What cannot be verified just then waits in the memory of this process, is
    served to nobody, and is tried again until the token dies.

    It answers 200 to a token that is kept, a repeated one too, 202 to one that waits, 4xx to
    everything else. Upstox is asked 10 times at once at most, and 20 times a minute.

    Args:
        client: Whose tokens it takes; it needs ``client_id``. No other thread may use it.
        secret: What follows ``/notify/`` in the path, at least 24 letters, digits, ``-`` or ``_``.
        cache: Where tokens are kept; by default where `TokenCache` keeps them.

    Raises:
        ConfigurationError: If the secret is too short, or nobody said of which user the tokens
            are: neither ``UPSTOX_USER_ID`` nor an earlier token of the app.
    """

    def __init__(
        self, client: UpstoxTOTP, secret: SecretStr | str, cache: TokenCache | None = None
    ) -> None:
        hidden = secret if isinstance(secret, SecretStr) else SecretStr(secret)
        _check_secret(hidden)
        self._path = SecretStr(f"/notify/{hidden.get_secret_value()}")
        self._client = client
        self._cache = cache or TokenCache()
        self._asking = threading.Lock()
        self._lock = threading.Lock()
        self._budget = Budget(_AT_ONCE, _PER_MINUTE)
        self._waiting: WaitingRoom[_Message] = WaitingRoom(_MOST_WAITING)
        self._refused: OrderedDict[bytes, None] = OrderedDict()
        self._worker: threading.Thread | None = None
        self._closed = threading.Event()
        record = self._cache.read(client)
        self._kept = b"" if record.token is None else digest_of(record.token.access_token)
        self._user_id = client.identity.user_id or record.user_id or ""
        if not self._user_id:
            raise ConfigurationError(
                "Nobody said of which user the tokens are: user_id (UPSTOX_USER_ID) is not set, "
                "and no token of this app was kept before.",
                details={"settings": ["user_id"]},
                suggestions=[
                    "Set UPSTOX_USER_ID to the user id that Upstox shows in your profile."
                ],
            )

    def __repr__(self) -> str:
        """Return how many messages wait, and not the secret."""
        return f"<Notifier, {len(self._waiting)} waiting>"

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., object]
    ) -> Iterable[bytes]:
        """Answer one request, as WSGI wants it.

        Args:
            environ: The request.
            start_response: Is given status and headers.
        """
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
            while (found := self._take()) is not None:
                name, waiting = found
                if self._settle(waiting.item) is _Verdict.UNKNOWN:
                    waiting.postpone()
                    with self._lock:
                        self._waiting.add(name, waiting)

    def _receive(self, environ: Mapping[str, Any]) -> HTTPStatus:
        path = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace")
        if not hmac.compare_digest(path, self._path.get_secret_value().encode()):
            return HTTPStatus.NOT_FOUND
        if environ.get("REQUEST_METHOD") != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        length = str(environ.get("CONTENT_LENGTH") or "")
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.LENGTH_REQUIRED
        if len(length) > len(str(MOST)) or int(length) > MOST:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        message = Notification.parse(HiddenBytes(environ["wsgi.input"].read(int(length))))
        return HTTPStatus.BAD_REQUEST if message is None else self._judge(message)

    def _judge(self, message: Notification) -> HTTPStatus:
        if not self._is_for_us(message) or message.is_dead(self._client.server_clock.now()):
            logger.debug("A message that is not for this app's user was refused")
            return HTTPStatus.FORBIDDEN
        with self._lock:
            if message.digest in self._refused:
                return HTTPStatus.FORBIDDEN
            if message.digest in self._waiting:
                return HTTPStatus.ACCEPTED
            if message.digest == self._kept:
                return HTTPStatus.OK
        return self._try(message)

    def _is_for_us(self, message: Notification) -> bool:
        own_app = message.client_id == self._client.config.client_id
        return own_app and message.user_id.upper() == self._user_id.upper()

    def _try(self, message: Notification) -> HTTPStatus:
        verdict = _Verdict.UNKNOWN
        waiting = Waiting(_Message(message))
        if self._asking.acquire(blocking=False):
            try:
                if self._budget.take():
                    verdict = self._settle(waiting.item)
                    waiting.postpone()
            finally:
                self._asking.release()
        if verdict is _Verdict.UNKNOWN:
            self._let_wait(message.digest, waiting)
            return HTTPStatus.ACCEPTED
        return HTTPStatus.OK if verdict is _Verdict.KEPT else HTTPStatus.FORBIDDEN

    def _let_wait(self, name: bytes, waiting: Waiting[_Message]) -> None:
        with self._lock:
            self._waiting.add(name, waiting)
            if self._worker is None and not self._closed.is_set():
                self._worker = threading.Thread(
                    target=self._work, name="upstox_totp notifier", daemon=True
                )
                self._worker.start()

    def _work(self) -> None:
        while not self._closed.wait(_LOOK):
            try:
                self.try_again()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may work
                logger.warning("A message could not be tried again: %s", type(error).__name__)
            with self._lock:
                if not len(self._waiting):
                    self._worker = None
                    return

    def _take(self) -> tuple[bytes, Waiting[_Message]] | None:
        with self._lock:
            found = self._waiting.take()
            if found is None:
                return None
            # One that Upstox has vouched for waits for the store alone.
            if found[1].item.profile is None and not self._budget.take():
                self._waiting.add(*found)
                return None
            return found

    def _settle(self, message: _Message) -> _Verdict:
        """Ask Upstox whose the token is, and keep it if it is this app's user's."""
        now = self._client.server_clock.now()
        if message.notification.is_dead(now):
            return self._refuse(message.notification)
        if message.profile is None:
            try:
                profile = self._client.app_token.read_profile(message.notification.access_token)
            except (UpstoxError, requests.RequestException) as error:
                warn_user(
                    "A token came and could not be verified yet; it is tried again until it dies. "
                    f"{error}"
                )
                return _Verdict.UNKNOWN
            if profile is None:
                return self._refuse(message.notification)
            if profile.user_id is None:
                return _Verdict.UNKNOWN
            if profile.user_id.upper() != self._user_id.upper():
                return self._refuse(message.notification)
            message.profile = profile
        return self._keep(message, message.profile)

    def _keep(self, message: _Message, profile: ProfileData) -> _Verdict:
        data = message.notification.as_token(profile, self._client.server_clock.now())
        problem: UpstoxError | OSError
        try:
            if self._cache.keep(self._client, data):
                self._kept = message.notification.digest
                logger.info("A token came, was verified and is kept")
                return _Verdict.KEPT
        except UpstoxError:
            return self._refuse(message.notification)
        except OSError as error:
            problem = error
        else:
            return _Verdict.UNKNOWN
        warn_user(f"A verified token cannot be kept yet, it is tried again: {problem.strerror}")
        return _Verdict.UNKNOWN

    def _refuse(self, notification: Notification) -> _Verdict:
        logger.debug("A token was refused: it is dead, or another one's")
        with self._lock:
            self._refused[notification.digest] = None
            while len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)
        return _Verdict.REFUSED


def _check_secret(secret: SecretStr) -> None:
    text = secret.get_secret_value()
    plain = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    if not plain or len(text) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"The secret in the notifier's path must have at least {SHORTEST_SECRET} letters, "
            "digits, - or _.",
            suggestions=["secrets.token_urlsafe() makes one."],
        )
