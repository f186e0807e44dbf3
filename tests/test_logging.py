"""What a transcript shows, and where warnings and debug records go."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import upstox_totp
from upstox_totp import UpstoxWarning
from upstox_totp._log import logger, warn_user
from upstox_totp.transcript import Exchange, Step, field_names, media_type, plain_path


def test_the_logger_is_the_packages_and_silent() -> None:
    """A library that nobody configured says nothing."""
    assert logger.name == "upstox_totp"
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)


def program(*options: str, code: str) -> tuple[int, str, str]:
    """Run a program of a user's, its streams buffered, and return its exit code and them."""
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, *options, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    return ended.returncode, ended.stdout, ended.stderr


def test_a_warning_is_of_our_class_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """It points at the line of the program that led to it, and a log file has it, too."""
    with pytest.warns(UpstoxWarning, match=r"^Nothing is kept\.$") as seen:
        warn_user("Nothing is kept.")
    assert seen[0].filename == __file__
    assert caplog.messages == ["Nothing is kept."]


WARNING = """
import warnings
from upstox_totp import UpstoxWarning
from upstox_totp._log import warn_user
{}
for text in ["one", "one", "two"]:
    warn_user(text)
print("went on")
"""


@pytest.mark.parametrize(
    ("options", "filters", "shown"),
    [
        ((), "", {"one": 1, "two": 1}),
        # A filter of the command line cannot name it: Python reads those before it looks into
        # site-packages.
        ((), "warnings.simplefilter('ignore', UpstoxWarning)", {"one": 0, "two": 0}),
        (("-W", "error"), "", {"one": 2, "two": 1}),
        ((), "warnings.simplefilter('error', UpstoxWarning)", {"one": 2, "two": 1}),
    ],
)
def test_a_person_sees_a_warning_and_the_program_goes_on(
    options: tuple[str, ...], filters: str, shown: dict[str, int]
) -> None:
    """Python's default filters show it once a line; a filter that makes errors shows it as well."""
    code, stdout, stderr = program(*options, code=WARNING.format(filters))
    assert (code, stdout) == (0, "went on\n")
    assert {text: stderr.count(f"UpstoxWarning: {text}\n") for text in shown} == shown


@pytest.mark.parametrize("stderr", ["sys.stderr = None", "sys.stderr.close()"])
def test_a_warning_that_cannot_be_shown_ends_nothing(stderr: str) -> None:
    """Without a stderr, or with a closed one, the program goes on."""
    for options in ((), ("-W", "error")):
        code, stdout, _ = program(*options, code=f"import sys; {stderr}\n{WARNING.format('')}")
        assert (code, stdout) == (0, "went on\n")


def test_a_warning_points_past_what_lies_between(tmp_path: Path) -> None:
    """The standard library's frames between two of ours are not taken for the program's."""
    code = (
        "import contextlib, upstox_totp._log as log\n"
        f'exec(compile(\'def inner():\\n yield log.warn_user("m")\\n'
        "def outer():\\n with contextlib.contextmanager(inner)(): pass', "
        f"{str(Path(upstox_totp.__file__).parent / 'made_up.py')!r}, 'exec'))\n"
        "outer()\n"
    )
    assert program(code=code)[2].startswith("<string>:3: UpstoxWarning: m")


LISTENING = """
from upstox_totp._log import heard, logger
for number in range(2):
    said = []
    with heard(lambda record: said.append(record.getMessage())):
        logger.warning("one")
        logger.debug("none")
        logger.setLevel("DEBUG")
        logger.debug("two")
    logger.warning("three")
    print(said, logger.level)
"""


def test_who_listens_hears_the_first_record_and_those_after_it() -> None:
    """Before anything was logged as well as later; the level is then what it was."""
    assert program(code=LISTENING) == (0, "['one', 'two'] 0\n" * 2, "")


DEBUG = """
import logging, os, sys
from upstox_totp._log import logger
from upstox_totp._log import enable_debug
{}
enable_debug()
for number in range(3):
    logger.debug("line %s \\u20b9", number)
print("went on")
"""
MADE_UP = """
class Stderr:
    encoding = None
    def flush(self): pass
    def write(self, text): {}
sys.stderr = Stderr()
"""
UNUSABLE = {
    "none, as under pythonw": "sys.stderr = None",
    "closed": "sys.stderr.close()",
    "no stream for text": "import io; sys.stderr = io.BytesIO()",
    "one that raises": MADE_UP.format("raise UnicodeEncodeError('cp1252', text, 0, 1, 'no')"),
    "one that is a broken pipe": MADE_UP.format("raise BrokenPipeError"),
}


@pytest.mark.parametrize("stderr", UNUSABLE.values(), ids=UNUSABLE)
def test_debug_without_a_usable_stderr_ends_nothing(stderr: str) -> None:
    """The lines are lost, the program goes on."""
    code, stdout, _ = program(code=DEBUG.format(stderr))
    assert (code, stdout) == (0, "went on\n")


def test_debug_of_a_program_that_was_started_without_a_stderr() -> None:
    """As a service manager or ``2>&-`` starts it."""
    code = f"import os; os.close(2); os.execv({sys.executable!r}, [{sys.executable!r}, '-c', "
    code += f"{DEBUG.format('')!r}])"
    if sys.platform != "win32":
        assert program(code=code)[:2] == (0, "went on\n")


def test_debug_is_read_on_stderr() -> None:
    """Unless the program configures logging itself."""
    code, _, written = program(code=DEBUG.format("sys.stderr.reconfigure(encoding='utf-8')"))
    assert code == 0
    assert [line.partition(": ")[2] for line in written.splitlines()] == [
        f"line {number} \u20b9" for number in range(3)
    ]
    assert program(code=DEBUG.format("logging.basicConfig(filename=os.devnull)"))[2] == ""


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
