"""LoginFailure: what is remembered of a failed login, and the error that it becomes again."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

from upstox_totp import _clock, errors
from upstox_totp._tokens.life import moment
from upstox_totp.errors import AuthenticationError, ErrorCode, RateLimitError, UpstoxError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    import requests

ErrorT = TypeVar("ErrorT", bound=Exception)

_LONGEST_TEXT: Final = 1000
_LONGEST_NAME: Final = 100
_MOST_ITEMS: Final = 20
_LARGEST: Final = 2**53
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class LoginFailure(NamedTuple):
    """A failed login, without a credential in it.

    Attributes:
        error: The name of the exception's class.
        network: Whether that is a class of requests.
        message: What failed.
        failed_at: When, by the local clock, in seconds since the epoch.
        fingerprint: Stands for the settings that it was tried with.
        error_code: The code of Upstox, None if it gave none.
        details: Further facts, plain values alone.
        suggestions: What the user can do.
        settings: The settings that may be to blame.
        step: The number of the step that failed, None before the first.
        retry_after: How long to wait, in seconds, where the error said so.
    """

    error: str
    network: bool
    message: str
    failed_at: float
    fingerprint: str
    error_code: int | str | None = None
    details: Mapping[str, Any] = _NONE
    suggestions: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    step: int | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, error: Exception, fingerprint: str, mask: Callable[[str], str]) -> Self:
        """Return what to remember of an error.

        Args:
            error: An `UpstoxError` or a ``requests.RequestException``.
            fingerprint: Stands for the settings that it was tried with.
            mask: Replaces every credential in a text.
        """
        if not isinstance(error, UpstoxError):
            return cls(
                error=_cut(type(error).__name__),
                network=True,
                message=_text(str(error), mask),
                failed_at=_clock.time(),
                fingerprint=fingerprint,
                step=_step(error),
            )
        code = error.error_code
        return cls(
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
            step=_step(error),
            retry_after=getattr(error, "retry_after", None),
        )

    @classmethod
    def unexplained(cls, what: str, at: float) -> Self:
        """Return what to remember of a login that ended without an error.

        Args:
            what: What happened.
            at: When, in seconds since the epoch.
        """
        return cls(
            error=errors.APIError.__name__,
            network=False,
            message=what,
            failed_at=at,
            fingerprint="",
        )

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return a failure out of what `as_document` made of it.

        Args:
            document: The decoded JSON.

        Raises:
            TypeError: If a field is missing or unknown.
            ValueError: If a field makes no sense.
        """
        failure = cls(**document)
        texts = (failure.error, failure.message, failure.fingerprint)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("no text")
        if failure.step is not None:
            Step(failure.step)
        return failure._replace(
            network=bool(failure.network),
            failed_at=moment(failure.failed_at),
            error_code=_code(failure.error_code),
            details=dict(failure.details),
            suggestions=_texts(failure.suggestions),
            settings=_texts(failure.settings),
            retry_after=None if failure.retry_after is None else moment(failure.retry_after),
        )

    def as_document(self) -> dict[str, Any]:
        """Return the failure as JSON can hold it."""
        return self._asdict() | {"details": dict(self.details)}

    def to_error(self) -> UpstoxError | requests.RequestException:
        """Return the error again: the same class, code, step and advice."""
        return self._network_error() if self.network else self.to_upstox_error()

    def to_upstox_error(self) -> UpstoxError:
        """Return the error again, which is no failure of the network."""
        error = self.kind(
            self.message,
            error_code=_known(self.error_code),
            details=self.details,
            suggestions=self.suggestions,
            step=None if self.step is None else Step(self.step),
        )
        if isinstance(error, AuthenticationError):
            error.settings = self.settings
        if isinstance(error, RateLimitError):
            error.retry_after = self.retry_after
        return error

    @property
    def kind(self) -> type[UpstoxError]:
        """The class of the error, `UpstoxError` itself for a failure of the network."""
        return UpstoxError if self.network else _subclass(self.error, errors, UpstoxError)

    def _network_error(self) -> requests.RequestException:
        import requests  # noqa: PLC0415 - a kept token is found without it

        kind = _subclass(self.error, requests.exceptions, requests.RequestException)
        error = kind(self.message)
        step = None if self.step is None else Step(self.step)
        error.__dict__.update(step=step, transcript=[])
        return error


def _subclass(name: str, module: ModuleType, base: type[ErrorT]) -> type[ErrorT]:
    found = getattr(module, name, None)
    return found if isinstance(found, type) and issubclass(found, base) else base


def _step(error: Exception) -> int | None:
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


def _code(value: object) -> int | str | None:
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    raise TypeError("no code")


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(one, str) for one in values):
        raise TypeError("no texts")
    return tuple(values)


def _known(code: int | str | None) -> ErrorCode | int | str | None:
    try:
        return ErrorCode(code)  # type: ignore[arg-type]
    except ValueError:
        return code
