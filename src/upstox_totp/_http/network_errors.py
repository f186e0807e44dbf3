"""A failure of the network, told without what was sent and what was answered."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upstox_totp.transcript import Step

_ADVICE: Final = (
    (requests.exceptions.ProxyError, "Check the proxy settings (HTTPS_PROXY)."),
    (
        requests.exceptions.SSLError,
        "Check the certificates: REQUESTS_CA_BUNDLE names the authorities that are trusted.",
    ),
    (requests.TooManyRedirects, "The page sends this program in circles: try again later."),
    (requests.Timeout, "Check the connection; session.timeout says how long to wait."),
)
_PROXY_ADDRESS: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.InvalidSchema,
)
# Raised before a byte of a request went out.
_UNSENT: Final = (
    ConnectTimeoutError,
    NewConnectionError,
    ssl.SSLCertVerificationError,
    requests.ConnectTimeout,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
_DEFAULT_ADVICE: Final = "Check the connection to the internet, then log in again."


def network_error(
    failure: Exception, step: Step | str, method: str, url: str
) -> requests.RequestException:
    """Return a network failure of the same class, without body, headers, response or chain.

    Args:
        failure: The failure as requests or urllib3 raised it.
        step: What it ended: a step of a login, or words for something else.
        method: The HTTP method.
        url: The URL asked, without secrets.

    Returns:
        The failure to raise; its ``request`` keeps method and URL, its ``sent`` tells if a byte
        of the request may have gone out, its ``refused`` if nobody accepted the connection.
    """
    kind = _public_class(failure)
    advice = _proxy_advice(failure) or next(
        (text for cls, text in _ADVICE if issubclass(kind, cls)), _DEFAULT_ADVICE
    )
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    host = url.partition("://")[2].partition("/")[0]
    text = f"{step}: no answer from {host}: {_reason(failure)}. {advice}"
    error = kind(text[0].upper() + text[1:], request=request)
    causes = list(_causes(failure))
    vars(error).update(
        sent=not any(isinstance(cause, _UNSENT) for cause in causes),
        refused=any(isinstance(cause, NewConnectionError) for cause in causes),
    )
    return error


def _proxy_advice(failure: Exception) -> str:
    # The addresses that are asked have been checked before: what is left is the proxy's.
    if not isinstance(failure, _PROXY_ADDRESS):
        return ""
    if "SOCKS" in str(failure):
        return 'A SOCKS proxy needs PySocks: pip install "requests[socks]".'
    return "The address of the proxy (HTTPS_PROXY) is not valid: it must be http://host:port."


def _public_class(failure: Exception) -> type[requests.RequestException]:
    for cls in type(failure).__mro__:
        own = cls.__module__ == requests.exceptions.__name__
        # A JSONDecodeError, out of a hook of the user's, holds the whole document.
        if own and not issubclass(cls, requests.JSONDecodeError):
            return cls  # type: ignore[return-value]
    return requests.RequestException


def _reason(failure: BaseException) -> str:
    reason = type(failure).__name__
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{reason}, {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            reason = f"{type(failure).__name__}, {cause.strerror}"
    return reason


def _causes(failure: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__context__, cause.__cause__]
        waiting += [item for item in cause.args if isinstance(item, BaseException)]
