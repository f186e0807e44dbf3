"""How a command ends: the codes, and what each says; help and documentation are made from here."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from upstox_totp.errors import (
    AuthenticationError,
    CacheError,
    ConfigurationError,
    LoginWaitError,
    RateLimitError,
    UpstoxError,
)


class ExitCode(IntEnum):
    """How a command ended."""

    meaning: str
    raised: str
    commands: tuple[str, ...]

    def __new__(cls, value: int, meaning: str, raised: str = "", *commands: str) -> Self:
        """Return a member with its words."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        member.raised = raised
        member.commands = commands
        return member

    DONE = 0, "done"
    MISTAKE = 1, "a bug in this program: report it with the traceback"
    USAGE = (
        2,
        "a wrong option, a missing extra, or a setting that is missing or invalid",
        "`ConfigurationError`",
    )
    REJECTED = (
        3,
        "Upstox rejected a credential, or no longer accepts the token",
        "`AuthenticationError`",
    )
    LIMITED = 4, "too many requests or one-time passwords: wait", "`RateLimitError`"
    NETWORK = (
        5,
        "Upstox or the shared cache did not answer, or nobody finished the login in time",
        "`requests.RequestException`, `CacheError`, `LoginWaitError`",
    )
    UNEXPECTED = (
        6,
        "Upstox reported another error, or answered in a way that this program does not know",
        "`APIError`, `ValidationError`",
    )
    OUTPUT = 7, "the output could not be written: stdout is closed, or the disk is full"
    NO_TOKEN = (
        10,
        "no token is cached, and this command does not log in",
        "",
        *("status", "accounts", "token", "generate-token", "run"),
    )
    EXPIRED = 11, "the cached token has expired", "", "status", "accounts"
    BLOCKED = (
        12,
        "the next login is blocked, after a rejection or by a limit",
        "",
        *("status", "accounts"),
    )
    DIFFERS = 20, "the recorded login differs from this program's", "", "compare-har"
    NOT_A_LOGIN = 21, "the recording has no complete login that succeeded", "", "compare-har"
    NOT_RUN = 127, "the command could not be started", "", "run"
    INTERRUPTED = 130, "interrupted with Ctrl-C", "`KeyboardInterrupt`"
    READER_GONE = 141, "the reader of a pipe closed it, as `head` does"

    @classmethod
    def of(cls, command: str | None) -> list[ExitCode]:
        """Return the codes that a command can end with; those of every command for None."""
        return [code for code in cls if not code.commands or command in code.commands]


def exit_code_of(error: Exception) -> ExitCode:
    """Return the code that stands for an error, `MISTAKE` for a bug in this program."""
    import requests  # noqa: PLC0415 - slow to load, and for failures alone

    codes = (
        (ConfigurationError, ExitCode.USAGE),
        (AuthenticationError, ExitCode.REJECTED),
        (RateLimitError, ExitCode.LIMITED),
        ((LoginWaitError, CacheError, requests.RequestException), ExitCode.NETWORK),
        (UpstoxError, ExitCode.UNEXPECTED),
        ((OSError, ImportError), ExitCode.USAGE),
        (Exception, ExitCode.MISTAKE),
    )
    return next(code for kind, code in codes if isinstance(error, kind))
