"""Identified: what a store needs to know of whom it keeps something for."""

from __future__ import annotations

from typing import Protocol


class Identified(Protocol):
    """What tells accounts apart: `upstox_totp._settings.identity.Identity` has it."""

    @property
    def app(self) -> str:
        """Under which the token is kept."""

    @property
    def ledger_name(self) -> str:
        """Under which the attempts are kept."""

    @property
    def user(self) -> str | None:
        """Stands for the user name, None if none is set."""

    @property
    def user_id(self) -> str | None:
        """The user id that the token must be of, None if none is set."""

    @property
    def pin(self) -> str | None:
        """Stands for the PIN; written down only once it was rejected."""

    @property
    def triple(self) -> str | None:
        """Stands for app, secret and PIN."""

    @property
    def fingerprint(self) -> str:
        """Stands for all settings."""
