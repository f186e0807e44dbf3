"""LoginFailure: what is remembered of a failed login, and the error that it becomes again."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from upstox_totp import _clock, errors
from upstox_totp._tokens.life import IST
from upstox_totp.errors import AuthenticationError, ErrorCode, RateLimitError, UpstoxError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    import requests

ErrorT = TypeVar("ErrorT", bound=Exception)

RATE_LIMITED: Final = 60.0
"""How long to keep still after a limit that named no time, in seconds."""


@dataclass(frozen=True)
class LoginFailure:
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
    details: Mapping[str, Any] = field(default_factory=dict)
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
        step = getattr(error, "step", None)
        told = cls(
            error=type(error).__name__,
            network=not isinstance(error, UpstoxError),
            message=mask(str(error)),
            failed_at=_clock.time(),
            fingerprint=fingerprint,
            step=None if step is None else int(step),
        )
        if not isinstance(error, UpstoxError):
            return told
        code = error.error_code
        return replace(
            told,
            message=mask(error.message),
            error_code=mask(code) if isinstance(code, str) else code,
            details={name: _plain(value, mask) for name, value in error.details.items()},
            suggestions=tuple(error.suggestions),
            settings=tuple(getattr(error, "settings", ())),
            retry_after=getattr(error, "retry_after", None),
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
        if failure.step is not None:
            Step(failure.step)
        return replace(
            failure,
            failed_at=float(failure.failed_at),
            details=dict(failure.details),
            suggestions=tuple(failure.suggestions),
            settings=tuple(failure.settings),
        )

    def as_document(self) -> dict[str, Any]:
        """Return the failure as JSON can hold it."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @property
    def is_rejection(self) -> bool:
        """Whether the same settings would be rejected again."""
        return self._kind is AuthenticationError and bool(self.settings)

    @property
    def remaining(self) -> float | None:
        """How long a limit still holds, in seconds; None if this was none, 0 once it is over."""
        if self._kind is not RateLimitError:
            return None
        limit = RATE_LIMITED if self.retry_after is None else self.retry_after
        # Never longer than the limit, whatever was done to the clock in between.
        return min(limit, max(0.0, self.failed_at + limit - _clock.time()))

    @property
    def holds(self) -> bool:
        """Whether the next login with the same settings must be refused."""
        return self.is_rejection or bool(self.remaining)

    def to_error(self) -> UpstoxError | requests.RequestException:
        """Return the error again: the same class, code, step and advice."""
        if self.network:
            return self._network_error()
        error = self._kind(
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

    def to_refusal(self) -> UpstoxError:
        """Return the error for a login that is not attempted, since this one failed before."""
        when = datetime.fromtimestamp(self.failed_at, IST)
        error = replace(
            self,
            message=f"not tried again; the same settings failed on {when:%d %b %Y at %H:%M:%S} "
            f"IST: {self.message}",
            details={**self.details, "failed_at": when.isoformat()},
            suggestions=(*self.suggestions, self._how_to_lift()),
            retry_after=self.remaining,
        ).to_error()
        assert isinstance(error, UpstoxError)  # noqa: S101 - only these are guarded against
        return error

    def _how_to_lift(self) -> str:
        lift = "TokenCache().clear(client) or --force lifts this"
        if self.is_rejection:
            return f"The next login goes out when a credential has changed; {lift} before."
        return f"The next login goes out in {self.remaining or 0:.0f} seconds; {lift} before."

    @property
    def _kind(self) -> type[UpstoxError]:
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


def _plain(value: object, mask: Callable[[str], str]) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item, mask) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else mask(str(value))


def _known(code: int | str | None) -> ErrorCode | int | str | None:
    try:
        return ErrorCode(code)  # type: ignore[arg-type]
    except ValueError:
        return code
