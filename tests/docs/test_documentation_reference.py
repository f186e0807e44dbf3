"""Every example of the client API reference that this client is faithful to, run as it stands.

The reference is a text in which the code has lost its indentation; it is read where it lies beside
the repository, and these tests are skipped where it does not.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from conftest import configure
from support.documentation import ROOT, ScaledTime, furnish, run_python
from upstox_totp import ConfigurationError
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import FakeTime

REFERENCE = ROOT.parent / "shared" / "seeds" / "client-api-reference.txt"
ABSENT = "the client API reference does not lie beside this repository"

# What each heading's example asks for; the others ask for none.
TOKENS = {
    "Basic Usage": 1,
    "Context Manager Usage": 1,
    "Direct Usage": 1,
    "Error Handling": 1,
    "API Errors": 1,
    "Network Errors": 1,
    "Thread-Safe Usage": 5,
    "Session Sharing (Advanced)": 5,
    "Session Reuse": 5,
    "Memory Management": 2,
    "Access Logs": 1,
}
UNSTARTED = "Session Sharing (Advanced)"
"""Its example leaves it to the reader to start its worker in threads."""

PLACEHOLDERS = "Manual Configuration"
"""Its example shows where values go; two of the values cannot be valid."""


@dataclass(frozen=True)
class Example:
    """One example of the reference.

    Attributes:
        heading: The heading it stands under.
        text: The code, indented again.
    """

    heading: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        """Return the heading, for which a test is named."""
        return self.heading.replace(" ", "-")


def examples() -> Iterator[Example]:
    """Return the examples of the reference, none where it is not there."""
    if not REFERENCE.exists():
        return
    heading, code = "", [""]
    for line in [*REFERENCE.read_text(encoding="utf-8").splitlines(), "The end"]:
        if is_code(line, begun=bool(code)):
            code.append(line)
            continue
        if code and code[0]:
            yield Example(heading, indented(code))
        heading, code = line, []


def is_code(line: str, *, begun: bool) -> bool:
    """Tell whether a line is code: prose begins with a capital, a dash or a bar."""
    if begun:
        return not re.match(r"[A-Z|-]|$", line)
    return re.match(r"(from|import) \w|# ", line) is not None


def indented(lines: list[str]) -> str:
    """Return code whose indentation was lost, indented again.

    A line after a colon is a level deeper. ``def``, ``for``, ``with``, ``try``, ``except`` and a
    comment begin at the margin, ``else`` where its ``if`` did, and ``return`` ends a function.
    """
    result: list[str] = []
    level = opened = 0
    brackets = 0
    for line in lines:
        if brackets == 0:
            if re.match(r"(def|for|with|try|except|#|import|from)\b|#", line):
                level = 0
            elif line.startswith("else:"):
                level = opened
            elif line.startswith("return"):
                level = 1
        result.append("    " * level + line)
        code = line.partition("#")[0].rstrip()
        brackets += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        if line.startswith("if "):
            opened = level
        if line.startswith("return"):
            level = 0
        elif code.endswith(":"):
            level += 1
    return "\n".join(result) + "\n"


EXAMPLES = list(examples())


@pytest.mark.skipif(not EXAMPLES, reason=ABSENT)
def test_every_example_of_the_reference_was_found() -> None:
    """Each line of code in the reference belongs to an example, and each example is Python."""
    assert len(EXAMPLES) == 19
    assert set(TOKENS) < {example.heading for example in EXAMPLES}
    for example in EXAMPLES:
        compile(example.text, example.heading, "exec")
    imports = re.findall(r"^from upstox_totp import", REFERENCE.read_text(), re.MULTILINE)
    assert sum(example.text.count("from upstox_totp import") for example in EXAMPLES) == len(
        imports
    )


@pytest.mark.parametrize(
    "example", EXAMPLES or [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))], ids=str
)
def test_examples_of_the_reference_run(
    example: Example, tmp_path: Path, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each example runs as it stands and asks for as many tokens as it says.

    Threads share time that really passes, only faster: one that moved it by sleeping would push
    the code of another past its life. There, each login waits for a code of its own.
    """
    scaled = ScaledTime(30)
    threads = "threading" in example.text
    if threads:
        scaled.install(monkeypatch)
    with Sandbox(
        step_clock=not threads, clock=scaled.time if threads else fake_time.true
    ) as sandbox:
        furnish(tmp_path, sandbox)
        configure(monkeypatch, sandbox)
        if example.heading == PLACEHOLDERS:
            check_placeholders(example.text, sandbox)
        else:
            names = run_python(example.text, str(example))
            if example.heading == UNSTARTED:
                with ThreadPoolExecutor(5) as pool:
                    answers = list(pool.map(lambda _: names["worker"](), range(5)))
                assert len({answer.data.access_token for answer in answers}) == 5
        assert sandbox.tokens_issued == sandbox.logins == TOKENS.get(example.heading, 0)


def check_placeholders(text: str, sandbox: Sandbox) -> None:
    """Run an example that shows where values go: as it stands, and with values put there."""
    with pytest.raises(ConfigurationError) as caught:
        run_python(text, "placeholders")
    assert caught.value.details["settings"] == ["pin_code", "totp_secret"]
    known = sandbox.credentials
    for placeholder, value in {
        "9876543210": known.username,
        "your-password": known.password,
        "your-pin": known.pin_code,
        "your-totp-secret": known.totp_secret,
        "your-client-id": known.client_id,
        "your-client-secret": known.client_secret,
        "https://your-app.com/callback": known.redirect_uri,
    }.items():
        assert f'"{placeholder}"' in text
        text = text.replace(f'"{placeholder}"', repr(value))
    run_python(text, "values")
