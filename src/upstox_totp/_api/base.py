"""BaseAPI: one paced request, answered by a validated model or an UpstoxError."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode, urljoin

import requests
from pydantic import SecretStr
from requests.structures import CaseInsensitiveDict
from urllib3.util import parse_url

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.responses import check_granted, unexpected
from upstox_totp._http.answers import Answer, ModelT
from upstox_totp._http.session import MAX_SECONDS, AnswerTooLargeError
from upstox_totp._log import logger
from upstox_totp._redact import HiddenBytes, HiddenDict
from upstox_totp.errors import UpstoxError, ValidationError
from upstox_totp.transcript import Exchange, Step, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._api.context import Context
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
    """What login methods need of a client: `UpstoxTOTP` has it, and says what each is."""

    config: Config
    base_domain: str
    server_clock: ServerClock

    @property
    def session(self) -> Session: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def identity(self) -> Identity: ...

    def generate_request_id(self) -> str: ...

    def log_in(self, attempt_log: AttemptLog, *, cached: bool = True) -> AccessTokenResponse: ...


class BaseAPI:
    """Base class for API endpoints."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._session = client.session

    def _ask(
        self,
        context: Context,
        route: Route,
        model: type[ModelT],
        *,
        headers: Mapping[str, str],
        required: HiddenDict | None = None,
        query: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
        form: Mapping[str, SecretStr | str] | None = None,
    ) -> ModelT:
        """Send one request, with a JSON document or a form if there is one, and return its answer.

        The session's own headers replace `headers`, not `required`, which may hold a credential.
        """
        kind, body = _encoded(document, form)
        with context.step(route.step, route=str(route)):
            answer = self._send(
                context,
                route.step,
                route.method,
                route.url(self._client.base_domain),
                headers=headers,
                required=HiddenDict({**kind, **(required or {})}),
                query=query,
                body=body,
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
        redirected: bool = False,
    ) -> SecretStr | None:
        """Open a page of Upstox and return the absolute URL that it redirects to, None if none."""
        headers = routes.page_headers()
        answer = self._send(
            context, step, "GET", url, headers=headers, query=query, paced=not redirected
        )
        if answer.response.status_code not in _REDIRECTS:
            check_granted(answer, step, context.secrets)
            return None
        target = _target(self._session, answer.response, url)
        if target is None:
            raise unexpected(answer, "an address to redirect to")
        return target

    def _ask_time(self, context: Context) -> None:
        """Let the server's clock see one more answer, to a request without a credential."""
        with context.step(Step.TIME):
            url = routes.address("api", self._client.base_domain)
            self._send(context, Step.TIME, "GET", url, headers=routes.api_headers())

    def _own_headers(self) -> CaseInsensitiveDict[Any]:
        # A user may have set a plain dict, which knows no case, or what is no dict at all.
        return CaseInsensitiveDict(self._session.headers or {})

    def _send(
        self,
        context: Context,
        step: Step,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        required: HiddenDict | None = None,
        query: Mapping[str, str] | None = None,
        body: HiddenBytes | None = None,
        paced: bool = True,
    ) -> Answer:
        """Send one request through ``session.request`` and note what happened."""
        if paced and context.transcript:
            _clock.sleep(context.pause)
        context.extend(_longest(self._session.timeout))
        own = self._own_headers()
        sent = HiddenDict({name: value for name, value in headers.items() if name not in own})
        sent |= required or {}
        answer: Answer | None = None
        failure: Exception | None = None
        started = _clock.monotonic()
        try:
            response = self._session.request(
                method,
                url,
                params=dict(query) if query else None,
                data=body,
                headers=dict(sent),
                allow_redirects=False,
            )
            answer = Answer(_checked(response))
        except Exception as error:  # noqa: BLE001 - adapters, hooks and headers may be the user's
            failure = error
        seconds = _clock.monotonic() - started
        address = parse_url(url.partition("?")[0])
        exchange = Exchange(
            step=step,
            method=method,
            host=address.netloc or "",
            status=answer.response.status_code if answer else None,
            milliseconds=round(seconds * 1000),
            failure=type(failure).__name__ if failure else None,
            **shown(
                address.path or "/",
                answer.response.headers.get("Content-Type") if answer else None,
                answer.document if answer else None,
                context.secrets.mask_all,
            ),
        )
        context.transcript.append(exchange)
        logger.debug("%s", exchange, extra={"exchange": exchange})
        if answer is not None:
            self._client.server_clock.follow(answer.response.headers)
            return answer
        ended = _ended(context, failure or requests.RequestException(), url)
        # Raised outside the handler and without the failure: that holds the request and its body.
        failure = None
        raise ended


def _ended(context: Context, failure: Exception, url: str) -> Exception:
    if isinstance(failure, UpstoxError):
        return failure.with_traceback(None)
    if isinstance(failure, AnswerTooLargeError):
        return ValidationError(
            f"The answer is not what the protocol says: {failure}.",
            suggestions=[
                "Something between here and Upstox may have answered: report error.transcript."
            ],
        )
    return context.broken_off(failure, url)


def _encoded(
    document: Mapping[str, Any] | None, form: Mapping[str, SecretStr | str] | None
) -> tuple[dict[str, str], HiddenBytes | None]:
    """Return the headers of a body, and the body."""
    if document is not None:
        body = HiddenBytes(json.dumps(document, default=_plain).encode())
        return {"Content-Type": "application/json"}, body
    if form is not None:
        body = HiddenBytes(urlencode({name: _plain(form[name]) for name in form}).encode())
        return {"Content-Type": "application/x-www-form-urlencoded"}, body
    return {}, None


def _plain(value: SecretStr | str) -> str:
    return value if isinstance(value, str) else value.get_secret_value()


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


def _target(session: requests.Session, response: requests.Response, url: str) -> SecretStr | None:
    try:
        location = session.get_redirect_target(response)
        return SecretStr(urljoin(url, location)) if location else None
    except ValueError:
        return None
