"""The ledger of attempts, row by row: what is sent at most, what holds, and what releases it."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests

from support.outcomes import judged
from upstox_totp import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    UpstoxError,
    UpstoxWarning,
    _clock,
)
from upstox_totp._cache.attempt_log import AttemptLog
from upstox_totp._cache.attempts import Outcome, sending
from upstox_totp._cache.backend import MemoryBackend
from upstox_totp._cache.records import AttemptRecord, Credential, dump, load
from upstox_totp._cache.store import Store
from upstox_totp._settings.identity import Identity, identify

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import FakeTime

SETTINGS = {
    "username": "9876543210",
    "password": "a password",
    "pin_code": "1234",
    "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "client_id": "a client id",
    "client_secret": "a client secret",
    "redirect_uri": "https://127.0.0.1/callback",
}
DOMAIN = "https://{stage}.upstox.com"
OTHERS = {
    "password": "another",
    "client_id": "another",
    "client_secret": "another",
    "redirect_uri": "https://127.0.0.1/another",
}


def settings(**changed: str) -> Identity:
    """Return what identifies the settings of a login."""
    identity = identify(SETTINGS | changed, DOMAIN)
    assert identity is not None
    return identity


class Account:
    """An account, and what was sent of its credentials."""

    def __init__(self) -> None:
        self.store = Store(MemoryBackend())
        self.sent = 0

    def try_login(
        self,
        error: BaseException | None,
        verdict: Outcome = Outcome.UNANSWERED,
        *kinds: Credential,
        force: bool = False,
        identity: Identity | None = None,
    ) -> BaseException | None:
        """Send credentials once, and return what the login ended with."""
        who = identity or settings()
        lock = self.store.acquire(who)
        assert lock is not None
        try:
            ledger = AttemptLog(lock, who, force=force)
            ledger.check()
            with judged(verdict), ledger.sending(*(kinds or (Credential.PIN,))):
                self.sent += 1
                if error is not None:
                    raise error
            ledger.note_login(ends_others=False)
        except (UpstoxError, requests.RequestException) as ended:
            return ended
        finally:
            lock.release()
        return None

    def hold(self, identity: Identity | None = None) -> UpstoxError | None:
        """Return what forbids the next login."""
        who = identity or settings()
        lock = self.store.acquire(who)
        assert lock is not None
        try:
            AttemptLog(lock, who).check()
        except UpstoxError as error:
            return error
        finally:
            lock.release()
        return None


@pytest.fixture
def account() -> Account:
    """An account of which nothing is known."""
    return Account()


def wrong_pin(left: int | None = None) -> AuthenticationError:
    """Return what a rejected PIN is answered."""
    details = {} if left is None else {"attempts_left": left}
    error = AuthenticationError("Incorrect", error_code=ErrorCode.INCORRECT_PIN, details=details)
    error.settings = ("pin_code",)
    return error


def wrong_code() -> AuthenticationError:
    """Return what a rejected code is answered."""
    error = AuthenticationError("Wrong code", suggestions=["Wait half a minute."])
    error.settings = ("totp_secret",)
    return error


def no_answer() -> requests.ConnectionError:
    """Return what an answer that is lost becomes."""
    return requests.ConnectionError("lost")


def many(account: Account, make: Callable[[], BaseException], *rest: object) -> int:
    """Try eight logins, and return how many went out."""
    for _ in range(8):
        account.try_login(make(), *rest)  # type: ignore[arg-type]
    return account.sent


def test_a_rejected_pin_is_sent_once(account: Account) -> None:
    """It is refused with the same class and code; the error says what, since when, until when."""
    assert many(account, wrong_pin, Outcome.REJECTED) == 1
    held = account.hold()
    assert type(held) is AuthenticationError
    assert held.error_code is ErrorCode.INCORRECT_PIN
    assert held.settings == ("pin_code",)
    assert held.details["failed_at"].endswith("+05:30")
    for words in ("This PIN", "IST", "UPSTOX_PIN_CODE", "force=True", "token --force"):
        assert words in str(held)


def test_a_locked_account_is_told_how_to_unlock_it(account: Account) -> None:
    """Another PIN does not help until there is a new one."""
    locked = AuthenticationError("Locked", error_code=ErrorCode.ACCOUNT_LOCKED)
    assert many(account, lambda: locked, Outcome.REJECTED) == 1
    for identity in (settings(), settings(pin_code="2222")):
        held = account.hold(identity)
        assert str(held).count("Forgot PIN") == 1
        assert "token --force" in str(held)


@pytest.mark.parametrize("name", OTHERS)
def test_an_unrelated_setting_releases_nothing(account: Account, name: str) -> None:
    """A password that is never sent, an app, its secret or its address: the PIN is the same."""
    account.try_login(wrong_pin(), Outcome.REJECTED)
    assert account.hold(settings(**{name: OTHERS[name]})) is not None


def test_three_rejected_pins_hold_every_pin(account: Account) -> None:
    """Who tries one PIN after the other gets three, of five that lock the account."""
    for pin in range(1000, 1010):
        account.try_login(wrong_pin(), Outcome.REJECTED, identity=settings(pin_code=str(pin)))
    assert account.sent == 3
    assert account.hold(settings(pin_code="4321")) is not None


def test_back_to_a_rejected_pin_is_refused(account: Account) -> None:
    """Another PIN goes out, and was right; the one that was wrong stays wrong."""
    account.try_login(wrong_pin(), Outcome.REJECTED)
    right = settings(pin_code="4321")
    assert account.try_login(None, identity=right) is None
    assert account.hold(right) is None
    assert account.hold() is not None
    assert account.sent == 2


def test_a_success_clears_the_failures_of_its_kind(account: Account) -> None:
    """Two failures before it do not count after it; those of another kind do."""
    for _ in range(2):
        account.try_login(no_answer())
        account.try_login(no_answer(), Outcome.UNANSWERED, Credential.CODE)
    account.try_login(None)
    for _ in range(2):
        account.try_login(no_answer())
    assert account.hold() is None
    account.try_login(no_answer(), Outcome.UNANSWERED, Credential.CODE)
    assert account.hold() is not None


def test_a_rejected_code_is_sent_twice(account: Account) -> None:
    """A later call may use another period's code once; then the secret is held."""
    assert many(account, wrong_code, Outcome.REJECTED, Credential.CODE) == 2
    held = account.hold()
    assert isinstance(held, AuthenticationError)
    assert "UPSTOX_TOTP_SECRET" in str(held)
    assert "half a minute" not in str(held)


@pytest.mark.parametrize("kind", Credential)
def test_refusals_that_nobody_knows_are_sent_three_times(
    account: Account, kind: Credential
) -> None:
    """A code that no table has may mean that the credential was wrong."""

    def refuse() -> APIError:
        return APIError("Something new", error_code=424242)

    assert many(account, refuse, Outcome.UNEXPLAINED, kind) == 3
    held = account.hold(settings(pin_code="4321"))
    assert type(held) is APIError
    assert held.error_code == 424242


@pytest.mark.parametrize("kind", Credential)
def test_no_verdict_is_sent_three_times(
    account: Account, kind: Credential, fake_time: FakeTime
) -> None:
    """Then one try each fifteen minutes, as long as no verdict was heard."""
    assert many(account, no_answer, Outcome.UNANSWERED, kind) == 3
    held = account.hold()
    assert isinstance(held, UpstoxError)
    assert held.details["retry_after"] == pytest.approx(900, abs=5)
    for number in range(4, 7):
        fake_time.sleep(901)
        many(account, no_answer, Outcome.UNANSWERED, kind)
        assert account.sent == number


def test_silence_after_a_rejection_does_not_release_the_pin(
    account: Account, fake_time: FakeTime
) -> None:
    """A try each fifteen minutes is for a PIN that was never rejected."""
    account.try_login(wrong_pin(), Outcome.REJECTED)
    for pin in ("1111", "2222"):
        account.try_login(no_answer(), identity=settings(pin_code=pin))
    fake_time.sleep(901)
    assert account.hold(settings(pin_code="3333")) is not None


def test_a_killed_login_is_a_failure_without_a_verdict(account: Account) -> None:
    """Who comes next finds that it was begun; three of them hold."""
    for _ in range(8):
        lock = account.store.acquire(settings())
        assert lock is not None
        with suppress(UpstoxError):
            AttemptLog(lock, settings()).check()
            lock.write_attempts(
                sending(lock.read_attempts(), (Credential.PIN,), None, _clock.time())
            )
            account.sent += 1
        lock.release()
    assert account.sent == 3


def test_an_interrupted_login_is_a_failure_without_a_verdict(account: Account) -> None:
    """Ctrl-C while the PIN is on its way, or a mistake of ours: nobody knows what came of it."""
    for _ in range(8):
        with suppress(KeyboardInterrupt):
            account.try_login(KeyboardInterrupt(), Outcome.NOT_JUDGED)
    assert account.sent == 3


@pytest.mark.parametrize("verdict", [Outcome.NOT_JUDGED, Outcome.NOT_SENT])
def test_what_says_nothing_holds_nothing(account: Account, verdict: Outcome) -> None:
    """An edge's page, a notice, a refused connection."""
    assert many(account, lambda: APIError("A page"), verdict) == 8
    assert account.hold() is None


@pytest.mark.parametrize("left", [0, 1])
def test_one_attempt_left_holds_whatever_changes(account: Account, left: int) -> None:
    """The last attempt is the user's own."""
    account.try_login(wrong_pin(left), Outcome.REJECTED)
    assert account.hold(settings(pin_code="4321")) is not None


def test_a_locked_account_is_held(account: Account) -> None:
    """Another PIN does not unlock it."""
    locked = AuthenticationError("Locked", error_code=ErrorCode.ACCOUNT_LOCKED)
    account.try_login(locked, Outcome.REJECTED)
    held = account.hold(settings(pin_code="4321"))
    assert isinstance(held, AuthenticationError)
    assert held.error_code is ErrorCode.ACCOUNT_LOCKED


def test_a_refusal_of_two_credentials_is_sent_twice(account: Account) -> None:
    """One later try of the same app, secret and PIN; then they are held, and no others."""

    def refuse() -> AuthenticationError:
        return AuthenticationError("Refused", error_code="UDAPI1")

    both = (Credential.CODE, Credential.PIN)
    assert many(account, refuse, Outcome.REJECTED, *both) == 2
    assert account.hold() is not None
    other = settings(pin_code="4321")
    assert account.hold(other) is None
    account.try_login(refuse(), Outcome.REJECTED, *both, identity=other)
    assert account.hold(settings(pin_code="5555")) is not None


def test_a_refusal_of_two_credentials_that_names_one(account: Account) -> None:
    """Where Upstox says that it was the PIN, it was the PIN."""
    both = (Credential.CODE, Credential.PIN)
    account.try_login(wrong_pin(), Outcome.REJECTED, *both)
    assert account.hold() is not None
    assert account.hold(settings(pin_code="4321")) is None


def limited(seconds: float | None, code: object = None, by: str = "Upstox") -> RateLimitError:
    """Return a limit."""
    error = RateLimitError(
        "Too many",
        error_code=code,  # type: ignore[arg-type]
        details={"answered_by": by},
    )
    error.retry_after = seconds
    return error


@pytest.mark.parametrize(
    ("told", "code", "seconds"),
    [
        (30, None, 30),
        (None, None, 60),
        (0, None, 60),
        (999_999_999, None, 86400),
        (0, ErrorCode.TOO_MANY_OTPS, 600),
        (None, ErrorCode.TOO_MANY_OTPS, 600),
        (1200, ErrorCode.TOO_MANY_OTPS, 1200),
    ],
)
def test_a_limit_holds_for_its_time(
    account: Account, fake_time: FakeTime, told: float | None, code: object, seconds: float
) -> None:
    """A day at most, ten minutes for too many codes, a minute where nothing was told."""
    account.try_login(limited(told, code), Outcome.NOT_JUDGED, Credential.OTP_REQUEST)
    for changed in ({}, *({name: value} for name, value in OTHERS.items())):
        held = account.hold(settings(**changed))
        assert isinstance(held, RateLimitError)
        assert held.retry_after == pytest.approx(seconds, abs=5)
    fake_time.sleep(seconds - 10)
    assert isinstance(account.hold(), RateLimitError)
    fake_time.sleep(11)
    assert account.hold() is None


def test_a_clock_before_a_limit_releases_it(account: Account, fake_time: FakeTime) -> None:
    """One of the two clocks was wrong, and the person is told."""
    account.try_login(limited(600), Outcome.NOT_JUDGED)
    fake_time.offset = -86400.0
    with pytest.warns(UpstoxWarning, match="limit is released"):
        assert account.hold() is None
    fake_time.offset = 0.0
    assert account.hold() is None


def test_force_is_one_attempt(account: Account) -> None:
    """It passes what holds once; the next call is held again."""
    account.try_login(wrong_pin(), Outcome.REJECTED)
    account.try_login(wrong_pin(), Outcome.REJECTED, force=True)
    account.try_login(wrong_pin(), Outcome.REJECTED)
    assert account.sent == 2


def test_clear_forgets_all_but_the_used_codes(account: Account) -> None:
    """The person has set things right at Upstox; a code stays used."""
    account.try_login(wrong_pin(1), Outcome.REJECTED)
    lock = account.store.acquire(settings())
    assert lock is not None
    with (
        suppress(APIError),
        judged(Outcome.NOT_JUDGED),
        AttemptLog(lock, settings(), force=True).sending(Credential.CODE, time_step=7),
    ):
        raise APIError("A page")
    lock.clear()
    assert AttemptLog(lock, settings()).next_time_step(7) == 8
    lock.release()
    assert account.hold() is None


def test_a_code_is_used_once_whatever_comes_of_it(account: Account) -> None:
    """Its period is written before it goes out, and it stays used though it did not go out."""
    lock = account.store.acquire(settings())
    assert lock is not None
    ledger = AttemptLog(lock, settings())
    assert ledger.next_time_step(5) == 5
    with (
        suppress(APIError),
        judged(Outcome.NOT_SENT),
        ledger.sending(Credential.CODE, time_step=5),
    ):
        assert lock.read_attempts().time_steps == (5,)
        raise APIError("not sent")
    assert AttemptLog(lock, settings(client_id="another")).next_time_step(5) == 6


def test_settings_that_were_rejected_hold_themselves(account: Account) -> None:
    """A wrong client secret costs no attempt of the account: any change releases it."""
    lock = account.store.acquire(settings())
    assert lock is not None
    error = AuthenticationError("Wrong", error_code=ErrorCode.INVALID_CREDENTIALS)
    error.settings = ("client_id", "client_secret")
    AttemptLog(lock, settings()).note_failure(error)
    lock.release()
    assert account.hold() is not None
    assert account.hold(settings(client_secret="another")) is None


def test_only_rejected_pins_are_written_down(account: Account) -> None:
    """As keyed hashes, sixteen of them; a PIN that is right or unknown leaves no hash."""
    for pin in range(1000, 1020):
        identity = settings(pin_code=str(pin))
        account.try_login(wrong_pin(), Outcome.REJECTED, identity=identity, force=True)
    other = settings(pin_code="4321")
    account.try_login(no_answer(), identity=other, force=True)
    account.try_login(
        AuthenticationError("Refused"),
        Outcome.REJECTED,
        Credential.CODE,
        Credential.PIN,
        identity=other,
        force=True,
    )
    content = dump(account.store.read_attempts(other)).decode()
    assert other.pin is not None
    assert other.pin not in content
    assert content.count(str(settings(pin_code="1019").pin)) == 1
    assert len(account.store.read_attempts(other).rejected) == 16


def test_a_ledger_stays_small(account: Account) -> None:
    """Megabytes of a server's words are cut before they are kept."""
    for _ in range(3):
        error = APIError("x" * 3_000_000, error_code="y" * 3_000_000, suggestions=["z" * 10**6])
        account.try_login(error, Outcome.UNEXPLAINED)
    assert len(dump(account.store.read_attempts(settings()))) < 100_000


def test_what_is_written_is_what_is_read(account: Account) -> None:
    """Every part of it comes back."""
    account.try_login(wrong_pin(2), Outcome.REJECTED)
    account.try_login(limited(60), Outcome.NOT_JUDGED, Credential.OTP_REQUEST, force=True)
    account.try_login(None, Outcome.NOT_JUDGED, Credential.CODE, force=True)
    record = account.store.read_attempts(settings())
    assert load(AttemptRecord, dump(record)) == record


def test_threads_with_a_wrong_pin_send_one(account: Account) -> None:
    """One thread's turn at a time."""

    def run() -> None:
        while True:
            lock = account.store.acquire(settings())
            if lock is not None:
                break
        try:
            with suppress(UpstoxError), AttemptLog(lock, settings()).sending(Credential.PIN):
                account.sent += 1
                raise wrong_pin()
        finally:
            lock.release()

    threads = [threading.Thread(target=run) for _ in range(8)]
    with judged(Outcome.REJECTED):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert account.sent == 1
