"""When an access token dies, wherever the machine stands and whatever its clock says."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import FakeTime, configure
from upstox_totp import UpstoxTOTP
from upstox_totp._cache.lifetime import (
    as_datetime,
    expiry,
    is_of_use,
    jwt_expiry,
    milliseconds,
    moment,
    next_expiry,
    seconds_left,
)
from upstox_totp.models import AccessTokenData
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

IST = timezone(timedelta(hours=5, minutes=30))
DAYS = [(2026, 3, 8), (2026, 7, 15), (2026, 11, 1), (2026, 12, 31)]
MADE = {
    "03:29:59": ((3, 29, 59), 0),
    "03:30:00": ((3, 30, 0), 1),
    "20:00": ((20, 0, 0), 1),
    "02:00": ((2, 0, 0), 0),
}


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of the machine."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def jwt(**claims: object) -> str:
    """Return a token that makes these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("day", DAYS)
def test_a_token_dies_at_the_next_half_past_three(
    zone: str, made: str, day: tuple[int, int, int]
) -> None:
    """Made at 03:29:59 it lives a second, made at 03:30:00 a day; in any zone, on any date."""
    clock_time, days = MADE[made]
    obtained = datetime(*day, *clock_time, tzinfo=IST)
    died = datetime(*day, 3, 30, tzinfo=IST) + timedelta(days=days)
    data = AccessTokenData(access_token="opaque").obtained(obtained.astimezone(ZoneInfo(zone)))
    assert data.expires_at == died
    assert data.expires_at.utcoffset() == timedelta(hours=5, minutes=30)
    assert not data.is_expired(died - timedelta(microseconds=1))
    assert data.is_expired(died)


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("opaque", [True, False])
def test_a_login_knows_when_its_token_dies(
    zone: str,
    made: str,
    opaque: bool,  # noqa: FBT001 - a parameter of the test
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server's clock decides, whatever the machine's zone and clock are, with a JWT or not."""
    clock_time, days = MADE[made]
    # The other steps of the login come first; their pauses take five seconds.
    obtained = datetime(2026, 9, 30, *clock_time, tzinfo=IST)
    start = obtained.timestamp() - 5 - fake_time.skipped
    fake_time.offset = 7200.0 if zone == "UTC" else 0.0
    now = {"obtained": False}

    def server() -> float:
        return obtained.timestamp() if now["obtained"] else start + fake_time.skipped

    with Sandbox(clock=server) as sandbox:
        if opaque:
            sandbox.misbehave("token", Fault.replace("access_token", "opaque"))
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as client:
            client.session.hooks["response"].append(
                lambda response: now.update(obtained="authorize" in response.url)
            )
            data = client.app_token.get_access_token().data
    assert data.obtained_at is not None
    assert abs(data.obtained_at - obtained) < timedelta(seconds=1)
    assert data.expires_at == datetime(2026, 9, 30, 3, 30, tzinfo=IST) + timedelta(days=days)
    assert abs(data.expires_in - (data.expires_at - obtained)) < timedelta(seconds=30)


@given(st.integers(946_684_800, 4_102_444_800), st.timezones())
def test_the_next_expiry_is_within_a_day(epoch: int, zone: ZoneInfo) -> None:
    """It is later than the moment, by a day at most, and 22:00 at UTC."""
    moment = datetime.fromtimestamp(epoch, zone)
    died = next_expiry(moment)
    assert timedelta() < died - moment.astimezone(UTC) <= timedelta(days=1)
    assert died.astimezone(UTC).timetz() == datetime(2000, 1, 1, 22, 0, tzinfo=UTC).timetz()


def test_the_earlier_of_two_expiries_counts() -> None:
    """What the token says and what the rule says may differ: the earlier is safe."""
    obtained = datetime(2026, 9, 30, 20, 0, tzinfo=IST)
    rule = datetime(2026, 10, 1, 3, 30, tzinfo=IST)
    early, late = rule - timedelta(hours=1), rule + timedelta(days=300)
    assert expiry(jwt(exp=early.timestamp()), obtained) == early
    assert expiry(jwt(exp=late.timestamp()), obtained) == rule
    assert expiry(jwt(sub="nobody"), obtained) == rule
    assert expiry(jwt(exp=late.timestamp()), None) == late


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.!!!.c", "e30.W10.c", jwt(), jwt(exp=None), jwt(exp="soon"),
     jwt(exp=1e300), jwt(exp=float("nan")), "e30." + "W" * 99999 + ".c"],
)  # fmt: skip
def test_a_token_that_says_nothing_of_its_end(token: str) -> None:
    """What is no JWT with an expiry is no error."""
    assert jwt_expiry(token) is None


@pytest.mark.parametrize("value", [True, "1", None, -1, 253_370_764_801, float("nan")])
def test_what_is_no_moment(value: object) -> None:
    """What was stored may hold anything where a time should be."""
    with pytest.raises((TypeError, ValueError)):
        moment(value)
    assert moment(1) == 1.0


@pytest.mark.parametrize("told", ["", "soon", "-1", "1.5", "\u0661", "1" * 16, None])
def test_what_is_no_time_in_milliseconds(told: object) -> None:
    """A message may hold anything where a time should be."""
    assert milliseconds(told) is None
    assert milliseconds("1800000000000") == milliseconds(1_800_000_000_000)
    assert milliseconds("1800000000000") == as_datetime(1_800_000_000)


@pytest.mark.parametrize(
    ("offset", "now", "left"),
    [
        (0, 40, 60),
        (10, 40, 50),
        (-10, 40, 70),
        (0, 140, -40),
        (0, -59, 159),
        (0, -60, 0),
        (70, -61, 91),
    ],
)
def test_how_long_a_cached_token_lives(offset: float, now: float, left: float) -> None:
    """By the corrected clock; not at all where that is a minute before the token was made."""
    made = 1_800_000_000.0
    assert seconds_left(made + 100, made, offset, made + now) == left


@pytest.mark.parametrize(
    ("before", "left", "of_use"),
    [(3600, 301, True), (3600, 300, False), (300, 300, True), (300, 1, True), (300, 0, False),
     (301, 240, False), (10, 5, True)],
)  # fmt: skip
def test_a_token_made_just_before_it_dies_is_of_use(
    before: float, left: float, *, of_use: bool
) -> None:
    """The next login would bring none that lives longer; a token with an end of its own is not."""
    end = datetime(2026, 10, 1, 3, 30, tzinfo=IST).timestamp()
    assert is_of_use(end, end - before, left, 300.0) is of_use
    assert is_of_use(end - 1, end - before, left, 300.0) is (left > 300)


def test_life_is_judged_by_the_corrected_clock(fake_time: FakeTime) -> None:
    """A local clock that is hours off makes no dead token alive."""
    server = datetime.fromtimestamp(fake_time.true(), UTC)
    fake_time.offset = -6 * 3600.0
    data = AccessTokenData(access_token=jwt(exp=fake_time.true() + 600))
    data.obtained(server, timedelta(hours=6))
    assert not data.is_expired()
    assert timedelta(minutes=9) < data.expires_in <= timedelta(minutes=10)
    fake_time.sleep(601)
    assert data.is_expired()
    assert data.expires_in < timedelta()
