"""AttemptLog: writes what was sent and what came of it, in the hands of the one login that may."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upstox_totp import _clock
from upstox_totp._cache import attempts
from upstox_totp._cache.attempts import Outcome
from upstox_totp._cache.backend import LockLostError
from upstox_totp._cache.failures import remember, unexplained
from upstox_totp._cache.lifetime import as_datetime, next_expiry
from upstox_totp._cache.records import Credential, LoginId, new_id
from upstox_totp._log import warn_user
from upstox_totp.errors import (
    AuthenticationError,
    CacheError,
    ErrorCode,
    RateLimitError,
    UpstoxError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upstox_totp._cache.records import AttemptRecord, Failure
    from upstox_totp._cache.store import AccountLock
    from upstox_totp._settings.identity import Identity


def _judge(error: BaseException) -> Outcome:
    """Return what a failure says about the credentials that were sent."""
    if isinstance(error, CacheError):
        # The lock could not be extended, which comes before the request.
        return Outcome.NOT_SENT
    if isinstance(error, UpstoxError):
        return Outcome[vars(error).get("_outcome", Outcome.UNANSWERED.name)]
    # A failure of the network tells whether a byte may have gone out.
    return Outcome.UNANSWERED if getattr(error, "sent", True) else Outcome.NOT_SENT


@dataclass(eq=False, repr=False)
class AttemptLog:
    """The attempts of one account: each is written before it goes out; the rules are `attempts`'.

    ``force`` lets one login out although something blocks it; ``mask`` replaces every credential in
    a text that is stored; ``cached`` tells whether the login's token is for others who ask, too.
    """

    lock: AccountLock
    identity: Identity
    force: bool = False
    mask: Callable[[str], str] = str
    cached: bool = True

    def __post_init__(self) -> None:
        self._settled: BaseException | None = None
        self.login = LoginId()
        self._record = self.lock.read_attempts()
        flight = self._record.in_flight
        if flight is not None:
            # Whoever sent it held the lock, and holds it no longer.
            failure = unexplained("The login that sent it ended before an answer came.", flight.at)
            self._fail(flight.credentials, failure, Outcome.UNANSWERED)

    def check(self) -> None:
        """Raise what blocks a login."""
        if self.force:
            return
        now, before = _clock.time(), self._record
        counted = attempts.counted_anew(before, now)
        if counted is not before:
            self._write(counted)
        if before.limit is not None and counted.limit is None:
            warn_user(
                "The clock of this machine is before the time when Upstox's limit was noted: the "
                "limit is released. Set the clock right, for example with NTP."
            )
        for block in attempts.find_blocks(counted, self.identity, now):
            raise block.to_error()

    def next_time_step(self, earliest: int) -> int:
        """Return the first time step from one on whose code is unused. `sending` marks it used."""
        step = earliest
        while step in self._record.time_steps:
            step += 1
        return step

    @contextmanager
    def sending(self, *credentials: Credential, time_step: int | None = None) -> Iterator[None]:
        """Send credentials in the body of this block, once, and store what came of it.

        That they are in flight is written before the body runs: a process that is killed in it
        leaves a failure.
        """
        self.check()
        self._write(attempts.sending(self._record, credentials, time_step, _clock.time()))
        try:
            yield
        except LockLostError:
            raise
        except BaseException as error:
            self._settled = error
            outcome = _judge(error)
            if isinstance(error, RateLimitError):
                self._record = attempts.limited(self._record, self._failure(error))
            # What failed is worth more than that the lock is another's meanwhile.
            with suppress(LockLostError):
                self._fail(credentials, self._failure(error), outcome)
            raise
        self._accept(credentials)

    def extend(self, seconds: float) -> None:
        """Make sure, before each request, that the lock is held for that long; `LockLostError`."""
        self.lock.extend(seconds)

    @property
    def earlier_token_lives(self) -> bool:
        """Whether a login of this account, noted here, brought a token that is still valid."""
        made = as_datetime(self._record.login_at)
        return bool(self._record.logins) and _clock.time() < next_expiry(made).timestamp()

    def note_login(self, *, ends_others: bool) -> LoginId:
        """Note that a login has brought a token, and return the id to store with it."""
        now = _clock.time()
        self._write(attempts.logged_in(self._record, self.identity, now, ends_others=ends_others))
        self.login = LoginId(self._record.id, self._record.logins)
        return self.login

    @property
    def asked_until(self) -> float:
        """Until when a token that was asked for can be approved, 0 if a new one may be."""
        until = self._record.asked_until
        return until if until > _clock.time() and not self.force else 0.0

    def note_request(self, until: float) -> None:
        """Note until when the user, asked on the phone, can approve it."""
        self._write(attempts.asked(self._record, until))

    def note_failure(self, error: BaseException) -> None:
        """Note how a login ended, unless `sending` has: a limit, or rejected settings."""
        if error is self._settled:
            return
        if isinstance(error, RateLimitError):
            self._write(attempts.limited(self._record, self._failure(error)))
        elif isinstance(error, AuthenticationError):
            failure = self._failure(error)
            if error.error_code == ErrorCode.ACCOUNT_LOCKED:
                self._fail((Credential.PIN,), failure, Outcome.REJECTED)
            elif error.settings:
                self._write(attempts.settings_rejected(self._record, self.identity, failure))

    def _accept(self, credentials: tuple[Credential, ...]) -> None:
        self._write(attempts.accepted(self._record, self.identity, credentials))

    def _fail(
        self, credentials: tuple[Credential, ...], failure: Failure, outcome: Outcome
    ) -> None:
        self._write(attempts.failed(self._record, self.identity, credentials, failure, outcome))

    def _failure(self, error: BaseException) -> Failure:
        return remember(error, self.identity.fingerprint, self.mask)

    def _write(self, record: AttemptRecord) -> None:
        self._record = record._replace(id=record.id or new_id())
        self.lock.write_attempts(self._record)
