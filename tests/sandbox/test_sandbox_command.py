"""The sandbox's command line, without a process of its own."""

import pytest

from upstox_totp.sandbox.__main__ import main, parser, quoted


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://127.0.0.1:80/{stage}", "http://127.0.0.1:80/{stage}"),
        ("two words", "'two words'"),
        ("a#b$c", "'a#b$c'"),
        ('it\'s "so"', '"it\'s \\"so\\""'),
    ],
)
def test_values_are_quoted_only_where_needed(value: str, expected: str) -> None:
    """A `.env` value is quoted when a reader could misunderstand it."""
    assert quoted(value) == expected


def test_options_are_the_sandboxes_own() -> None:
    """Every option is named like the argument it sets, and none is set unasked."""
    assert vars(parser().parse_args([])) == {}
    options = vars(parser().parse_args(["--otp-limit", "3", "--clock-offset", "-2.5"]))
    assert options == {"otp_limit": 3, "clock_offset": -2.5}


def test_a_missing_certificate_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate that cannot be read ends the command with a note and status 1."""
    assert main(["--certificate", "no-such-file", "no-such-file"]) == 1
    assert "cannot serve" in capsys.readouterr().err
