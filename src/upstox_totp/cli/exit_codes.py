"""How a command ends: the codes, and what each says; help and documentation are made from here."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """How a command ended.

    Attributes:
        meaning: What the code says.
        raised: The errors that end a command with it, subclasses included, by package and name.
        commands: The commands that alone end with it, none for all.
    """

    meaning: str
    raised: tuple[str, ...]
    commands: tuple[str, ...]

    def __new__(
        cls, value: int, meaning: str, raised: tuple[str, ...] = (), commands: tuple[str, ...] = ()
    ) -> Self:
        """Return a member with its words."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning, member.raised, member.commands = meaning, raised, commands
        return member

    DONE = 0, "done"
    MISTAKE = 1, "a bug in this program: report it with the traceback"
    USAGE = (
        2,
        "a wrong option, a missing extra, or a setting that is missing or invalid",
        ("upstox_totp.ConfigurationError", "builtins.ImportError", "builtins.OSError"),
    )
    REJECTED = (
        3,
        "Upstox rejected a credential, or no longer accepts the token",
        ("upstox_totp.AuthenticationError",),
    )
    LIMITED = (
        4,
        "too many requests or one-time passwords: wait",
        ("upstox_totp.RateLimitError",),
    )
    NETWORK = (
        5,
        "Upstox or the shared cache did not answer, or nobody finished the login in time",
        ("requests.RequestException", "upstox_totp.CacheError", "upstox_totp.LoginWaitError"),
    )
    UNEXPECTED = (
        6,
        "Upstox reported another error, or answered in a way that this program does not know",
        ("upstox_totp.APIError", "upstox_totp.ValidationError", "upstox_totp.UpstoxError"),
    )
    OUTPUT = 7, "the output could not be written: stdout is closed, or the disk is full"
    NO_TOKEN = (
        10,
        "no token is cached, and this command does not log in",
        (),
        ("status", "accounts", "token", "generate-token", "run"),
    )
    EXPIRED = 11, "the cached token has expired", (), ("status", "accounts")
    BLOCKED = (
        12,
        "the next login is blocked, after a rejection or by a limit",
        (),
        ("status", "accounts"),
    )
    DIFFERS = 20, "the recorded login differs from this program's", (), ("compare-har",)
    NOT_A_LOGIN = 21, "the recording has no complete login that succeeded", (), ("compare-har",)
    NOT_RUN = 127, "the command could not be started", (), ("run",)
    INTERRUPTED = 130, "interrupted with Ctrl-C", ("builtins.KeyboardInterrupt",)
    READER_GONE = 141, "the reader of a pipe closed it, as `head` does"

    @classmethod
    def of(cls, command: str | None) -> list[ExitCode]:
        """Return the codes that a command can end with; those of every command for None."""
        return [code for code in cls if not code.commands or command in code.commands]


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the code that stands for an error, `MISTAKE` for a bug in this program."""
    # Their modules are not loaded for their names.
    for kind in type(error).__mro__:
        name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
        for code in ExitCode:
            if name in code.raised:
                return code
    return ExitCode.MISTAKE
