"""One-time passwords: known vectors, one use each, the server's clock."""

from __future__ import annotations

import base64
import logging
import re

import pytest
from pydantic import SecretStr

from conftest import FakeTime, configure
from support.settings_examples import VALID
from upstox_totp import AuthenticationError, UpstoxTOTP, UpstoxWarning
from upstox_totp._api.one_time_passwords import OneTimePasswords
from upstox_totp._http import server_clock
from upstox_totp._http.server_clock import ServerClock
from upstox_totp._settings.totp_secret import normalise_text
from upstox_totp.sandbox import Fault, Sandbox

# RFC 6238, appendix B, SHA-1, the last six of eight digits.
RFC_VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
RFC_SECRET = SecretStr(base64.b32encode(b"12345678901234567890").decode())


CLOCK = ServerClock()


class Used:
    """Which codes were used, as a ledger knows it."""

    def __init__(self) -> None:
        self.periods: set[int] = set()

    def next_time_step(self, earliest: int) -> int:
        """Return the first unused period, and use it."""
        while earliest in self.periods:
            earliest += 1
        self.periods.add(earliest)
        return earliest


def passwords(secret: str | SecretStr = RFC_SECRET) -> OneTimePasswords:
    """Return the codes of a secret."""
    text = secret if isinstance(secret, str) else secret.get_secret_value()
    return OneTimePasswords(SecretStr(normalise_text(text)))


@pytest.fixture
def moment(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A wall clock that stands still, in a list of one number."""
    now = [1_800_000_000.0]

    def sleep(seconds: float) -> None:
        fake_time.sleeps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("upstox_totp._clock.time", lambda: now[0])
    monkeypatch.setattr("upstox_totp._clock.sleep", sleep)
    return now


@pytest.mark.parametrize(("time", "code"), RFC_VECTORS.items())
def test_rfc_vectors(moment: list[float], time: int, code: str) -> None:
    """The codes of RFC 6238 come out."""
    moment[0] = time
    assert passwords().current(CLOCK).get_secret_value() == code


def test_short_keys_make_the_codes_of_the_key_itself(moment: list[float]) -> None:
    """A key of 80 bits, which recent pyotp refuses, makes the code that every app shows."""
    import hashlib  # noqa: PLC0415 - used here alone
    import hmac  # noqa: PLC0415

    for text in ("JBSWY3DPEHPK3PXP", "MFRGG", "A" * 104):
        key = base64.b32decode(text + "=" * (-len(text) % 8))
        digest = hmac.new(key, int(moment[0] // 30).to_bytes(8, "big"), hashlib.sha1).digest()
        offset = digest[-1] & 15
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
        assert passwords(text).current(CLOCK).get_secret_value() == f"{number % 1_000_000:06}"


def test_a_code_is_claimed_once(
    moment: list[float], fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    """The second claim in a period, by any object, waits for the next code and says so."""
    caplog.set_level(logging.INFO, "upstox_totp")
    moment[0] = 1_800_000_000.0 + 10
    here = Used()
    first, _ = passwords().claim(CLOCK, here.next_time_step)
    assert fake_time.sleeps == []
    second, _ = passwords().claim(CLOCK, here.next_time_step)
    assert fake_time.sleeps == [20]
    assert "Waiting 20 seconds for the next one-time password" in caplog.text
    assert first != second
    assert passwords().claim(CLOCK, Used().next_time_step)[0] == second


def test_showing_a_code_uses_nothing_up(moment: list[float], fake_time: FakeTime) -> None:
    """generate_totp_secret() shows the current code again and again without waiting."""
    upx = UpstoxTOTP(**(VALID | {"totp_secret": RFC_SECRET}))
    shown = {upx.generate_totp_secret() for _ in range(3)}
    claimed = passwords().claim(CLOCK, Used().next_time_step)[0].get_secret_value()
    assert shown == {claimed} == {upx.generate_totp_secret()}
    assert fake_time.sleeps == []


@pytest.mark.parametrize("within", [None, 0.0, 4.0])
@pytest.mark.parametrize(("second", "waits"), [(26.9, 0), (27.0, 0), (27.5, 2.5), (29.9, 0.1)])
def test_a_code_about_to_expire_is_not_used(
    moment: list[float], fake_time: FakeTime, second: float, waits: float, within: float | None
) -> None:
    """With under 3 seconds to live when it is sent the next code is waited for."""
    later = {} if within is None else {"within": within}
    moment[0] = 1_800_000_000.0 + second - (within or 0.0)
    waits = waits and waits + (within or 0.0)
    used = Used()
    passwords("MFRGGZDFMZTWQ2LK").claim(CLOCK, used.next_time_step, **later)
    assert sum(fake_time.sleeps) == pytest.approx(waits)
    assert len(used.periods) == 1


@pytest.mark.parametrize("naps", [(65.0, 30.0, 30.0), (48.0, 2.0)])
def test_a_code_that_expired_while_waiting_is_not_used(
    moment: list[float], monkeypatch: pytest.MonkeyPatch, naps: tuple[float, ...]
) -> None:
    """A machine that was suspended takes the code of the time it woke up in, or the next."""
    lasting = iter(naps)

    def oversleep(_seconds: float) -> None:
        moment[0] += next(lasting)

    codes = passwords("MFRGGZDFMZTWQ2LL")
    moment[0] = 1_800_000_000.0 + 10
    used = Used()
    codes.claim(CLOCK, used.next_time_step)
    monkeypatch.setattr("upstox_totp._clock.sleep", oversleep)
    assert codes.claim(CLOCK, used.next_time_step)[0] == codes.current(CLOCK)
    assert moment[0] % 30 <= 27


def test_two_logins_in_the_same_period_wait_for_the_next_code(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two clients with the same secret, one after the other: the second waits, both log in."""
    caplog.set_level(logging.INFO, "upstox_totp")
    fake_time.skipped += -fake_time.true() % 30
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        for _ in range(2):
            with UpstoxTOTP() as upx:
                assert upx.app_token.get_access_token().success
        codes = [r.json["data"]["otp"] for r in sandbox.requests if r.step == "verify"]
        assert len(set(codes)) == 2
    assert re.search("Waiting 2[0-9] seconds for the next one-time password", caplog.text)


@pytest.mark.parametrize("minutes", [10, -10])
def test_the_clock_may_be_ten_minutes_off(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """The code is made for the server's time; one warning says by how much the clock is off."""
    fake_time.offset = minutes * 60
    # A clock on loopback says nothing about this machine's.
    monkeypatch.setattr(server_clock, "is_loopback", lambda _: False)
    with Sandbox(clock=fake_time.true, step_clock=True) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx, pytest.warns(UpstoxWarning) as seen:
            answers = [upx.app_token.get_access_token() for _ in range(3)]
    assert all(one.success for one in answers)
    (warning,) = seen
    off, ahead = seconds_and_direction(str(warning.message))
    assert abs(off - 600) <= 2
    assert ahead == ("ahead of" if minutes > 0 else "behind")


def seconds_and_direction(text: str) -> tuple[int, str]:
    """Return the seconds and the direction that a warning names."""
    match = re.search(r"is (\d+) seconds (ahead of|behind)", text)
    assert match
    return int(match.group(1)), match.group(2)


@pytest.mark.parametrize("offset", [4, -4, 0])
def test_a_clock_a_little_off_is_no_warning(
    fake_time: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    offset: int,
) -> None:
    """Up to 5 seconds nothing is said."""
    fake_time.offset = offset
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            upx.app_token.get_access_token()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_without_a_date_the_local_clock_serves(
    client: UpstoxTOTP, sandbox: Sandbox, fake_time: FakeTime
) -> None:
    """An answer out of a cache tells nothing about the server's clock."""
    fake_time.offset = 600
    client.session.hooks["response"].append(lambda response: response.headers.update({"Age": "5"}))
    with pytest.raises(AuthenticationError):
        client.app_token.get_access_token()
    assert client.server_clock.local_ahead is None
    fake_time.offset = 0
    sandbox.advance(30)
    assert client.app_token.get_access_token().success


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Oct 2099 07:28:00 GMT", "0"])
def test_an_unreadable_date_is_passed_over(fake_time: FakeTime, date: str) -> None:
    """What is no date leaves the local clock in place."""
    server = ServerClock()
    server.follow({"Date": date})
    assert server.local_ahead is None
    assert server.now() == pytest.approx(fake_time.time(), abs=1)


def test_the_servers_clock_is_never_overtaken(fake_time: FakeTime) -> None:
    """The time followed is the date as it came, plus what has passed since."""
    server = ServerClock()
    for _ in range(2):
        server.follow({"Date": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert server.now() == pytest.approx(1445412480, abs=0.1)
    fake_time.skipped += 100
    assert server.now() == pytest.approx(1445412580, abs=0.1)
    for _ in range(2):
        server.follow({"Date": "Wed, 21 Oct 2015 07:28:00 -0000"})
    assert server.now() == pytest.approx(1445412480, abs=0.1)


def test_a_rejected_code_is_not_sent_again(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """After a rejection the next login of the same client has a code of its own."""
    sandbox.misbehave("verify", Fault.refuse(1017999, "Wrong, 4 attempts left"), times=1)
    with pytest.raises(AuthenticationError) as caught:
        client.app_token.get_access_token()
    assert caught.value.attempts_left == 4
    assert client.app_token.get_access_token().success
    codes = [r.json["data"]["otp"] for r in sandbox.requests if r.step == "verify"]
    assert len(codes) == len(set(codes)) == 2
