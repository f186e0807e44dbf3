"""Masking as it was and as it is: the same text comes out, whatever goes in."""

from __future__ import annotations

import base64
import html
import json
import random
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from old import redact
from old.redact import Secrets as OldSecrets

from upstox_totp._redact import MASK, Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="").lower(),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    html.escape,
    lambda text: "".join(f"&#{ord(one)};" for one in text),
    lambda text: "".join(f"&#x{ord(one):X}" for one in text),
    lambda text: "".join(f"\\u{ord(one):04x}" for one in text if ord(one) < 65536),
    lambda text: text.encode().hex(),
    lambda text: text.encode().hex().upper(),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(b"x" + text.encode()).decode().rstrip("="),
    lambda text: base64.b64encode(b"id:" + text.encode() + b"::").decode(),
)
LETTERS = "abcXYZ0189+/=%&\"'<>\\ \u00e9\u20ac\U0001f600._-"
BETWEEN = ("", " ", "=", "&", "%", "\\", "&#", "%2", "\\u00", "x", "7", "\n", "+", '"', "\u00e9")
SECRETS = ("1017", "482915", "s3cret/value", "canary+secret=%41&", "a&amp;b\\/c d", "na\u00efve-9z")


def texts(rng: random.Random, secrets: list[str]) -> str:
    """Return a text with secrets in it, in spellings of spellings, whole and cut."""
    parts = []
    for _ in range(rng.randrange(1, 6)):
        part = rng.choice(secrets) if rng.random() < 0.7 else word(rng)
        for _ in range(rng.randrange(3)):
            part = rng.choice(SPELLINGS)(part)
        if rng.random() < 0.15:
            part = part[rng.randrange(3) : len(part) - rng.randrange(3)]
        parts += [part, rng.choice(BETWEEN)]
    return "".join(parts)


def word(rng: random.Random) -> str:
    """Return letters that are no secret, and may look like one."""
    made = "".join(rng.choice(LETTERS) for _ in range(rng.randrange(1, 20)))
    # What is blanks alone was not looked for where it overlaps itself.
    return made if made.strip("+ ") else f"{made}x"


@pytest.mark.parametrize("seed", range(4))
def test_masked_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of texts, from a seed."""
    monkeypatch.setattr(redact, "MASK", MASK)
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated
    for _ in range(150):
        known = [rng.choice(SECRETS) if rng.random() < 0.5 else word(rng) for _ in range(3)]
        personal = word(rng)
        old, new = OldSecrets(), Secrets()
        for one in (old, new):
            one.add(*known)
            one.add_personal(personal)
        for _ in range(12):
            text = texts(rng, [*known, personal])
            assert new.mask(text) == old.mask(text), (known, text)
            assert new.mask_all(text) == old.mask_all(text), (known, personal, text)
            assert new.holds(text) == old.holds(text), (known, text)
