"""An error as it is stored, and an error again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

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
_LARGEST: Final = 2**53
_CODES: Final = set(ErrorCode)
_STEPS: Final = set(Step)


def remember(error: BaseException, fingerprint: str, mask: Callable[[str], str]) -> Failure:
    """Return what to store of an error, every text masked."""
    # Those of requests by their module, which need not be loaded.
    network = any(kind.__module__ == "requests.exceptions" for kind in type(error).__mro__)
    if not (network or isinstance(error, UpstoxError)):
        what = f"The login ended with {type(error).__name__} before an answer came."
        return unexplained(what, _clock.time())
    step, details = getattr(error, "step", None), getattr(error, "details", {})
    return Failure(
        error=type(error).__name__,
        network=network,
        message=_text(getattr(error, "message", error), mask),
        failed_at=_clock.time(),
        fingerprint=fingerprint,
        error_code=_plain(getattr(error, "error_code", None), mask),
        details={name: _plain(value, mask) for name, value in details.items()},
        suggestions=tuple(_text(one, mask) for one in getattr(error, "suggestions", ())),
        settings=tuple(getattr(error, "settings", ())),
        step=None if step is None else int(step),
        retry_after=getattr(error, "retry_after", None),
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
    error = (kind or requests.RequestException)(failure.message)
    error.__dict__.update(step=_step(failure), transcript=[])
    return error


def upstox_error_of(failure: Failure) -> UpstoxError:
    """Return the error again, an `APIError` for a failure of the network."""
    code = failure.error_code
    error = (_subclass(failure.error, errors, UpstoxError) or APIError)(
        failure.message,
        error_code=ErrorCode(code) if code in _CODES else code,
        details=failure.details,
        suggestions=failure.suggestions,
        step=_step(failure),
    )
    if isinstance(error, AuthenticationError):
        error.settings = failure.settings
    if isinstance(error, RateLimitError):
        error.retry_after = failure.retry_after
    return error


def _subclass(name: str, module: ModuleType, base: type[ErrorT]) -> type[ErrorT] | None:
    found = getattr(module, name, None)
    return found if isinstance(found, type) and issubclass(found, base) else None


def _step(failure: Failure) -> Step | None:
    # Another release may know more steps.
    return Step(failure.step) if failure.step in _STEPS else None


def _plain(value: object, mask: Callable[[str], str]) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item, mask) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # JSON has no more digits, and Python reads no more of them.
        return value if abs(value) < _LARGEST else None
    return _text(value, mask)


def _text(text: object, mask: Callable[[str], str]) -> str:
    # Masked whole: a secret that the cut went through would not be found.
    return mask(str(text))[:_LONGEST_TEXT]
