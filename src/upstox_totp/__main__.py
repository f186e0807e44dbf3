"""``upstox_cli``, ``upstox-totp`` and ``python -m upstox_totp``: the way to the command line."""

from __future__ import annotations

import sys
from typing import Final

from upstox_totp._extras import missing

_INTERRUPTED: Final = 130
_USAGE: Final = 2


def main() -> None:
    """Run the command line, or say how to get it."""
    try:
        from upstox_totp.cli.commands import cli  # noqa: PLC0415 - click is an extra
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(missing("The command line", "cli") + "\n")
        sys.exit(_USAGE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    cli()


if __name__ == "__main__":
    main()
