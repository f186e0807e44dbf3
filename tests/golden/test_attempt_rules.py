"""The rules of attempts as they were and as they are, on random events: the same is blocked.

Left out are the events whose effect was changed on purpose: a clock that is set back, a limit that
is not Upstox's own, and a final word in what counts as unanswered.
"""

from __future__ import annotations

import copy
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests
from old import clock
from old.holds import find_holds
from old.ledger import Credential as OldCredential
from old.ledger import Ledger
from old.ledger import Verdict as OldOutcome
from old.turn import Turn

from support.outcomes import judged
from upstox_totp import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    UpstoxError,
    _clock,
)
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.attempts import Outcome, find_blocks
from upstox_totp._cache.backend import MemoryBackend
from upstox_totp._cache.records import AttemptRecord, Credential, dump, load
from upstox_totp._cache.store import Store
from upstox_totp._settings.identity import identify

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {
    "username": "9876543210",
    "password": "a password",
    "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "client_secret": "a client secret",
    "redirect_uri": "https://127.0.0.1/c",
}
NAMES = {
    "ACCEPTED": "ACCEPTED",
    "REJECTED": "REJECTED",
    "UNEXPLAINED": "UNEXPLAINED",
    "UNANSWERED": "NO_VERDICT",
    "NOT_JUDGED": "NOTHING",
    "NOT_SENT": "NOT_SENT",
}


class OldIdentity:
    """What the old rules need of whoever logs in."""

    def __init__(self, identity: Any) -> None:
        self.pin, self.triple = identity.pin, identity.credentials
        self.fingerprint = identity.fingerprint


class KilledError(BaseException):
    """The process ends here."""


IDENTITIES = [
    identify(SETTINGS | {"pin_code": pin, "client_id": client_id}, "https://{stage}.upstox.com")
    for pin in ("1234", "5678")
    for client_id in ("a", "b")
]


def rejection(message: str, *settings: str, **more: Any) -> AuthenticationError:
    """Return a rejection that blames settings."""
    error = AuthenticationError(message, **more)
    error.settings = settings
    return error


def limit(seconds: float | None, code: ErrorCode | None) -> RateLimitError:
    """Return a limit of Upstox's own."""
    error = RateLimitError("limit", error_code=code, details={"answered_by": "Upstox"})
    error.retry_after = seconds
    return error


def some_error(rng: random.Random) -> BaseException:
    """Return what a login may end with."""
    left = rng.choice([{}, {"attempts_left": rng.randrange(4)}])
    makers: list[Callable[[], BaseException]] = [
        lambda: rejection("pin", "pin_code", error_code=ErrorCode.INCORRECT_PIN, details=left),
        lambda: rejection("code", "totp_secret"),
        lambda: rejection("which", "client_id", "totp_secret", "pin_code", error_code="X"),
        lambda: rejection("locked", "pin_code", error_code=ErrorCode.ACCOUNT_LOCKED),
        lambda: limit(rng.choice([None, 5.0, 1e6]), rng.choice([None, ErrorCode.TOO_MANY_OTPS])),
        lambda: requests.ConnectionError("lost"),
        lambda: APIError("odd", error_code=4711, details={"http_status": 500}),
        lambda: rejection("app", "client_secret", error_code=ErrorCode.INVALID_CLIENT),
        KeyboardInterrupt,
    ]
    return rng.choice(makers)()


def _always(outcome: Any, _: BaseException) -> Any:
    return outcome


def run(log: Any, kinds: list[Any], error: BaseException | None, how: Any) -> Any:
    """Return what a login over a log ends with."""
    try:
        log.check()
        with log.sending(*kinds, **how):
            if error is not None:
                raise error
        log.note_login(ends_others=False)
    except (UpstoxError, requests.RequestException) as ended:
        log.note_failure(ended)
        # The words of what is blocked were changed.
        blocked = "failed_at" in getattr(ended, "details", {})
        return type(ended), getattr(ended, "error_code", None), blocked
    except KeyboardInterrupt:
        return KeyboardInterrupt
    return None


def is_final(error: BaseException | None) -> bool:
    """Tell whether an error says that at most one attempt is left."""
    left = getattr(error, "details", {}).get("attempts_left", 9)
    return left <= 1 or getattr(error, "error_code", None) is ErrorCode.ACCOUNT_LOCKED


@pytest.mark.parametrize("block", range(4))
def test_the_same_events_block_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six thousand events, a quarter each."""
    monkeypatch.setattr(_clock, "time", lambda: clock.now)
    events = blocked = 0
    for seed in range(block * 120, block * 120 + 120):
        rng = random.Random(seed)  # noqa: S311 - the same events each time
        monkeypatch.setattr(clock, "now", 1_800_000_000.0)
        turn, store = Turn(), Store(MemoryBackend())
        for number in range(rng.randrange(4, 22)):
            clock.now += rng.choice([1, 20, 100, 901, 3600, 90_000, -30])
            identity = rng.choice(IDENTITIES) if rng.random() < 0.5 else IDENTITIES[0]
            assert identity is not None
            kinds = rng.choice([("PIN",), ("CODE",), ("OTP_REQUEST",), ("CODE", "PIN")])
            error = some_error(rng) if rng.random() < 0.85 else None
            name = rng.choice(list(NAMES))
            if name in {"UNANSWERED", "UNEXPLAINED"} and is_final(error):
                name = "NOT_JUDGED"
            force, step = rng.random() < 0.15, rng.choice([None, number])
            old = run(
                Ledger(turn, OldIdentity(identity), force=force),  # type: ignore[arg-type]
                [OldCredential[kind] for kind in kinds],
                copy.copy(error),
                {"period": step, "judge": partial(_always, OldOutcome[NAMES[name]])},
            )
            lock = store.acquire(identity)
            assert lock is not None
            with judged(Outcome[name]):
                new = run(
                    AttemptLog(lock, identity, force=force),
                    [Credential[kind] for kind in kinds],
                    copy.copy(error),
                    {"time_step": step},
                )
            record = lock.read_attempts()
            lock.release()
            before = [
                (one.remaining, one.failure.failed_at)
                for one in find_holds(turn.record, OldIdentity(identity), clock.now)  # type: ignore[arg-type]
            ]
            now = [
                (one.remaining, one.failure.failed_at)
                for one in find_blocks(record, identity, clock.now)
            ]
            assert (new, now, record.time_steps) == (old, before, turn.record.periods), seed
            assert load(AttemptRecord, dump(record)) == record
            events, blocked = events + 1, blocked + bool(now)
    assert events > 1200
    assert blocked > 300
