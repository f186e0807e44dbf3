"""How long many processes wait that ask one cache at once: one logs in, all get its token."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from benchmarks.figures import Figure
from benchmarks.service import serving
from benchmarks.timing import timed
from upstox_totp import TokenCache, UpstoxTOTP

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier
    from types import TracebackType

_LAST: Final = 1.5
_PATIENCE: Final = 120


def measure(processes: int, sleep_times: tuple[int, ...]) -> list[Figure]:
    """Let fresh processes ask at once, after their imports.

    Args:
        processes: How many.
        sleep_times: At which paces, in milliseconds between two requests, one after the other.
    """
    figures = []
    with tempfile.TemporaryDirectory() as folder, serving() as service:
        # Before there is a crowd, which would slow it.
        alone = {sleep_time: _alone(sleep_time) for sleep_time in sleep_times}
        with _Crowd(processes) as crowd:
            for sleep_time in sleep_times:
                before = service.logins()
                last = crowd.ask(Path(folder) / str(sleep_time), sleep_time)
                figures += [
                    Figure(f"{processes} processes, {sleep_time} ms between requests: logins",
                           service.logins() - before, limit=1, exact=True),
                    Figure("… the last has its token after", last, "s",
                           "a login alone", alone[sleep_time], limit=_LAST),
                ]  # fmt: skip
    return figures


def _alone(sleep_time: int) -> float:
    with UpstoxTOTP(sleep_time=sleep_time) as client:
        return timed(client.app_token.get_access_token).wall


class _Crowd:
    """Processes that ask a cache together, as a context manager.

    Args:
        number: How many.
    """

    def __init__(self, number: int) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._orders: list[Queue[_Order | None]] = [spawning.Queue() for _ in range(number)]
        self._answers: Queue[_Answer] = spawning.Queue()
        # Kept: it is gone for the processes, too, once nobody here knows it.
        self._ready: Barrier = spawning.Barrier(number)
        self._processes = [
            spawning.Process(target=_obey, args=(order, self._ready, self._answers), daemon=True)
            for order in self._orders
        ]

    def __enter__(self) -> Self:
        """Start them."""
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End them."""
        for orders in self._orders:
            orders.put(None)
        for process in self._processes:
            process.join(_PATIENCE)

    def ask(self, directory: Path, sleep_time: int) -> float:
        """Return how long after the first had begun the last had its token, in seconds.

        Args:
            directory: Where the cache keeps it.
            sleep_time: The pace, in milliseconds between two requests.
        """
        for orders in self._orders:
            orders.put(_Order(directory, sleep_time))
        told = [self._answers.get(timeout=_PATIENCE) for _ in self._processes]
        if len({answer.token for answer in told}) != 1:
            raise RuntimeError("not one token for all")
        return max(answer.end for answer in told) - min(answer.begin for answer in told)


@dataclass(frozen=True)
class _Order:
    directory: Path
    sleep_time: int


@dataclass(frozen=True)
class _Answer:
    begin: float
    end: float
    token: str


def _obey(orders: Queue[_Order | None], ready: Barrier, answers: Queue[_Answer]) -> None:
    # This module's imports are done by now. The clock is the same for all processes.
    while order := orders.get():
        ready.wait(_PATIENCE)
        begin = time.monotonic()
        with UpstoxTOTP(sleep_time=order.sleep_time) as client:
            token = TokenCache(order.directory).get_access_token(client).data.access_token
        answers.put(_Answer(begin, time.monotonic(), token))
