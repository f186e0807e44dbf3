"""What forbids an account's next login, since when, and what releases it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from old.ledger_record import Credential, LedgerRecord, Limit
from old.lifetime import ADJUSTMENT, IST, as_datetime
from old.remembering import upstox_error_of
from upstox_totp.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from old.failure import LoginFailure
    from old.identified import Identified
    from upstox_totp.errors import UpstoxError

MOST_FAILURES: Final = 3
"""How many failures in a row an account may have; Upstox locks it at five."""

_MOST_REJECTED_CODES: Final = 2
_MOST_REFUSED_TRIPLES: Final = 2
_SILENCE: Final = 900.0
_LONGEST_LIMIT: Final = 86400.0
_SHORTEST_LIMIT: Final = 60.0
_FLOORS: Final = {"1017069": 600.0, "1017078": 600.0}
_LIFT: Final = "TokenCache().clear(client) or --force lifts this"
_PIN_CHANGES: Final = "pin_code (UPSTOX_PIN_CODE) has changed"
_NAMES: Final = {
    Credential.OTP_REQUEST: "The request for a one-time password",
    Credential.CODE: "The TOTP secret",
    Credential.PIN: "The PIN, whichever it is,",
}


class Hold(NamedTuple):
    """Something that forbids the next login.

    Attributes:
        what: What is held.
        failure: The failure that it is held for.
        release: What releases it, a sentence.
        remaining: How long it still holds by itself, in seconds; None if time does not release it.
    """

    what: str
    failure: LoginFailure
    release: str
    remaining: float | None = None

    def to_error(self) -> UpstoxError:
        """Return the error for a login that is not attempted: the failure's class and code."""
        when = as_datetime(self.failure.failed_at).astimezone(IST)
        failure = self.failure
        if failure.network:
            failure = failure._replace(network=False, error=APIError.__name__)
        held = failure._replace(
            message=f"not tried again; {self.what[0].lower()}{self.what[1:]} is held since it "
            f"failed on {when:%d %b %Y at %H:%M:%S} IST: {failure.message}",
            details={**failure.details, "failed_at": when.isoformat(), "held": self.what},
            suggestions=(*failure.suggestions, self.release),
            retry_after=self.remaining,
        )
        error = upstox_error_of(held)
        if self.remaining is not None:
            error.details["retry_after"] = self.remaining
        return error


def find_holds(
    record: LedgerRecord, identity: Identified | None, now: float, *kinds: Credential
) -> Iterator[Hold]:
    """Yield everything that forbids a login.

    Args:
        record: The account's attempts.
        identity: Who would log in; None names what holds for everybody.
        now: The local clock, in seconds since the epoch.
        kinds: What would be sent; by default everything that a login may send.
    """
    sent = kinds or tuple(Credential)
    if identity is not None:
        yield from _refused(record, identity, sent)
    for kind in sent:
        hold = _failed(record, kind, now)
        if hold is not None:
            yield hold
    limit = record.limit
    if limit is not None and (left := seconds_left(limit, now)) > 0:
        yield Hold(
            "Every request for this account",
            limit.failure,
            f"The next login goes out in {left:.0f} seconds; {_LIFT} before.",
            left,
        )


def limit_of(failure: LoginFailure) -> Limit:
    """Return how long a limit holds: its own time, a day at most.

    Args:
        failure: What Upstox said.
    """
    told = failure.retry_after or 0.0
    floor = _FLOORS.get(str(failure.error_code), 0.0)
    return Limit(min(max(told, floor) or _SHORTEST_LIMIT, _LONGEST_LIMIT), failure)


def seconds_left(limit: Limit, now: float) -> float:
    """Return how long a limit still holds, in seconds, 0 once it does not.

    Args:
        limit: The limit.
        now: The local clock, in seconds since the epoch. Before the limit was noted, one of the
            two clocks was wrong, and it holds no longer.
    """
    passed = now - limit.failure.failed_at
    return 0.0 if passed < -ADJUSTMENT else min(limit.seconds, max(0.0, limit.seconds - passed))


def is_before(limit: Limit, now: float) -> bool:
    """Tell whether a clock is before the time when a limit was noted.

    Args:
        limit: The limit.
        now: The local clock, in seconds since the epoch.
    """
    return now < limit.failure.failed_at - ADJUSTMENT


def _refused(
    record: LedgerRecord, identity: Identified, kinds: tuple[Credential, ...]
) -> Iterator[Hold]:
    for one in record.pins:
        if one.mark == identity.pin and Credential.PIN in kinds:
            yield Hold(
                "This PIN",
                one.failure,
                f"The next login goes out when {_PIN_CHANGES}; {_LIFT} before.",
            )
    for one in record.triples:
        if one.mark == identity.triple and one.count >= _MOST_REFUSED_TRIPLES:
            yield Hold(
                "This client id with this TOTP secret and PIN",
                one.failure,
                "The next login goes out when client_id, totp_secret or pin_code "
                f"(UPSTOX_PIN_CODE) has changed; {_LIFT} before.",
            )
    for one in record.settings:
        if one.mark == identity.fingerprint:
            names = " or ".join(f"{name} (UPSTOX_{name.upper()})" for name in one.failure.settings)
            yield Hold(
                "A login with these settings",
                one.failure,
                f"The next login goes out when {names} has changed; {_LIFT} before.",
            )


def _failed(record: LedgerRecord, kind: Credential, now: float) -> Hold | None:
    failures = record.of(kind)
    rejected_twice = kind is Credential.CODE and failures.rejected >= _MOST_REJECTED_CODES
    if failures.last is None or not (
        failures.count >= MOST_FAILURES or failures.final or rejected_twice
    ):
        return None
    if failures.silent == failures.count and not failures.final:
        passed = now - failures.last.failed_at
        if passed >= _SILENCE or passed < -ADJUSTMENT:
            return None
        left = _SILENCE - max(0.0, passed)
        return Hold(
            _NAMES[kind],
            failures.last,
            f"It was sent {failures.count} times without a verdict. One more goes out in "
            f"{left:.0f} seconds; {_LIFT} before.",
            left,
        )
    return Hold(
        _NAMES[kind],
        failures.last,
        "Log in once on the Upstox login page, and set right what is wrong: no changed setting "
        f"releases it, five failures lock the account. Then {_LIFT}.",
    )
