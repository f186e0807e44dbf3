"""Errors: what they tell, and what survives a pickle."""

from __future__ import annotations

import copy
import json
import pickle
import re

import pytest
import requests

from upstox_totp import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ErrorCode,
    RateLimitError,
    Step,
    UpstoxError,
    ValidationError,
)
from upstox_totp._api.responses import check_granted
from upstox_totp._http.answers import Answer
from upstox_totp._http.network_errors import network_error
from upstox_totp._redact import Secrets
from upstox_totp._settings.table import CREDENTIALS, variable
from upstox_totp.errors import EXPLANATIONS

KINDS = [
    APIError,
    AuthenticationError,
    ConfigurationError,
    RateLimitError,
    UpstoxError,
    ValidationError,
]


def answered(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Return an answer without a server."""
    response = requests.Response()
    response.status_code = status
    response._content = body  # noqa: SLF001 - how a response is made without a server
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(response)


def refusal(answer: Answer, step: Step | None, secrets: Secrets) -> UpstoxError | None:
    """Return the error that an answer stands for, None if it grants the request."""
    try:
        check_granted(answer, step, secrets)
    except UpstoxError as error:
        return error
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_errors_come_through_pickle_and_copy_whole(kind: type[UpstoxError]) -> None:
    """Every attribute is there on the other side of a process pool."""
    error = kind(
        "message",
        error_code=ErrorCode.INCORRECT_PIN,
        details={"attempts_left": 3},
        suggestions=["do this"],
        step=Step.PIN,
    )
    if isinstance(error, RateLimitError):
        error.retry_after = 9.0
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own
        assert type(other) is kind
        assert vars(other) == vars(error)
        assert str(other) == str(error) == "Step 4 of 6 (PIN): message [1017106] do this"


def test_the_table_is_complete_and_gives_advice() -> None:
    """Every code has a meaning, something to do, and names settings that exist."""
    assert set(EXPLANATIONS) == set(ErrorCode)
    assert EXPLANATIONS[ErrorCode.INCORRECT_PIN] is ErrorCode.INCORRECT_PIN.explanation
    for code, explanation in EXPLANATIONS.items():
        assert explanation.meaning.endswith(".")
        assert explanation.suggestions
        advice = " ".join(explanation.suggestions)
        assert set(explanation.settings) <= set(CREDENTIALS)
        assert not re.search(r"[{}]", advice)
        for setting in explanation.settings:
            assert setting in advice, code
            assert variable(setting) in advice, code


def test_codes_are_known_as_numbers_and_as_text() -> None:
    """The service sends numbers, the API text; both find the member."""
    assert ErrorCode(1017106) is ErrorCode("1017106")  # type: ignore[arg-type]
    assert ErrorCode("1017106") is ErrorCode.INCORRECT_PIN
    assert f"{ErrorCode.INCORRECT_PIN}" == "1017106"
    for value in (1, "UDAPI1", None, 1.5):
        with pytest.raises(ValueError, match="is not a valid ErrorCode"):
            ErrorCode(value)  # type: ignore[arg-type]


AGAIN = (1017007, 1017076, 1017079, 1017084, 1017095, 1017105, 4000001)
NO_VERDICT: dict[int | str, str] = {
    **dict.fromkeys(AGAIN, "Start the login again"),
    1017072: "try another network",
    **dict.fromkeys([f"UDAPI{code}" for code in (1017, 1018, 1022, 1023, 1024)], "newer release"),
    "UDAPI100060": "newer release",
    "UDAPI1123": "notifier URL",
    "UDAPI1124": "individual|your own account",
    "UDAPI1155": "state of your app",
    "UDAPI1154": "Register this machine's address",
    "UDAPI1221": "Register this machine's address",
}


@pytest.mark.parametrize(("code", "advice"), NO_VERDICT.items())
@pytest.mark.parametrize("step", [Step.OTP_VERIFY, Step.PIN, Step.TOKEN, None])
def test_a_code_that_speaks_of_something_else_blames_no_credential(
    code: int | str, advice: str, step: Step | None
) -> None:
    """Whatever the status and the step, such a refusal is no verdict on what was sent."""
    body = json.dumps({"status": "error", "errors": [{"errorCode": code}]}).encode()
    for status in (200, 400, 401, 403):
        error = refusal(answered(status, body), step, Secrets())
        assert type(error) is APIError
        assert isinstance(error.error_code, ErrorCode)
        assert re.search(advice, " ".join(error.suggestions))


def test_a_disabled_otp_form_tells_how_long() -> None:
    """Too many wrong codes: wait ten minutes, and look at the secret before the next."""
    body = b'{"success": false, "error": {"code": 1017078, "message": "m"}}'
    error = refusal(answered(200, body), Step.OTP_VERIFY, Secrets())
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 600
    assert "UPSTOX_TOTP_SECRET" in str(error)


def test_an_expired_key_names_the_settings() -> None:
    """Sending it again is of no use."""
    body = b'{"status": "error", "errors": [{"errorCode": "UDAPI1157"}]}'
    error = refusal(answered(400, body), Step.TOKEN, Secrets())
    assert isinstance(error, AuthenticationError)
    assert error.settings == ("client_id", "client_secret")


@pytest.mark.parametrize("code", ["UDAPI100068", "UDAPI100069", "UDAPI100073"])
def test_an_unknown_app_may_have_been_replaced(code: str) -> None:
    """Since April 2026 there is one app a user: the advice says so, and where to look."""
    body = json.dumps({"status": "error", "errors": [{"errorCode": code}]}).encode()
    error = refusal(answered(401, body), Step.TOKEN, Secrets())
    assert isinstance(error, AuthenticationError)
    assert "client_id" in error.settings
    assert "only the newest app" in str(error)
    assert "account.upstox.com/developer/apps" in str(error)


def test_an_error_keeps_no_novel() -> None:
    """Codes and messages are bounded, whoever made the error, and fit a terminal."""
    assert UpstoxError("m", error_code="UDAPI\x1b[31m\n1" + "x" * 1_900_000).error_code == (
        "UDAPI[31m1" + "x" * 30
    )
    assert len(UpstoxError("x" * 1_900_000).message) == len(str(UpstoxError("x" * 9999))) == 4000
    assert UpstoxError("m", error_code=10**30).error_code == 10**30
    # A number too long to be written as one would end the program that prints it.
    assert len(str(UpstoxError("m", error_code=10**5000))) < 60


@pytest.mark.parametrize("code", [4711, "UDAPI1", "odd"])
def test_an_unknown_code_is_kept_as_it_came(code: int | str) -> None:
    """Neither its type nor its text changes."""
    body = f'{{"error": {{"code": {code!r}, "message": "m"}}}}'.replace("'", '"').encode()
    error = refusal(answered(200, body), Step.PIN, Secrets())
    assert isinstance(error, APIError)
    assert error.error_code == code
    assert type(error.error_code) is type(code)


def test_both_spellings_and_all_envelopes_are_understood() -> None:
    """Codes and messages are found wherever the two hosts put them."""
    bodies = [
        b'{"success": false, "error": {"code": 1017106, "message": "m"}}',
        b'{"success": false, "errors": [{"code": 1017106, "message": "m"}], "request_id": "x"}',
        b'{"success": false, "errors": {"code": "1017106", "message": "m"}}',
        b'{"status": "error", "errors": [{"errorCode": "1017106", "message": "m"}]}',
        b'{"status": "error", "errors": [{"error_code": "1017106", "message": "m"}]}',
        b'\xef\xbb\xbf{"success": false, "error": {"code": 1017106, "message": " m\\n"}}',
    ]
    for body in bodies:
        error = refusal(answered(200, body), Step.PIN, Secrets())
        assert error is not None
        assert (error.error_code, error.message) == (ErrorCode.INCORRECT_PIN, "m")


def test_success_is_the_sign() -> None:
    """An error beside success: true is none; with a status that says no it is one."""
    body = b'{"success": true, "error": {"code": 0, "message": ""}, "data": {}}'
    assert refusal(answered(200, body), Step.PIN, Secrets()) is None
    assert refusal(answered(400, body), Step.PIN, Secrets()) is not None


def test_control_characters_do_not_reach_a_terminal() -> None:
    """What a server says cannot colour or clear anybody's screen."""
    error = refusal(
        answered(200, b'{"error": {"message": "a\\u001b[31mb\\nc"}}'), Step.PIN, Secrets()
    )
    assert error is not None
    assert error.message == "a [31mb c"


def test_only_a_revised_step_advises_the_other_revision() -> None:
    """UPSTOX_LOGIN_REVISION is named where it changes something, in whichever envelope."""
    absent = b'{"status": "error", "errors": [{"errorCode": "UDAPI10000", "message": "no"}]}'
    for step in Step:
        for body in (absent, b"", b"<html>"):
            error = refusal(answered(404, body), step, Secrets())
            assert isinstance(error, APIError)
            assert ("UPSTOX_LOGIN_REVISION" in str(error)) is (step in {3, 4})


MESSAGES = {
    "Incorrect PIN. You have 4 attempts left": 4,
    "3 more attempts": 3,
    "1 attempt remaining": 1,
    "Attempts left: 2": 2,
    "attempts remaining 0": 0,
    "Invalid OTP": None,
    "Too many attempts": None,
}


@pytest.mark.parametrize(("message", "left"), MESSAGES.items())
def test_attempts_left(message: str, left: int | None) -> None:
    """The number is read out of the message where it tells."""
    body = f'{{"error": {{"code": 1017106, "message": "{message}"}}}}'.encode()
    error = refusal(answered(200, body), Step.PIN, Secrets())
    assert isinstance(error, AuthenticationError)
    assert error.attempts_left == left


RETRY = {
    "7": 7.0,
    " 7 ": 7.0,
    "0": 0.0,
    "-1": None,
    "9" * 400: None,
    "soon": None,
    "Wed, 21 Oct 2015 07:29:00 GMT": 60.0,
    "Wed, 21 Oct 2015 07:00:00 GMT": 0.0,
}


@pytest.mark.parametrize(("header", "seconds"), RETRY.items())
def test_retry_after(header: str, seconds: float | None) -> None:
    """Seconds or a date, judged by the server's clock; what is neither is nothing."""
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    error = refusal(answered(429, b"", Retry_After=header, Date=date), Step.OTP_GENERATE, Secrets())
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds


def test_what_the_server_says_is_masked_and_kept_short() -> None:
    """Known secrets are masked in message and code, and a novel is cut."""
    secrets = Secrets()
    secrets.add("s3cret-value")
    body = b'{"error": {"code": "code s3cret-value", "message": "s3cret-value %s"}}' % (b"x" * 999)
    error = refusal(answered(400, body), Step.PIN, secrets)
    assert error is not None
    assert error.error_code == "code [hidden]"
    assert error.message.startswith("[hidden] xxx")
    assert len(error.message) == 300


def test_a_network_error_keeps_class_method_and_url() -> None:
    """A class of a user's adapter becomes the class of requests that it is made from."""

    class Mine(requests.ConnectTimeout):
        """Raised by an adapter of a user's."""

        def __init__(self, one: object, two: object) -> None:
            super().__init__(one, two)

    error = network_error(Mine(1, 2), Step.PIN, "POST", "https://h.example/path")
    assert type(error) is requests.ConnectTimeout
    assert error.request is not None
    assert (error.request.method, error.request.url) == ("POST", "https://h.example/path")
    assert str(error).startswith("Step 4 of 6 (PIN): no answer from h.example: Mine")
    odd = network_error(requests.JSONDecodeError("m", "document", 0), Step.PIN, "GET", "https://h/")
    assert "document" not in repr(vars(odd)) + str(odd)
    assert type(network_error(OSError("x"), Step.PIN, "GET", "https://h/")) is (
        requests.RequestException
    )
