"""Ledger: counts what of a login costs an attempt, and forbids what could lock the account."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeGuard

from old import clock as _clock
from old.holds import find_holds, is_before, limit_of
from old.ledger_record import (
    Begun,
    Credential,
    Failures,
    LoginMark,
    added,
    without,
)
from old.lifetime import as_datetime, next_expiry
from old.remembering import remember, unexplained
from old.turn import Turn, TurnLostError, warn_user
from upstox_totp.errors import AuthenticationError, ErrorCode, RateLimitError, UpstoxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from old.failure import LoginFailure
    from old.identified import Identified
    from old.ledger_record import LedgerRecord

__all__ = ["Credential", "Ledger", "LoginMark", "Verdict"]

_KILLED: Final = "The login that sent it ended before an answer came."
_TOLD: Final[dict[tuple[str, ...], tuple[Credential, ...]]] = {
    ("pin_code",): (Credential.PIN,),
    ("totp_secret",): (Credential.CODE,),
}


class Verdict(Enum):
    """What an answer says about the credential that it answers."""

    ACCEPTED = auto()
    REJECTED = auto()
    UNEXPLAINED = auto()
    NO_VERDICT = auto()
    NOTHING = auto()
    NOT_SENT = auto()


class Ledger:
    """The attempts of one account, in the hands of the one login whose turn it is.

    Args:
        turn: The account's turn.
        identity: Who logs in.
        force: Whether to let one login out although something holds it.
        mask: Replaces every credential in a text that is kept.

    Attributes:
        mark: Which login of the account this one was, once it has succeeded.
    """

    def __init__(
        self,
        turn: Turn,
        identity: Identified,
        *,
        force: bool = False,
        mask: Callable[[str], str] = str,
    ) -> None:
        self._turn = turn
        self._identity = identity
        self._force = force
        self._mask = mask
        self._settled: BaseException | None = None
        self.mark = LoginMark()
        self._record = turn.read_ledger()
        begun = self._record.begun
        if begun is not None:
            # Whoever began it held the turn, and holds it no longer.
            failure = unexplained(_KILLED, begun.at)
            self._fail(begun.credentials, failure, Verdict.NO_VERDICT)

    def __repr__(self) -> str:
        """Return a name without what it counts."""
        return "Ledger(***)"

    def check(self, *kinds: Credential) -> None:
        """Raise what forbids this login. To be called before anything of it is sent.

        Args:
            kinds: What the login would send; by default everything.

        Raises:
            UpstoxError: Of the class and code of the failure that it is held for, with
                ``details["failed_at"]``.
        """
        if self._force:
            return
        now = _clock.time()
        limit = self._record.limit
        if limit is not None and is_before(limit, now):
            warn_user(
                "The clock of this machine is before the time when Upstox's limit was noted: the "
                "limit is released. Set the clock right, for example with NTP."
            )
            self._write(self._record._replace(limit=None))
        for hold in find_holds(self._record, self._identity, now, *kinds):
            raise hold.to_error()

    def next_period(self, earliest: int) -> int:
        """Return the first period whose code was not used yet. `sending` marks it used.

        Args:
            earliest: The number of the first period to think of.
        """
        # Another holder may have left word of a code after this turn began.
        self._record = self._record.with_periods(self._turn.read_ledger().periods)
        period = earliest
        while period in self._record.periods:
            period += 1
        return period

    @contextmanager
    def sending(
        self,
        *credentials: Credential,
        period: int | None = None,
        judge: Callable[[BaseException], Verdict],
    ) -> Iterator[None]:
        """Send credentials in the body of this block, once, and keep what came of it.

        That they were sent is written before the body runs: a process that is killed in it leaves
        a failure.

        Args:
            credentials: What the body sends.
            period: The number of the period whose code it sends, if it sends one.
            judge: Returns what an exception of the body says about the credentials.

        Raises:
            UpstoxError: If something holds a credential; the body does not run then.
        """
        self.check(*credentials)
        periods = () if period is None else (period,)
        begun = Begun(credentials, _clock.time())
        self._write(self._record._replace(begun=begun).with_periods(periods))
        try:
            yield
        except TurnLostError:
            raise
        except BaseException as error:
            # What failed is worth more than that the turn is another's meanwhile.
            with suppress(TurnLostError):
                self._settle(credentials, error, judge)
            raise
        self._accept(credentials)

    def confirm(self, seconds: float) -> None:
        """Make sure, before each request, that the turn is still this login's.

        Args:
            seconds: How long the request may take.

        Raises:
            TurnLostError: If another login holds it now; nothing more may be sent.
        """
        self._turn.confirm(seconds)

    @property
    def earlier_token_lives(self) -> bool:
        """Whether a login of this account, noted here, brought a token that lives still."""
        if not self._record.logins:
            return False
        return _clock.time() < next_expiry(as_datetime(self._record.login_at)).timestamp()

    def note_login(self, *, ends_others: bool) -> LoginMark:
        """Note that a login has brought a token.

        Args:
            ends_others: Whether Upstox ended the account's earlier tokens by it.

        Returns:
            The mark to keep with the token.
        """
        number = self._record.logins + 1
        self._write(
            self._record._replace(
                logins=number,
                login_at=_clock.time(),
                ended=number if ends_others else self._record.ended,
                asked_until=0.0,
                settings=without(self._record.settings, self._identity.fingerprint),
            )
        )
        self.mark = LoginMark(self._record.id, number)
        return self.mark

    @property
    def asked_until(self) -> float:
        """Until when a token that was asked for can be approved, 0 if a new one may be asked for.

        In seconds since the epoch.
        """
        asked = self._record.asked_until
        return asked if asked > _clock.time() and not self._force else 0.0

    def note_request(self, until: float) -> None:
        """Note that the person was asked on the phone.

        Args:
            until: Until when they can approve it, in seconds since the epoch.
        """
        self._write(self._record._replace(asked_until=until))

    def note_failure(self, error: BaseException) -> None:
        """Note how a login ended: a limit, or settings that were rejected.

        What `sending` has noted already is not noted again.

        Args:
            error: What the login raised.
        """
        if error is self._settled or not isinstance(error, RateLimitError | AuthenticationError):
            return
        failure = self._failure(error)
        if isinstance(error, RateLimitError):
            self._write(self._record._replace(limit=limit_of(failure)))
        elif error.error_code == ErrorCode.ACCOUNT_LOCKED:
            self._fail((Credential.PIN,), failure, Verdict.REJECTED)
        elif error.settings:
            self._refuse_settings(failure)

    def _settle(
        self,
        credentials: tuple[Credential, ...],
        error: BaseException,
        judge: Callable[[BaseException], Verdict],
    ) -> None:
        self._settled = error
        verdict = judge(error) if isinstance(error, Exception) else Verdict.NO_VERDICT
        failure = self._failure(error)
        if isinstance(error, RateLimitError):
            self._record = self._record._replace(limit=limit_of(failure))
        if verdict is Verdict.ACCEPTED:
            self._accept(credentials)
        elif verdict in {Verdict.NOTHING, Verdict.NOT_SENT}:
            self._write(self._record._replace(begun=None))
        else:
            self._fail(credentials, failure, verdict)

    def _accept(self, credentials: tuple[Credential, ...]) -> None:
        record = self._record._replace(begun=None)
        for kind in credentials:
            record = record.with_failures(kind, Failures())
        if Credential.PIN in credentials:
            record = record._replace(
                pins=without(record.pins, self._identity.pin),
                triples=without(record.triples, self._identity.triple),
            )
        self._write(record)

    def _fail(
        self, credentials: tuple[Credential, ...], failure: LoginFailure, verdict: Verdict
    ) -> None:
        record = self._record._replace(begun=None)
        rejected = verdict is Verdict.REJECTED
        blamed = _blamed(credentials, failure) if rejected else credentials
        told = rejected and len(blamed) == 1
        for kind in blamed:
            before = record.of(kind)
            record = record.with_failures(
                kind,
                Failures(
                    count=before.count + 1,
                    silent=before.silent + (verdict is Verdict.NO_VERDICT),
                    rejected=before.rejected + told,
                    final=before.final or _is_final(failure, verdict),
                    last=failure,
                ),
            )
        self._record = record
        if rejected:
            self._refuse(blamed, failure)
        self._write(self._record)

    def _refuse(self, blamed: tuple[Credential, ...], failure: LoginFailure) -> None:
        record, identity = self._record, self._identity
        if len(blamed) > 1 and identity.triple is not None:
            record = record._replace(triples=added(record.triples, identity.triple, failure))
        elif blamed == (Credential.PIN,) and identity.pin is not None:
            record = record._replace(pins=added(record.pins, identity.pin, failure))
        elif blamed == (Credential.OTP_REQUEST,) and failure.settings:
            record = record._replace(settings=added(record.settings, identity.fingerprint, failure))
        self._record = record

    def _refuse_settings(self, failure: LoginFailure) -> None:
        refused = added(self._record.settings, self._identity.fingerprint, failure)
        self._write(self._record._replace(settings=refused))

    def _failure(self, error: BaseException) -> LoginFailure:
        if _is_expected(error):
            return remember(error, self._identity.fingerprint, self._mask)
        return unexplained(
            f"The login ended with {type(error).__name__} before an answer came.", _clock.time()
        )

    def _write(self, record: LedgerRecord) -> None:
        self._record = record.stamped()
        self._turn.write_ledger(self._record)


def _is_expected(error: BaseException) -> TypeGuard[Exception]:
    # By name: a kept token is found without requests.
    return isinstance(error, UpstoxError) or any(
        kind.__module__ == "requests.exceptions" for kind in type(error).__mro__
    )


def _blamed(credentials: tuple[Credential, ...], failure: LoginFailure) -> tuple[Credential, ...]:
    """Return which of several credentials was rejected, as far as Upstox told."""
    if len(credentials) == 1:
        return credentials
    if failure.error_code == ErrorCode.ACCOUNT_LOCKED:
        return (Credential.PIN,)
    return _TOLD.get(failure.settings, credentials)


def _is_final(failure: LoginFailure, verdict: Verdict) -> bool:
    if verdict is Verdict.NO_VERDICT:
        return False
    left = failure.details.get("attempts_left")
    return failure.error_code == ErrorCode.ACCOUNT_LOCKED or (isinstance(left, int) and left <= 1)
