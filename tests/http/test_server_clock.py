"""The server's clock: whom it believes, and when."""

from __future__ import annotations

import re
import warnings
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import configure, go
from upstox_totp import UpstoxTOTP, UpstoxWarning
from upstox_totp._http import server_clock
from upstox_totp._http.server_clock import ServerClock, parse_http_date
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    import requests

    from conftest import FakeTime


def date(fake_time: FakeTime, ahead: float = 0) -> dict[str, str]:
    """Return the headers of an answer by a clock that is so far ahead."""
    return {"Date": formatdate(fake_time.time() + ahead, usegmt=True)}


@pytest.mark.parametrize("ahead", [0, 14, -13])
def test_a_small_difference_is_believed_at_once(fake_time: FakeTime, ahead: float) -> None:
    """Below fifteen seconds one answer is enough."""
    clock = ServerClock()
    clock.follow(date(fake_time, ahead))
    assert clock.local_ahead is not None
    assert not clock.is_doubtful
    assert clock.now() == pytest.approx(fake_time.time() + ahead, abs=1.1)


@pytest.mark.parametrize("ahead", [16, -17, 600, -86400])
def test_a_large_difference_takes_two_answers(fake_time: FakeTime, ahead: float) -> None:
    """The first is doubted, a second that agrees settles it."""
    clock = ServerClock()
    clock.follow(date(fake_time, ahead))
    assert clock.local_ahead is None
    assert clock.is_doubtful
    assert clock.now() == pytest.approx(fake_time.time(), abs=0.1)
    fake_time.sleep(5)
    clock.follow(date(fake_time, ahead + 1))
    assert clock.local_ahead is not None
    assert not clock.is_doubtful
    assert clock.now() == pytest.approx(fake_time.time() + ahead + 1, abs=1.1)


def test_one_odd_answer_changes_nothing(fake_time: FakeTime) -> None:
    """Neither what was believed, nor for longer than until the next."""
    clock = ServerClock()
    for ahead in (600, 600, 0, 600):
        clock.follow(date(fake_time, ahead))
    assert clock.now() - fake_time.time() == pytest.approx(600, abs=1.1)
    clock.follow(date(fake_time, 90_000))
    assert clock.now() - fake_time.time() == pytest.approx(600, abs=1.1)
    assert clock.is_doubtful
    clock.follow(date(fake_time, 40_000))
    assert clock.now() - fake_time.time() == pytest.approx(600, abs=1.1)


def test_a_clock_that_was_set_makes_it_forget(fake_time: FakeTime) -> None:
    """What was believed holds for the local clock as it was."""
    clock = ServerClock()
    clock.follow(date(fake_time))
    assert clock.local_ahead is not None
    fake_time.offset = 300
    assert clock.local_ahead is None
    assert clock.now() == pytest.approx(fake_time.time(), abs=0.1)


def test_an_answer_out_of_a_cache_tells_nothing(fake_time: FakeTime) -> None:
    """An Age says that the Date is old."""
    clock = ServerClock()
    clock.follow(date(fake_time) | {"Age": "0"})
    assert clock.local_ahead is None


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 01 Jan 1960 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
)
def test_a_date_beyond_reason_is_passed_over(fake_time: FakeTime, text: str) -> None:
    """It raises nothing, and no code is made for it."""
    clock = ServerClock()
    for _ in range(3):
        clock.follow({"Date": text})
    assert clock.local_ahead is None
    assert not clock.is_doubtful


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(max_size=40)
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} [+-]?\w{1,6}")
)
def test_no_date_raises(text: str) -> None:
    """Whatever stands in the header, a number or nothing comes of it."""
    parsed = parse_http_date(text)
    assert parsed is None or isinstance(parsed, float)


ODD = [
    "Thu, 01 Jan 1960 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Wed, 21 Oct 2099 07:28:00 GMT",
    "nonsense",
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("place", range(7))
def test_one_odd_date_costs_no_attempt(
    client: UpstoxTOTP, sandbox: Sandbox, text: str, place: int
) -> None:
    """At whichever answer of a login it comes, the login succeeds and the token is not older."""
    seen: list[str] = []

    def falsify(response: requests.Response) -> None:
        seen.append(response.url)
        if len(seen) == place + 1:
            response.headers["Date"] = text

    client.session.hooks["response"].append(falsify)
    data = client.app_token.get_access_token().data
    assert sandbox.codes_received == 1
    assert data.obtained_at is not None
    assert abs(data.obtained_at.timestamp() - sandbox.now()) < 35
    assert abs(data.clock_offset.total_seconds()) < 35
    assert not data.is_expired()


def test_a_day_off_at_the_otp_request_alone_is_asked_about(
    client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """Where two answers disagree the time is asked once more, without a credential."""

    def falsify(response: requests.Response) -> None:
        if "otp/generate" in response.url:
            response.headers.update(date(fake_time, 86_400))

    client.session.hooks["response"].append(falsify)
    assert client.app_token.get_access_token().success
    (extra,) = (
        record for record in sandbox.requests if (record.stage, record.path) == ("api", "/")
    )
    assert extra.method == "GET"
    assert not extra.body


@pytest.mark.parametrize("on_loopback", [True, False])
@pytest.mark.parametrize("method", ["api", "page"])
def test_a_user_sees_that_the_clock_is_wrong(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, method: str, *, on_loopback: bool
) -> None:
    """As a warning of Python's; a clock on loopback, which may be moved, says nothing."""
    fake_time.offset = -600
    monkeypatch.setattr(server_clock, "is_loopback", lambda _: on_loopback)
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        with go(UpstoxTOTP(), method) as upx, warnings.catch_warnings(record=True) as seen:
            upx.app_token.get_access_token()
        assert sandbox.codes_received == 1
    told = [str(one.message) for one in seen if issubclass(one.category, UpstoxWarning)]
    assert len(told) == (0 if on_loopback else 1)
    assert on_loopback or re.search(r"\d+ seconds behind Upstox", told[0])
