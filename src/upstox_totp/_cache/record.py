"""TokenRecord: what is kept of an app's token, and the JSON that it is written as."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from upstox_totp import _clock
from upstox_totp._cache.failure import LoginFailure
from upstox_totp._cache.ledger_record import LoginMark
from upstox_totp._cache.lifetime import is_of_use, moment, seconds_left
from upstox_totp._redact import HiddenBytes, HiddenDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upstox_totp._cache.identified import Identified

FORMAT: Final = 2
"""The number of the format; a file in another is replaced."""

_FURTHEST_OFFSET: Final = 10 * 366 * 86400
_LONGEST_NAME: Final = 256


class CachedToken(NamedTuple):
    """An access token, whose it is, and when it dies.

    Attributes:
        data: The fields of Upstox's answer, the token among them.
        obtained_at: When it was made, by the server's clock, in seconds since the epoch.
        expires_at: When it dies, in seconds since the epoch.
        clock_offset: How far the server's clock was ahead of the local one then, in seconds.
    """

    data: HiddenDict
    obtained_at: float
    expires_at: float
    clock_offset: float

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return a token out of its JSON.

        Args:
            document: The decoded JSON.

        Raises:
            TypeError: If a field is missing, unknown or of another type.
            ValueError: If a field makes no sense.
        """
        kept = cls(**document)
        if not isinstance(kept.data["access_token"], str):
            raise TypeError("no access token")
        if isinstance(kept.clock_offset, bool):
            raise TypeError("no number")
        offset = moment(abs(kept.clock_offset))
        if offset > _FURTHEST_OFFSET:
            raise ValueError("no clock is that wrong")
        return cls(
            kept.data,
            moment(kept.obtained_at),
            moment(kept.expires_at),
            float(kept.clock_offset),
        )

    @property
    def access_token(self) -> str:
        """The access token itself."""
        return str(self.data["access_token"])

    @property
    def user_id(self) -> str | None:
        """The user id that Upstox told, None if it told none."""
        told = self.data.get("user_id")
        return None if told is None else str(told)

    @property
    def owner(self) -> str:
        """Whose it is, as far as Upstox said: name and user id."""
        name = self.data.get("user_name")
        return f"{name or 'Unknown'} ({self.user_id or 'user id unknown'})"

    @property
    def expires_in(self) -> float:
        """How long it still lives, in seconds, by the local clock as the server corrected it."""
        return seconds_left(self.expires_at, self.obtained_at, self.clock_offset, _clock.time())

    def serves(self, margin: float) -> bool:
        """Tell whether the token may be handed out, as far as its life goes.

        Args:
            margin: How long it must live at least, in seconds.
        """
        return is_of_use(self.expires_at, self.obtained_at, self.expires_in, margin)


class TokenRecord(NamedTuple):
    """What is kept of an app's token.

    Attributes:
        serial: Differs after each login that ended, whichever way: how a caller that waited knows
            that another one's came to an end meanwhile.
        token: The token, None if none is kept.
        failure: How the last login failed, None if it did not: those who waited share it.
        user: Stands for the user name that the token was got with, None if none was set.
        user_id: The user id of the app's tokens, None until Upstox told one.
        account: Under which name the attempts of the token's account are kept.
        mark: Which login of the account the token came from.
    """

    serial: str = ""
    token: CachedToken | None = None
    failure: LoginFailure | None = None
    user: str | None = None
    user_id: str | None = None
    account: str = ""
    mark: LoginMark = LoginMark()

    def __repr__(self) -> str:
        """Return which login it came from, and not whose it is."""
        return f"TokenRecord({self.serial!r}, {self.mark!r})"

    @classmethod
    def parse(cls, content: HiddenBytes) -> Self | None:
        """Return a record out of its bytes, None if they are no such record.

        Args:
            content: The bytes.
        """
        try:
            document = json.loads(content, object_hook=HiddenDict, parse_constant=_no_number)
            return cls._from(document) if document["format"] == FORMAT else None
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
            return None

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Self:
        token, failure = document["token"], document["failure"]
        return cls(
            serial=_name(document["serial"]) or "",
            token=None if token is None else CachedToken.parse(token),
            failure=None if failure is None else LoginFailure.parse(failure),
            user=_name(document["user"]),
            user_id=_name(document["user_id"]),
            account=_name(document["account"]) or "",
            mark=LoginMark.parse(document["mark"]),
        )

    def to_content(self) -> HiddenBytes:
        """Return the bytes to write."""
        document = HiddenDict(
            format=FORMAT,
            serial=self.serial,
            token=None if self.token is None else HiddenDict(self.token._asdict()),
            failure=None if self.failure is None else self.failure.as_document(),
            user=self.user,
            user_id=self.user_id,
            account=self.account,
            mark=self.mark._asdict(),
        )
        return HiddenBytes(json.dumps(document).encode())

    def is_of(self, identity: Identified) -> bool:
        """Tell whether the token may be handed out to somebody.

        Args:
            identity: Who asks. Where either side does not know the user, that tells nothing.
        """
        wanted, told = identity.user_id, None if self.token is None else self.token.user_id
        if wanted is not None and told is not None and wanted.upper() != told.upper():
            return False
        return self.user is None or identity.user is None or self.user == identity.user

    def succeeded(self, token: CachedToken, identity: Identified, mark: LoginMark) -> TokenRecord:
        """Return the record after a login that succeeded.

        Args:
            token: What it brought.
            identity: Who logged in.
            mark: Which login of the account it was.
        """
        return TokenRecord(
            serial=_new_serial(),
            token=token,
            user=identity.user,
            user_id=token.user_id or self.user_id,
            account=identity.ledger_name,
            mark=mark,
        )

    def failed(self, failure: LoginFailure) -> TokenRecord:
        """Return the record after a login that failed; the kept token stays.

        Args:
            failure: How it failed.
        """
        return self._replace(serial=_new_serial(), failure=failure)

    def cleared(self) -> TokenRecord:
        """Return the record without token, failure and user: as of an app that is new."""
        return TokenRecord(serial=_new_serial())


def _new_serial() -> str:
    return os.urandom(8).hex()


def _name(value: object) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= _LONGEST_NAME):
        return value
    raise ValueError("no name")


def _no_number(text: str) -> float:
    raise ValueError(text)
