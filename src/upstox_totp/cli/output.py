"""What commands print: sentences, facts in columns, JSON, and a token as it was asked for."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._cache.lifetime import IST, as_datetime, when
from upstox_totp.cli.streams import printable, wrapped, write_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from upstox_totp._cache.records import CachedToken

FORMATS: Final = ("text", "raw", "json", "env")
"""How a token can be printed."""

REPORTS: Final = ("text", "json")
"""How a report can be printed: for people, or for programs."""

_LONG: Final = 40
_GAP: Final = "  "


def say(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns, no wider than the terminal if stdout is one."""
    table = [[printable(cell) for cell in row] for row in rows]
    sizes = [max(map(len, column)) for column in zip(*table, strict=True)]
    indent = sum(sizes[:-1]) + len(_GAP) * (len(sizes) - 1)
    for row in table:
        cells = (cell.ljust(size) for cell, size in zip(row, sizes, strict=True))
        write_line(wrapped(_GAP.join(cells).rstrip(), sys.stdout, indent))


def say_text(text: str) -> None:
    """Print a sentence, no wider than the terminal if stdout is one."""
    say([(text,)])


def say_json(document: Mapping[str, Any]) -> None:
    """Print a document as JSON, for programs."""
    write_line(json.dumps(document, indent=2))


def iso_moment(epoch: float) -> str:
    """Return a moment in Indian time, as programs read it."""
    return datetime.fromtimestamp(epoch, IST).isoformat()


def facts(token: CachedToken) -> list[tuple[str, str]]:
    """Return whose a token is and until when, a row each."""
    minutes, seconds = divmod(int(token.expires_in), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
    state = f"in {left}" if token.expires_in > 0 else "expired"
    return [("Owner", token.owner), ("Expires", f"{when(as_datetime(token.expires_at))} ({state})")]


def shortened(token: str) -> str:
    """Return enough of a token to tell two apart, and too little to use it."""
    return f"{token[:4]}...{token[-4:]}" if len(token) >= _LONG else "..."


def print_token(token: CachedToken, style: str, *, show: bool) -> None:
    """Print a token on stdout in one of the `FORMATS`."""
    if style == "json":
        say_json({**token.data, "expires_at": iso_moment(token.expires_at)})
    elif style == "env":
        write_line(f"UPSTOX_ACCESS_TOKEN={shlex.quote(token.access_token)}")
    elif style == "raw":
        write_line(token.access_token)
    elif show:
        write_line(token.access_token)
        say(facts(token))
    else:
        short = f"{shortened(token.access_token)} (--show prints it whole)"
        say([("Token", short), *facts(token)])
