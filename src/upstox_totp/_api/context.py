"""Context: what one login, or one question, must keep secret and has seen so far."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from upstox_totp._api.responses import judge
from upstox_totp._http.network_errors import network_error
from upstox_totp._redact import Secrets
from upstox_totp._settings.table import SETTINGS
from upstox_totp.errors import UpstoxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import requests

    from upstox_totp._cache.attempt_log import AttemptLog
    from upstox_totp._cache.records import Credential
    from upstox_totp._settings.config import Config
    from upstox_totp.transcript import Exchange, Step


class Context:
    """One login, or one question to Upstox, under way.

    Attributes:
        pause: How long to wait between two requests, in seconds.
        secrets: What must not appear in any text that is shown or stored.
        transcript: What happened so far.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.secrets = Secrets()
        self.transcript: list[Exchange] = []

    @contextmanager
    def step(self, step: Step, *, route: str | None = None) -> Iterator[None]:
        """Complete every error that is raised inside: step, transcript, secrets masked."""
        try:
            yield
        except UpstoxError as error:
            if error.step is None:
                if route is not None:
                    error.details["route"] = route
                self._complete(error, step)
            raise

    def _complete(self, error: UpstoxError, step: Step) -> None:
        mask = self.secrets.mask
        error.message = mask(error.message)
        error.args = (error.message,)
        error.details = {
            name: mask(value) if isinstance(value, str) else value
            for name, value in error.details.items()
        }
        if isinstance(error.error_code, str):
            error.error_code = mask(error.error_code)
        error.step = step
        error.transcript = list(self.transcript)

    def extend(self, seconds: float) -> None:
        """Make sure, before a request of at most so many seconds, that it may be sent."""

    def broken_off(self, failure: Exception, url: str) -> requests.RequestException:
        """Return a network failure of the last request, without what was sent and answered."""
        last = self.transcript[-1]
        plain = f"{url.partition('://')[0]}://{last.host}{last.path}"
        error = network_error(failure, last.step, last.method, plain)
        error.args = (self.secrets.mask(str(error)),)
        vars(error).update(step=last.step, transcript=list(self.transcript))
        return error


class LoginContext(Context):
    """A login under way whose attempts are counted.

    Attributes:
        attempt_log: The account's attempts.
        cached: Whether the token will be cached for others who ask.
    """

    def __init__(self, config: Config, attempt_log: AttemptLog, *, cached: bool = True) -> None:
        super().__init__(config.sleep_time / 1000)
        self.attempt_log = attempt_log
        self.cached = cached

    def extend(self, seconds: float) -> None:
        """Make sure, before a request of at most so many seconds, that the lock is still held."""
        self.attempt_log.extend(seconds)

    def sending(
        self, *credentials: Credential, time_step: int | None = None
    ) -> AbstractContextManager[None]:
        """Return a block in which credentials are sent, once; what comes of it is counted."""
        return self.attempt_log.sending(*credentials, time_step=time_step, judge=judge)


def secrets_of(config: Config) -> Secrets:
    """Return every secret of some settings, also those that not every login sends."""
    secrets = Secrets()
    rows = (row for row in SETTINGS.values() if row.secret and row.credential)
    secrets.add(*(getattr(config, row.name) for row in rows))
    if config.totp_secret is not None:
        # Base32 is written in either case.
        secrets.add(config.totp_secret.get_secret_value().lower())
    if config.pin_code is not None:
        # What goes over the wire may be echoed in each spelling, too.
        secrets.add(encode_pin(config.pin_code))
    secrets.add_personal(config.username)
    return secrets


def encode_pin(pin: SecretStr) -> SecretStr:
    """Return a PIN as the login page sends it, in base64."""
    return SecretStr(base64.b64encode(pin.get_secret_value().encode()).decode())
