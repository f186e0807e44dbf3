"""An error as it is stored, and an error again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar

from upstox_totp import _clock, errors
from upstox_totp._cache.records import Failure
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
_LARGEST_WAIT: Final = 1e10


def is_expected(error: BaseException) -> TypeGuard[Exception]:
    """Tell whether it is the library's own error, or one of requests, which need not be loaded."""
    return isinstance(error, UpstoxError) or any(
        kind.__module__ == "requests.exceptions" for kind in type(error).__mro__
    )


def remember(error: BaseException, fingerprint: str, mask: Callable[[str], str]) -> Failure:
    """Return what to store of an error, every text masked."""
    if not is_expected(error):
        what = f"The login ended with {type(error).__name__} before an answer came."
        return unexplained(what, _clock.time())
    step, own = getattr(error, "step", None), isinstance(error, UpstoxError)
    code, details = getattr(error, "error_code", None), getattr(error, "details", {})
    return Failure(
        error=_cut(type(error).__name__),
        network=not own,
        message=_text(getattr(error, "message", None) if own else str(error), mask),
        failed_at=_clock.time(),
        fingerprint=fingerprint,
        error_code=_cut(mask(code)) if isinstance(code, str) else _number(code),
        details={
            _cut(str(name)): _plain(value, mask)
            for name, value in list(details.items())[:_MOST_ITEMS]
        },
        suggestions=tuple(
            _text(one, mask) for one in getattr(error, "suggestions", [])[:_MOST_ITEMS]
        ),
        settings=tuple(getattr(error, "settings", ()))[:_MOST_ITEMS],
        step=None if step is None else int(step),
        retry_after=_seconds(getattr(error, "retry_after", None)),
    )


def unexplained(what: str, at: float) -> Failure:
    """Return what to store of a login that ended without an error."""
    return Failure(APIError.__name__, network=False, message=what, failed_at=at, fingerprint="")


def error_of(failure: Failure) -> UpstoxError | requests.RequestException:
    """Return the error again: the same class, code, step and advice."""
    if not failure.network:
        return upstox_error_of(failure)
    import requests  # noqa: PLC0415 - what blocks a login is told without it

    kind = _subclass(failure.error, requests.exceptions, requests.RequestException)
    error = kind(failure.message)
    error.__dict__.update(step=_step(failure), transcript=[])
    return error


def upstox_error_of(failure: Failure) -> UpstoxError:
    """Return the error again, which is no failure of the network."""
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


def _subclass(name: str, module: ModuleType, base: type[ErrorT]) -> type[ErrorT]:
    found = getattr(module, name, None)
    return found if isinstance(found, type) and issubclass(found, base) else base


def _step(failure: Failure) -> Step | None:
    try:
        return None if failure.step is None else Step(failure.step)
    except ValueError:
        # Another release may know more steps.
        return None


def _plain(value: object, mask: Callable[[str], str]) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item, mask) for item in value[:_MOST_ITEMS]]
    if value is None or isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, int | float) else _text(str(value), mask)


def _text(text: object, mask: Callable[[str], str]) -> str:
    # Masked whole: a secret that the cut went through would not be found.
    return mask(str(text))[:_LONGEST_TEXT]


def _cut(text: str) -> str:
    return text[:_LONGEST_NAME]


def _number(value: Any) -> Any:
    # JSON has no more digits, and Python reads no more of them.
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return None
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _seconds(value: float | None) -> float | None:
    return (
        None if value is None or not math.isfinite(value) else min(max(value, 0.0), _LARGEST_WAIT)
    )


def _known(code: int | str | None) -> ErrorCode | int | str | None:
    try:
        return ErrorCode(code)  # type: ignore[arg-type]
    except ValueError:
        return code
