"""The classes of errors and warnings, without the table that explains the codes of Upstox.

Public as ``upstox_totp.errors``; apart from that, since a kept token is found without a code.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upstox_totp._messages.codes import ErrorCode
    from upstox_totp.transcript import Exchange, Step

_LONGEST_CODE: Final = 40
_LONGEST_MESSAGE: Final = 4000
_LARGEST_CODE_BITS: Final = 128


class UpstoxWarning(UserWarning):
    """What a person must know, while the login goes on: for example, that no token can be kept.

    Python's default filters show it, on stderr, once for each line of the program that it comes
    from. It is never raised, not even under ``-W error``: a login that it ended would have spent
    an attempt for nothing.
    """


class UpstoxError(Exception):
    """A login that failed for a reason which is not the network.

    Catch this class for everything that the library itself raises. No attribute ever holds a
    password, PIN, TOTP secret, one-time password, client secret, authorization code or access
    token.

    Args:
        message: What failed, in one sentence; at most 4,000 characters of it are kept, of
            which at most 300 are a server's.
        error_code: The code of Upstox, where it gave one: an `ErrorCode` if it is known, else
            the number or text as it came, without control characters, at most 40 characters.
        details: Further facts, for example ``http_status`` or ``attempts_left``.
        suggestions: What the user can do next, a sentence each.
        step: At which request it failed, None before the first.
        transcript: The requests and answers of this login so far.

    Attributes:
        message: As the argument.
        error_code: As the argument.
        details: As the argument, a ``dict``.
        suggestions: As the argument, a ``list``.
        step: As the argument.
        transcript: A ``list`` with one entry for each request and its answer, without a value
            of any of them: safe to paste into a public report.
    """

    def __init__(
        self,
        message: str = "",
        *,
        error_code: ErrorCode | int | str | None = None,
        details: Mapping[str, Any] | None = None,
        suggestions: Iterable[str] = (),
        step: Step | None = None,
        transcript: Iterable[Exchange] = (),
    ) -> None:
        message = message[:_LONGEST_MESSAGE]
        super().__init__(message)
        self.message = message
        self.error_code = _bounded(error_code)
        self.details: dict[str, Any] = dict(details or {})
        self.suggestions = list(suggestions)
        self.step = step
        self.transcript = list(transcript)

    def __str__(self) -> str:
        """Return step, message, code and suggestions in one line."""
        where = "" if self.step is None else f"{str(self.step)[0].upper()}{str(self.step)[1:]}: "
        code = "" if self.error_code is None else f" [{self.error_code}]"
        return " ".join([f"{where}{self.message}{code}", *self.suggestions])


class ConfigurationError(UpstoxError):
    """A setting is missing or invalid; the message names all of them. Nothing was sent."""


class ValidationError(UpstoxError):
    """An answer is not what the protocol says: the page may have changed, or a proxy answered."""


class AuthenticationError(UpstoxError):
    """A credential was rejected, or the account does not allow this login.

    Final: sending the same again costs one of the few attempts before the account is locked.
    ``settings`` names the settings that may be to blame.
    """

    settings: tuple[str, ...] = ()

    @property
    def attempts_left(self) -> int | None:
        """How many attempts are left before the account is locked, if Upstox told."""
        return self.details.get("attempts_left")


class RateLimitError(UpstoxError):
    """Too many requests, or too many one-time passwords requested.

    ``retry_after`` says how many seconds to wait, None if Upstox did not tell.
    """

    retry_after: float | None = None


class APIError(UpstoxError):
    """Upstox refused for a reason other than a credential or a limit."""


class LoginWaitError(APIError):
    """A login did not end in time: another's of the same account, or one that a user finishes.

    ``details["holder"]`` says whose it is, as far as anybody knows.
    """


class CacheError(APIError):
    """The cache that several machines share cannot be used, or not be read: nothing was sent.

    Without it, each of the machines would log in for itself.
    """


def _bounded(code: ErrorCode | int | str | None) -> ErrorCode | int | str | None:
    if isinstance(code, int):
        return code if code.bit_length() <= _LARGEST_CODE_BITS else hex(code)[:_LONGEST_CODE]
    # An `ErrorCode`, which need not be loaded to be told from a text.
    if code is None or isinstance(code, Enum):
        return code
    return "".join(letter for letter in code if letter.isprintable())[:_LONGEST_CODE]


for _kind in (
    UpstoxWarning,
    UpstoxError,
    ConfigurationError,
    ValidationError,
    AuthenticationError,
    RateLimitError,
    APIError,
    LoginWaitError,
    CacheError,
):
    # Tracebacks name it, and what was pickled by any release is found there.
    _kind.__module__ = "upstox_totp.errors"
