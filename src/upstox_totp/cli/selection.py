"""Selection: which settings a command was told to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from upstox_totp._settings.sources import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from upstox_totp._settings.sources import Settings


class Selection(NamedTuple):
    """Which settings a command was told to read.

    Attributes:
        env_file: The only file to read them from; None for ``.env``.
        account: The name of one of several accounts; None for what ``UPSTOX_ACCOUNT`` says.
        method: The ways to a token of this run, with commas between; None for those of the
            settings.
    """

    env_file: Path | None = None
    account: str | None = None
    method: str | None = None

    @property
    def arguments(self) -> dict[str, str]:
        """The settings that the command line gives itself."""
        return {} if self.method is None else {"login_method": self.method}

    def read(self) -> Settings:
        """Return the settings as they were found, not validated.

        Raises:
            ConfigurationError: If a file that was named cannot be read, there is no such account,
                or settings contradict each other.
        """
        return read_settings(self.arguments, self.env_file, self.account)
