"""How results are laid out: columns and sentences of any width."""

from __future__ import annotations

import pytest

from upstox_totp.cli import output
from upstox_totp.cli.output import say, say_text, shortened

TABLE = [("Setting", "Source", "State"), ("UPSTOX_PIN_CODE", "environment", "must be 4 digits")]
PAIR = [("Owner", "Asha Rao"), ("Expires", "01 Oct 2026, 03:30 IST (in 18 h 29 min)")]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdout is a terminal of 40 columns."""
    monkeypatch.setattr(output, "is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "40")


def test_columns_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A row is a line, so that scripts find what belongs together."""
    say(TABLE)
    say([])
    assert capsys.readouterr().out.splitlines() == [
        "Setting          Source       State",
        "UPSTOX_PIN_CODE  environment  must be 4 digits",
    ]


@pytest.mark.usefixtures("terminal")
def test_columns_that_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """The last one goes on below itself, or near the left where that leaves too little."""
    say(PAIR)
    say(TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "Owner    Asha Rao",
        "Expires  01 Oct 2026, 03:30 IST (in 18 h",
        "         29 min)",
        "Setting          Source       State",
        "UPSTOX_PIN_CODE  environment  must be 4",
        "    digits",
    ]


@pytest.mark.usefixtures("terminal")
def test_a_word_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """An address can be copied, however narrow the terminal is."""
    address = "http://127.0.0.1:8000/a-very-long-path-of-it"
    say([("Host", f"at {address} now")])
    say_text(f"Open {address} in a browser")
    assert capsys.readouterr().out.count(address) == 2


def test_a_token_is_shortened_to_too_little_to_use() -> None:
    """Eight characters tell two tokens apart; of a short one they would be a large part."""
    assert shortened("abcd" + "x" * 32 + "wxyz") == "abcd...wxyz"
    assert shortened("abcd" + "x" * 31 + "wxyz") == "..."
