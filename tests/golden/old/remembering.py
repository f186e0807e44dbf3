"""How an error becomes what is remembered of a failed login, and that an error again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from old import clock as _clock
from upstox_totp import errors
from old.failure import LoginFailure
from upstox_totp.errors import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    UpstoxError,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import requests

ErrorT = TypeVar("ErrorT", bound=Exception)

_LONGEST_TEXT: Final = 1000
_LONGEST_NAME: Final = 100
_MOST_ITEMS: Final = 20
_LARGEST: Final = 2**53


def remember(error: Exception, fingerprint: str, mask: Callable[[str], str]) -> LoginFailure:
    """Return what to remember of an error.

    Args:
        error: An `UpstoxError` or a ``requests.RequestException``.
        fingerprint: Stands for the settings that it was tried with.
        mask: Replaces every credential in a text.
    """
    if not isinstance(error, UpstoxError):
        return LoginFailure(
            error=_cut(type(error).__name__),
            network=True,
            message=_text(str(error), mask),
            failed_at=_clock.time(),
            fingerprint=fingerprint,
            step=_number_of(error),
        )
    code = error.error_code
    return LoginFailure(
        error=_cut(type(error).__name__),
        network=False,
        message=_text(error.message, mask),
        failed_at=_clock.time(),
        fingerprint=fingerprint,
        error_code=_cut(mask(code)) if isinstance(code, str) else _number(code),
        details={
            _cut(str(name)): _plain(value, mask)
            for name, value in list(error.details.items())[:_MOST_ITEMS]
        },
        suggestions=tuple(_text(one, mask) for one in error.suggestions[:_MOST_ITEMS]),
        settings=tuple(getattr(error, "settings", ()))[:_MOST_ITEMS],
        step=_number_of(error),
        retry_after=getattr(error, "retry_after", None),
    )


def unexplained(what: str, at: float) -> LoginFailure:
    """Return what to remember of a login that ended without an error.

    Args:
        what: What happened.
        at: When, in seconds since the epoch.
    """
    return LoginFailure(
        error=APIError.__name__, network=False, message=what, failed_at=at, fingerprint=""
    )


def error_of(failure: LoginFailure) -> UpstoxError | requests.RequestException:
    """Return the error again: the same class, code, step and advice.

    Args:
        failure: What is remembered of it.
    """
    return _network_error(failure) if failure.network else upstox_error_of(failure)


def upstox_error_of(failure: LoginFailure) -> UpstoxError:
    """Return the error again, which is no failure of the network.

    Args:
        failure: What is remembered of it.
    """
    error = _subclass(failure.error, errors, UpstoxError)(
        failure.message,
        error_code=_known(failure.error_code),
        details=failure.details,
        suggestions=failure.suggestions,
        step=_step(failure),
    )
    if isinstance(error, AuthenticationError):
        error.settings = failure.settings
    if isinstance(error, RateLimitError):
        error.retry_after = failure.retry_after
    return error


def _network_error(failure: LoginFailure) -> requests.RequestException:
    import requests  # noqa: PLC0415 - what holds a login is told without it

    kind = _subclass(failure.error, requests.exceptions, requests.RequestException)
    error = kind(failure.message)
    error.__dict__.update(step=_step(failure), transcript=[])
    return error


def _subclass(name: str, module: ModuleType, base: type[ErrorT]) -> type[ErrorT]:
    found = getattr(module, name, None)
    return found if isinstance(found, type) and issubclass(found, base) else base


def _step(failure: LoginFailure) -> Step | None:
    try:
        return None if failure.step is None else Step(failure.step)
    except ValueError:
        # Another release may know more steps.
        return None


def _number_of(error: Exception) -> int | None:
    step = getattr(error, "step", None)
    return None if step is None else int(step)


def _plain(value: object, mask: Callable[[str], str]) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item, mask) for item in value[:_MOST_ITEMS]]
    if value is None or isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, int | float) else _text(str(value), mask)


def _text(text: str, mask: Callable[[str], str]) -> str:
    # Masked whole: a secret that the cut went through would not be found.
    return mask(text)[:_LONGEST_TEXT]


def _cut(text: str) -> str:
    return text[:_LONGEST_NAME]


def _number(value: Any) -> Any:
    # JSON has no more digits, and Python reads no more of them.
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return None
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _known(code: int | str | None) -> ErrorCode | int | str | None:
    try:
        return ErrorCode(code)  # type: ignore[arg-type]
    except ValueError:
        return code
