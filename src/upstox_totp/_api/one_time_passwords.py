"""One-time passwords: right for the server's clock, each used once."""

from __future__ import annotations

import base64
import math
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
    """

    def __init__(self, secret: SecretStr) -> None:
        key = SecretStr(_padded(secret))
        self._totp = pyotp.TOTP(key.get_secret_value(), interval=PERIOD)
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

    def claim(self, choose: Callable[[int], int], within: float = 0) -> tuple[SecretStr, int]:
        """Return a code to send, one that was not used before, and the number of its period.

        Waits for the next code where the current one was used already or would have less than
        3 seconds to live when it is sent (RFC 6238, section 5.2, allows one use).

        Args:
            choose: Returns the first period from one on whose code is unused.
            within: How long after this call it may be sent, in seconds.
        """
        margin = _MARGIN + within
        while True:
            earliest = math.ceil((self.server_clock.now() + margin) / PERIOD) - 1
            period = choose(earliest)
            wait = period * PERIOD - self.server_clock.now()
            if wait > 0:
                logger.info("Waiting %.0f seconds for the next one-time password", wait)
                _clock.sleep(wait)
            # A machine that was suspended in between would send a code that has expired.
            if self.server_clock.now() <= (period + 1) * PERIOD - margin:
                return self._code(period), period

    def _code(self, period: int) -> SecretStr:
        return SecretStr(self._totp.generate_otp(period))


def _padded(secret: SecretStr) -> str:
    return base64.b32encode(
        decode_key(secret.get_secret_value()).ljust(_SHORTEST_KEY, b"\0")
    ).decode()
