"""What a kept token takes that lies in Redis, and what TokenAuth adds to a request."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import redis
import requests

from benchmarks.figures import Figure
from benchmarks.service import serving, without_pauses
from benchmarks.timing import median_of_turns, timed
from upstox_totp import TokenAuth, TokenCache, UpstoxTOTP
from upstox_totp._cache.encryption import Seal, new_key
from upstox_totp._settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

_OVER_GET: Final = 1.5
_REQUEST_US: Final = 30
_BLOCK: Final = 20
_STARTED: Final = 10


def measure(blocks: int) -> list[Figure]:
    """Log in once, then ask for the kept token again and again, and put it on requests.

    Args:
        blocks: How many blocks of 20 calls.

    Returns:
        The figures, none where there is no redis-server.
    """
    program = shutil.which("redis-server")
    if program is None:
        return []
    key = new_key()
    with tempfile.TemporaryDirectory() as folder, serving() as service, _redis(program) as url:
        settings = {
            variable("cache_dir"): str(Path(folder) / "tokens"),
            variable("cache_url"): url,
            variable("cache_key"): key,
        }
        with patch.dict(os.environ, settings), without_pauses(), UpstoxTOTP() as client:
            kept, bare = _kept(client, url, key, blocks)
            seconds = _request(client, blocks)
        if service.logins() != 1:
            raise RuntimeError("a token that was kept was not found")
    return [
        Figure("A kept token from Redis", kept * 1e6, "µs",
               "GET by redis-py, and decryption", bare * 1e6, limit=_OVER_GET),
        Figure("TokenAuth, each request", seconds * 1e6, "µs", limit=_REQUEST_US),
    ]  # fmt: skip


def _kept(client: UpstoxTOTP, url: str, key: str, blocks: int) -> tuple[float, float]:
    cache = TokenCache()
    token = cache.get_access_token(client).data.access_token
    seal = Seal(key)
    with redis.Redis.from_url(url) as by_hand:
        (name,) = by_hand.scan_iter("*:token")
        text = name.decode()

        def ours() -> None:
            for _ in range(_BLOCK):
                if cache.get_access_token(client).data.access_token != token:
                    raise RuntimeError("another token than the kept one")

        def theirs() -> None:
            for _ in range(_BLOCK):
                value: bytes = by_hand.get(name)
                if seal.open(text, value.partition(b":")[2]).find(token.encode()) < 0:
                    raise RuntimeError("another token than the kept one")

        found = median_of_turns({"ours": ours, "theirs": theirs}, blocks)
    return found["ours"].wall / _BLOCK, found["theirs"].wall / _BLOCK


def _request(client: UpstoxTOTP, blocks: int) -> float:
    auth = TokenAuth(client)
    url = client.base_domain.replace("{stage}", "api") + "/v2/user/profile"
    prepared = [requests.Request("GET", url).prepare() for _ in range(_BLOCK)]
    auth(requests.Request("GET", url).prepare())

    def put() -> None:
        for request in prepared:
            auth(request)

    return statistics.median(timed(put).wall for _ in range(blocks)) / _BLOCK


@contextmanager
def _redis(program: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        url = f"unix://{folder}/socket"
        process = subprocess.Popen(  # noqa: S603 - found by its name
            [program, "--unixsocket", f"{folder}/socket", "--port", "0", "--save", "",
             "--dir", folder],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with redis.Redis.from_url(url) as client:
                end = time.monotonic() + _STARTED
                while not _answers(client):
                    if time.monotonic() > end:
                        raise RuntimeError("redis-server does not answer")
                    time.sleep(0.01)
            yield url
        finally:
            process.kill()
            process.wait()


def _answers(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.ConnectionError:
        return False
    return True
