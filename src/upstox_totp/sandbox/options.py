"""The options of the sandbox's command, a row each: every parser of it is made from here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option of the command.

    Attributes:
        flag: How it is written, such as "--port".
        help: What it does, in a few words.
        kind: The type of its value; None for a switch, which takes none.
        metavars: What stands for its values in a help text; several where it takes several.
        choices: The values that it may have, if these are few.
        switches: What the switch sets the argument to.
        argument: The argument that it sets, where that is not the flag's own name.
    """

    flag: str
    help: str
    kind: type[int] | type[float] | type[str] | None = None
    metavars: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    switches: bool = True
    argument: str = ""

    @property
    def name(self) -> str:
        """The argument that the option sets."""
        return self.argument or self.flag.removeprefix("--").replace("-", "_")


OPTIONS = (
    Option("--port", "the port to listen on (default: a free one)", int, ("N",)),
    Option("--revision", "the revision of the paths", str, choices=("both", "newer", "older")),
    Option("--step-clock", "move the clock on after each code"),
    Option("--clock-offset", "how far the clock is ahead", float, ("SECONDS",)),
    Option("--charset", "the charset named in answers", str, ("NAME",)),
    Option("--certificate", "files to serve TLS with", str, ("CERT", "KEY")),
    Option("--otp-limit", "codes generated before the block", int, ("N",)),
    Option("--attempts", "wrong PINs before the lock", int, ("N",)),
    Option("--pin-gives-code", "let the PIN step give the code"),
    Option("--authorize-redirects", "redirects before the code", int, ("N",)),
    Option(
        "--no-totp-login",
        "leave out the TOTP login, as if the app did not have it yet",
        switches=False,
        argument="totp_login",
    ),
    Option("--totp-login-enveloped", "envelope the TOTP login's answer"),
    Option("--notifier-url", "where tokens approved on the phone are posted", str, ("URL",)),
    Option("--token-request-refusal", "refuse token requests with this code", str, ("CODE",)),
    Option("--approve", "approve every token request at once"),
    Option("--show-codes", "show a one-time password when one is asked for"),
)
