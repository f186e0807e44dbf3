"""A failure of the network, told without what was sent and what was answered."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)

if TYPE_CHECKING:
    from upstox_totp.transcript import Step

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
_FILES: Final = ("SSLKEYLOGFILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DEFAULT_ADVICE: Final = "Check the connection to the internet, then log in again."
_OTHER_HOST: Final = (
    "The base domain (UPSTOX_BASE_DOMAIN) leads to this host, not to Upstox: correct or unset it, "
    "or start the server there."
)
_FOREIGN: Final = "An adapter, a hook or a setting of the session raised it: look there."
_PROXY_ADDRESS: Final = (
    "The address of the proxy (HTTPS_PROXY) is not valid: it must be http://host:port, and a "
    "user name and password in it must be percent-encoded."
)
_BY_CLASS: Final = (
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
    # The addresses that are asked have been checked before: what is left is the proxy's.
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), _PROXY_ADDRESS),
    (requests.Timeout, "Check the connection; session.timeout says how long to wait."),
)
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
    "Python 3.13 and later check certificates more strictly. Have the authority's certificate "
    "issued again, with key identifiers, or run Python 3.12."
)
# By the number of OpenSSL's verdict on a certificate; its stricter checks begin at 75.
_BY_TLS_CODE: Final = {
    **dict.fromkeys((9, 10), _TIME),
    **dict.fromkeys((62, 64), _NAME),
    **dict.fromkeys((2, 18, 19, 20, 21), _AUTHORITY),
    **dict.fromkeys(range(75, 100), _STRICT),
}


def network_error(
    failure: Exception, step: Step | str, method: str, url: str
) -> requests.RequestException:
    """Return a network failure of the same class, without body, headers, response or chain.

    Its ``request`` keeps method and URL, its ``sent`` tells if a byte of the request may have gone
    out, its ``refused`` if nobody accepted the connection.
    """
    causes = _causes(failure)
    kind = _public_class(failure, causes)
    unusable = _unusable_file(causes)
    sent = not (
        unusable or any(isinstance(cause, _UNSENT) or _is_of_another(cause) for cause in causes)
    )
    host = url.partition("://")[2].partition("/")[0]
    advice = unusable or _advice(failure, kind, causes, host)
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    text = f"{step}: no answer from {host}: {_reason(failure, causes)}. {advice}"
    error = kind(text[0].upper() + text[1:], request=request)
    refused = any(isinstance(cause, NewConnectionError) for cause in causes)
    vars(error).update(sent=sent, refused=refused)
    return error


def _advice(
    failure: Exception, kind: type[Exception], causes: list[BaseException], host: str
) -> str:
    if "SOCKS" in str(failure) and isinstance(failure, requests.exceptions.InvalidSchema):
        return 'A SOCKS proxy needs PySocks: pip install "requests[socks]".'
    if any(map(_is_of_another, causes)):
        return _NAME
    for cause in causes:
        # Errors that are made by hand have no number.
        code = getattr(cause, "verify_code", 0)
        if isinstance(cause, ssl.SSLCertVerificationError) and code in _BY_TLS_CODE:
            return _BY_TLS_CODE[code]
    by_class = next((advice for cls, advice in _BY_CLASS if issubclass(kind, cls)), None)
    unreached = any(isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes)
    own = host.partition(":")[0].endswith(".upstox.com")
    if unreached and not own and not issubclass(kind, requests.exceptions.ProxyError):
        return _OTHER_HOST
    return by_class or (_FOREIGN if _is_foreign(failure) else _DEFAULT_ADVICE)


def _is_of_another(cause: BaseException) -> bool:
    """Tell whether urllib3 found that a certificate is another host's, as it did before 2."""
    return type(cause).__name__ == "CertificateError"


def _unusable_file(causes: list[BaseException]) -> str:
    """Return what to do where a variable of the environment names a file that cannot be used."""
    for cause in causes:
        for name in _FILES:
            path = os.environ.get(name)
            if not path or not isinstance(cause, OSError):
                continue
            # requests says in words alone that there are no certificates.
            if cause.filename == path or (type(cause) is OSError and path in str(cause)):
                return f"{name} names a file that cannot be used: correct or unset it."
    return ""


def _is_foreign(failure: Exception) -> bool:
    if type(failure) is OSError:
        return failure.errno is None
    return not isinstance(failure, OSError | HTTPError)


def _public_class(
    failure: Exception, causes: list[BaseException]
) -> type[requests.RequestException]:
    own = (cls for cls in type(failure).__mro__ if cls.__module__ == requests.exceptions.__name__)
    # A JSONDecodeError, out of a hook of the user's, holds the whole document.
    kind = next((cls for cls in own if not issubclass(cls, requests.JSONDecodeError)), None)
    if kind is requests.ConnectionError and any(isinstance(c, ReadTimeoutError) for c in causes):
        # requests has no other class for a body that stalls.
        return requests.ReadTimeout
    return kind or requests.RequestException  # type: ignore[return-value]


def _reason(failure: Exception, causes: list[BaseException]) -> str:
    reason = type(failure).__name__
    if _is_foreign(failure) and failure.__traceback__ is not None:
        *_, (frame, line) = walk_tb(failure.__traceback__)
        return f"{reason} in {Path(frame.f_code.co_filename).name}, line {line}"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{reason}, {getattr(cause, 'verify_message', 'certificate refused')}"
        if isinstance(cause, OSError) and cause.strerror:
            reason = f"{type(failure).__name__}, {cause.strerror}"
    return reason


def _causes(failure: BaseException) -> list[BaseException]:
    """Return a failure and all that led to it, the nearest first."""
    found = [failure]
    # The list grows while it is walked.
    for cause in found:
        more = [cause.__context__, cause.__cause__, *cause.args]
        found += [one for one in more if isinstance(one, BaseException) and one not in found]
    return found
