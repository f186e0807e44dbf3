"""How a command ends: the codes, and what each says; help and documentation are made from here."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


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
    MISTAKE = 1, "a mistake in this program: report the traceback"
    USAGE = (
        2,
        "usage, a missing extra, a setting that is missing or invalid",
        "`ConfigurationError`",
    )
    REJECTED = (
        3,
        "a credential was rejected; status: Upstox no longer accepts the token",
        "`AuthenticationError`",
    )
    LIMITED = 4, "rate limited: too many requests or one-time passwords", "`RateLimitError`"
    NETWORK = (
        5,
        "the network failed, or the cache that machines share",
        "`requests.RequestException`, `CacheError`",
    )
    UNEXPECTED = (
        6,
        "Upstox refused for another reason, or its answer is unexpected",
        "`APIError`, `ValidationError`",
    )
    OUTPUT = 7, "the result could not be written: closed stdout, full disk"
    NO_TOKEN = (
        10,
        "no token is cached, and this command gets none",
        "",
        *("status", "accounts", "token", "generate-token", "run"),
    )
    EXPIRED = 11, "the cached token has expired", "", "status", "accounts"
    BLOCKED = (
        12,
        "the next login would not be sent (a rejection or a limit)",
        "",
        *("status", "accounts"),
    )
    DIFFERS = 20, "the recorded login differs from this package's", "", "compare-har"
    NOT_A_LOGIN = 21, "no login, or no whole one that succeeded", "", "compare-har"
    NOT_RUN = 127, "the command could not be run", "", "run"
    INTERRUPTED = 130, "interrupted with Ctrl-C", "`KeyboardInterrupt`"
    READER_GONE = 141, "the reader of a pipe went away, as `head` does"

    @classmethod
    def of(cls, command: str | None) -> tuple[ExitCode, ...]:
        """Return the codes of one command alone, or those of every one."""
        if command is None:
            return tuple(code for code in cls if not code.commands)
        return tuple(code for code in cls if command in code.commands)


def as_epilog(*codes: ExitCode) -> str:
    """Return codes and their meanings as the end of a help text, a line each."""
    rows = (f"  {code.value:>3}  {code.meaning}" for code in codes)
    # click leaves the lines of a paragraph that begins so as they are.
    return "\n".join(["\b", "Exit codes:", *rows])
