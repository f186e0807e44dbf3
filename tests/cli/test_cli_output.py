"""How results are laid out: columns of any width, and the steps of each way."""

from __future__ import annotations

import pytest

from upstox_totp.cli.output import columns, shortened
from upstox_totp.cli.steps import what_follows
from upstox_totp.transcript import Step

TABLE = [("Setting", "Source", "State"), ("UPSTOX_PIN_CODE", "environment", "must be 4 digits")]


def test_columns_without_a_width() -> None:
    """A row is a line, so that scripts find what belongs together."""
    assert list(columns(TABLE, None)) == [
        "Setting          Source       State",
        "UPSTOX_PIN_CODE  environment  must be 4 digits",
    ]
    assert list(columns(TABLE, 46)) == list(columns(TABLE, None))
    assert list(columns([], 40)) == []


def test_columns_that_do_not_fit() -> None:
    """The last one is wrapped below itself, or below its row where that leaves too little."""
    pair = [("Owner", "Asha Rao"), ("Expires", "Thu 01 Oct 2026, 03:30:00 IST (in 18 h)")]
    assert list(columns(pair, 40)) == [
        "Owner    Asha Rao",
        "Expires  Thu 01 Oct 2026, 03:30:00 IST",
        "         (in 18 h)",
    ]
    assert list(columns(TABLE, 40)) == [
        "Setting",
        "  Source  State",
        "UPSTOX_PIN_CODE",
        "  environment  must be 4 digits",
    ]


def test_a_token_is_shortened_to_too_little_to_use() -> None:
    """Eight characters tell two tokens apart; of a short one they would be a large part."""
    assert shortened("abcd" + "x" * 32 + "wxyz") == "abcd...wxyz"
    assert shortened("abcd" + "x" * 31 + "wxyz") == "..."


def test_a_word_stays_whole() -> None:
    """An address can be copied, however narrow the terminal is."""
    address = "http://127.0.0.1:8000/a-very-long-path-of-it"
    lines = list(columns([("Host", f"at {address} now")], 40))
    assert [line for line in lines if address in line]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step.DIALOG, "Next: OTP request (step 2 of 6)"),
        (Step.OTP_VERIFY, "Next: PIN (step 4 of 6)"),
        (Step.TOKEN, "The token arrived"),
    ],
)
def test_what_follows_a_step(step: Step, text: str) -> None:
    """The pause after it is told by what it waits for."""
    assert what_follows(step) == text
