"""Session: a requests session that has a timeout and never repeats what must not be repeated."""

from __future__ import annotations

import errno
import inspect
import io
import math
import time
from contextvars import ContextVar
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final, Self

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_auth_from_url, select_proxy
from urllib3.exceptions import NewConnectionError, ProxyError, ReadTimeoutError
from urllib3.response import HTTPResponse as PooledResponse
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from requests.adapters import BaseAdapter

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
_BACKOFF_FACTOR: Final = 0.5


class AnswerTooLargeError(requests.RequestException):
    """The body of an answer is larger than `MAX_BODY`."""


class _Deadline:
    """When the answer to one request must be whole: its time begins with its first byte."""

    def __init__(self) -> None:
        self.seconds = MAX_SECONDS
        self.began: float | None = None
        self.passed = False

    def begin(self) -> None:
        if self.began is None:
            self.began = time.monotonic()

    def left(self) -> float:
        """Return the seconds that are left, infinity before the first byte, or raise."""
        left = math.inf if self.began is None else self.began + self.seconds - time.monotonic()
        if left <= 0:
            self.passed = True
            raise TimeoutError
        return left


_DEADLINE: ContextVar[_Deadline | None] = ContextVar("_DEADLINE", default=None)


class _TimedStream(io.RawIOBase):
    """What arrives on a socket; each read has what is left until a deadline, at most."""

    def __init__(self, sock: Any, stream: io.RawIOBase, deadline: _Deadline) -> None:
        # The socket under TLS, where urllib3 wraps one.
        self._socket: socket.socket = getattr(sock, "socket", sock)
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        timeout = self._socket.gettimeout()
        left = self._deadline.left()
        shorter = left < (math.inf if timeout is None else timeout)
        if shorter:
            self._socket.settimeout(left)
        try:
            size = self._stream.readinto(buffer)
        except TimeoutError:
            self._deadline.passed = shorter
            raise
        finally:
            if shorter:
                self._socket.settimeout(timeout)
        self._deadline.begin()
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer, to CONNECT too, that ends at the deadline of the request under way."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = _DEADLINE.get()
        if deadline is not None:
            self.fp = io.BufferedReader(_TimedStream(sock, self.fp.detach(), deadline))


def _keep_deadlines(adapter: BaseAdapter) -> None:
    """Let an adapter's connections, through its proxies too, keep a deadline where one is set."""
    # Before requests 2.32 it was the shorter name.
    names = ("get_connection_with_tls_context", "get_connection")
    name = next((name for name in names if hasattr(adapter, name)), None)
    if name is None or name in vars(adapter):
        return
    find_pool = getattr(adapter, name)

    def find_timed_pool(*args: Any, **kwargs: Any) -> Any:
        pool = find_pool(*args, **kwargs)
        kind = pool.ConnectionCls
        if not issubclass(kind.response_class, _TimedResponse):
            pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": _TimedResponse})
        return pool

    vars(adapter)[name] = find_timed_pool


class _ScarceRetry(Retry):
    """Repeats what cannot cost an attempt: a refused connection, and the login dialog."""

    repeatable = ""

    def new(self, **kwargs: Any) -> Self:
        policy = super().new(**kwargs)
        policy.repeatable = self.repeatable
        return policy

    def increment(self, method: Any = None, url: Any = None, *rest: Any, **more: Any) -> Self:
        # total=0, read=False is what requests does by default: never again.
        may_repeat = self._may_repeat(method, url, more.get("error"))
        policy = self if may_repeat else self.new(total=0, read=False)
        return super(_ScarceRetry, policy).increment(method, url, *rest, **more)

    def _may_repeat(self, method: str | None, url: str | None, error: Exception | None) -> bool:
        cause = error.original_error if isinstance(error, ProxyError) else error
        # A connect timeout is no refusal: urllib3 counts it as one.
        if isinstance(cause, NewConnectionError):
            return True
        path = (url or "").partition("?")[0]
        is_dialog = method == "GET" and path.endswith(self.repeatable)
        return is_dialog and not isinstance(cause, ReadTimeoutError)


class Session(_PlainSession):
    """A ``requests.Session`` with a default timeout and a bound on every answer.

    Requests are repeated only where that cannot cost an attempt: where the connection was refused
    before a byte was sent, and for the login dialog. An adapter that the user mounts brings its
    own policy. A ``.netrc`` is never asked for credentials. Hooks for ``response`` may take the
    response alone or the keyword arguments of requests as well.

    The first byte of an answer is waited for as long as `timeout` says. From then on the whole
    answer has `MAX_SECONDS`, and a body of `MAX_BODY` after decompression. For an ``HTTPAdapter``
    that the user mounts, or a class made from it, the same holds; for an adapter of another kind,
    the time is seen between two reads of the body. The body of a request with ``stream=True`` is
    the user's: the time ends with the headers.

    ``repeatable`` is the end of the path of the GET that may be repeated. ``timeout`` is the
    seconds to connect and to wait for data, used where a request names none: a number, a tuple of
    two, or None to wait without end.
    """

    def __init__(self, *, repeatable: str) -> None:
        super().__init__()
        self.timeout: float | tuple[float | None, float | None] | None = (10, 30)
        # What a request needs is filled in when it is sent, where the user has set nothing.
        self.headers = CaseInsensitiveDict()
        policy = _ScarceRetry(
            total=2,
            other=0,
            redirect=0,
            allowed_methods={"GET"},
            status_forcelist={502, 503, 504},
            backoff_factor=_BACKOFF_FACTOR,
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        policy.repeatable = repeatable
        adapter = HTTPAdapter(max_retries=policy)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        """Have an adapter carry the requests whose address begins so, within the deadline."""
        _keep_deadlines(adapter)
        super().mount(prefix, adapter)

    def reset(self) -> None:
        """Empty headers, cookies and auth; timeout, proxies, hooks and adapters stay."""
        self.headers.clear()
        self.clear_cookies()
        self.auth = None

    def clear_cookies(self) -> None:
        """Begin with no cookie, whatever a program has put in their place."""
        self.cookies = RequestsCookieJar()

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request, its hooks callable with or without keywords, without ``.netrc``."""
        if request.auth is None and self.auth is None:
            request.auth = lambda prepared: prepared
        prepared = super().prepare_request(request)
        hooks = prepared.hooks["response"]
        prepared.hooks["response"] = [partial(_call_hook, hook) for hook in hooks]
        return prepared

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a prepared request within the session's timeout, and read the whole answer."""
        _check_encodable(request, kwargs.get("proxies"))
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        deadline = _Deadline()
        if not kwargs.get("stream"):
            # First of all hooks, so that one which looks at the text sees a bounded answer too.
            request.hooks["response"].insert(0, partial(_read_whole, deadline))
        token = _DEADLINE.set(deadline)
        try:
            return super().send(request, **kwargs)
        except (requests.RequestException, TimeoutError):
            if not deadline.passed:
                raise
        finally:
            _DEADLINE.reset(token)
            # What is left of a stream is the user's.
            deadline.seconds = math.inf
        # Raised outside the handler: the cause may hold a part of the answer.
        reason = f"the answer took longer than {MAX_SECONDS:g} seconds"
        raise requests.ReadTimeout(errno.ETIMEDOUT, reason)

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
    return all(letter <= "\xff" for letter in text)


def _call_hook(hook: Callable[..., Any], response: requests.Response, **kwargs: Any) -> Any:
    try:
        inspect.signature(hook).bind(response, **kwargs)
    except TypeError:
        return hook(response)
    except ValueError:
        # A callable without a signature, as some built-in ones: requests' own convention.
        pass
    return hook(response, **kwargs)


def _read_whole(deadline: _Deadline, response: requests.Response, **_: Any) -> None:
    # An adapter of the user's may have made the body itself, or none.
    if response.raw is None or vars(response)["_content"] is not False:
        return
    if isinstance(response.raw, PooledResponse):
        # Before urllib3 2, a body that broke off passed for a whole one.
        response.raw.enforce_content_length = True
    # Of an adapter whose connections keep no deadline, the time is seen between two reads only.
    size = 1 if deadline.began is None else _PIECE
    deadline.begin()
    body = bytearray()
    try:
        for piece in response.iter_content(size):
            body += piece
            deadline.left()
            if len(body) > MAX_BODY:
                raise AnswerTooLargeError(f"the answer is larger than {MAX_BODY} bytes")
    finally:
        # The connection goes back to its pool, or is closed where a part is still to come.
        response.close()
    # requests offers no other way to hand over a body that is already there.
    vars(response).update(_content=bytes(body), _content_consumed=True)
