"""What an answer says about a credential, in the words of an error and for the ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from conftest import configure
from upstox_totp import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    Step,
    UpstoxError,
    UpstoxTOTP,
    ValidationError,
)
from upstox_totp._api.responses import blocked_by, check_granted, leaves_unjudged, unexpected
from upstox_totp._cache.attempt_log import _judge as judge
from upstox_totp._cache.attempts import Outcome
from upstox_totp._cache.backend import PROCESS
from upstox_totp._http.answers import Answer
from upstox_totp._http.network_errors import network_error
from upstox_totp._redact import Secrets
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from conftest import FakeTime

CLOUDFLARE_PAGE = b"""<!DOCTYPE html><html><head><title>Access denied | service.upstox.com used
Cloudflare to restrict access</title></head><body><h1><span class="cf-error-type">Error</span>
<span class="cf-error-code">%d</span></h1></body></html>"""


def service(code: object, message: str = "m") -> bytes:
    """Return a refusal in the envelope of the login service."""
    return json.dumps({"success": False, "error": {"code": code, "message": message}}).encode()


def api(code: object, message: str = "m") -> bytes:
    """Return a refusal in the envelope of the API."""
    return json.dumps(
        {"status": "error", "errors": [{"errorCode": code, "message": message}]}
    ).encode()


def answer(status: int, body: bytes, **headers: str) -> Answer:
    """Return an answer that no server has sent."""
    response = requests.Response()
    response.status_code = status
    response._content = body  # noqa: SLF001 - how a response is made without a server
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(response)


def refused(status: int, body: bytes, step: Step, **headers: str) -> UpstoxError:
    """Return the error of an answer, as a login completes it."""
    with pytest.raises(UpstoxError) as caught:
        check_granted(answer(status, body, **headers), step, Secrets())
    caught.value.step = step
    return caught.value


Row = tuple[int, bytes, Step, type[UpstoxError], Outcome]
ROWS: dict[str, Row] = {
    "wrong PIN": (200, service(1017106), Step.PIN, AuthenticationError, Outcome.REJECTED),
    "wrong PIN, by message": (
        200, service(1017999, "4 attempts left"), Step.PIN, AuthenticationError, Outcome.REJECTED),
    "wrong code": (200, service(1017999, "Invalid, 2 attempts remaining"), Step.OTP_VERIFY,
                   AuthenticationError, Outcome.REJECTED),
    "locked, at the code": (200, service(1017090), Step.OTP_VERIFY, AuthenticationError,
                            Outcome.UNEXPLAINED),
    "wrong number": (200, service(1017016), Step.OTP_GENERATE, AuthenticationError,
                     Outcome.REJECTED),
    "wrong secret of the app": (401, api("UDAPI100069"), Step.TOKEN, AuthenticationError,
                                Outcome.REJECTED),
    "an unknown code": (200, service(4711), Step.PIN, APIError, Outcome.UNEXPLAINED),
    "an unknown code with 401": (401, service(4711), Step.PIN, APIError, Outcome.UNEXPLAINED),
    "no code": (200, b'{"success": false}', Step.PIN, APIError, Outcome.UNEXPLAINED),
    "words alone": (200, b'{"success": false, "error": "text"}', Step.PIN, APIError,
                    Outcome.UNEXPLAINED),
    "device approval": (401, service(4712, "Approve this device"), Step.OTP_VERIFY, APIError,
                        Outcome.UNEXPLAINED),
    "a session that ended": (200, service(1017076), Step.PIN, APIError, Outcome.UNANSWERED),
    "static address missing": (401, api("UDAPI1221"), Step.TOKEN, APIError, Outcome.NOT_JUDGED),
    "static address differs": (403, api("UDAPI1154"), Step.PIN, APIError, Outcome.UNANSWERED),
    "maintenance": (401, service(4713, "Under Maintenance"), Step.PIN, APIError,
                    Outcome.UNANSWERED),
    "maintenance, no credential": (401, service(4713, "Under Maintenance"), Step.OTP_GENERATE,
                                   APIError, Outcome.NOT_JUDGED),
    "maintenance, attempts left": (
        200, service("UDAPI100036", "4 attempts left before maintenance"), Step.PIN,
        AuthenticationError, Outcome.REJECTED),
    "maintenance, a block page": (403, b"<html>maintenance</html>", Step.PIN, APIError,
                                  Outcome.NOT_JUDGED),
    "a limit, attempts left": (200, service("UDAPI10005", "4 attempts left"), Step.PIN,
                               RateLimitError, Outcome.REJECTED),
    "a limit, attempts left, no credential": (
        200, service("UDAPI10005", "4 attempts left"), Step.TOKEN, RateLimitError,
        Outcome.NOT_JUDGED),
    "attempts left, no credential": (200, service(4711, "4 attempts left"), Step.OTP_GENERATE,
                                     APIError, Outcome.UNEXPLAINED),
    "no code, 401": (401, b'{"success": false}', Step.PIN, APIError, Outcome.UNEXPLAINED),
    "another matter, attempts left, no credential": (
        400, api("UDAPI100036", "4 attempts left"), Step.TOKEN, APIError, Outcome.NOT_JUDGED),
    "the one request, invalid input": (400, api("UDAPI100036"), Step.TOTP_LOGIN,
                                       AuthenticationError, Outcome.REJECTED),
    "the one request, down, in words": (503, api("UDAPI7777"), Step.TOTP_LOGIN, APIError,
                                        Outcome.UNANSWERED),
    "the one request, Cloudflare in its words": (
        400, api("UDAPI7777", "cloudflare error 1015"), Step.TOTP_LOGIN, AuthenticationError,
        Outcome.REJECTED),
    "the one request, down": (500, api("UDAPI100036"), Step.TOTP_LOGIN, APIError,
                              Outcome.UNANSWERED),
    "another matter": (200, service("UDAPI100036"), Step.PIN, APIError, Outcome.UNANSWERED),
    "another matter, no credential": (200, service("UDAPI100036"), Step.OTP_GENERATE, APIError,
                                      Outcome.NOT_JUDGED),
    "another matter, down": (500, service("UDAPI100036"), Step.OTP_GENERATE, APIError,
                             Outcome.UNANSWERED),
    "a token, at the PIN": (401, api("UDAPI100050"), Step.PIN, AuthenticationError,
                            Outcome.UNANSWERED),
    "no route, by Upstox, at the PIN": (404, api("UDAPI10000"), Step.PIN, APIError,
                                        Outcome.UNANSWERED),
    "maintenance page": (503, b"<html>Scheduled maintenance</html>", Step.PIN, APIError,
                         Outcome.UNANSWERED),
    "maintenance, Cloudflare's 500": (500, CLOUDFLARE_PAGE % 1020 + b"maintenance", Step.PIN,
                                      APIError, Outcome.UNANSWERED),
    "a proxy's 401": (401, b"<html>Log in to the proxy</html>", Step.PIN, APIError,
                      Outcome.NOT_JUDGED),
    "Unauthorized": (401, b"Unauthorized", Step.TOKEN, APIError, Outcome.NOT_JUDGED),
    "a stranger's 401 to a PIN": (401, b'{"message": "Wrong PIN"}', Step.PIN, APIError,
                                  Outcome.UNANSWERED),
    "a gateway's words": (403, b'{"message": "Forbidden"}', Step.PIN, APIError, Outcome.NOT_JUDGED),
    "a bad request, no words": (400, b"", Step.PIN, APIError, Outcome.UNANSWERED),
    "a bad request, words of nobody": (422, b'{"message": "Invalid PIN"}', Step.PIN, APIError,
                                       Outcome.UNANSWERED),
    "granted, and an error": (200, b'{"error": {"message": "Invalid PIN"}}', Step.PIN, APIError,
                              Outcome.UNANSWERED),
    "a bad request, a page": (400, b"<html></html>", Step.PIN, APIError, Outcome.NOT_JUDGED),
    "1010": (403, CLOUDFLARE_PAGE % 1010, Step.PIN, APIError, Outcome.NOT_JUDGED),
    "1015": (429, CLOUDFLARE_PAGE % 1015, Step.PIN, RateLimitError, Outcome.NOT_JUDGED),
    "no route": (404, b"", Step.PIN, APIError, Outcome.NOT_JUDGED),
    "no route, in words": (404, api("UDAPI10000"), Step.TOKEN, APIError, Outcome.NOT_JUDGED),
    "a limit": (200, service(1017069), Step.OTP_GENERATE, RateLimitError, Outcome.NOT_JUDGED),
    "down": (500, b"", Step.PIN, APIError, Outcome.UNANSWERED),
    "down after 3 attempts": (503, b"No answer after 3 attempts", Step.PIN, APIError,
                              Outcome.UNANSWERED),
    "down, in words": (503, service(4711, "3 attempts left"), Step.PIN, APIError,
                       Outcome.UNANSWERED),
    "down, an unknown code": (500, service(4711), Step.PIN, APIError, Outcome.UNANSWERED),
    "the one request": (400, api("UDAPI7777"), Step.TOTP_LOGIN, AuthenticationError,
                        Outcome.REJECTED),
    "the one request, no words": (401, b"", Step.TOTP_LOGIN, AuthenticationError,
                                  Outcome.REJECTED),
    "the one request, a page": (401, b"<html></html>", Step.TOTP_LOGIN, APIError,
                                Outcome.NOT_JUDGED),
    "the one request, a proxy": (407, b"", Step.TOTP_LOGIN, APIError, Outcome.NOT_JUDGED),
    "the one request, static": (401, api("UDAPI1221"), Step.TOTP_LOGIN, APIError,
                                Outcome.UNANSWERED),
    "the one request, internal": (400, api("UDAPI100500"), Step.TOTP_LOGIN, APIError,
                                  Outcome.UNANSWERED),
    "the one request, too slow": (408, b"", Step.TOTP_LOGIN, APIError, Outcome.UNANSWERED),
    "the one request, a stranger's limit": (429, b"", Step.TOTP_LOGIN, RateLimitError,
                                            Outcome.NOT_JUDGED),
    "the one request, a limit": (429, api("UDAPI10005"), Step.TOTP_LOGIN, RateLimitError,
                                 Outcome.NOT_JUDGED),
    "the one request, no version": (400, api("UDAPI100015"), Step.TOTP_LOGIN, APIError,
                                    Outcome.UNANSWERED),
    "the one request, 1015 in words": (403, b"cloudflare: error code: 1015", Step.TOTP_LOGIN,
                                       APIError, Outcome.NOT_JUDGED),
    "the one request, no route": (404, api("UDAPI100060"), Step.TOTP_LOGIN, APIError,
                                  Outcome.UNANSWERED),
    "the one request, no route, a page": (404, b"<html></html>", Step.TOTP_LOGIN, APIError,
                                          Outcome.NOT_JUDGED),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_only_a_verdict_is_one(row: Row) -> None:
    """The class of the error and the ledger's verdict follow from the form of the answer."""
    status, body, step, kind, verdict = row
    error = refused(status, body, step)
    assert type(error) is kind
    assert judge(error) is verdict
    assert error.suggestions
    if kind is APIError:
        assert "UPSTOX_PIN_CODE" not in str(error)
        assert "UPSTOX_TOTP_SECRET" not in str(error)


def test_other_failures() -> None:
    """An answer that is none, and one that never came, are no verdict; a refused line sent none."""
    assert judge(ValidationError("x")) is Outcome.UNANSWERED
    assert judge(KeyboardInterrupt()) is Outcome.UNANSWERED
    lost = network_error(requests.ConnectionError("reset"), Step.PIN, "POST", "https://h/")
    assert judge(lost) is Outcome.UNANSWERED
    unsent = network_error(requests.ConnectTimeout(), Step.PIN, "POST", "https://h/")
    assert judge(unsent) is Outcome.NOT_SENT
    assert not leaves_unjudged(unsent)
    nobody = requests.ConnectionError(NewConnectionError(HTTPConnection("h"), "refused"))
    assert leaves_unjudged(network_error(nobody, Step.PIN, "POST", "https://h/"))
    header = network_error(requests.exceptions.InvalidHeader(), Step.PIN, "POST", "https://h/")
    assert judge(header) is Outcome.NOT_SENT


def test_an_answer_that_is_none_is_told_by_its_form() -> None:
    """What was expected, and what came, without a value."""
    error = unexpected(answer(200, b"[1]", Content_Type="text/plain"), "an object")
    assert "expected an object; received HTTP 200, text/plain, JSON of type list" in error.message
    assert error.details["http_status"] == 200


def test_only_what_cannot_have_been_judged_leads_on() -> None:
    """An answer that is none may have been judged, whatever its status."""
    assert not leaves_unjudged(ValidationError("x", details={"http_status": 404}))
    assert not leaves_unjudged(APIError("x"))
    assert not leaves_unjudged(refused(500, CLOUDFLARE_PAGE % 1020, Step.PIN))
    assert not leaves_unjudged(refused(404, service(4711), Step.PIN))
    assert leaves_unjudged(refused(404, service("UDAPI10000"), Step.PIN))
    assert leaves_unjudged(refused(403, CLOUDFLARE_PAGE % 1020, Step.PIN))


@pytest.mark.parametrize(
    ("status", "body", "speaker"),
    [
        (400, service(1), "Upstox"),
        (403, CLOUDFLARE_PAGE % 1010, "Cloudflare"),
        (403, b"<html></html>", "a block page"),
        (429, b"<html></html>", "a block page"),
        (503, b"<html></html>", "a page"),
        (403, b"{}", "somebody else"),
    ],
)
def test_the_details_say_who_answered(status: int, body: bytes, speaker: str) -> None:
    """By the envelope, else by what the page says and its status."""
    assert refused(status, body, Step.PIN).details["answered_by"] == speaker


def test_maintenance_is_noted() -> None:
    """Whoever says so, and nothing else has the note."""
    for body in (service(4713, "Under Maintenance"), b"<html>Scheduled maintenance</html>"):
        assert refused(503, body, Step.PIN).details["notice"] == "maintenance"
    assert "notice" not in refused(503, b"", Step.PIN).details


def test_an_edge_is_named_with_what_to_try() -> None:
    """Its number, in HTML or in plain words, and an advice of its own."""
    signature = refused(403, CLOUDFLARE_PAGE % 1010, Step.PIN)
    assert "Cloudflare" in signature.message
    assert "1010" in signature.message
    assert "another network" in str(signature)
    assert signature.details["edge_error"] == "1010"
    rate = refused(403, b"error code: 1015", Step.TOKEN, Server="cloudflare")
    assert "1015" in rate.message
    assert "Wait some minutes" in str(rate)
    other = refused(403, CLOUDFLARE_PAGE % 1020, Step.PIN)
    assert "Cloudflare" in other.message
    page = refused(403, b"<html>Access Denied</html>", Step.PIN)
    assert "Cloudflare" not in page.message
    assert "edge_error" not in page.details


BEARER = (Step.PROFILE, Step.QUOTE, Step.ADDRESSES, Step.LOGOUT)
FIELDS = {"UDAPI1017": "client_id", "UDAPI1018": "redirect_uri", "UDAPI1022": "code",
          "UDAPI1023": "grant_type", "UDAPI1024": "client_secret"}  # fmt: skip


@pytest.mark.parametrize("step", [Step.TOKEN, Step.PIN, *BEARER])
@pytest.mark.parametrize("code", FIELDS)
def test_a_missing_field_is_named_at_the_login_alone(code: str, step: Step) -> None:
    """On other routes the same numbers mean other things."""
    error = refused(400, api(code, ""), step)
    named = step not in BEARER
    assert isinstance(error.error_code, ErrorCode) is named
    assert (f"that {FIELDS[code]} is missing" in error.message) is named
    assert error.error_code == code


@pytest.mark.parametrize("step", BEARER)
def test_a_bare_401_of_upstox_is_about_the_token(step: Step) -> None:
    """Where the token is all that is sent; with a code that nobody knows it is not."""
    assert isinstance(refused(401, api(None), step), AuthenticationError)
    assert type(refused(401, api("UDAPI7"), step)) is APIError
    assert type(refused(403, api(None), step)) is APIError


def test_a_generic_code_blames_the_number_at_the_otp_request_alone() -> None:
    """1017016 says that something went wrong; at the PIN it may hide a wrong one."""
    assert isinstance(refused(200, service(1017016), Step.OTP_GENERATE), AuthenticationError)
    error = refused(200, service(1017016), Step.PIN)
    assert type(error) is APIError
    assert "UPSTOX_USERNAME" not in str(error)
    assert judge(error) is Outcome.UNEXPLAINED


THROWABLE = b"""{"cause": null, "stackTrace": [], "message": "Invalid token", "suppressed": [],
"localizedMessage": "Invalid token"}"""


def test_the_other_body_of_a_logout() -> None:
    """It is documented for a token that is dead; elsewhere it is nobody's."""
    assert isinstance(refused(401, THROWABLE, Step.LOGOUT), AuthenticationError)
    assert type(refused(401, THROWABLE, Step.PROFILE)) is APIError
    assert type(refused(500, THROWABLE, Step.LOGOUT)) is APIError
    assert type(refused(401, b'{"message": "No"}', Step.LOGOUT)) is APIError


def test_a_locked_account_is_told_before_the_attempts_left() -> None:
    """Its advice is how to unlock it."""
    error = refused(200, service(1017090, "0 attempts left"), Step.PIN)
    assert "Forgot PIN" in str(error)
    assert (error.details["attempts_left"], judge(error)) == (0, Outcome.REJECTED)


@pytest.mark.parametrize(("status", "words"), [(422, "refused"), (423, "locked")])
def test_other_statuses_are_explained(status: int, words: str) -> None:
    """Both are in Upstox' description, without a code."""
    assert words in refused(status, b"{}", Step.TOKEN).message
    assert judge(refused(status, b"{}", Step.PIN)) is Outcome.UNANSWERED


def test_a_partial_success_grants() -> None:
    """It comes with errors of something else."""
    body = b'{"status": "partial_success", "data": {"user_id": "A"}, "errors": [{"errorCode": 1}]}'
    assert not answer(200, body).refuses
    assert answer(400, body).refuses


def test_the_one_request_that_an_app_has_not_yet() -> None:
    """A missing route names the login methods to set."""
    for body in (b"", api("UDAPI100060"), api("UDAPI7777")):
        error = refused(405, body, Step.TOTP_LOGIN)
        known = error.error_code == "UDAPI7777"
        assert ("UPSTOX_LOGIN_METHOD=api,page" in error.suggestions[0]) is not known


def test_a_block_page_is_recognised() -> None:
    """By Cloudflare's number, or as HTML that blocks; an answer of Upstox is none."""
    pages = {b"<html>x</html>": "The request was blocked.", CLOUDFLARE_PAGE % 1015: "error 1015",
             CLOUDFLARE_PAGE % 1020: "Cloudflare"}  # fmt: skip
    for body, meaning in pages.items():
        blocked = blocked_by(answer(403, body))
        assert blocked is not None
        assert meaning in blocked.meaning
    assert blocked_by(answer(404, b"<html>x</html>")) is None
    assert all(blocked_by(answer(status, b"<html>x</html>")) for status in (429, 503))
    assert blocked_by(answer(403, service(1))) is None


@pytest.mark.parametrize("step", [Step.OTP_VERIFY, Step.PIN])
def test_an_unknown_code_with_404_may_be_about_the_credential(step: Step) -> None:
    """It may mean the route or the credential, and counts as a failure."""
    error = refused(404, service(1017999, "No such path"), step)
    assert "login page" in str(error)
    assert judge(error) is Outcome.UNEXPLAINED


ADVICE: dict[str, tuple[int, bytes, Step, str]] = {
    "no route of a revision": (404, b"", Step.PIN, "UPSTOX_LOGIN_REVISION"),
    "no route": (404, b"", Step.TOKEN, "newer release"),
    "Cloudflare in Upstox' words": (400, service(1, "cloudflare error 1015"), Step.PIN,
                                    "login page"),
    "down": (500, b"", Step.PIN, "in a few minutes"),
    "down, in words": (500, service(4711), Step.PIN, "in a few minutes"),
    "limit": (429, b"", Step.PIN, "Wait before the next login"),
    "a proxy": (407, b"", Step.PIN, "A proxy"),
    "unknown": (418, b"", Step.PIN, "A proxy, a gateway"),
    "maintenance": (403, b"<html>maintenance</html>", Step.PIN, "Try again later"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVICE)
def test_the_first_advice_follows_from_status_and_speaker(name: str) -> None:
    """Where no known code tells."""
    status, body, step, advice = ADVICE[name]
    assert advice in refused(status, body, step).suggestions[0]


WORDS = {
    b'{"error": {"reason": "geo"}, "message": "Access Denied"}': "Access Denied: geo",
    b'{"message": "Forbidden"}': "Forbidden",
    b'{"success": false, "error": "text"}': "text",
    b'{"status": 403, "error": "Forbidden", "path": "/x"}': "Forbidden",
    b'{"title": "Forbidden", "detail": "by a rule"}': "by a rule",
    b'{"error": {"message": "a\\u0007b"}}': "a b",
}


@pytest.mark.parametrize(("body", "words"), WORDS.items())
def test_the_words_of_a_stranger_are_shown(body: bytes, words: str) -> None:
    """They are the message, and no code is made of them."""
    error = refused(403, body, Step.PIN)
    assert error.message == words
    assert error.error_code is None


def test_an_oauth_error_is_a_code() -> None:
    """RFC 6749 has words of its own for what went wrong."""
    error = refused(
        400, b'{"error": "invalid_grant", "error_description": "used before"}', Step.TOKEN
    )
    assert (error.error_code, error.message) == ("invalid_grant", "used before")


def test_codes_are_cut_and_cleaned() -> None:
    """Whatever length a code has, it fits a terminal."""
    for code in ("UDAPI\u001b[31m" + "x" * 1_900_000, 10**4000):
        error = refused(400, api(code), Step.TOKEN)
        shown = str(error.error_code)
        assert len(shown) <= 40
        assert shown.isprintable()
        assert len(str(error)) < 700


@pytest.mark.parametrize(
    "header",
    ["999999999", "86401", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 21 Oct 2099 07:28:00 GMT"],
)
def test_no_answer_makes_anybody_wait_longer_than_a_day(header: str) -> None:
    """A limit is bounded, in seconds and as a date; a stranger's to ten minutes."""
    error = refused(429, service(4711), Step.OTP_GENERATE, Retry_After=header)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 86_400
    stranger = refused(429, b"", Step.OTP_GENERATE, Retry_After=header)
    assert isinstance(stranger, RateLimitError)
    assert stranger.retry_after == 600


def test_the_same_script_twice_in_half_a_minute(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes without a cache the second one's code was used: that is said first."""
    for method in ("page", "api"):
        with Sandbox(clock=fake_time.true) as sandbox:
            configure(monkeypatch, sandbox, UPSTOX_LOGIN_METHOD=method)
            fake_time.sleep(-fake_time.true() % 30 + 5)
            with UpstoxTOTP() as upx:
                upx.app_token.get_access_token()
            # What another process used is not in this one's memory.
            PROCESS.forget()
            fake_time.sleep(2)
            with UpstoxTOTP() as upx, pytest.raises(AuthenticationError) as caught:
                upx.app_token.get_access_token()
        first, *_ = caught.value.suggestions
        assert "wait half a minute" in first
        assert "TokenCache" in first


def test_a_notice_does_not_hold_the_next_login(client: UpstoxTOTP, sandbox: Sandbox) -> None:
    """Whatever of these came, as often as it may, the next login goes out and succeeds."""
    notices: list[Any] = [
        ("token", Fault.refuse("UDAPI1221", "Static IP", 401)),
        ("pin", Fault.html(401)),
        ("pin", Fault.refuse(4711, "We are under maintenance", 401)),
        ("verify", Fault.html(403)),
        ("token", Fault.status(401, "Unauthorized")),
    ]
    for step, fault in notices * 2:
        sandbox.misbehave(step, fault, times=1)
        with pytest.raises(APIError):
            client.app_token.get_access_token()
    assert client.app_token.get_access_token().success


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        (ErrorCode.INVALID_CLIENT, ("client_id",)),
        (ErrorCode.APP_KEY_EXPIRED, ("client_id",)),
        (ErrorCode.INCORRECT_PIN, ("pin_code",)),
    ],
)
def test_a_code_tells_which_credential_of_the_one_request(
    code: ErrorCode, settings: tuple[str, ...]
) -> None:
    """Without words that name one, where the code does."""
    error = refused(401, api(str(code)), Step.TOTP_LOGIN)
    assert isinstance(error, AuthenticationError)
    assert error.settings == settings
    assert judge(error) is Outcome.REJECTED
