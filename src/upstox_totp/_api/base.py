"""BaseAPI: one paced request, answered by a validated model or an UpstoxError."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urljoin

import requests
from pydantic import SecretStr
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.refusals import check_granted, unexpected
from upstox_totp._hidden import HiddenBytes, HiddenDict
from upstox_totp._http.answers import Answer, ModelT
from upstox_totp._http.session import MAX_SECONDS, AnswerTooLargeError
from upstox_totp._log import logger
from upstox_totp.errors import ValidationError
from upstox_totp.transcript import Exchange, Step, field_names, media_type, plain_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._api.attempt import Attempt, LoginAttempt
    from upstox_totp._api.one_time_passwords import OneTimePasswords
    from upstox_totp._api.routes import Route
    from upstox_totp._http.server_clock import ServerClock
    from upstox_totp._http.session import Session
    from upstox_totp._redact import Secrets
    from upstox_totp._settings.account import Identity
    from upstox_totp._settings.config import Config
    from upstox_totp.models import AccessTokenResponse

_REDIRECTS: Final = range(300, 400)
# What a user who waits without end is taken to wait, in seconds.
_ENDLESS: Final = 600.0


class Sender(Protocol):
    """What a request needs of a client."""

    @property
    def base_domain(self) -> str:
        """Where to ask."""

    @property
    def session(self) -> Session:
        """The session that sends."""

    @property
    def server_clock(self) -> ServerClock:
        """The server's clock, which follows each answer."""


class Part(Protocol):
    """What takes part in a login."""

    def take_part(self, attempt: LoginAttempt) -> AccessTokenResponse:
        """Log in, as one of several that may be tried.

        Args:
            attempt: The login under way.
        """


class Client(Sender, Protocol):
    """What a login needs of a client; `UpstoxTOTP` has it."""

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

    @property
    def browser_login(self) -> Part:
        """The login in the person's own browser, as it was set up."""

    @property
    def token_request(self) -> Part:
        """The request for a token that is approved on the phone, as it was set up."""

    def generate_request_id(self) -> str:
        """Return the id that the login page's requests carry."""


class BaseAPI:
    """Base class for API endpoints.

    Args:
        client: The client whose settings and session are used.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def _ask(
        self,
        attempt: Attempt,
        route: Route,
        model: type[ModelT],
        *,
        headers: Mapping[str, str],
        body: HiddenBytes | None = None,
        query: Mapping[str, str] | None = None,
        required: Mapping[str, Any] | None = None,
    ) -> ModelT:
        """Send one request and return what it was answered, or raise.

        Args:
            attempt: The login or question under way.
            route: Whom to ask.
            model: What has to come.
            headers: Headers to send where the session has none of that name.
            body: The body to send.
            query: The query to send.
            required: Headers that the session's own do not replace: they describe the body, or
                hold a credential.

        Returns:
            The validated answer.

        Raises:
            UpstoxError: If Upstox refused, or answered something else.
            requests.RequestException: If no whole answer came.
        """
        with attempt.step(route.step, route=str(route)):
            answer = self._send(
                attempt,
                route.step,
                route.method,
                route.url(self._client.base_domain),
                headers=HiddenDict(self._unset(headers) | dict(required or {})),
                body=body,
                query=query,
            )
            if answer.response.status_code in _REDIRECTS:
                raise unexpected(answer, f"an answer of {route}, no redirect")
            check_granted(answer, route.step, attempt.secrets)
            parsed, expected = answer.parse(model)
            if parsed is None:
                raise unexpected(answer, f"{model.__name__} with {expected}")
            return parsed

    def _open(
        self,
        attempt: Attempt,
        step: Step,
        url: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str],
        redirected: bool = False,
    ) -> SecretStr | None:
        """Open a page of Upstox and return the absolute URL that it redirects to, None if none.

        Args:
            attempt: The login under way.
            step: The step that the page belongs to.
            url: The page.
            query: The query to add to it.
            headers: Headers to send where the session has none of that name.
            redirected: Whether a redirect led here.

        Raises:
            UpstoxError: If Upstox refused, or the redirect leads nowhere.
            requests.RequestException: If no whole answer came.
        """
        answer = self._send(
            attempt,
            step,
            "GET",
            url,
            headers=self._unset(headers),
            query=query,
            paced=not redirected,
        )
        if answer.response.status_code not in _REDIRECTS:
            check_granted(answer, step, attempt.secrets)
            return None
        target = _target(self._client.session, answer.response, url)
        if target is None:
            raise unexpected(answer, "an address to redirect to")
        return target

    def _ask_time(self, attempt: Attempt) -> None:
        """Let the server's clock see one more answer, to a request without a credential.

        Args:
            attempt: The login under way.

        Raises:
            requests.RequestException: If no whole answer came.
        """
        with attempt.step(Step.TIME):
            url = routes.root("api", self._client.base_domain)
            headers = self._unset(routes.api_headers())
            self._send(attempt, Step.TIME, "GET", url, headers=headers)

    def _unset(self, headers: Mapping[str, str]) -> dict[str, str]:
        # A user may have set a plain dict, which knows no case.
        own = {name.lower() for name in self._client.session.headers}
        return {name: value for name, value in headers.items() if name.lower() not in own}

    def _send(
        self,
        attempt: Attempt,
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
        if paced and attempt.transcript:
            _clock.sleep(attempt.pause)
        attempt.confirm(_longest(self._client.session.timeout))
        answer: Answer | None = None
        failure: Exception | None = None
        started = _clock.monotonic()
        try:
            answer = Answer(
                self._client.session.request(
                    method,
                    url,
                    params=dict(query) if query else None,
                    data=body,
                    headers=dict(headers),
                    allow_redirects=False,
                )
            )
        except (requests.RequestException, HTTPError) as error:
            failure = error
        seconds = _clock.monotonic() - started
        address = _address(url.partition("?")[0])
        exchange = Exchange(
            step=step,
            method=method,
            host=address.netloc or "",
            milliseconds=round(seconds * 1000),
            **_outcome(attempt, address.path or "/", answer, failure),
        )
        attempt.transcript.append(exchange)
        logger.debug("%s", exchange, extra={"exchange": exchange})
        if answer is not None:
            self._client.server_clock.follow(answer.response.headers)
            return answer
        # Raised outside the handler: the failure holds the request and its body.
        if isinstance(failure, AnswerTooLargeError):
            raise _too_large(failure)
        raise attempt.broken_off(failure or requests.RequestException(), address.scheme or "")


class LoginAPI(BaseAPI):
    """Base class of the ways to a token, which need a client's settings.

    Args:
        client: The client whose settings and session are used.
    """

    _client: Client

    def __init__(self, client: Client) -> None:
        super().__init__(client)


# The same ones again in each login.
_address = lru_cache(maxsize=32)(parse_url)


def _longest(timeout: float | tuple[float | None, float | None] | None) -> float:
    parts = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    # Connecting may be refused and tried twice again.
    return sum(_ENDLESS if part is None else part for part in parts) * 2 + MAX_SECONDS


def json_body(document: Mapping[str, Any]) -> HiddenBytes:
    """Return a JSON body.

    Args:
        document: The fields; a ``SecretStr`` among them is written as the text it holds.
    """
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
    attempt: Attempt, path: str, answer: Answer | None, failure: Exception | None
) -> dict[str, Any]:
    if answer is None:
        return {
            "path": plain_path(attempt.secrets.mask_all(path)),
            "status": None,
            "content_type": None,
            "failure": type(failure).__name__,
        }
    kind = media_type(answer.response.headers.get("Content-Type")) or ""
    # All at once: each call looks for every spelling of every secret.
    path, kind, *keys = attempt.secrets.mask_each([path, kind, *field_names(answer.document)])
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
