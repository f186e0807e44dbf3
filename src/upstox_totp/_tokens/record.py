"""TokenRecord: what is kept of one account, and the JSON that it is written as."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from upstox_totp import _clock
from upstox_totp._secrecy import HiddenBytes, HiddenDict
from upstox_totp._tokens.life import next_expiry
from upstox_totp._tokens.login_failure import LoginFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 1
"""The number of the format; a file in another is replaced."""

MARGIN: Final = 300.0
"""How long a kept token must live at least, to be handed out, in seconds."""

_MOST_GUARDS: Final = 16
# A clock is set by less than this, in seconds, without being set anew.
_ADJUSTMENT: Final = 60


@dataclass(frozen=True)
class KeptToken:
    """An access token, whose it is, and when it dies.

    Attributes:
        data: The fields of Upstox's answer, the token among them.
        obtained_at: When it was made, by the server's clock, in seconds since the epoch.
        expires_at: When it dies, in seconds since the epoch.
        clock_offset: How far the server's clock was ahead of the local one then, in seconds.
    """

    data: HiddenDict = field(repr=False)
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
        return cls(kept.data, *map(float, (kept.obtained_at, kept.expires_at, kept.clock_offset)))

    @property
    def access_token(self) -> str:
        """The access token itself."""
        return str(self.data["access_token"])

    @property
    def owner(self) -> str:
        """Whose it is, as far as Upstox said: name and user id."""
        name, user_id = self.data.get("user_name"), self.data.get("user_id")
        return f"{name or 'Unknown'} ({user_id or 'user id unknown'})"

    @property
    def expires_in(self) -> float:
        """How long it still lives, in seconds, by the local clock as the server corrected it."""
        now = _clock.time() + self.clock_offset
        # Before it was made, the local clock has been set since, and the correction is wrong.
        return self.expires_at - now if now > self.obtained_at - _ADJUSTMENT else 0.0

    def serves(self, margin: float) -> bool:
        """Tell whether the token may be handed out.

        One that was made within the margin of 03:30 may, as long as it lives: the next login would
        bring a token that dies then as well, and too many logins get an account blocked.

        Args:
            margin: How long it must live at least, in seconds.
        """
        end = next_expiry(datetime.fromtimestamp(self.obtained_at, UTC)).timestamp()
        freshest = end - self.obtained_at <= margin and self.expires_at == end
        return self.expires_in > (0 if freshest else margin)


@dataclass(frozen=True)
class TokenRecord:
    """What is kept of one account.

    Attributes:
        serial: Differs after each login that ended, whichever way: how a caller that waited knows
            that another one's came to an end meanwhile.
        token: The token, None if none is kept.
        failure: How the last login failed, None if it did not.
        guards: The failures that forbid another login with the same settings, oldest first.
        period: The number of the last one-time password that was used, None if not known.
    """

    serial: str = ""
    token: KeptToken | None = None
    failure: LoginFailure | None = None
    guards: tuple[LoginFailure, ...] = ()
    period: int | None = None

    @classmethod
    def parse(cls, content: HiddenBytes) -> Self | None:
        """Return a record out of the content of its file, None if it is no such record.

        Args:
            content: The bytes of the file.
        """
        try:
            document = json.loads(content, object_hook=HiddenDict, parse_constant=_no_number)
            return cls._from(document) if document["format"] == FORMAT else None
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
            return None

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Self:
        token, failure, period = (document[key] for key in ("token", "failure", "period"))
        return cls(
            serial=str(document["serial"]),
            token=None if token is None else KeptToken.parse(token),
            failure=None if failure is None else LoginFailure.parse(failure),
            guards=tuple(map(LoginFailure.parse, document["guards"])),
            period=None if period is None else int(period),
        )

    def to_content(self) -> HiddenBytes:
        """Return the bytes to write."""
        document = HiddenDict(
            format=FORMAT,
            serial=self.serial,
            token=None if self.token is None else HiddenDict(vars(self.token)),
            failure=None if self.failure is None else self.failure.as_document(),
            guards=[guard.as_document() for guard in self.guards],
            period=self.period,
        )
        return HiddenBytes(json.dumps(document).encode())

    def succeeded(self, token: KeptToken) -> TokenRecord:
        """Return the record after a login that succeeded: every guard is lifted.

        Args:
            token: What it brought.
        """
        return TokenRecord(serial=_new_serial(), token=token, period=self.period)

    def failed(self, failure: LoginFailure) -> TokenRecord:
        """Return the record after a login that failed; the kept token stays.

        Args:
            failure: How it failed.
        """
        guards = self.guards
        if failure.holds:
            others = [guard for guard in guards if guard.fingerprint != failure.fingerprint]
            guards = (*others, failure)[-_MOST_GUARDS:]
        return TokenRecord(_new_serial(), self.token, failure, guards, self.period)

    def guard(self, fingerprint: str) -> LoginFailure | None:
        """Return the failure that forbids a login, None if there is none.

        Args:
            fingerprint: Stands for the settings of the login.
        """
        found = (guard for guard in self.guards if guard.fingerprint == fingerprint)
        return next((guard for guard in found if guard.holds), None)

    def cleared(self) -> TokenRecord:
        """Return the record without token, failure and guards.

        The number of the one-time password stays: another login must not use it again.
        """
        return TokenRecord(serial=_new_serial(), period=self.period)


def _new_serial() -> str:
    return secrets.token_hex(8)


def _no_number(text: str) -> float:
    raise ValueError(text)
