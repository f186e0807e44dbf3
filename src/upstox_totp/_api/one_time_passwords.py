"""One-time passwords: right for the server's clock, each used once."""

from __future__ import annotations

import base64
import hashlib
import math
import threading
from typing import TYPE_CHECKING, Final

import pyotp
from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._http.server_clock import ServerClock
from upstox_totp._log import logger
from upstox_totp._settings.totp_secret import PERIOD, decode_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MARGIN: Final = 3
_TOLERABLE_OFFSET: Final = 5
# An hour of codes: more than any clock is corrected by between two logins.
_REMEMBERED: Final = 120
# pyotp refuses keys under 112 bits. HMAC pads a key with zero bytes up to 64, so adding them here
# changes no code.
_SHORTEST_KEY: Final = 20


class OneTimePasswords:
    """The one-time passwords of one TOTP secret.

    They are made for the server's clock as soon as it is known, else for the local one.

    Args:
        secret: The TOTP secret as `normalise_secret` returns it.

    Attributes:
        server_clock: The clock that the codes are made for.
        on_claim: Is given the number of each code's period before the code is sent.
    """

    def __init__(self, secret: SecretStr) -> None:
        self.on_claim: Callable[[int], None] | None = None
        key = SecretStr(_padded(secret))
        self._totp = pyotp.TOTP(key.get_secret_value(), interval=PERIOD)
        self._fingerprint = hashlib.sha256(key.get_secret_value().encode()).digest()
        self.server_clock = ServerClock()
        self._warned = False

    def __repr__(self) -> str:
        """Return a name without the secret."""
        return "OneTimePasswords(***)"

    def follow(self, headers: Mapping[str, str]) -> None:
        """Set the clock by an answer that has just arrived from the server that verifies codes.

        Warns once when the clock of this machine is off by more than 5 seconds.

        Args:
            headers: The headers of the answer.
        """
        self.server_clock.follow(headers)
        # Half a second: the fraction that the server cut off, on average.
        ahead = -self.server_clock.offset - 0.5 if self.server_clock.known else 0
        if abs(ahead) > _TOLERABLE_OFFSET and not self._warned:
            self._warned = True
            logger.warning(
                "The clock of this machine is %.0f seconds %s Upstox's; the one-time password is "
                "made for Upstox's time. Set the clock right, for example with NTP.",
                abs(ahead),
                "ahead of" if ahead > 0 else "behind",
            )

    def current(self) -> SecretStr:
        """Return the current code, without using it up."""
        return self._code(int(self.server_clock.now() // PERIOD))

    def claim(self, audience: str, within: float = 0) -> SecretStr:
        """Return a code to send, one that nothing in this process has claimed before.

        Waits for the next code where the current one was claimed already or would have less than
        3 seconds to live when it is sent (RFC 6238, section 5.2, allows one use).

        Args:
            audience: The server that the code is for; each has its own account of used codes.
            within: How long after this call it may be sent, in seconds.

        Returns:
            The code.
        """
        margin = _MARGIN + within
        while True:
            earliest = math.ceil((self.server_clock.now() + margin) / PERIOD) - 1
            period = _CLAIMS.take((self._fingerprint, audience), earliest)
            wait = period * PERIOD - self.server_clock.now()
            if wait > 0:
                logger.info("Waiting %.0f seconds for the next one-time password", wait)
                _clock.sleep(wait)
            # A machine that was suspended in between would send a code that has expired.
            if self.server_clock.now() <= (period + 1) * PERIOD - margin:
                if self.on_claim is not None:
                    self.on_claim(period)
                return self._code(period)

    def mark_used(self, audience: str, period: int) -> None:
        """Note that another process has used a code.

        Args:
            audience: The server that it was for.
            period: The number of the code's period, as `on_claim` was given it there.
        """
        _CLAIMS.add((self._fingerprint, audience), period)

    def _code(self, period: int) -> SecretStr:
        return SecretStr(self._totp.generate_otp(period))


class _Claims:
    """Which codes this process has used, by their period."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[tuple[bytes, str], set[int]] = {}

    def add(self, account: tuple[bytes, str], period: int) -> None:
        """Mark the code of a period used."""
        with self._lock:
            self._used.setdefault(account, set()).add(period)

    def take(self, account: tuple[bytes, str], period: int) -> int:
        """Return the first period from one on whose code is unused, and mark it used."""
        with self._lock:
            used = self._used.setdefault(account, set())
            while period in used:
                period += 1
            used.add(period)
            used -= {old for old in used if old < period - _REMEMBERED}
        return period


_CLAIMS: Final = _Claims()


def _padded(secret: SecretStr) -> str:
    return base64.b32encode(
        decode_key(secret.get_secret_value()).ljust(_SHORTEST_KEY, b"\0")
    ).decode()
