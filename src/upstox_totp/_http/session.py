"""Session: a requests session that has a timeout and never repeats what must not be repeated."""

from __future__ import annotations

import inspect
from functools import partial
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Final, Self

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_auth_from_url, select_proxy
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util.retry import Retry

from upstox_totp._http import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from requests.adapters import BaseAdapter
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

    _PlainSession = requests.Session
else:
    # A program may have put another class in its place: a cache of answers, as requests_cache
    # does, would write a login to the disk and serve its dialog again.
    _PlainSession = next(
        kind for kind in requests.Session.__mro__ if kind.__module__ == "requests.sessions"
    )

MAX_BODY: Final = 2 * 1024 * 1024
"""The most that an answer may hold, in bytes, after decompression."""

MAX_SECONDS: Final = 60.0
"""The longest that an answer may take from its first byte to its last, in seconds."""

# What is read at once is decompressed whole, whatever it holds.
_PIECE: Final = 4 * 1024
_REPEATS: Final = 2
_LATIN1_ENDS: Final = 0x100
_BACKOFF_FACTOR: Final = 0.5


class AnswerTooLargeError(requests.RequestException):
    """The body of an answer is larger than `MAX_BODY`."""


class _ScarceRetry(Retry):
    """Repeats what cannot cost an attempt: a refused connection, and the login dialog.

    ``repeatable`` is the end of the path of the one GET that may be repeated after it was sent.
    """

    def __init__(self, *, repeatable: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.repeatable = repeatable

    def new(self, **kwargs: Any) -> Self:
        return super().new(repeatable=self.repeatable, **kwargs)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        # total=0, read=False is what requests does by default: never again.
        policy = self if self._may_repeat(method, url, error) else self.new(total=0, read=False)
        return super(_ScarceRetry, policy).increment(
            method, url, response, error, _pool, _stacktrace
        )

    def _may_repeat(self, method: str | None, url: str | None, error: Exception | None) -> bool:
        cause = error.original_error if isinstance(error, ProxyError) else error
        # A connect timeout is no refusal: urllib3 counts it as one.
        if isinstance(cause, NewConnectionError):
            return True
        path = (url or "").partition("?")[0]
        return (
            method == "GET"
            and path.endswith(self.repeatable)
            and not isinstance(cause, ReadTimeoutError)
            and not deadline.current().passed
        )


class _Adapter(HTTPAdapter):
    """The transport of a session to which the user has mounted none."""

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        problem = ""
        try:
            super().cert_verify(*args, **kwargs)  # type: ignore[no-untyped-call]
        except requests.RequestException:
            raise
        except OSError as error:
            # requests lets a plain OSError escape for a certificate bundle that is not there.
            problem = str(error)
        if problem:
            raise requests.exceptions.SSLError(problem)


class Session(_PlainSession):
    """A ``requests.Session`` with a default timeout and a bound on every answer.

    Requests are repeated only where that cannot cost an attempt: where the connection was refused
    before a byte was sent, and for the login dialog. An adapter that the user mounts brings its
    own policy. A ``.netrc`` is never asked for credentials. Hooks for ``response`` may take the
    response alone or the keyword arguments of requests as well.

    The first byte of an answer is waited for as long as `timeout` says. From then on the whole
    answer has `MAX_SECONDS`, and a body of `MAX_BODY` after decompression, so that no peer holds
    a login however it drips. For an ``HTTPAdapter`` that the user mounts, or a class made from it,
    the same holds for each connection that it opens after it was mounted; for an adapter of
    another kind, between two reads of the body. The body of a request with ``stream=True`` is the
    user's: the time ends with the headers.

    ``repeatable`` is the path of the GET that may be repeated. ``timeout`` is the seconds to
    connect and to wait for data, used where a request names none: a number, a tuple of two, or
    None to wait without end.
    """

    def __init__(self, *, repeatable: str) -> None:
        super().__init__()
        self.timeout: float | tuple[float | None, float | None] | None = (10, 30)
        # What a request needs is filled in when it is sent, where the user has set nothing.
        self.headers = CaseInsensitiveDict()
        adapter = _Adapter(
            max_retries=_ScarceRetry(
                repeatable=repeatable,
                total=_REPEATS,
                other=0,
                redirect=0,
                allowed_methods={"GET"},
                status_forcelist={502, 503, 504},
                backoff_factor=_BACKOFF_FACTOR,
                respect_retry_after_header=False,
                raise_on_status=False,
            )
        )
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Have an adapter carry the requests whose address begins so, within the deadline."""
        deadline.watch(adapter)
        super().mount(prefix, adapter)

    def reset(self) -> None:
        """Empty headers, cookies and auth; timeout, proxies, hooks and adapters stay."""
        self.headers.clear()
        self.clear_cookies()
        self.auth = None

    def clear_cookies(self) -> None:
        """Empty the cookies; what a program has put there instead is replaced."""
        if isinstance(self.cookies, CookieJar):
            self.cookies.clear()
        else:
            self.cookies = RequestsCookieJar()

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request, its hooks callable with or without keywords, without ``.netrc``."""
        if request.auth is None and self.auth is None:
            request.auth = _no_auth
        prepared = super().prepare_request(request)
        hooks = prepared.hooks["response"]
        prepared.hooks["response"] = [partial(_call_hook, hook) for hook in hooks]
        return prepared

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a prepared request within the session's timeout, and read the whole answer."""
        _check_encodable(request, kwargs.get("proxies"))
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        if not kwargs.get("stream"):
            # First of all hooks, so that one which looks at the text sees a bounded answer too.
            request.hooks["response"].insert(0, _read_whole)
        with deadline.within(MAX_SECONDS) as ends:
            try:
                response = super().send(request, **kwargs)
            except requests.RequestException:
                if not ends.passed:
                    raise
            else:
                if not ends.passed:
                    return response
                # What was cut off may look like a whole answer.
                response.close()
        # Raised outside the handler: the cause may hold a part of the answer.
        failure = requests.ReadTimeout(f"the answer took longer than {MAX_SECONDS:g} seconds")
        # Where a failure of the network has its reason in words.
        failure.strerror = str(failure)
        raise failure

    def resolve_redirects(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Follow redirects only for a caller who asked for it.

        requests also prepares ``Response.next`` here for requests that must not be redirected:
        a copy of the body, and a ``ValueError`` for a malformed address.
        """
        if kwargs.get("yield_requests"):
            return iter(())
        followed: Iterator[Any] = super().resolve_redirects(*args, **kwargs)
        return followed


def _check_encodable(request: requests.PreparedRequest, proxies: Any) -> None:
    """Raise for what http.client would raise with the text itself, a proxy's password say."""
    for name, value in request.headers.items():
        if isinstance(value, str) and not _is_latin1(value):
            raise requests.exceptions.InvalidHeader(f"{name} is not Latin-1")
    proxy = select_proxy(request.url or "", proxies) or ""
    # Escapes that are no UTF-8 have become other characters here.
    if not all(map(_is_latin1, get_auth_from_url(proxy))):
        raise requests.exceptions.InvalidProxyURL("user name or password is not Latin-1")


def _is_latin1(text: str) -> bool:
    return text.isascii() or all(ord(letter) < _LATIN1_ENDS for letter in text)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _call_hook(hook: Callable[..., Any], response: requests.Response, **kwargs: Any) -> Any:
    try:
        inspect.signature(hook).bind(response, **kwargs)
    except TypeError:
        return hook(response)
    except ValueError:
        # A callable without a signature, as some built-in ones: requests' own convention.
        pass
    return hook(response, **kwargs)


def _read_whole(response: requests.Response, **_: Any) -> None:
    # An adapter of the user's may have made the body itself.
    if not hasattr(response.raw, "read") or vars(response)["_content"] is not False:
        return
    failure: requests.RequestException | None = None
    body = b""
    try:
        body = _read(response.raw)
    except (HTTPError, AnswerTooLargeError, requests.Timeout) as error:
        failure = _as_requests_error(error)
    if failure is not None:
        response.close()
        # Raised outside the handler: the cause may hold a part of the body.
        raise failure
    # requests offers no other way to hand over a body that is already there.
    vars(response).update(_content=body, _content_consumed=True)


def _read(raw: Any) -> bytes:
    ends = deadline.current()
    size = _PIECE
    if not isinstance(getattr(raw, "_original_response", None), deadline.Answer):
        # Of an adapter whose connections nobody watches: only between two reads the time is seen.
        ends.start()
        size = 1
    # An adapter of the user's may hand over any file.
    if hasattr(raw, "stream"):
        pieces = raw.stream(size, decode_content=True)
    else:
        pieces = iter(partial(raw.read, _PIECE), b"")
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > MAX_BODY:
            raise AnswerTooLargeError(f"the answer is larger than {MAX_BODY} bytes")
        if ends.passed:
            break
    if ends.passed or getattr(raw, "length_remaining", None):
        # What broke off passes for whole: in urllib3 before 2, or where no length was announced.
        raise ProtocolError("the body is shorter than announced")
    ends.stop()
    return bytes(body)


def _as_requests_error(error: Exception) -> requests.RequestException:
    if isinstance(error, requests.RequestException):
        return error.with_traceback(None)
    for cause, kind in _BODY_ERRORS:
        if isinstance(error, cause):
            return kind(f"the answer broke off: {type(error).__name__}")
    return requests.exceptions.ChunkedEncodingError("the connection broke off in mid-answer")


_BODY_ERRORS: Final[tuple[tuple[type[HTTPError], type[requests.RequestException]], ...]] = (
    (DecodeError, requests.exceptions.ContentDecodingError),
    (ReadTimeoutError, requests.ReadTimeout),
    (SSLError, requests.exceptions.SSLError),
)
