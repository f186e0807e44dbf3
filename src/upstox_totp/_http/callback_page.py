"""The page that a browser ends on after a login: self-made, without script, kept nowhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

_STYLE: Final = """
body { margin: 0; font: 1.1rem/1.6 system-ui, sans-serif; color: #1d2430; background: #eef2f6; }
main { max-width: 30rem; margin: 5rem auto; padding: 2rem 2.5rem; background: #fff;
  border-top: 6px solid #b3261e; border-radius: 6px; }
main.good { border-color: #1b7f4b; }
h1 { margin: 0 0 1rem; font-size: 1.6rem; line-height: 1.3; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
footer { font-size: .9rem; color: #566070; }
"""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main class="{kind}">
<h1>{title}</h1>
{paragraphs}
<footer>This page comes from upstox_totp on your own machine.</footer>
</main>
</body>
</html>
"""

HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; style-src 'sha256-"
        f"{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
    ),
}
"""What is sent with each page."""


def write_page(title: str, *paragraphs: str, good: bool = False) -> str:
    """Return a page as HTML.

    Args:
        title: The title and heading, as text.
        paragraphs: What the page says, as text.
        good: Whether it says that something worked.
    """
    return _PAGE.format(
        title=escape(title),
        style=_STYLE,
        kind="good" if good else "bad",
        paragraphs="\n".join(f"<p>{escape(text)}</p>" for text in paragraphs),
    )
