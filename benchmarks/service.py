"""The service that the benchmarks log in to: sandboxes behind TLS, in a process of their own."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from unittest.mock import patch

import trustme

from upstox_totp import _clock
from upstox_totp.sandbox import Account, Credentials, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from types import TracebackType

    from upstox_totp import UpstoxTOTP

PAUSE: Final = 1.0
"""The pause between two requests by default, in seconds."""

PAUSES: Final = 5
"""How many of them a login has."""

DOMAIN: Final = "sandbox.test"
"""The name that the service's hosts have where they are to be told apart."""

_STARTED: Final = 30


class _Sandboxes:
    """Sandboxes by the number of their account.

    Their clock stands still, but for the step to the next code after each login: no login has to
    wait for a code, and none is near midnight or near the end of a token's life.

    Args:
        certificate: The files of the certificate and of its key.
    """

    def __init__(self, certificate: tuple[str, str]) -> None:
        self._certificate = certificate
        noon = datetime.now(UTC).replace(hour=6, minute=30, second=10, microsecond=0)
        self._moment = noon.timestamp()
        self._open: dict[int, Sandbox] = {}

    def open(self, number: int) -> dict[str, str]:
        """Start the sandbox of an account, and return the settings that lead there."""
        sandbox = Sandbox(
            credentials=_credentials(number),
            account=Account(user_id=user_id(number)),
            certificate=self._certificate,
            step_clock=True,
            otp_limit=1_000_000,
            totp_login_limits=(),
            clock=lambda: self._moment,
        )
        sandbox.start()
        self._open[number] = sandbox
        return sandbox.environment

    def close(self, number: int) -> None:
        """Stop the sandbox of an account."""
        self._open.pop(number).stop()

    def connections(self, number: int) -> int:
        """Return how many connections a sandbox has accepted."""
        return self._open[number].connections

    def now(self, _: int) -> float:
        """Return the time that all sandboxes begin with."""
        return self._moment

    def logins(self, number: int) -> int:
        """Return how many logins a sandbox has granted."""
        return self._open[number].logins


def _credentials(number: int) -> Credentials:
    known = Credentials()
    key = hashlib.sha1(str(number).encode(), usedforsecurity=False).digest()
    return replace(
        known,
        username=str(int(known.username) + number),
        totp_secret=base64.b32encode(key).decode(),
        client_id=f"{known.client_id}-{number}",
    )


def user_id(number: int) -> str:
    """Return the user id of an account.

    Args:
        number: The account's number.
    """
    return f"U{number:05}"


def _serve(pipe: Connection, certificate: tuple[str, str]) -> None:
    sandboxes = _Sandboxes(certificate)
    while True:
        try:
            method, number = pipe.recv()
        except EOFError:
            return
        pipe.send(getattr(sandboxes, method)(number))


class Service:
    """A process that serves one sandbox an account, as a context manager.

    Attributes:
        environment: What leads a client to account 0, and lets it trust the certificate.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start the process, and account 0."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            authority = trustme.CA()
            issued = authority.issue_cert("127.0.0.1", "localhost", f"*.{DOMAIN}")
            trusted, chain, key = (folder / name for name in ("ca.pem", "chain.pem", "key.pem"))
            authority.cert_pem.write_to_path(trusted)
            issued.private_key_pem.write_to_path(key)
            for pem in issued.cert_chain_pems:
                pem.write_to_path(chain, append=True)
            spawning = multiprocessing.get_context("spawn")
            self._pipe, other = spawning.Pipe()
            process = spawning.Process(
                target=_serve, args=(other, (str(chain), str(key))), daemon=True
            )
            process.start()
            stack.callback(process.join, _STARTED)
            stack.callback(self._pipe.close)
            other.close()
            self.environment = self.open(0) | {"REQUESTS_CA_BUNDLE": str(trusted)}
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process, which ends when nobody can speak to it any more."""
        self._stack.close()

    def open(self, number: int) -> dict[str, str]:
        """Start the sandbox of an account, and return the settings that lead there.

        Args:
            number: The account's number.
        """
        settings: dict[str, str] = self._ask("open", number)
        return settings

    def close(self, number: int) -> None:
        """Stop the sandbox of an account.

        Args:
            number: The account's number.
        """
        self._ask("close", number)

    def connections(self) -> int:
        """Return how many connections account 0 has accepted."""
        return int(self._ask("connections", 0))

    def logins(self) -> int:
        """Return how many logins account 0 has granted."""
        return int(self._ask("logins", 0))

    def now(self) -> float:
        """Return what the clock of account 0 shows, in seconds since the epoch."""
        return float(self._ask("now", 0))

    def _ask(self, method: str, number: int) -> Any:
        with self._lock:
            self._pipe.send((method, number))
            return self._pipe.recv()


@contextmanager
def serving() -> Iterator[Service]:
    """Serve, with the environment of this process leading to account 0."""
    with Service() as service, patch.dict(os.environ, service.environment):
        yield service


@contextmanager
def without_pauses() -> Iterator[list[float]]:
    """Skip every sleep of the package, and yield the list of them, in seconds."""
    pauses: list[float] = []
    with patch.object(_clock, "sleep", pauses.append):
        yield pauses


def log_in(client: UpstoxTOTP, pauses: list[float]) -> None:
    """Log in without pauses, and make sure that nothing else was skipped.

    Args:
        client: The client.
        pauses: What `without_pauses` yields.
    """
    pauses.clear()
    client.app_token.get_access_token()
    # A wait for the next code would have been skipped as well, and the login not be a whole one.
    if pauses != [PAUSE] * PAUSES:
        raise RuntimeError(f"not the documented pauses: {pauses}")
