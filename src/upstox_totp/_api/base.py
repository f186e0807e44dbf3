"""BaseAPI: one paced request, answered by a validated model or an UpstoxError."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urljoin

import requests
from pydantic import SecretStr
from urllib3.util import parse_url

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.responses import check_granted, unexpected
from upstox_totp._http.answers import Answer, ModelT
from upstox_totp._http.session import MAX_SECONDS, AnswerTooLargeError
from upstox_totp._log import logger
from upstox_totp._redact import HiddenBytes, HiddenDict
from upstox_totp.errors import UpstoxError, ValidationError
from upstox_totp.transcript import Exchange, Step, field_names, media_type, plain_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._api.context import Context
    from upstox_totp._api.one_time_passwords import OneTimePasswords
    from upstox_totp._api.routes import Route
    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp._http.server_clock import ServerClock
    from upstox_totp._http.session import Session
    from upstox_totp._redact import Secrets
    from upstox_totp._settings.config import Config
    from upstox_totp._settings.identity import Identity
    from upstox_totp.models import AccessTokenResponse

_REDIRECTS: Final = range(300, 400)
# What a user who waits without end is taken to wait, in seconds.
_ENDLESS: Final = 600.0
_UNUSABLE: Final = 86_400


class Client(Protocol):
    """What login methods need of a client; `UpstoxTOTP` has it."""

    @property
    def base_domain(self) -> str:
        """Where to ask."""

    @property
    def session(self) -> Session:
        """The session that sends."""

    @property
    def server_clock(self) -> ServerClock:
        """The server's clock, which follows each answer."""

    @property
    def config(self) -> Config:
        """The settings."""

    @property
    def secrets(self) -> Secrets:
        """What the settings hold that must not be shown."""

    @property
    def identity(self) -> Identity:
        """What tells accounts apart."""

    @property
    def one_time_passwords(self) -> OneTimePasswords:
        """The one-time passwords."""

    def generate_request_id(self) -> str:
        """Return the id that the login page's requests carry."""

    def log_in(self, attempt_log: AttemptLog, *, cached: bool = True) -> AccessTokenResponse:
        """Log in with the configured methods."""


class BaseAPI:
    """Base class for API endpoints."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _ask(
        self,
        context: Context,
        route: Route,
        model: type[ModelT],
        *,
        headers: Mapping[str, str],
        body: HiddenBytes | None = None,
        query: Mapping[str, str] | None = None,
        required: Mapping[str, Any] | None = None,
    ) -> ModelT:
        """Send one request and return what it was answered, or raise.

        The session's own headers replace `headers`, not `required`: those describe the body, or
        hold a credential.
        """
        with context.step(route.step, route=str(route)):
            answer = self._send(
                context,
                route.step,
                route.method,
                route.url(self._client.base_domain),
                headers=HiddenDict(self._unset(headers) | dict(required or {})),
                body=body,
                query=query,
            )
            if answer.response.status_code in _REDIRECTS:
                raise unexpected(answer, f"an answer of {route}, no redirect")
            check_granted(answer, route.step, context.secrets)
            parsed, expected = answer.parse(model)
            if parsed is None:
                raise unexpected(answer, f"{model.__name__} with {expected}")
            return parsed

    def _open(
        self,
        context: Context,
        step: Step,
        url: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str],
        redirected: bool = False,
    ) -> SecretStr | None:
        """Open a page of Upstox and return the absolute URL that it redirects to, None if none."""
        answer = self._send(
            context,
            step,
            "GET",
            url,
            headers=self._unset(headers),
            query=query,
            paced=not redirected,
        )
        if answer.response.status_code not in _REDIRECTS:
            check_granted(answer, step, context.secrets)
            return None
        target = _target(self._client.session, answer.response, url)
        if target is None:
            raise unexpected(answer, "an address to redirect to")
        return target

    def _ask_time(self, context: Context) -> None:
        """Let the server's clock see one more answer, to a request without a credential."""
        with context.step(Step.TIME):
            url = routes.address("api", self._client.base_domain)
            headers = self._unset(routes.api_headers())
            self._send(context, Step.TIME, "GET", url, headers=headers)

    @property
    def _own_headers(self) -> dict[str, Any]:
        # A user may have set a plain dict, which knows no case, or what is no dict at all.
        own = dict(self._client.session.headers or {})
        return {str(name).lower(): value for name, value in own.items()}

    def _unset(self, headers: Mapping[str, str]) -> dict[str, str]:
        own = self._own_headers
        return {name: value for name, value in headers.items() if name.lower() not in own}

    def _send(
        self,
        context: Context,
        step: Step,
        method: str,
        url: str,
        *,
        headers: Mapping[str, Any],
        body: HiddenBytes | None = None,
        query: Mapping[str, str] | None = None,
        paced: bool = True,
    ) -> Answer:
        """Send one request through ``session.request`` and note what happened."""
        if paced and context.transcript:
            _clock.sleep(context.pause)
        context.confirm(_longest(self._client.session.timeout))
        answer: Answer | None = None
        failure: Exception | None = None
        started = _clock.monotonic()
        try:
            response = self._client.session.request(
                method,
                url,
                params=dict(query) if query else None,
                data=body,
                headers=dict(headers),
                allow_redirects=False,
            )
            answer = Answer(_checked(response))
        except Exception as error:  # noqa: BLE001 - adapters, hooks and headers may be the user's
            failure = error
        seconds = _clock.monotonic() - started
        address = _address(url.partition("?")[0])
        exchange = Exchange(
            step=step,
            method=method,
            host=address.netloc or "",
            milliseconds=round(seconds * 1000),
            **_outcome(context, address.path or "/", answer, failure),
        )
        context.transcript.append(exchange)
        logger.debug("%s", exchange, extra={"exchange": exchange})
        if answer is not None:
            self._client.server_clock.follow(answer.response.headers)
            return answer
        ended = _ended(context, failure or requests.RequestException(), address.scheme or "")
        # Raised outside the handler and without the failure: that holds the request and its body.
        failure = None
        raise ended


def _ended(context: Context, failure: Exception, scheme: str) -> Exception:
    if isinstance(failure, UpstoxError):
        return failure.with_traceback(None)
    if isinstance(failure, AnswerTooLargeError):
        return _too_large(failure)
    return context.broken_off(failure, scheme)


# The same ones again in each login.
_address = lru_cache(maxsize=32)(parse_url)


def _longest(timeout: object) -> float:
    parts = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    # Connecting may be refused and tried twice again.
    return sum(map(_seconds, parts)) * 2 + MAX_SECONDS


def _seconds(part: object) -> float:
    usable = isinstance(part, int | float) and 0 <= part < _UNUSABLE
    return part if usable else _ENDLESS  # type: ignore[return-value]


def _checked(response: requests.Response) -> requests.Response:
    """Return a response; raise where an adapter or a hook has made something else."""
    headers, content = response.headers, response.content
    sound = isinstance(response, requests.Response) and isinstance(response.status_code, int)
    sound = sound and isinstance(content, bytes | None)
    if not (sound and all(isinstance(text, str) for text in headers.values())):
        raise TypeError("not a response of requests")
    return response


def json_body(document: Mapping[str, Any]) -> HiddenBytes:
    """Return a JSON body; a ``SecretStr`` is written as the text it holds."""
    return HiddenBytes(json.dumps(document, default=_reveal).encode())


def _reveal(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise TypeError(type(value).__name__)


def _target(session: requests.Session, response: requests.Response, url: str) -> SecretStr | None:
    try:
        location = session.get_redirect_target(response)
        return SecretStr(urljoin(url, location)) if location else None
    except ValueError:
        return None


def _outcome(
    context: Context, path: str, answer: Answer | None, failure: Exception | None
) -> dict[str, Any]:
    if answer is None:
        return {
            "path": plain_path(context.secrets.mask_all(path)),
            "status": None,
            "content_type": None,
            "failure": type(failure).__name__,
        }
    kind = media_type(answer.response.headers.get("Content-Type")) or ""
    # All at once: each call looks for every spelling of every secret.
    names = "\n".join([path, kind, *field_names(answer.document)])
    path, kind, *keys = context.secrets.mask_all(names).split("\n")
    return {
        "path": plain_path(path),
        "status": answer.response.status_code,
        "content_type": kind or None,
        "keys": tuple(keys),
    }


def _too_large(failure: AnswerTooLargeError) -> ValidationError:
    return ValidationError(
        f"The answer is not what the protocol says: {failure}.",
        suggestions=[
            "Something between here and Upstox may have answered: report error.transcript."
        ],
    )
