"""What commands print: a token in the format that was asked for, and facts in columns."""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from upstox_totp._tokens.life import IST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from upstox_totp._tokens.record import KeptToken

_LONG: Final = 40
_HOUR: Final = 3600


def say(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns.

    Args:
        rows: The rows; control characters in them are replaced.
    """
    table = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def printable(text: str) -> str:
    """Return a text without what would control the terminal.

    Args:
        text: A text that may come from a server or a file.
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def moment(epoch: float) -> str:
    """Return a moment in Indian time.

    Args:
        epoch: Seconds since the epoch.
    """
    return f"{datetime.fromtimestamp(epoch, IST):%a %d %b %Y, %H:%M:%S} IST"


def duration(seconds: float) -> str:
    """Return a duration in words.

    Args:
        seconds: How long.
    """
    whole = timedelta(seconds=max(0, int(seconds)))
    hours, rest = divmod(int(whole.total_seconds()), _HOUR)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def facts(token: KeptToken) -> list[tuple[str, str]]:
    """Return whose a token is and until when, a row each.

    Args:
        token: The token.
    """
    left = token.expires_in
    state = f"in {duration(left)}" if left > 0 else "expired"
    return [("Owner", token.owner), ("Expires", f"{moment(token.expires_at)} ({state})")]


def shortened(token: str) -> str:
    """Return enough of a token to tell two apart, and too little to use it.

    Args:
        token: The access token.
    """
    return f"{token[:4]}...{token[-4:]}" if len(token) >= _LONG else "..."


def print_token(token: KeptToken, style: str, *, show: bool) -> None:
    """Print a token on stdout.

    Args:
        token: The token.
        style: One of `FORMATS`.
        show: Whether the format for people shows the whole token.
    """
    FORMATS[style](token, show)


def _text(token: KeptToken, show: bool) -> None:  # noqa: FBT001 - a row of the table below
    if show:
        click.echo(token.access_token)
        say(facts(token))
    else:
        short = f"{shortened(token.access_token)} (--show prints it whole)"
        say([("Token", short), *facts(token)])


def _raw(token: KeptToken, _: bool) -> None:  # noqa: FBT001 - as above
    click.echo(token.access_token)


def _json(token: KeptToken, _: bool) -> None:  # noqa: FBT001 - as above
    until = datetime.fromtimestamp(token.expires_at, IST).isoformat()
    click.echo(json.dumps({**token.data, "expires_at": until}, indent=2))


def _env(token: KeptToken, _: bool) -> None:  # noqa: FBT001 - as above
    click.echo(f"UPSTOX_ACCESS_TOKEN={shlex.quote(token.access_token)}")


FORMATS: Final[Mapping[str, Callable[[KeptToken, bool], None]]] = {
    "text": _text,
    "raw": _raw,
    "json": _json,
    "env": _env,
}
"""How a token can be printed."""
