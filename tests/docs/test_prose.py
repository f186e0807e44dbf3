"""The documentation is written in plain words: short sentences, short pages, the field's terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click
import pytest
from markdown_it import MarkdownIt

from support.documentation import PAGES, ROOT
from upstox_totp.cli.main import cli
from upstox_totp.errors import EXPLANATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEAN_WORDS: Final = 17
MOST_WORDS: Final = 40
PAGE_WORDS: Final = 1_200
ALL_WORDS: Final = 20_000
README_LINES: Final = 150

# No page: what was released is not written anew, and what was not is only read for its words.
HISTORY: Final = {"CHANGELOG.md"}
# Pages that are looked up in, not read: their length is that of what they list.
REFERENCES: Final = {
    "docs/command-line.md",
    "docs/data-models.md",
    "docs/protocol.md",
}

# Words in a meaning of our own, and what stands in their place.
OLD_WORDS: Final = {
    r"ways? to a token|go(es)? (a|the|another) way|(way|one) is gone|page's way": "login method",
    r"documented login": "login page (default, unofficial)",
    r"ledger": "attempt log",
    r"(its|their|a|the) turn": "lock",
    r"kept": "cached, stored",
    r"held|what holds|what releases|lifts?|lifted": "blocked, unblocks",
    r"dies|died|dead|dying": "expires, expired, invalid",
    r"verdicts?|judged?|judges": "response, rejected",
    r"refusals?": "error response",
    r"stray": "implicit",
    r"persons?|with a person": "user, interactive",
    r"whoever|whosoever|nobody who": "anyone who",
    r"sealed|unseal": "encrypted",
    r"goes? out|went out|going out": "is sent",
    r"stand-ins?": "mock server",
    r"made-up": "fake, sample",
    r"to the letter": "exactly",
    r"drill": "what to do when the API changes",
    r"weakness(es)?": "vulnerability",
    r"mend(s|ed)?": "fix",
    r"takes? (it |them )?away|taken away": "remove",
    r"looked at": "checked",
    r"blanks?": "spaces",
    r"fleets?": "multiple machines",
    r"whither|hither|thereof|wherein": "where",
    r"but for|save (for|where|that)|lest": "except, without",
    r"in (the )?place of": "instead of",
    r"that is none|is no answer": "an invalid response",
    r"(an|the|at the) edge": "Cloudflare, a proxy",
    r"begun": "in flight, started",
    r"begins? anew|anew": "again",
    r"told": "reported",
    r"to be had|can be had|cannot be had": "available",
    r"befalls?|befell": "happens",
    r"licence|behaviour|colour|recognis\w+|authoris\w+|normalis\w+|organis\w+": "American spelling",
}
# At the end of a sentence, where "otherwise" stands before it.
ELSE: Final = (
    r"\belse(?=[.;,:]|$)(?<!anything else)(?<!nothing else)(?<!somewhere else)(?<!or else)"
)


def _prose(text: str) -> Iterator[tuple[bool, str]]:
    """Return each piece of prose of a page, and whether it is in a table; code reads `code`."""
    # Sphinx's own lines are no prose.
    text = re.sub(r"^ *(:{3,}.*|:[\w-]+:.*|\(.+\)=)$", "", text, flags=re.MULTILINE)
    in_cell = in_heading = False
    for token in MarkdownIt().enable("table").parse(text):
        if token.type.startswith(("td_", "th_")):
            in_cell = token.nesting > 0
        elif token.type.startswith("heading_"):
            in_heading = token.nesting > 0
        elif token.type == "inline" and not in_heading:
            words = [
                "code" if one.type == "code_inline" else " " if "break" in one.type else one.content
                for one in token.children or ()
                if one.type != "html_inline"
            ]
            yield in_cell, " ".join("".join(words).split())


def _sentences(piece: str) -> list[str]:
    ends = re.sub(r"\b(e\.g|i\.e|etc|vs)\.", r"\1", piece)
    return [one for one in re.split(r"(?<=[.!?])[\"')]*\s+", ends) if re.search(r"\w", one)]


def _count(text: str) -> int:
    return sum(bool(re.search(r"\w", word)) for word in text.split())


def measure(text: str) -> tuple[int, float, str]:
    """Return a page's words, the mean words of a sentence outside tables, the longest sentence."""
    pieces = [(cell, one) for cell, piece in _prose(text) for one in _sentences(piece)]
    lengths = [_count(one) for cell, one in pieces if not cell]
    longest = max((one for _, one in pieces), key=_count, default="")
    return _count(text), sum(lengths) / max(1, len(lengths)), longest


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


WRITTEN: Final = [page for page in PAGES if _name(page) not in HISTORY]


def long_sentences(text: str) -> list[str]:
    """Return what is wrong with the length of a page's sentences."""
    _, mean, longest = measure(text)
    found = [longest] if _count(longest) > MOST_WORDS else []
    return found + ([f"mean of {mean:.1f} words"] if mean > MEAN_WORDS else [])


def old_words(text: str) -> list[str]:
    """Return each word of a page in a meaning of our own, with what is written instead."""
    found = []
    for _, piece in _prose(text):
        for old, new in OLD_WORDS.items():
            match = re.search(rf"\b({old})\b", piece, re.IGNORECASE)
            found += [f"{match[0]!r} ({new}): {piece}"] if match else []
        found += [f"'else' (otherwise): {piece}"] if re.search(ELSE, piece) else []
    return found


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_pages_are_plain(page: Path) -> None:
    """Sentences are short, and words are those of the field, in what is to be released, too."""
    text = page.read_text("utf-8").partition("\n## [0.1.0]")[0]
    assert long_sentences(text) == []
    assert old_words(text) == []


@pytest.mark.parametrize("page", WRITTEN, ids=_name)
def test_pages_are_short(page: Path) -> None:
    """Code and tables count; references are as long as what they list."""
    text = page.read_text("utf-8")
    if _name(page) not in REFERENCES:
        assert _count(text) <= PAGE_WORDS
    if page.name == "README.md":
        assert len(text.splitlines()) <= README_LINES


def test_all_pages_together_are_short() -> None:
    """Code, tables and references count: who adds a page cuts what is said twice."""
    assert sum(_count(page.read_text("utf-8")) for page in WRITTEN) <= ALL_WORDS


def test_the_lists_name_pages_there_are() -> None:
    """A page that is renamed does not stay in a list."""
    assert {_name(page) for page in PAGES} >= HISTORY | REFERENCES


def _said_by_the_program() -> Iterator[str]:
    """Return the help of each command and option, and the advice on each error code."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        for one in (command, *command.params):
            yield getattr(one, "help", None) or ""
    for explanation in EXPLANATIONS.values():
        yield from (explanation.meaning, *explanation.suggestions)


def test_help_and_advice_are_plain() -> None:
    """What a command says of itself, and an error of what to do, is in the words of the pages."""
    texts = list(_said_by_the_program())
    assert len(texts) > 100
    assert [found for text in texts for found in old_words(text)] == []


def test_the_check_can_fail() -> None:
    """Each rule finds what it is for, and looks into no code."""
    assert old_words("A token dies at 03:30.")
    assert old_words("| a |\n|---|\n| It logs in else. |")
    assert not old_words("Run `kept` and expect nothing else.")
    assert long_sentences(" ".join(["word"] * (MOST_WORDS + 1)) + ".")
    assert long_sentences(" ".join(["word"] * (MEAN_WORDS + 1)) + ".")
