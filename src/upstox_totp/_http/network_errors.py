"""A failure of the network, told without what was sent and what was answered."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upstox_totp.transcript import Step

_ADVICE: Final = (
    (requests.exceptions.ProxyError, "Check the proxy settings (HTTPS_PROXY)."),
    (
        requests.exceptions.SSLError,
        "Check the certificates: REQUESTS_CA_BUNDLE names the authorities that are trusted.",
    ),
    (
        requests.exceptions.InvalidHeader,
        "A header of session.headers has characters that HTTP cannot carry: use ASCII.",
    ),
    (requests.TooManyRedirects, "The page sends this program in circles: try again later."),
    (requests.Timeout, "Check the connection; session.timeout says how long to wait."),
)
_FOREIGN: Final = "An adapter, a hook or a setting of the session raised it: look there."
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
_TIME: Final = (
    "The certificate is not valid yet or has expired, by this machine's clock. Set the clock "
    "right, for example with NTP; if it is right, try again later."
)
_NAME: Final = (
    "The certificate is of another host: a proxy, a captive portal or a wrong DNS answer stands "
    "between here and Upstox. Try another network."
)
_AUTHORITY: Final = (
    "The certificate's authority is not trusted here. If a proxy of yours inspects TLS, name the "
    "file with its authority in REQUESTS_CA_BUNDLE."
)
_STRICT: Final = (
    "Python 3.13 and later check certificates more strictly. Have the authority's certificate made "
    "anew, with key identifiers, or run Python 3.12."
)
# By the number of OpenSSL's verdict on a certificate; its stricter checks begin at 75.
_TLS_ADVICE: Final = {
    **dict.fromkeys((9, 10), _TIME),
    **dict.fromkeys((62, 64), _NAME),
    **dict.fromkeys((2, 18, 19, 20, 21), _AUTHORITY),
    **dict.fromkeys(range(75, 100), _STRICT),
}
_NO_KEY_LOG: Final = "SSLKEYLOGFILE names a file that cannot be written: correct or unset it."


def network_error(
    failure: Exception, step: Step | str, method: str, url: str
) -> requests.RequestException:
    """Return a network failure of the same class, without body, headers, response or chain.

    Its ``request`` keeps method and URL, its ``sent`` tells if a byte of the request may have gone
    out, its ``refused`` if nobody accepted the connection.
    """
    kind = _public_class(failure)
    causes = list(_causes(failure))
    no_key_log = any(map(_is_no_key_log, causes))
    advice = _NO_KEY_LOG if no_key_log else _proxy_advice(failure) or _tls_advice(causes)
    default = _FOREIGN if _is_foreign(failure) else _DEFAULT_ADVICE
    advice = advice or next((text for cls, text in _ADVICE if issubclass(kind, cls)), default)
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    host = url.partition("://")[2].partition("/")[0]
    text = f"{step}: no answer from {host}: {_reason(failure)}. {advice}"
    error = kind(text[0].upper() + text[1:], request=request)
    vars(error).update(
        sent=not (no_key_log or any(isinstance(cause, _UNSENT) for cause in causes)),
        refused=any(isinstance(cause, NewConnectionError) for cause in causes),
    )
    return error


def _proxy_advice(failure: Exception) -> str:
    # The addresses that are asked have been checked before: what is left is the proxy's.
    if not isinstance(failure, _PROXY_ADDRESS):
        return ""
    if "SOCKS" in str(failure):
        return 'A SOCKS proxy needs PySocks: pip install "requests[socks]".'
    return (
        "The address of the proxy (HTTPS_PROXY) is not valid: it must be http://host:port, and a "
        "user name and password in it must be percent-encoded."
    )


def _tls_advice(causes: list[BaseException]) -> str:
    # Errors that are made by hand have no number.
    refused = [one for one in causes if isinstance(one, ssl.SSLCertVerificationError)]
    codes = [getattr(one, "verify_code", 0) for one in refused]
    return next((_TLS_ADVICE[code] for code in codes if code in _TLS_ADVICE), "")


def _is_no_key_log(cause: BaseException) -> bool:
    named = os.environ.get("SSLKEYLOGFILE")
    return bool(named) and isinstance(cause, OSError) and cause.filename == named


def _is_foreign(failure: Exception) -> bool:
    return not isinstance(failure, OSError | HTTPError)


def _public_class(failure: Exception) -> type[requests.RequestException]:
    for cls in type(failure).__mro__:
        own = cls.__module__ == requests.exceptions.__name__
        # A JSONDecodeError, out of a hook of the user's, holds the whole document.
        if own and not issubclass(cls, requests.JSONDecodeError):
            return cls  # type: ignore[return-value]
    return requests.RequestException


def _reason(failure: Exception) -> str:
    reason = type(failure).__name__
    if _is_foreign(failure) and failure.__traceback__ is not None:
        *_, (frame, line) = walk_tb(failure.__traceback__)
        return f"{reason} in {Path(frame.f_code.co_filename).name}, line {line}"
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{reason}, {getattr(cause, 'verify_message', 'certificate refused')}"
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
