"""What commands print: a token in the format that was asked for, and facts in columns."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from upstox_totp._cache.lifetime import IST
from upstox_totp.cli.streams import write_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from upstox_totp._cache.records import CachedToken

# ruff: noqa: PLC0415 - a token by itself is printed without loading what a table needs

REPORTS: Final = ("text", "json")
"""How a report can be printed: for people, or for programs."""

_LONG: Final = 40
_HOUR: Final = 3600
_GAP: Final = "  "
# A last column that is narrower is put on lines of its own, in characters.
_NARROW: Final = 20


def say(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns, no wider than the terminal if stdout is one."""
    import shutil

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in columns([[printable(cell) for cell in row] for row in rows], width):
        write_line(line)


def columns(table: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """Return the lines of a table."""
    if not table:
        return
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    indent = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    fits = width is None or indent + widths[-1] <= width
    for row in table:
        begin = _GAP.join(cell.ljust(size) for cell, size in zip(row, widths[:-1], strict=False))
        if fits or width is None:
            yield _GAP.join((begin, row[-1])).rstrip()
        elif width - indent >= max(_NARROW, *map(len, row[-1].split()), 0):
            yield from _wrapped(row[-1], width, begin + _GAP, " " * indent)
        else:
            yield row[0]
            yield from _wrapped(_GAP.join(row[1:]), width, _GAP, _GAP)


def _wrapped(text: str, width: int, first: str, later: str) -> list[str]:
    import textwrap

    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def say_json(document: Mapping[str, Any]) -> None:
    """Print a document as JSON, for programs."""
    write_line(json.dumps(document, indent=2))


def printable(text: str) -> str:
    """Return a text without what would control the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def moment(epoch: float) -> str:
    """Return a moment in Indian time."""
    return f"{datetime.fromtimestamp(epoch, IST):%a %d %b %Y, %H:%M:%S} IST"


def iso_moment(epoch: float) -> str:
    """Return a moment in Indian time, as programs read it."""
    return datetime.fromtimestamp(epoch, IST).isoformat()


def duration(seconds: float) -> str:
    """Return a duration in words."""
    whole = timedelta(seconds=max(0, int(seconds)))
    hours, rest = divmod(int(whole.total_seconds()), _HOUR)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def facts(token: CachedToken) -> list[tuple[str, str]]:
    """Return whose a token is and until when, a row each."""
    left = token.expires_in
    state = f"in {duration(left)}" if left > 0 else "expired"
    return [("Owner", token.owner), ("Expires", f"{moment(token.expires_at)} ({state})")]


def shortened(token: str) -> str:
    """Return enough of a token to tell two apart, and too little to use it."""
    return f"{token[:4]}...{token[-4:]}" if len(token) >= _LONG else "..."


def print_token(token: CachedToken, style: str, *, show: bool) -> None:
    """Print a token on stdout."""
    FORMATS[style](token, show)


def _text(token: CachedToken, show: bool) -> None:  # noqa: FBT001 - a row of the table below
    if show:
        write_line(token.access_token)
        say(facts(token))
    else:
        short = f"{shortened(token.access_token)} (--show prints it whole)"
        say([("Token", short), *facts(token)])


def _raw(token: CachedToken, _: bool) -> None:  # noqa: FBT001 - as above
    write_line(token.access_token)


def _json(token: CachedToken, _: bool) -> None:  # noqa: FBT001 - as above
    say_json({**token.data, "expires_at": iso_moment(token.expires_at)})


def _env(token: CachedToken, _: bool) -> None:  # noqa: FBT001 - as above
    import shlex

    write_line(f"UPSTOX_ACCESS_TOKEN={shlex.quote(token.access_token)}")


FORMATS: Final[Mapping[str, Callable[[CachedToken, bool], None]]] = {
    "text": _text,
    "raw": _raw,
    "json": _json,
    "env": _env,
}
"""How a token can be printed."""
