"""``sandbox``: the command of `python -m upstox_totp.sandbox`, with its options."""

from __future__ import annotations

from typing import Any

from upstox_totp.cli.main import command
from upstox_totp.cli.output import writing
from upstox_totp.sandbox.__main__ import TEXT, options, serve


@command(TEXT)
@options
def sandbox(**chosen: Any) -> None:
    with writing():
        serve(**chosen)
