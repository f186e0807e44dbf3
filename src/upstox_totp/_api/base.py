"""BaseAPI: one paced request, answered by a validated model or an UpstoxError, in a Context."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode, urljoin

import requests
from pydantic import SecretStr
from urllib3.util import parse_url

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.responses import check_granted, unexpected
from upstox_totp._http.answers import Answer, ModelT
from upstox_totp._http.network_errors import network_error
from upstox_totp._http.session import MAX_SECONDS, AnswerTooLargeError
from upstox_totp._log import logger
from upstox_totp._redact import HiddenBytes, HiddenDict, Secrets
from upstox_totp._settings.table import SETTINGS
from upstox_totp.errors import UpstoxError, ValidationError
from upstox_totp.transcript import Exchange, Step, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from upstox_totp._api.routes import Route
    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp._http.server_clock import ServerClock
    from upstox_totp._http.session import Session
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
    server_clock: ServerClock

    @property
    def base_domain(self) -> str: ...

    @property
    def session(self) -> Session: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def identity(self) -> Identity: ...

    def generate_request_id(self) -> str: ...

    def log_in(self, attempt_log: AttemptLog) -> AccessTokenResponse: ...


class Context:
    """One login, or one question to Upstox, under way.

    Attributes:
        pause: How long to wait between two requests, in seconds.
        secrets: What must not appear in any text that is shown or stored.
        transcript: What happened so far.
        extend: Makes sure, before a request of at most so many seconds, that it may be sent.
    """

    def __init__(
        self,
        secrets: Secrets | None = None,
        pause: float = 0.0,
        extend: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.pause, self.extend = pause, extend
        self.secrets = secrets or Secrets()
        self.transcript: list[Exchange] = []

    @contextmanager
    def step(self, step: Step, *, route: str | None = None) -> Iterator[None]:
        """Complete every error that is raised inside: step, transcript, secrets masked."""
        try:
            yield
        except UpstoxError as error:
            if error.step is None:
                if route is not None:
                    error.details["route"] = route
                self._complete(error, step)
            raise

    def _complete(self, error: UpstoxError, step: Step) -> None:
        mask = self.secrets.mask
        error.message = mask(error.message)
        error.args = (error.message,)
        error.details = {
            name: mask(value) if isinstance(value, str) else value
            for name, value in error.details.items()
        }
        error.step = step
        error.transcript = list(self.transcript)

    def note(
        self, step: Step, method: str, url: str, seconds: float, outcome: Answer | Exception
    ) -> None:
        """Note what came of a request, without a value of it."""
        address = parse_url(url.partition("?")[0])
        status, kind, document = None, None, None
        if isinstance(outcome, Answer):
            status, document = outcome.response.status_code, outcome.document
            kind = outcome.response.headers.get("Content-Type")
        exchange = Exchange(
            step=step,
            method=method,
            host=address.netloc or "",
            status=status,
            milliseconds=round(seconds * 1000),
            failure=type(outcome).__name__ if status is None else None,
            **shown(address.path or "/", kind, document, self.secrets.mask_all),
        )
        self.transcript.append(exchange)
        logger.debug("%s", exchange, extra={"exchange": exchange})

    def broken_off(self, failure: Exception, url: str) -> requests.RequestException:
        """Return a network failure of the last request, without what was sent and answered."""
        last = self.transcript[-1]
        plain = f"{url.partition('://')[0]}://{last.host}{last.path}"
        error = network_error(failure, last.step, last.method, plain)
        error.args = (self.secrets.mask(str(error)),)
        vars(error).update(step=last.step, transcript=list(self.transcript))
        return error


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
        headers: Mapping[str, str] | None = None,
        required: HiddenDict | None = None,
        query: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
        form: Mapping[str, SecretStr | str] | None = None,
    ) -> ModelT:
        """Send one request, with a JSON document or a form if there is one, and return its answer.

        The session's own headers replace `headers`, which are an API program's where none are
        given; not `required`, which may hold a credential.
        """
        kind, body = _encoded(document, form)
        with context.step(route.step, route=str(route)):
            answer = self._send(
                context,
                route.step,
                route.method,
                route.url(self._client.base_domain),
                headers=headers or routes.api_headers(),
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

    def _own_headers(self) -> HiddenDict:
        # A user may have set a plain dict, which knows no case, or what is no dict at all.
        own = dict(self._session.headers or {})
        return HiddenDict({str(name).lower(): value for name, value in own.items()})

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
        sent = HiddenDict(
            {name: value for name, value in headers.items() if name.lower() not in own}
        )
        sent |= required or {}
        outcome: Answer | Exception
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
            outcome = Answer(_checked(response))
        except Exception as error:  # noqa: BLE001 - adapters, hooks and headers may be the user's
            outcome = error
        context.note(step, method, url, _clock.monotonic() - started, outcome)
        if isinstance(outcome, Answer):
            self._client.server_clock.follow(outcome.response.headers)
            return outcome
        ended = _ended(context, outcome, url)
        # Raised outside the handler and without the failure: that holds the request and its body.
        del outcome
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
    usable = [isinstance(part, int | float) and 0 <= part < _UNUSABLE for part in parts]
    seconds = [part if known else _ENDLESS for part, known in zip(parts, usable, strict=True)]
    # Connecting may be refused and tried twice again.
    return sum(seconds) * 2 + MAX_SECONDS


def _checked(response: requests.Response) -> requests.Response:
    """Return a response; raise where an adapter or a hook has made something else."""
    sound = isinstance(response, requests.Response) and isinstance(response.status_code, int)
    if not (sound and all(isinstance(text, str) for text in response.headers.values())):
        raise TypeError("not a response of requests")
    return response


def _target(session: requests.Session, response: requests.Response, url: str) -> SecretStr | None:
    try:
        location = session.get_redirect_target(response)
        return SecretStr(urljoin(url, location)) if location else None
    except ValueError:
        return None


def secrets_of(config: Config) -> Secrets:
    """Return every secret of some settings, also those that not every login sends."""
    secrets = Secrets()
    rows = (row for row in SETTINGS.values() if row.secret and row.credential)
    secrets.add(*(getattr(config, row.name) for row in rows))
    if config.totp_secret is not None:
        # Base32 is written in either case.
        secrets.add(config.totp_secret.get_secret_value().lower())
    if config.pin_code is not None:
        # What goes over the wire may be echoed in each spelling, too.
        secrets.add(encode_pin(config.pin_code))
    secrets.add_personal(config.username)
    return secrets


def encode_pin(pin: SecretStr) -> SecretStr:
    """Return a PIN as the login page sends it, in base64."""
    return SecretStr(base64.b64encode(pin.get_secret_value().encode()).decode())
