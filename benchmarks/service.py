"""The service that the benchmarks log in to: a sandbox behind TLS, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import trustme

from upstox_totp import _clock
from upstox_totp.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

_PERIOD: Final = 30


class Service:
    """One account's sandbox.

    Its clock stands still, and moves on by one code with each login: no login has to wait for a
    code, and none is near the end of a token's life.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.environment: dict[str, str] = self._ask("environment")
        self.start: float = self._ask("now")

    def logins(self) -> int:
        """Return how many logins it has granted."""
        return int(self._ask("logins"))

    def _ask(self, name: str) -> Any:
        self._pipe.send(name)
        return self._pipe.recv()


def _serve(pipe: Connection, chain: str, key: str) -> None:
    noon = datetime.now(UTC).replace(hour=6, minute=30, second=10, microsecond=0).timestamp()
    with Sandbox(
        certificate=(chain, key),
        step_clock=True,
        otp_limit=1_000_000,
        totp_login_limits=(),
        clock=lambda: noon,
    ) as sandbox:
        while True:
            try:
                asked = getattr(sandbox, pipe.recv())
            except EOFError:
                return
            pipe.send(asked() if callable(asked) else asked)


@contextmanager
def serving() -> Iterator[Service]:
    """Serve, with the environment of this process leading to the account."""
    with tempfile.TemporaryDirectory() as name:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        trusted, chain, key = (Path(name) / file for file in ("ca.pem", "chain.pem", "key.pem"))
        authority.cert_pem.write_to_path(trusted)
        issued.private_key_pem.write_to_path(key)
        for pem in issued.cert_chain_pems:
            pem.write_to_path(chain, append=True)
        spawning = multiprocessing.get_context("spawn")
        pipe, other = spawning.Pipe()
        process = spawning.Process(target=_serve, args=(other, str(chain), str(key)), daemon=True)
        process.start()
        other.close()
        try:
            service = Service(pipe)
            leading = service.environment | {"REQUESTS_CA_BUNDLE": str(trusted)}
            with patch.dict(os.environ, leading):
                yield service
        finally:
            # It ends when nobody can ask it any more.
            pipe.close()
            process.join()


class SameTime:
    """Lets the package read the service's clock, and skips its pauses.

    The clock jumps with each login, so that each asks for the time as the first of a process does.
    """

    def __init__(self, service: Service) -> None:
        self._now = service.start
        self.pauses: list[float] = []

    @contextmanager
    def kept(self) -> Iterator[SameTime]:
        """Hold the time for the block."""
        with (
            patch.object(_clock, "time", lambda: self._now),
            patch.object(_clock, "sleep", self.pauses.append),
        ):
            yield self

    def step(self, pauses: int = 0) -> None:
        """Move on to the next code, and check that exactly so many pauses were skipped."""
        self._now += _PERIOD
        if len(self.pauses) != pauses:
            raise RuntimeError(f"{len(self.pauses)} pauses, not {pauses}")
        self.pauses.clear()
