"""BaseAPI: one paced request, answered by a validated model or an UpstoxError."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urljoin

import requests
from pydantic import SecretStr
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from upstox_totp import _clock
from upstox_totp._api.refusals import refusal, unexpected
from upstox_totp._http.answers import Answer, ModelT
from upstox_totp._http.failures import network_error
from upstox_totp._http.session import AnswerTooLargeError
from upstox_totp._log import logger
from upstox_totp._secrecy import HiddenBytes, Secrets
from upstox_totp.errors import ErrorCode, UpstoxError, ValidationError
from upstox_totp.transcript import Exchange, field_names, media_type, plain_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upstox_totp._api.one_time_passwords import OneTimePasswords
    from upstox_totp._api.routes import Route
    from upstox_totp._http.session import Session
    from upstox_totp._settings.account import Identity
    from upstox_totp._settings.config import Config
    from upstox_totp._tokens.ledger import Ledger
    from upstox_totp.transcript import Step

_REDIRECTS: Final = range(300, 400)
_LONGEST_REQUEST: Final = 120.0


@dataclass
class Login:
    """One login under way.

    Attributes:
        secrets: What must not appear in any text that is kept.
        transcript: What happened so far.
        ledger: Where the account's attempts are counted; None outside a login.
    """

    secrets: Secrets = field(default_factory=Secrets)
    transcript: list[Exchange] = field(default_factory=list)
    ledger: Ledger | None = None

    def failed(self, error: UpstoxError, step: Step) -> UpstoxError:
        """Complete an error with what is known of the login, and mask every secret in it.

        Args:
            error: The error.
            step: The step that it ended.
        """
        mask = self.secrets.mask
        error.message = mask(error.message)
        error.args = (error.message,)
        error.details = {
            name: mask(value) if isinstance(value, str) else value
            for name, value in error.details.items()
        }
        if isinstance(error.error_code, str) and not isinstance(error.error_code, ErrorCode):
            error.error_code = mask(error.error_code)
        error.step = step
        error.transcript = list(self.transcript)
        return error

    def broken_off(self, failure: Exception, scheme: str) -> requests.RequestException:
        """Return a network failure of the last request, without what was sent and answered.

        Args:
            failure: The failure as requests or urllib3 raised it.
            scheme: The scheme of the address that was asked.
        """
        last = self.transcript[-1]
        url = f"{scheme}://{last.host}{last.path}"
        error = network_error(failure, last.step, last.method, url)
        vars(error).update(step=last.step, transcript=list(self.transcript))
        return error


class Client(Protocol):
    """What the requests need of a client; `UpstoxTOTP` has it."""

    @property
    def config(self) -> Config:
        """The settings."""

    @property
    def base_domain(self) -> str:
        """Where to ask."""

    @property
    def identity(self) -> Identity:
        """What tells accounts and settings apart."""

    @property
    def session(self) -> Session:
        """The session that sends."""

    @property
    def one_time_passwords(self) -> OneTimePasswords:
        """The one-time passwords, and the server's clock that they are made for."""

    def generate_request_id(self) -> str:
        """Return the id that the login page's requests carry."""


class BaseAPI:
    """Base class for API endpoints.

    Args:
        client: The client whose settings and session are used.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def _ask(
        self,
        login: Login,
        route: Route,
        model: type[ModelT],
        *,
        headers: Mapping[str, str],
        body: HiddenBytes,
        query: Mapping[str, str] | None = None,
        required: Mapping[str, str] | None = None,
        arrived: Callable[[Mapping[str, str]], None] | None = None,
    ) -> ModelT:
        """Send one request and return what it was answered, or raise.

        Args:
            login: The login under way.
            route: Whom to ask.
            model: What has to come.
            headers: Headers to send where the session has none of that name.
            body: The body to send.
            query: The query to send.
            required: Headers that the session's own do not replace, since they describe the body.
            arrived: Is given the headers of the answer, whatever it says.

        Returns:
            The validated answer.

        Raises:
            UpstoxError: If Upstox refused, or answered something else.
            requests.RequestException: If no whole answer came.
        """
        answer = self._send(
            login,
            route.step,
            route.method,
            route.url(self._client.base_domain),
            headers=self._unset(headers) | dict(required or {}),
            body=body,
            query=query,
        )
        if arrived is not None:
            arrived(answer.response.headers)
        error: UpstoxError | None
        if answer.response.status_code in _REDIRECTS:
            error = unexpected(answer, f"an answer of {route}, no redirect")
        else:
            error = refusal(answer, route.step, login.secrets)
        if error is None:
            parsed, expected = answer.parse(model)
            if parsed is not None:
                return parsed
            error = unexpected(answer, f"{model.__name__} with {expected}")
        error.details["route"] = str(route)
        raise login.failed(error, route.step)

    def _open(
        self,
        login: Login,
        step: Step,
        url: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str],
        redirected: bool = False,
    ) -> str | None:
        """Open a page of Upstox and return the absolute URL that it redirects to, None if none.

        Args:
            login: The login under way.
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
            login,
            step,
            "GET",
            url,
            headers=self._unset(headers),
            query=query,
            paced=not redirected,
        )
        if answer.response.status_code not in _REDIRECTS:
            error = refusal(answer, step, login.secrets)
            if error is None:
                return None
            raise login.failed(error, step)
        target = _target(self._client.session, answer.response, url)
        if target is None:
            raise login.failed(unexpected(answer, "an address to redirect to"), step)
        return target

    def _unset(self, headers: Mapping[str, str]) -> dict[str, str]:
        # A user may have set a plain dict, which knows no case.
        own = {name.lower() for name in self._client.session.headers}
        return {name: value for name, value in headers.items() if name.lower() not in own}

    def _send(
        self,
        login: Login,
        step: Step,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: HiddenBytes | None = None,
        query: Mapping[str, str] | None = None,
        paced: bool = True,
    ) -> Answer:
        """Send one request through ``session.request`` and note what happened."""
        if paced and login.transcript:
            _clock.sleep(self._client.config.sleep_time / 1000)
        if login.ledger is not None:
            login.ledger.confirm(_LONGEST_REQUEST)
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
        address = parse_url(url.partition("?")[0])
        exchange = Exchange(
            step=step,
            method=method,
            host=address.netloc or "",
            path=plain_path(login.secrets.mask_all(address.path or "/")),
            milliseconds=round(seconds * 1000),
            **_outcome(login, answer, failure),
        )
        login.transcript.append(exchange)
        logger.debug("%s", exchange, extra={"exchange": exchange})
        if answer is not None:
            return answer
        # Raised outside the handler: the failure holds the request and its body.
        if isinstance(failure, AnswerTooLargeError):
            raise login.failed(_too_large(failure), step)
        raise login.broken_off(failure or requests.RequestException(), address.scheme or "")


def json_body(data: Mapping[str, Any]) -> HiddenBytes:
    """Return a JSON body of the login service: ``data`` in its wrapper.

    Args:
        data: The fields; a ``SecretStr`` among them is written as the text it holds.
    """
    return HiddenBytes(json.dumps({"data": data}, default=_reveal).encode())


def _reveal(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise TypeError(type(value).__name__)


def _target(session: requests.Session, response: requests.Response, url: str) -> str | None:
    try:
        location = session.get_redirect_target(response)
        return urljoin(url, location) if location else None
    except ValueError:
        return None


def _outcome(login: Login, answer: Answer | None, failure: Exception | None) -> dict[str, Any]:
    if answer is None:
        return {"status": None, "content_type": None, "failure": type(failure).__name__}
    mask = login.secrets.mask_all
    content_type = media_type(answer.response.headers.get("Content-Type"))
    return {
        "status": answer.response.status_code,
        "content_type": mask(content_type) if content_type else None,
        # All at once: each call looks for every spelling of every secret.
        "keys": tuple(mask("\n".join(field_names(answer.document))).splitlines()),
    }


def _too_large(failure: AnswerTooLargeError) -> ValidationError:
    return ValidationError(
        f"The answer is not what the protocol says: {failure}.",
        suggestions=[
            "Something between here and Upstox may have answered: report error.transcript."
        ],
    )
