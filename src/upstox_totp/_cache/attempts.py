"""The rules of attempts: pure functions of a record and an event, and what is blocked.

Copies of a record are merged by the revisions in them, never by a clock.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from upstox_totp._cache.failures import upstox_error_of
from upstox_totp._cache.lifetime import ADJUSTMENT, IST, as_datetime, when
from upstox_totp._cache.records import (
    MOST_REVISIONS,
    AttemptRecord,
    Credential,
    Failures,
    InFlight,
    Limit,
)
from upstox_totp.errors import EXPLANATIONS, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upstox_totp._cache.records import Failure, LoginId
    from upstox_totp._settings.identity import Identity
    from upstox_totp.errors import UpstoxError

MOST_FAILURES: Final = 3
"""How many failures in a row an account may have; Upstox locks it at five."""

_MOST_REJECTED_CODES: Final = 2
_MOST_REJECTED_CREDENTIALS: Final = 2
_MOST_REJECTED: Final = 16
_MOST_TIME_STEPS: Final = 120
_MOST_TIMES: Final = 16
_PAUSE: Final = 900.0
_LONGEST_LIMIT: Final = 86400.0
# A 429 of whoever stands before Upstox, which nobody can be made to answer for.
_LONGEST_LIMIT_OF_OTHERS: Final = 600.0
_SHORTEST_LIMIT: Final = 60.0
_UPSTOX: Final = "Upstox"
_ALL: Final = "all"
_FORCE: Final = "upstox_cli token --force (in Python: force=True)"
_LOG_IN: Final = "Log in once on the Upstox login page, and correct the setting that is wrong."
_LOCKED: Final = " ".join(ErrorCode.ACCOUNT_LOCKED.explanation.suggestions)
_COMPARE: Final = (
    "Compare the one-time password of your settings with your authenticator app. If it differs, "
    "correct totp_secret (UPSTOX_TOTP_SECRET). If it is the same, log in once on the Upstox login "
    "page."
)
_NAMES: Final = {
    Credential.OTP_REQUEST: "The request for a one-time password",
    Credential.CODE: "The one-time password",
    Credential.PIN: "The PIN",
}
_NAMED_ALONE: Final[dict[tuple[str, ...], tuple[Credential, ...]]] = {
    ("pin_code",): (Credential.PIN,),
    ("totp_secret",): (Credential.CODE,),
}


class Outcome(Enum):
    """What an answer says about the credentials that it answers."""

    REJECTED = auto()
    UNEXPLAINED = auto()
    UNANSWERED = auto()
    NOT_JUDGED = auto()
    NOT_SENT = auto()


class Block(NamedTuple):
    """What blocks the next login; for ``remaining`` seconds, None if time unblocks nothing."""

    what: str
    failure: Failure
    release: str
    remaining: float | None = None

    def to_error(self) -> UpstoxError:
        """Return the error for a login that is not attempted: the failure's class and code."""
        failure = self.failure
        failed_at = as_datetime(failure.failed_at).astimezone(IST)
        waiting = {} if self.remaining is None else {"retry_after": self.remaining}
        return upstox_error_of(
            failure._replace(
                message=f"Login blocked, and nothing was sent. {self.what} failed on "
                f"{when(failed_at)}: {failure.message}",
                details={
                    **failure.details,
                    "failed_at": failed_at.isoformat(),
                    "blocked": self.what,
                    **waiting,
                },
                suggestions=(*failure.suggestions, self.release),
                retry_after=self.remaining,
            )
        )


def sending(
    record: AttemptRecord, credentials: tuple[Credential, ...], time_step: int | None, now: float
) -> AttemptRecord:
    """Return the record just before credentials go out, and the code of a time step with them."""
    record = _next(record)
    steps = () if time_step is None else (time_step,)
    return _used(record, steps)._replace(in_flight=InFlight(credentials, now, record.revision))


def accepted(
    record: AttemptRecord, identity: Identity, credentials: tuple[Credential, ...]
) -> AttemptRecord:
    """Return the record after a step that was accepted: the failures of its kind are cleared."""
    record = _next(record, "in_flight", *(kind.value for kind in credentials))
    failures = {kind: one for kind, one in record.failures.items() if kind not in credentials}
    record = record._replace(in_flight=None, failures=failures)
    if Credential.PIN in credentials:
        record = _without(record, "pins", identity.pin)
        record = _without(record, "credentials", identity.credentials)
    return record


def failed(
    record: AttemptRecord,
    identity: Identity,
    credentials: tuple[Credential, ...],
    failure: Failure,
    outcome: Outcome,
) -> AttemptRecord:
    """Return the record after a step that failed."""
    record = _next(record, "in_flight")._replace(in_flight=None)
    if outcome in {Outcome.NOT_JUDGED, Outcome.NOT_SENT}:
        return record
    rejected = outcome is Outcome.REJECTED
    blamed = _blamed(credentials, failure) if rejected else credentials
    failures = dict(record.failures)
    for kind in blamed:
        before = failures.get(kind, Failures(failure))
        failures[kind] = Failures(
            last=failure,
            number=before.number + 1,
            unanswered=before.unanswered + (outcome is Outcome.UNANSWERED),
            rejected=before.rejected + (rejected and len(blamed) == 1),
            final=before.final or _is_final(failure),
            times=(*before.times, failure.failed_at)[-_MOST_TIMES:],
            revision=record.revision,
        )
    record = record._replace(failures=failures)
    if not rejected:
        return record
    if len(blamed) > 1:
        return _with(record, "credentials", identity.credentials, failure)
    if blamed == (Credential.PIN,):
        return _with(record, "pins", identity.pin, failure)
    if blamed == (Credential.OTP_REQUEST,) and failure.settings:
        return _with(record, "settings", identity.fingerprint, failure)
    return record


def settings_rejected(record: AttemptRecord, identity: Identity, failure: Failure) -> AttemptRecord:
    """Return the record after settings of the app were rejected."""
    return _with(_next(record), "settings", identity.fingerprint, failure)


def limited(record: AttemptRecord, failure: Failure) -> AttemptRecord:
    """Return the record after a rate limit: its own time, a day at most."""
    explained = EXPLANATIONS.get(failure.error_code)  # type: ignore[call-overload]
    known = (explained and explained.retry_after) or 0.0
    own = known or failure.details.get("answered_by") == _UPSTOX
    longest = _LONGEST_LIMIT if own else _LONGEST_LIMIT_OF_OTHERS
    seconds = min(max(failure.retry_after or 0.0, known) or _SHORTEST_LIMIT, longest)
    record = _next(record)
    return record._replace(limit=Limit(seconds, failure, record.revision))


def logged_in(
    record: AttemptRecord, identity: Identity, now: float, *, ends_others: bool
) -> AttemptRecord:
    """Return the record after a login that brought a token, and perhaps ended the earlier ones."""
    number = record.logins + 1
    record = _next(record)._replace(
        logins=number,
        login_at=now,
        ended=number if ends_others else record.ended,
        asked_until=0.0,
    )
    return _without(record, "settings", identity.fingerprint)


def asked(record: AttemptRecord, until: float) -> AttemptRecord:
    """Return the record of a user who was asked on the phone, and can approve until a time."""
    return _next(record)._replace(asked_until=until)


def cleared(record: AttemptRecord) -> AttemptRecord:
    """Return the record without failures: the used codes stay, and the logins' numbers."""
    return _next(record, _ALL)._replace(
        in_flight=None, failures={}, rejected={}, limit=None, asked_until=0.0
    )


def counted_anew(record: AttemptRecord, now: float) -> AttemptRecord:
    """Return the record for a clock that is before what was noted: itself, if it is not.

    The limit is released, since one of the two clocks was wrong; fifteen minutes begin now.
    """
    limit = record.limit
    changed = record
    if limit is not None and now < limit.failure.failed_at - ADJUSTMENT:
        changed = _next(record, "limit")._replace(limit=None)
    for kind, one in record.failures.items():
        if _waits(one) and all(at > now + ADJUSTMENT for at in one.times):
            changed = _next(changed)
            times = (*one.times, now)[-_MOST_TIMES:]
            noted = {kind: one._replace(times=times, revision=changed.revision)}
            changed = changed._replace(failures={**changed.failures, **noted})
    return changed


def merged(first: AttemptRecord, second: AttemptRecord) -> AttemptRecord:
    """Return the later of two copies, with what the other blocks and the later has not settled."""
    if second.revision > first.revision:
        first, second = second, first
    return with_blocks(first, second)


def with_blocks(record: AttemptRecord, other: AttemptRecord) -> AttemptRecord:
    """Return a record with what another copy blocks and the record has not settled."""

    def stands(kind: str, note: Failures | InFlight | Limit | None) -> bool:
        settled = max(record.settled.get(kind, 0), record.settled.get(_ALL, 0))
        return note is not None and note.revision > settled

    failures, rejected = dict(record.failures), dict(record.rejected)
    for kind, theirs in other.failures.items():
        if stands(kind.value, theirs):
            failures[kind] = _joined(failures.get(kind, theirs), theirs)
    for name, theirs in other.rejected.items():
        if stands(name.partition(":")[0], theirs):
            rejected[name] = _joined(rejected.get(name, theirs), theirs)
    limits = [one for one in (record.limit, other.limit) if one and stands("limit", one)]
    flight = other.in_flight if stands("in_flight", other.in_flight) else None
    same_log = record.id in {"", other.id}
    return _used(record, other.time_steps)._replace(
        id=record.id or other.id,
        revision=max(record.revision, other.revision),
        in_flight=record.in_flight or flight,
        failures=failures,
        rejected=_latest(rejected),
        limit=max(limits, key=lambda one: one.failure.failed_at + one.seconds, default=None),
        logins=max(record.logins, other.logins if same_log else 0),
        ended=max(record.ended, other.ended if same_log else 0),
    )


def has_ended(record: AttemptRecord, login: LoginId) -> bool:
    """Tell whether a token was ended by a later login of its account."""
    return bool(login.log) and login.log == record.id and login.number < record.ended


def find_blocks(record: AttemptRecord, identity: Identity, now: float) -> Iterator[Block]:
    """Yield everything that blocks a login, beginning with what no changed setting unblocks."""
    failed = [one for one in (_failed(record, kind, now) for kind in Credential) if one]
    yield from (one for one in failed if one.remaining is None)
    pin = record.rejected.get(f"pins:{identity.pin}")
    credentials = record.rejected.get(f"credentials:{identity.credentials}")
    settings = record.rejected.get(f"settings:{identity.fingerprint}")
    if pin is not None:
        yield _until_changed("This PIN", pin, "pin_code")
    if credentials is not None and credentials.number >= _MOST_REJECTED_CREDENTIALS:
        what = "This client id with this TOTP secret and PIN"
        yield _until_changed(what, credentials, "client_id", "totp_secret", "pin_code")
    if settings is not None:
        what = "A login with these settings"
        yield _until_changed(what, settings, *settings.last.settings)
    yield from (one for one in failed if one.remaining is not None)
    limit = record.limit
    if limit is None:
        return
    passed = now - limit.failure.failed_at
    left = limit.seconds - max(0.0, passed)
    if left > 0 and passed >= -ADJUSTMENT:
        release = f"Wait {left:.0f} seconds, then log in again."
        failure = _without_advice(limit.failure)
        yield Block("Every request for this account", failure, release, left)


def _until_changed(what: str, rejected: Failures, *settings: str) -> Block:
    names = " or ".join(f"{name} (UPSTOX_{name.upper()})" for name in settings)
    right = "If it is right, try it" if len(settings) == 1 else "If all is right, try"
    release = f"Correct {names} and log in again. {right} once more: {_FORCE}."
    return Block(what, _without_advice(rejected.last), release)


def _without_advice(failure: Failure) -> Failure:
    # What helped then is said in what unblocks the login, as far as it helps now.
    return failure._replace(suggestions=())


def _failed(record: AttemptRecord, kind: Credential, now: float) -> Block | None:
    failures = record.failures.get(kind)
    if failures is None:
        return None
    twice = kind is Credential.CODE and failures.rejected >= _MOST_REJECTED_CODES
    if not (failures.number >= MOST_FAILURES or failures.final or twice):
        return None
    if not _waits(failures):
        locked = failures.last.error_code == ErrorCode.ACCOUNT_LOCKED
        advice = _LOCKED if locked else _COMPARE if kind is Credential.CODE else _LOG_IN
        return Block(
            _NAMES[kind], _without_advice(failures.last), f"{advice} Then try once more: {_FORCE}."
        )
    # The clocks of two machines may differ by hours: what counts is the last note before this one.
    noted = max((at for at in failures.times if at <= now + ADJUSTMENT), default=now)
    left = _PAUSE - max(0.0, now - noted)
    if left <= 0:
        return None
    return Block(
        _NAMES[kind],
        failures.last,
        f"It was sent {failures.number} times, and no answer said whether it was right. Log in "
        f"again in {left:.0f} seconds, or at once: {_FORCE}.",
        left,
    )


def _waits(failures: Failures) -> bool:
    """Tell whether one try each fifteen minutes goes out: nothing ever said that it was wrong."""
    return failures.unanswered >= failures.number >= MOST_FAILURES and not failures.final


def _blamed(credentials: tuple[Credential, ...], failure: Failure) -> tuple[Credential, ...]:
    """Return which of several credentials was rejected, as far as Upstox told."""
    if len(credentials) == 1:
        return credentials
    if failure.error_code == ErrorCode.ACCOUNT_LOCKED:
        return (Credential.PIN,)
    return _NAMED_ALONE.get(failure.settings, credentials)


def _is_final(failure: Failure) -> bool:
    left = failure.details.get("attempts_left")
    return failure.error_code == ErrorCode.ACCOUNT_LOCKED or (type(left) is int and left <= 1)


def _next(record: AttemptRecord, *settled: str) -> AttemptRecord:
    """Return the record in its next revision, up to which these kinds of notes are settled."""
    revision = min(record.revision + 1, MOST_REVISIONS)
    return record._replace(
        revision=revision, settled={**record.settled, **dict.fromkeys(settled, revision)}
    )


def _used(record: AttemptRecord, time_steps: Iterable[int]) -> AttemptRecord:
    known = {*record.time_steps, *time_steps}
    return record._replace(time_steps=tuple(sorted(known))[-_MOST_TIME_STEPS:])


def _with(record: AttemptRecord, kind: str, hashed: str | None, failure: Failure) -> AttemptRecord:
    """Return the record with something that was rejected once more."""
    if hashed is None:
        return record
    name = f"{kind}:{hashed}"
    before = record.rejected.get(name, Failures(failure))
    noted = Failures(failure, number=before.number + 1, revision=record.revision)
    return record._replace(rejected=_latest({**record.rejected, name: noted}))


def _without(record: AttemptRecord, kind: str, hashed: str | None) -> AttemptRecord:
    """Return the record without something that was rejected, and is not brought back by a copy."""
    right = f"{kind}:{hashed}"
    if right not in record.rejected:
        return record
    # What stays of its kind is noted anew: a copy may have it from before.
    rejected = {
        name: one._replace(revision=record.revision) if name.startswith(kind) else one
        for name, one in record.rejected.items()
        if name != right
    }
    settled = {**record.settled, kind: record.revision - 1}
    return record._replace(rejected=rejected, settled=settled)


def _latest(rejected: Mapping[str, Failures]) -> Mapping[str, Failures]:
    """Return the latest sixteen of what was rejected."""
    by_revision = sorted(rejected.items(), key=lambda item: item[1].revision)
    return dict(by_revision[-_MOST_REJECTED:])


def _joined(first: Failures, second: Failures) -> Failures:
    later = first if first.revision >= second.revision else second
    number, rejected = max(first.number, second.number), max(first.rejected, second.rejected)
    return later._replace(
        number=number,
        unanswered=min(max(first.unanswered, second.unanswered), number - rejected),
        rejected=rejected,
        final=first.final or second.final,
        times=tuple(sorted({*first.times, *second.times}))[-_MOST_TIMES:],
    )
