"""The rules of attempts as pure functions: clocks, copies, and who is believed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from upstox_totp._cache.attempts import (
    Outcome,
    accepted,
    cleared,
    counted_anew,
    failed,
    find_blocks,
    has_ended,
    limited,
    logged_in,
    merged,
    sending,
    settings_rejected,
    with_blocks,
)
from upstox_totp._cache.failures import unexplained
from upstox_totp._cache.records import AttemptRecord, Credential, Failure, LoginId, dump, load
from upstox_totp._settings.identity import Identity, identify
from upstox_totp.errors import ErrorCode

NOW = 1_800_000_000.0
HOUR = 3600.0
SETTINGS = {
    "client_id": "a client id",
    "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "pin_code": "1234",
}
DOMAIN = "https://{stage}.upstox.com"


def who(domain: str = DOMAIN, **changed: str) -> Identity:
    """Return what identifies the settings of a login."""
    identity = identify(SETTINGS | changed, domain)
    assert identity is not None
    return identity


ME = who()


def sent(
    record: AttemptRecord,
    outcome: Outcome,
    at: float = NOW,
    identity: Identity = ME,
    kind: Credential = Credential.PIN,
) -> AttemptRecord:
    """Return a record after a credential was sent, and what came of it."""
    record = sending(record, (kind,), None, at)
    return failed(record, identity, (kind,), unexplained("m", at), outcome)


def blocks(record: AttemptRecord, now: float = NOW, identity: Identity = ME) -> list[str]:
    """Return what is blocked."""
    return [block.what for block in find_blocks(record, identity, now)]


def refusal(**details: Any) -> Failure:
    """Return what a rate limit leaves."""
    return unexplained("m", NOW)._replace(details=details, retry_after=999_999_999.0)


@pytest.mark.parametrize("ahead", [0.0, 90.0, -90.0, 2 * HOUR, -2 * HOUR])
def test_a_rejected_pin_reaches_every_copy(ahead: float) -> None:
    """Whichever of the machines has the later clock, the later revision counts."""
    first = sent(AttemptRecord(), Outcome.UNANSWERED, NOW + ahead)
    second = sent(first, Outcome.REJECTED, NOW)
    assert blocks(merged(first, second)) == blocks(merged(second, first)) == ["This PIN"]
    released = cleared(second)
    assert blocks(merged(second, released)) == blocks(merged(released, second)) == []


def test_what_any_copy_blocks_stays_blocked() -> None:
    """A machine that was by itself blocks its PIN, though the others went on without it."""
    common = sent(AttemptRecord(), Outcome.UNANSWERED)
    alone = sent(common, Outcome.REJECTED)
    others = common
    for _ in range(4):
        others = sent(others, Outcome.NOT_JUDGED)
    both = merged(others, alone)
    assert blocks(both) == ["This PIN"]
    assert both.revision == others.revision
    # And a copy from before a clear brings nothing back.
    assert blocks(merged(cleared(both), alone)) == []


def test_a_pin_that_was_right_after_all_is_not_brought_back() -> None:
    """A copy from before has it; what else it blocks stays, and so does what came later."""
    other = who(pin_code="5678")
    copy = sent(sent(AttemptRecord(), Outcome.REJECTED), Outcome.REJECTED, identity=other)
    right = accepted(sending(copy, (Credential.PIN,), None, NOW), ME, (Credential.PIN,))
    for both in (merged(right, copy), merged(copy, right)):
        assert blocks(both) == []
        assert blocks(both, identity=other) == ["This PIN"]
    third = who(pin_code="4321")
    apart = sent(copy, Outcome.REJECTED, identity=third)
    assert apart.revision == right.revision
    assert "This PIN" in blocks(merged(right, apart), identity=third)


def test_an_attempt_in_flight_counts_once() -> None:
    """The copy that another machine has of it is settled with it."""
    flying = sending(AttemptRecord(), (Credential.PIN,), 7, NOW)
    settled = failed(flying, ME, (Credential.PIN,), unexplained("m", NOW), Outcome.UNANSWERED)
    both = merged(flying, settled)
    assert both.in_flight is None
    assert both.failures[Credential.PIN].number == 1
    assert both.time_steps == (7,)


def test_two_clocks_two_hours_apart_send_three() -> None:
    """One try each fifteen minutes, by whichever of the clocks."""
    record, count = AttemptRecord(), 0
    for run in range(8):
        now = NOW + run + (2 * HOUR if run % 2 else 0.0)
        record = counted_anew(record, now)
        if not blocks(record, now):
            record, count = sent(record, Outcome.UNANSWERED, now), count + 1
    assert count == 3
    for later, number in ((600.0, 3), (903.0, 4)):
        now = NOW + later
        if not blocks(record, now):
            record, count = sent(record, Outcome.UNANSWERED, now), count + 1
        assert count == number


def test_a_clock_before_all_notes_counts_anew() -> None:
    """Fifteen minutes begin with the first login by that clock, and end."""
    record = AttemptRecord()
    for _ in range(3):
        record = sent(record, Outcome.UNANSWERED)
    before = NOW - 10 * HOUR
    record = counted_anew(record, before)
    assert counted_anew(record, before) is record
    assert blocks(record, before + 600)
    assert blocks(record, before + 901) == []


def test_what_others_could_have_written_releases_nothing() -> None:
    """Its blocks are believed; that it knows of no failure is not."""
    own = sent(AttemptRecord(), Outcome.REJECTED)
    forged = cleared(own)._replace(revision=2**53 - 1)
    assert blocks(with_blocks(own, forged)) == ["This PIN"]
    assert blocks(with_blocks(AttemptRecord(), own)) == ["This PIN"]
    assert sent(with_blocks(own, forged), Outcome.UNANSWERED).revision == 2**53 - 1


@pytest.mark.parametrize(
    ("details", "seconds"),
    [({"answered_by": "Upstox"}, 86400.0), ({"answered_by": "HTML"}, 600.0), ({}, 600.0)],
)
def test_a_strangers_limit_is_short(details: dict[str, str], seconds: float) -> None:
    """Ten minutes at most for a 429 that is not in Upstox's own envelope."""
    record = limited(AttemptRecord(), refusal(**details))
    assert record.limit is not None
    assert record.limit.seconds == seconds


@pytest.mark.parametrize(
    ("domain", "secret"),
    [
        ("https://{stage}.UPSTOX.com", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        ("HTTPS://{stage}.upstox.com:443/", "jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp"),
        (DOMAIN, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPAAAAAAAA"),
        (DOMAIN, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPAA"),
    ],
)
def test_one_account_however_it_is_spelled(domain: str, secret: str) -> None:
    """Base domain and TOTP secret may be written down in several ways."""
    other = who(domain, totp_secret=secret)
    assert (other.account, other.app, other.pin) == (ME.account, ME.app, ME.pin)


def test_another_key_is_another_account() -> None:
    """A zero byte at its begin, or in it, makes another key."""
    assert who(totp_secret="AAJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").account != ME.account
    assert who("https://{stage}.upstox.com:444").account != ME.account


@pytest.mark.parametrize(("left", "blocked"), [(2, False), (1, True), (0, True), (True, False)])
def test_the_last_attempt_is_the_users_own(left: object, *, blocked: bool) -> None:
    """One attempt that is left blocks whatever setting changes, two do not."""
    failure = unexplained("m", NOW)._replace(details={"attempts_left": left})
    kinds = (Credential.PIN,)
    record = failed(
        sending(AttemptRecord(), kinds, None, NOW), ME, kinds, failure, Outcome.REJECTED
    )
    assert bool(blocks(record, identity=who(pin_code="5678"))) is blocked
    # And no later failure takes that back.
    record = sent(record, Outcome.UNANSWERED)
    assert bool(blocks(record, identity=who(pin_code="5678"))) is blocked


@pytest.mark.parametrize(
    ("log", "number", "ended"),
    [("log", 1, True), ("log", 2, False), ("log", 3, False), ("another", 1, False), ("", 0, False)],
)
def test_a_login_that_ended_the_earlier_tokens(log: str, number: int, *, ended: bool) -> None:
    """Those of its own log, made before it."""
    record = AttemptRecord(id="log", logins=2, ended=2)
    assert has_ended(record, LoginId(log, number)) is ended
    assert has_ended(AttemptRecord(ended=2), LoginId("", 1)) is False


def test_a_limit_ends_on_its_second() -> None:
    """And is released by a clock that is before it, beyond what a clock is adjusted by."""
    failure = unexplained("m", NOW)._replace(retry_after=30.0)
    record = limited(AttemptRecord(), failure)
    assert record.limit is not None
    assert record.limit.seconds == 30.0
    assert [block.remaining for block in find_blocks(record, ME, NOW + 29)] == [1.0]
    assert blocks(record, NOW + 30) == []
    assert [block.remaining for block in find_blocks(record, ME, NOW - 60)] == [30.0]
    assert counted_anew(record, NOW - 60) is record
    assert blocks(record, NOW - 61) == []
    assert counted_anew(record, NOW - 61).limit is None
    # Too many one-time passwords: ten minutes, whatever the answer said.
    known = limited(AttemptRecord(), failure._replace(error_code=str(ErrorCode.TOO_MANY_OTPS)))
    assert known.limit is not None
    assert known.limit.seconds == 600.0


def test_the_last_failure_of_two_copies_is_told() -> None:
    """Of the copy that was changed last."""
    first = sent(AttemptRecord(), Outcome.UNANSWERED)
    second = sent(first, Outcome.UNANSWERED, NOW + 5)
    for both in (merged(first, second), merged(second, first)):
        assert both.failures[Credential.PIN].last.failed_at == NOW + 5


def test_a_record_stays_small() -> None:
    """The latest sixteen of what was rejected are kept, and the codes of the last hour."""
    record = AttemptRecord()
    for number in range(40):
        record = sent(record, Outcome.REJECTED, NOW + number, who(pin_code=f"{number:04}"))
    earlier = AttemptRecord(revision=1, rejected=dict([*record.rejected.items()][:2]))
    for copy in (record, merged(record, earlier)):
        assert len(copy.rejected) == len(copy.failures[Credential.PIN].times) == 16
        assert "This PIN" in blocks(copy, identity=who(pin_code="0039"))
        assert "This PIN" not in blocks(copy, identity=who(pin_code="0023"))
    for step in range(200):
        record = sending(record, (Credential.CODE,), step, NOW)
    assert record.time_steps == tuple(range(80, 200))


@pytest.mark.parametrize("earlier", [0.0, 100.0])
def test_the_limit_that_ends_last_counts(earlier: float) -> None:
    """Of two copies that went apart, whichever noted its own first."""
    short, long = (
        limited(AttemptRecord(), unexplained("m", at)._replace(retry_after=seconds))
        for at, seconds in ((NOW, 70.0), (NOW - earlier, 500.0))
    )
    for both in (merged(short, long), merged(long, short)):
        assert [one.remaining for one in find_blocks(both, ME, NOW)] == [500.0 - earlier]


def test_settings_that_are_right_after_all_are_not_brought_back() -> None:
    """A copy from just before a login that went well blocks nothing."""
    copy = settings_rejected(AttemptRecord(), ME, unexplained("m", NOW))
    assert blocks(copy) == ["A login with these settings"]
    right = logged_in(copy, ME, NOW, ends_others=False)
    assert blocks(merged(right, copy)) == blocks(merged(copy, right)) == []


def test_copies_that_went_apart_agree_again() -> None:
    """Whatever happened to two copies, they merge to the same blocks either way, and are stored."""
    for seed in range(300):
        rng = random.Random(seed)  # noqa: S311 - the same events each time
        one = other = AttemptRecord(id="log")
        for _ in range(rng.randrange(2, 14)):
            outcome, kind = rng.choice(list(Outcome)), rng.choice(list(Credential))
            identity = who(pin_code=rng.choice(["1234", "5678"]))
            now = NOW + rng.choice([0.0, 1000.0, 90_000.0, -90_000.0])
            changed = sent(rng.choice([one, other]), outcome, now, identity, kind)
            if rng.random() < 0.1:
                changed = cleared(changed)
            if rng.random() < 0.5:
                one = merged(changed, one)
            else:
                other = merged(changed, other)
        both, again = merged(one, other), merged(other, one)
        assert sorted(blocks(both)) == sorted(blocks(again))
        for copy in (one, other):
            settled = both.settled
            for name, pin in copy.rejected.items():
                settled_at = max(settled.values(), default=0)
                assert name in both.rejected or pin.revision <= settled_at
        assert load(AttemptRecord, dump(both)) == both
