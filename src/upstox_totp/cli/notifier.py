"""``notifier``: serves `Notifier` on this machine, behind a web server of the user's."""

from __future__ import annotations

import secrets
import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from pydantic import SecretStr

from upstox_totp._log import warn_user
from upstox_totp._private_files import others_can_read
from upstox_totp._settings.env_files import read_text, write_file
from upstox_totp._settings.named_accounts import accounts_directory
from upstox_totp.cli.login import make_reader
from upstox_totp.cli.main import command
from upstox_totp.cli.options import Selection, settings_and_debug
from upstox_totp.cli.output import note_line, write_line
from upstox_totp.errors import ConfigurationError, missing_extra
from upstox_totp.notifier import MAX_MESSAGE, Notifier, check_secret

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer, MultiSocketServer


_FILE: Final = "notifier-secret"
_SECONDS: Final = 20
# Idle ones cost little: few would let anybody keep Upstox out by opening that many.
_CONNECTIONS: Final = 800


@command("Receive tokens that were approved on the phone, and cache them.")
@settings_and_debug
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8765,
    show_default=True,
    help="The port to listen at; 0 for a free one.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The file with the secret part of the path. It is created if it is missing.",
)
@click.option("--show-path", is_flag=True, help="Print the path, with its secret, and exit.")
def notifier(
    *, selection: Selection, host: str, port: int, secret_file: Path | None, show_path: bool
) -> None:
    secret = _read_secret(secret_file or accounts_directory().with_name(_FILE))
    if show_path:
        write_line(f"/notify/{secret.get_secret_value()}")
        return
    with (
        make_reader(selection.read()) as client,
        closing(Notifier(client, secret)) as application,
        closing(_open(application, host, port)) as server,
    ):
        # A name with several addresses has several sockets, and no port of its own.
        chosen = getattr(server, "effective_port", port)
        note_line(
            f"Listening at http://{host}:{chosen}/notify/***; "
            "upstox_cli notifier --show-path prints the path."
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server.run()


def _open(application: Notifier, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    try:
        from waitress.server import create_server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise ConfigurationError(f"{missing_extra('The notifier', 'notifier')}.") from None
    return create_server(
        application,
        host=host,
        port=port,
        connection_limit=_CONNECTIONS,
        channel_timeout=_SECONDS,
        cleanup_interval=_SECONDS,
        max_request_header_size=MAX_MESSAGE,
        max_request_body_size=MAX_MESSAGE,
    )


def _read_secret(path: Path) -> SecretStr:
    """Return the secret of a file, which is made where there is none."""
    if not path.exists():
        write_file(path, lambda text: text or f"{secrets.token_urlsafe(32)}\n")
    secret = SecretStr(read_text(path).strip())
    if others_can_read(path):
        warn_user(
            f"Others can read or change the secret of the notifier's path: run chmod 600 {path}"
        )
    try:
        check_secret(secret)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{path}: {error.message}",
            suggestions=["Delete the file; the next start makes a new one."],
        ) from None
    return secret
