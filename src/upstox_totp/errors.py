"""What can go wrong, and what the user can do about it.

::

    UpstoxError
    ├── ConfigurationError   a setting is missing or invalid; nothing was sent
    ├── ValidationError      an answer is not what the protocol says
    ├── AuthenticationError  a credential was rejected; trying again costs an attempt
    ├── RateLimitError       too many requests or one-time passwords; wait
    └── APIError             Upstox refused for any other reason

A failure of the network is no ``UpstoxError``: it stays a ``requests.RequestException``. What a
person must know while the login goes on is an ``UpstoxWarning``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from upstox_totp._errors import (
    APIError,
    AuthenticationError,
    CacheError,
    ConfigurationError,
    LoginWaitError,
    RateLimitError,
    UpstoxError,
    UpstoxWarning,
    ValidationError,
)
from upstox_totp._messages.codes import ErrorCode
from upstox_totp._messages.explanations import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "EXPLANATIONS",
    "APIError",
    "AuthenticationError",
    "CacheError",
    "ConfigurationError",
    "ErrorCode",
    "Explanation",
    "LoginWaitError",
    "RateLimitError",
    "UpstoxError",
    "UpstoxWarning",
    "ValidationError",
]


@dataclass(frozen=True)
class Explanation:
    """What a code means and what to do about it.

    Attributes:
        error: The class of error that the code raises.
        meaning: What the code stands for.
        suggestions: What the user can do, a sentence each.
        settings: The settings that may be to blame.
        retry_after: How long to wait, in seconds, where the code itself implies it.
    """

    error: type[UpstoxError]
    meaning: str
    suggestions: tuple[str, ...]
    settings: tuple[str, ...] = ()
    retry_after: float | None = None


_CLASSES: Final[Mapping[str, type[UpstoxError]]] = {
    kind.__name__: kind for kind in (APIError, AuthenticationError, RateLimitError)
}

EXPLANATIONS: Final[Mapping[ErrorCode, Explanation]] = {
    code: Explanation(_CLASSES[advice.error], *advice[1:]) for code, advice in ADVICE.items()
}
"""What each known code means, which error it raises, and what to do about it."""
