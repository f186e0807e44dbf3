"""LoginFailure: what is remembered of a failed login, and the JSON that it is written as."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from old.lifetime import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        return failure._replace(
            network=bool(failure.network),
            failed_at=moment(failure.failed_at),
            error_code=_code(failure.error_code),
            details=dict(failure.details),
            suggestions=_texts(failure.suggestions),
            settings=_texts(failure.settings),
            step=_step(failure.step),
            retry_after=None if failure.retry_after is None else moment(failure.retry_after),
        )

    def as_document(self) -> dict[str, Any]:
        """Return the failure as JSON can hold it."""
        return self._asdict() | {"details": dict(self.details)}


def _code(value: object) -> int | str | None:
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    raise TypeError("no code")


def _step(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError("no step")


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(one, str) for one in values):
        raise TypeError("no texts")
    return tuple(values)
