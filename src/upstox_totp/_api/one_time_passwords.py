"""One-time passwords: right for the server's clock, each used once."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Final

import pyotp
from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._log import logger
from upstox_totp._redact import HiddenBytes
from upstox_totp._settings.totp_secret import PERIOD, decode_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._http.server_clock import ServerClock

_MARGIN: Final = 3
# pyotp refuses keys under 112 bits. HMAC pads a key with zero bytes up to 64, so adding them here
# changes no code.
_SHORTEST_KEY: Final = 20


class OneTimePasswords:
    """The one-time passwords of one TOTP secret."""

    def __init__(self, secret: SecretStr) -> None:
        key = HiddenBytes(decode_key(secret.get_secret_value()).ljust(_SHORTEST_KEY, b"\0"))
        self._totp = pyotp.TOTP(base64.b32encode(key).decode(), interval=PERIOD)

    def __repr__(self) -> str:
        """Return a name without the secret."""
        return "OneTimePasswords(***)"

    def current(self, clock: ServerClock) -> SecretStr:
        """Return the current code, without using it up."""
        return self._code(int(clock.now() // PERIOD))

    def claim(
        self, clock: ServerClock, choose: Callable[[int], int], *, within: float = 0
    ) -> tuple[SecretStr, int]:
        """Return a code to send, one that was not used before, and the number of its time step.

        Waits for the next code where the current one was used already or would have less than
        3 seconds to live when it is sent, `within` seconds from now (RFC 6238, section 5.2, allows
        one use). `choose` returns the first time step from one on whose code is unused.
        """
        clock.warn_if_off()
        margin = _MARGIN + within
        while True:
            earliest = math.ceil((clock.now() + margin) / PERIOD) - 1
            time_step = choose(earliest)
            wait = time_step * PERIOD - clock.now()
            if wait > 0:
                logger.info("Waiting %.0f seconds for the next one-time password", wait)
                _clock.sleep(wait)
            # A machine that was suspended in between would send a code that has expired.
            if clock.now() <= (time_step + 1) * PERIOD - margin:
                return self._code(time_step), time_step

    def _code(self, time_step: int) -> SecretStr:
        return SecretStr(self._totp.generate_otp(time_step))
