"""What is measured: each function runs one benchmark and returns its rows."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import IO, TYPE_CHECKING, Any, Final
from unittest.mock import patch

from benchmarks import by_hand, fresh
from benchmarks.rows import Row, compared, in_turns, timed
from benchmarks.service import SameTime, serving
from upstox_totp import TokenCache, UpstoxTOTP, UpstoxWarning
from upstox_totp.sandbox import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.service import Service

HAND: Final = "by hand"
FOUR: Final = "importing the four dependencies"
_PAUSES_OF_PAGE, _PAUSES_OF_API = 5, 1
_CALLS: Final = 20
_CLASS: Final = "from upstox_totp import UpstoxTOTP"
_COMMAND: Final = (
    "import sys; from upstox_totp.__main__ import main; "
    "sys.argv[1:] = ['token', '--format', 'raw']; main()"
)
_ONE_OF_MANY: Final = """
import sys, time
from upstox_totp import TokenCache, UpstoxTOTP
client = UpstoxTOTP(sleep_time=100)
print("ready", flush=True)
sys.stdin.readline()
print(TokenCache().get_access_token(client).data.access_token, time.monotonic(), flush=True)
"""


def script(rounds: int, sleep_time: int = 1000) -> list[Row]:
    """Run the whole script of a job of cron: start, import, log in at the default pace, end."""
    with serving():
        found = fresh.median_seconds(
            {
                "ours": f"{_CLASS}; "
                f"UpstoxTOTP(sleep_time={sleep_time}).app_token.get_access_token()",
                HAND: "from benchmarks.by_hand import *; "
                f"log_in(new_session(), {sleep_time / 1000})",
            },
            rounds,
        )
    what = "Script, from its start to a token"
    return [compared(what, "s", (found["ours"], found[HAND]), HAND, 1.08)]


def logins(rounds: int) -> list[Row]:
    """Log in again and again with one client, by page and by api, without the pauses."""
    with ExitStack() as stack:
        service = stack.enter_context(serving())
        clock = stack.enter_context(SameTime(service).kept())
        page = stack.enter_context(UpstoxTOTP())
        api = stack.enter_context(UpstoxTOTP.from_settings(login_method="api"))
        session = stack.enter_context(by_hand.new_session())
        stack.enter_context(warnings.catch_warnings())
        # Each login by api ends the token before it, and says so.
        warnings.simplefilter("ignore", UpstoxWarning)

        def ours(client: UpstoxTOTP, pauses: int) -> None:
            client.app_token.get_access_token()
            clock.step(pauses)

        def theirs(log_in: Any) -> None:
            log_in(session)
            clock.step()

        found = in_turns(
            {
                "page": lambda: ours(page, _PAUSES_OF_PAGE),
                "page by hand": lambda: theirs(by_hand.log_in),
                "api": lambda: ours(api, _PAUSES_OF_API),
                "api by hand": lambda: theirs(by_hand.log_in_by_api),
            },
            rounds,
        )
    return [
        compared(f"Later login with {name}, {kind}", "ms",
                 (getattr(found[name], kind), getattr(found[f"{name} by hand"], kind)), HAND, limit)
        for name, kind, limit in (("page", "wall", 1.10), ("page", "cpu", 1.15),
                                  ("api", "wall", 1.3), ("api", "cpu", None))
    ]  # fmt: skip


def imports(rounds: int) -> list[Row]:
    """Import the class, and make a client; what bare Python takes is taken off."""
    # The sandbox's own app is refused where a client would log in to Upstox.
    known = asdict(Credentials(client_id="5d0b7c1e-93f4-4a86-b2d7-0c61e8f3a94b"))
    settings = {f"UPSTOX_{name.upper()}": value for name, value in known.items()}
    with patch.dict(os.environ, settings):
        found = fresh.median_seconds(
            {"bare": fresh.BARE, "four": fresh.DEPENDENCIES, "class": _CLASS,
             "client": f"{_CLASS}; UpstoxTOTP()", "package": "import upstox_totp"}, rounds
        )  # fmt: skip
    over = {name: seconds - found["bare"] for name, seconds in found.items()}
    return [
        Row("import upstox_totp", over["package"] * 1e3, "ms"),
        compared("Import of the class", "ms", (over["class"], over["four"]), FOUR),
        compared("Import and construction", "ms", (over["client"], over["four"]), FOUR, 1.15),
    ]


def cached(rounds: int) -> list[Row]:
    """Ask for a cached token, in a program that runs already and by command."""
    with _empty_cache() as service:
        seconds = _cached_in_process(TokenCache(), rounds)
        found = fresh.median_seconds(
            {"four": fresh.DEPENDENCIES, "command": _COMMAND}, max(1, rounds // 5)
        )
        if service.logins() != 1:
            raise RuntimeError("a cached token was not found")
    return [
        Row("Cached token, in process", seconds * 1e6, "µs", limit=150),
        compared("upstox_cli token, cached", "ms", (found["command"], found["four"]), FOUR, 0.45),
    ]


@contextmanager
def _empty_cache() -> Iterator[Service]:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving() as service,
        # The directory itself is made by the cache, for its user alone.
        patch.dict(os.environ, {"UPSTOX_CACHE_DIR": str(Path(folder) / "cache")}),
    ):
        yield service


def _cached_in_process(cache: TokenCache, rounds: int) -> float:
    with _logged_in(cache) as ask:
        return median(timed(ask).wall for _ in range(rounds)) / _CALLS


@contextmanager
def _logged_in(cache: TokenCache) -> Iterator[Callable[[], None]]:
    """Fill a cache by a login, and yield what asks it twenty times."""
    with UpstoxTOTP.from_settings(sleep_time=100) as client, warnings.catch_warnings():
        # The clock of the service stands still.
        warnings.simplefilter("ignore", UpstoxWarning)
        cache.get_access_token(client)

        def ask() -> None:
            for _ in range(_CALLS):
                cache.get_access_token(client)

        yield ask


def contention(processes: int) -> list[Row]:
    """Let processes ask one empty cache at once, after their imports: one of them logs in."""
    with _empty_cache() as service, fresh.compiled():
        crowd = [_started(_ONE_OF_MANY) for _ in range(processes)]
        for _, _, answers in crowd:
            answers.readline()
        begin = time.monotonic()
        for _, orders, _ in crowd:
            orders.close()
        told = [answers.readline().split() for _, _, answers in crowd]
        for process, _, answers in crowd:
            answers.close()
            process.wait()
        granted = service.logins()
    if len({token for token, _ in told}) != 1:
        raise RuntimeError("not one token for all")
    last = max(float(end) for _, end in told) - begin
    return [
        Row(f"{processes} processes at once: logins", granted, limit=1),
        Row("… until the last has its token (0.1 s between requests)", last, "s"),
    ]


def _started(program: str) -> tuple[subprocess.Popen[str], IO[str], IO[str]]:
    process = subprocess.Popen(  # noqa: S603 - our own
        [*fresh.COMMAND, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    return process, process.stdin, process.stdout


def redis(rounds: int) -> list[Row]:
    """Ask for a token that is cached in Redis, encrypted, beside a bare GET with decryption."""
    what = "Cached token, from Redis"
    program = shutil.which("redis-server")
    if program is None or not find_spec("redis") or not find_spec("cryptography"):
        lacks = "redis-server" if program is None else "the extra redis or encryption"
        return [Row(what, missing=f"not measured: {lacks} is not installed")]
    from cryptography.fernet import Fernet  # noqa: PLC0415 - of an extra
    from redis import Redis  # noqa: PLC0415 - of an extra

    key = Fernet.generate_key()
    with _redis_server(program) as url, serving() as service, Redis.from_url(url) as bare:
        shown = subprocess.run([*fresh.COMMAND, _CACHE_KEY], check=True, capture_output=True)  # noqa: S603 - our own
        cache = TokenCache(url=url, key=shown.stdout.decode().strip())
        with _logged_in(cache) as ask:
            bare.set("bare", Fernet(key).encrypt(b"x" * 1500))

            def get() -> None:
                for _ in range(_CALLS):
                    value: Any = bare.get("bare")
                    Fernet(key).decrypt(value)

            found = in_turns({"ours": ask, "bare": get}, rounds)
        if service.logins() != 1:
            raise RuntimeError("a cached token was not found")
    both = found["ours"].wall / _CALLS, found["bare"].wall / _CALLS
    return [compared(what, "µs", both, "GET by redis-py, and decryption", 3.0)]


_CACHE_KEY: Final = _COMMAND.replace("'token', '--format', 'raw'", "'cache-key'")


@contextmanager
def _redis_server(program: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "socket"
        process = subprocess.Popen(  # noqa: S603 - found by its name
            [program, "--unixsocket", str(socket), "--port", "0", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not socket.exists():
                if process.poll() is not None:
                    raise RuntimeError("redis-server has ended")
                time.sleep(0.02)
            yield f"unix://{socket}"
        finally:
            process.kill()
            process.wait()
