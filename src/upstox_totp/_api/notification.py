"""Notification: the message that brings a token which was approved on the phone."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from upstox_totp import _clock
from upstox_totp._cache.lifetime import as_datetime, expiry, milliseconds
from upstox_totp.models import AccessTokenData

if TYPE_CHECKING:
    from upstox_totp._hidden import HiddenBytes
    from upstox_totp.models import ProfileData

MOST: Final = 16 * 1024
"""The largest message that is read, in bytes."""

_LONGEST_TOKEN: Final = 4096
_DAY: Final = timedelta(days=1)


def _plain(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable() and text.strip() == text):
        raise ValueError("not plain printable text")
    return secret


def _moment(text: str) -> str:
    if milliseconds(text) is None:
        raise ValueError("not milliseconds since the epoch")
    return text


_Milliseconds = Annotated[str, Field(max_length=20), AfterValidator(_moment)]


class Notification(BaseModel):
    """The message that brings a token. It is signed by nobody: anyone can write one.

    Attributes:
        client_id: The API key of the app that the token is for.
        user_id: Whose token it is, as the message says.
        access_token: The token.
        token_type: ``Bearer``.
        expires_at: When the token dies, as the message says, in milliseconds since the epoch.
        issued_at: When it was made, as the message says, likewise.
        message_type: ``access_token``.
    """

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    client_id: str = Field(max_length=256)
    user_id: str = Field(max_length=64, repr=False)
    access_token: Annotated[
        SecretStr, Field(min_length=1, max_length=_LONGEST_TOKEN), AfterValidator(_plain)
    ]
    token_type: Literal["Bearer", "bearer"]
    expires_at: _Milliseconds
    issued_at: _Milliseconds
    message_type: Literal["access_token"]

    @classmethod
    def parse(cls, body: HiddenBytes) -> Self | None:
        """Return the message in a body, None if there is none.

        Args:
            body: The body as it came.
        """
        try:
            return cls.model_validate_json(body)
        except (pydantic.ValidationError, RecursionError):
            return None

    @property
    def digest(self) -> bytes:
        """What tells its token from others."""
        return digest_of(self.access_token.get_secret_value())

    def is_dead(self, now: float) -> bool:
        """Tell whether the token is dead by what the message or the token itself says.

        Args:
            now: The server's time, in seconds since the epoch.
        """
        told = milliseconds(self.expires_at)
        own = expiry(self.access_token.get_secret_value(), self._made_by(now))
        return as_datetime(now) >= (own if told is None else min(told, own))

    def as_token(self, profile: ProfileData, now: float) -> AccessTokenData:
        """Return the token, its owner as Upstox told it.

        Args:
            profile: What Upstox says of the owner.
            now: The server's time, in seconds since the epoch.
        """
        token = {"access_token": self.access_token.get_secret_value()}
        try:
            data = AccessTokenData.model_validate({**profile.model_dump(), **token})
        except pydantic.ValidationError:
            data = AccessTokenData.model_validate({"user_id": profile.user_id, **token})
        return data.obtained(self._made_by(now), timedelta(seconds=now - _clock.time()))

    def _made_by(self, now: float) -> datetime:
        # Nobody vouches for the message's time: no later than now, and a token lives for a day.
        latest = as_datetime(now)
        made = milliseconds(self.issued_at) or latest
        return min(max(made, latest - _DAY), latest).astimezone(UTC)


def digest_of(token: str) -> bytes:
    """Return what tells a token from others, and does not tell the token.

    Args:
        token: The access token.
    """
    return hashlib.sha256(token.encode()).digest()
