"""Many accounts at once, and a client that logs in again and again: what grows, and what slows."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import threading
import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import by_hand
from benchmarks.by_hand import new_session
from benchmarks.figures import Figure
from benchmarks.service import (
    PAUSE,
    PAUSES,
    Service,
    log_in,
    serving,
    user_id,
    without_pauses,
)
from benchmarks.timing import median_of_turns, timed
from upstox_totp import UpstoxTOTP
from upstox_totp._settings.names import REQUIRED, variable

if TYPE_CHECKING:
    from collections.abc import Callable

_GROWTH_MB: Final = 2
_FLAT: Final = 1.1
_MB: Final = 1024 * 1024
_PAGES: Final = Path("/proc/self/statm")
_DESCRIPTORS: Final = Path("/dev/fd")


def measure(
    accounts: int, threads: int, logins: int, traced: int, sleep_time: int = 1000
) -> list[Figure]:
    """Do each in a fresh process, so that nothing is counted that another benchmark left behind.

    Args:
        accounts: How many accounts log in.
        threads: In how many threads.
        logins: How often one client logs in.
        traced: How often one does whose memory is accounted for, line by line.
        sleep_time: At which pace the accounts log in, in milliseconds between two requests.
    """
    return [
        *_alone(_many_accounts, accounts, threads, sleep_time),
        *_alone(_many_logins, logins),
        *_alone(_traced_logins, traced),
    ]


def _alone(part: Callable[..., list[Figure]], *args: Any) -> list[Figure]:
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning) as pool:
        return pool.submit(part, *args).result()


def _many_accounts(accounts: int, threads: int, sleep_time: int) -> list[Figure]:
    with serving() as service:
        # The first login loads what all need.
        _one_account(service, accounts, sleep_time)
        before = _descriptors()
        with ThreadPoolExecutor(threads) as pool:
            owners: list[str | None] = []

            def run() -> None:
                numbers = range(1, accounts)
                owners.extend(pool.map(lambda n: _one_account(service, n, sleep_time), numbers))

            wall = timed(run).wall
        leaked = _descriptors() - before
    wrong = sum(owner != user_id(number) for number, owner in enumerate(owners, 1))
    rounds = math.ceil((accounts - 1) / threads)
    floor = rounds * PAUSES * PAUSE * sleep_time / 1000
    return [
        Figure(f"{accounts} accounts, {threads} threads: without their own token", wrong,
               limit=0, exact=True),
        Figure(f"… in {rounds} rounds", wall, "s", "pauses alone", floor),
        Figure("… file descriptors left open", leaked, limit=0, exact=True),
        Figure("… threads left", threading.active_count() - 1, limit=0, exact=True),
    ]  # fmt: skip


def _one_account(service: Service, number: int, sleep_time: int) -> str | None:
    settings = service.open(number)
    given: dict[str, Any] = {name: settings[variable(name)] for name in REQUIRED}
    with UpstoxTOTP(**given, sleep_time=sleep_time) as client:
        client.base_domain = settings["UPSTOX_BASE_DOMAIN"]
        owner = client.app_token.get_access_token().data.user_id
    service.close(number)
    return owner


@dataclass(frozen=True)
class _State:
    """What a process holds.

    Attributes:
        resident: Memory, in bytes.
        descriptors: File descriptors.
    """

    resident: int
    descriptors: int


def _many_logins(logins: int) -> list[Figure]:
    part = logins // 10
    with serving(), without_pauses() as pauses, UpstoxTOTP() as client, new_session() as session:
        parties = {
            "ours": lambda: log_in(client, pauses),
            "by hand": lambda: by_hand.log_in(session),
        }

        def compared() -> float:
            # A login by hand each time: what slows both is the machine.
            found = median_of_turns(parties, part)
            return found["ours"].cpu / found["by hand"].cpu

        early = compared()
        before = _state()
        for _ in range(logins - 2 * part):
            log_in(client, pauses)
        late = compared()
        after = _state()
    return [
        Figure(f"{logins} logins of one client: memory gained after the first {part}",
               (after.resident - before.resident) / _MB, "MB", limit=_GROWTH_MB),
        Figure("… file descriptors gained", after.descriptors - before.descriptors,
               limit=0, exact=True),
        Figure(f"… CPU of the last {part}, beside logins by hand", late, "x",
               f"the first {part}", early, limit=_FLAT),
    ]  # fmt: skip


def _traced_logins(logins: int) -> list[Figure]:
    with serving(), without_pauses() as pauses, UpstoxTOTP() as client:
        # By half of them, the caches of the standard library and the used codes that are
        # remembered have reached their bounds.
        tracemalloc.start()
        for _ in range(logins):
            log_in(client, pauses)
        before = _traced()
        for _ in range(logins):
            log_in(client, pauses)
        gained = _traced() - before
        tracemalloc.stop()
    return [Figure("… objects gained with each login", gained / logins, "bytes")]


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _state() -> _State:
    gc.collect()
    return _State(_resident(), _descriptors())


def _resident() -> int:
    # Where the kernel does not tell, there is nothing to compare.
    if not _PAGES.exists():
        return 0
    return int(_PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    return len(list(_DESCRIPTORS.iterdir()))
