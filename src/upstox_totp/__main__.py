"""``upstox_cli``, ``upstox-totp`` and ``python -m upstox_totp``: the command line."""

from __future__ import annotations

import gc
import sys

from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.errors import missing_extra


def main() -> None:
    """Run the command line, or say how to get it."""
    # What is loaded stays: to look for garbage in it takes a twentieth of a short command.
    gc.disable()
    try:
        from upstox_totp.cli.main import cli  # noqa: PLC0415 - click is an extra
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print(missing_extra("The command line", "cli"), file=sys.stderr)  # noqa: T201 - what prints otherwise is missing
        sys.exit(ExitCode.USAGE)
    finally:
        gc.freeze()
        gc.enable()
    cli()


if __name__ == "__main__":
    main()
