"""What is masked, what a transcript shows, and where debug records go."""

from __future__ import annotations

import base64
import logging

import pytest
from pydantic import SecretStr

from upstox_totp._log import logger
from upstox_totp._secrecy import MASK, Secrets
from upstox_totp.transcript import Exchange, Step, field_names, media_type, plain_path


def secrets(*values: object) -> Secrets:
    """Return the values as secrets."""
    known = Secrets()
    known.add(*values)
    return known


def test_the_logger_is_the_packages_and_silent() -> None:
    """A library that nobody configured says nothing."""
    assert logger.name == "upstox_totp"
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)


SPELLINGS = [
    "pass word&<1>",
    "pass%20word%26%3C1%3E",
    "pass+word%26%3C1%3E",
    "pass word&amp;&lt;1&gt;",
    base64.b64encode(b"pass word&<1>").decode(),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_masked(spelling: str) -> None:
    """A server may echo a secret as it came, or encoded."""
    known = secrets(SecretStr("pass word&<1>"), None, "")
    assert known.mask(f"You sent {spelling}, sorry") == f"You sent {MASK}, sorry"
    assert "pass" not in repr(known)


def test_json_escapes_are_masked() -> None:
    """Quotes and non-ASCII characters may come back escaped."""
    assert secrets('a"bécdefgh').mask('x a\\"b\\u00e9cdefgh y') == f"x {MASK} y"


def test_a_pin_is_masked_where_it_stands_alone() -> None:
    """Error codes stay readable, whatever the PIN; letters beside it do not hide it."""
    known = secrets("1017")
    assert known.mask("PIN 1017 wrong, code 1017106") == f"PIN {MASK} wrong, code 1017106"
    assert known.mask("pin=1017x,1017.") == f"pin={MASK}x,{MASK}."
    assert secrets("abc").mask("abc abcd a-abc-b") == f"{MASK} abcd a-{MASK}-b"


def test_what_is_personal_is_masked_in_transcripts_alone() -> None:
    """A message may name the mobile number; a transcript is for the public."""
    known = Secrets()
    known.add_personal("9876543210")
    assert known.mask("9876543210") == "9876543210"
    assert known.mask_all("9876543210") == MASK


def test_field_names_without_values() -> None:
    """Names are dotted; what is no plain word is hidden; deep and long documents are cut."""
    document = {"a": {"b_c": [{"d": "value"}, 5]}, "9876543210": {"e": 1}, "Asha Rao": 1}
    assert field_names(document) == ("a", "a.b_c", "a.b_c[].d", "?", "?.e")
    assert field_names([{"x": 1}]) == ("[].x",)
    assert field_names("text") == field_names(None) == ()
    assert (
        len(
            field_names(
                {"a" * (n + 1): n for n in range(39)} | {"b" * (n + 1): n for n in range(39)}
            )
        )
        == 60
    )
    deep: dict[str, object] = {}
    for _ in range(20):
        deep = {"k": deep}
    assert len(field_names(deep)) == 4


def test_content_types_and_paths_are_reduced() -> None:
    """What a server chose is shown as far as it cannot be an id."""
    assert media_type("application/json;charset=UTF-8") == "application/json;charset=UTF-8"
    assert media_type("text/html; x=123456") == "text/html"
    assert media_type("who knows") is media_type(None) is None
    assert plain_path("/login/open/v6/auth/1fa") == "/login/open/v6/auth/1fa"
    assert plain_path("/***/callback") == "/?/callback"
    assert plain_path("/u/4CB7QX/asha@example.com/x") == "/u/?/?/x"
    assert plain_path("/u/" + "a" * 32) == "/u/?"


def test_an_exchange_in_one_line() -> None:
    """Answered or not, a line tells what happened."""
    answered = Exchange(Step.PIN, "POST", "h", "/p", 200, "application/json", 5, ("a", "a.b"))
    assert str(answered) == "step 4 of 6 (PIN): POST h/p -> 200 application/json, 5 ms {a, a.b}"
    broken = Exchange(Step.PIN, "POST", "h", "/p", None, None, 5, failure="ReadTimeout")
    assert str(broken) == "step 4 of 6 (PIN): POST h/p -> ReadTimeout, 5 ms"
