"""RedisStore: the backend that stores bytes in Redis or Valkey, for any number of machines.

All names share one hash tag, so that one slot of a cluster has them. Each write is one script,
which does nothing unless the writer still holds the lock.
"""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack, suppress
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from upstox_totp._cache.backend import (
    Entry,
    Holder,
    LockLostError,
    UnreadableError,
    this_process,
)
from upstox_totp._cache.encryption import DecryptError, Encryption, hidden
from upstox_totp._http.addresses import is_loopback
from upstox_totp._log import warn_user
from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import CacheError, ConfigurationError, missing_extra

try:
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry
except ImportError:
    redis = None  # type: ignore[assignment]
if redis is None:
    raise ImportError(missing_extra("A cache in Redis", "redis"))

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upstox_totp._cache.encryption import Hideable

ResultT = TypeVar("ResultT")

LEASE: Final = 30.0
"""How long a lock lasts beyond the request that it was extended for, in seconds."""

_PREFIX: Final = "upstox_totp:{v1}:"
_READ: Final = "return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}"
_PATIENCE: Final = 5.0
_REPEATS: Final = 2
# A parser takes the begin of such a password for the host.
_CUT_PASSWORD: Final = re.compile(rb"\w+://(?!/)[^/?#]*[/?#].*@", re.DOTALL)
_LOST: Final = "another login has the lock now"
_NEEDED: Final = ("get", "set", "eval", "lock")

# A repeated or belated command of the same login writes nothing over a later one.
_WRITE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local kept = redis.call('GET', KEYS[2])
if kept then
  local login, number = string.match(kept, '^(%x+)%.(%d+):')
  if login == ARGV[2] and tonumber(number) >= tonumber(ARGV[3]) then return 1 end
end
for i = 2, #KEYS do
  if ARGV[2 * i + 1] == '0' then
    redis.call('DEL', KEYS[i])
  else
    redis.call('SET', KEYS[i], ARGV[2 * i], 'PX', ARGV[2 * i + 1])
  end
end
return 1
"""


class RedisStore:
    """Stores tokens and attempts in Redis or Valkey: one login a day for a whole fleet.

    The names of the keys are ``upstox_totp:{v1}:…``, with keyed hashes in them.

    Args:
        client: A client that blocks: ``redis.Redis``, that of a Sentinel's master,
            ``redis.cluster.RedisCluster``, or ``valkey.Valkey``.
        key: One key that ``upstox_cli cache-key`` printed, or several with commas between them:
            records are encrypted with the first, and decrypted with any.
        lease: How long a machine that has ended in the middle of a login keeps the others waiting,
            beyond the time that its request may take, in seconds.

    Raises:
        ConfigurationError: If a key is invalid, or the client is none that blocks.
        ValueError: If the lease is not above zero.
    """

    def __init__(self, client: Any, *, key: Hideable | None = None, lease: float = LEASE) -> None:
        if isinstance(client, str | bytes) or hasattr(client, "get_secret_value"):
            client = None
        blocks = not iscoroutinefunction(getattr(type(client), "execute_command", None))
        if not (blocks and all(callable(getattr(client, name, None)) for name in _NEEDED)):
            raise ConfigurationError(
                "RedisStore needs a client that blocks: redis.Redis, and not that of "
                "redis.asyncio.",
                suggestions=[
                    "RedisStore.from_url takes a URL; TokenCache(url=…) and UPSTOX_CACHE_URL too."
                ],
            )
        self._client = client
        if not lease > 0:
            raise ValueError("lease must be above zero")
        self._encryption = Encryption(key)
        self.lease = lease
        if not self._encryption.encrypts and not _is_private(client):
            warn_user(
                f"Tokens and attempts go to {self.describe()} unencrypted: set UPSTOX_CACHE_KEY "
                "(upstox_cli cache-key prints a key), or reach it by rediss:// or unix://."
            )

    @classmethod
    def from_url(cls, url: Hideable, *, key: Hideable | None = None, lease: float = LEASE) -> Self:
        """Return a store at a URL.

        Args:
            url: ``redis://``, ``rediss://`` (TLS, the certificate verified) or ``unix://``, with
                redis-py's own options in its query.
            key: As of the class.
            lease: As of the class.

        Raises:
            ConfigurationError: If the URL or a key is invalid.
        """
        url = hidden(url)
        return cls(_connect(url), key=key, lease=lease)

    def __repr__(self) -> str:
        """Return where the store is."""
        return f"<RedisStore: {self.describe()}>"

    def describe(self) -> str:
        """Return where the store is, without a password."""
        options = _options(self._client)
        if "path" in options:
            return f"Redis at {options['path']}"
        if "host" in options:
            return f"Redis at {options['host']}:{options.get('port', 6379)}"
        return "Redis"

    def read(self, name: str) -> Entry | None:
        """Return what is stored under a name; raises `UnreadableError` or `CacheError`."""
        kept, left = self._get(_PREFIX + name)
        if not kept:
            return None
        try:
            return Entry(self._encryption.decrypt(name, kept.partition(b":")[2]), left=left)
        except DecryptError as error:
            problem = str(error)
        raise UnreadableError(
            f"The record {_PREFIX}{name} in {self.describe()} cannot be read: {problem}",
            suggestions=[
                "No login is made meanwhile: it might end the token that is in the record.",
                (
                    "To start again, give every machine the same key; then upstox_cli logout or "
                    "TokenCache().clear(client) on one of them clears what cannot be read."
                ),
            ],
        )

    def lock(self, names: tuple[str, ...]) -> RedisLock | None:
        """Return a lock of all the names, None while another holds one; raises `CacheError`."""
        lock = RedisLock(self, self._client, self._encryption)
        with ExitStack() as failed:
            failed.callback(lock.release)
            if all(map(lock.acquire, names)):
                failed.pop_all()
                return lock
        return None

    def holder(self, name: str) -> Holder | None:
        """Return which process of which machine holds a name; raises `CacheError`."""
        key = _lock_key(name)
        held, left = self._get(key)
        if not held:
            return None
        who = "a machine with another key"
        with suppress(DecryptError, ValueError):
            who = bytes(self._encryption.decrypt(key, held.partition(b":")[2])).decode()
        return Holder(who, left or 0.0)

    def _get(self, key: str) -> tuple[HiddenBytes, float | None]:
        """Return what a key holds, empty if nothing, and for how many seconds, if for some."""
        answer = self.ask(lambda: self._client.eval(_READ, 1, key))
        kept, left = hidden(answer[0]), answer[1]
        # The frame of a caller may be shown, too.
        answer.clear()
        return kept, None if left < 0 else left / 1000

    def ask(self, work: Callable[[], ResultT]) -> ResultT:
        """Return what Redis answered; raises `LockLostError` or `CacheError`."""
        try:
            return work()
        except Exception as error:
            # By name: a client of another make has classes of its own.
            kinds = {kind.__name__ for kind in type(error).__mro__}
            if not kinds & {"RedisError", "ValkeyError", "OSError"}:
                raise
            lost = "LockError" in kinds
            reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        # Raised outside the handler: the frames of redis-py hold what was to be written.
        if lost:
            raise LockLostError(_LOST)
        raise CacheError(
            f"The shared cache, {self.describe()}, cannot be used: {reason}.",
            suggestions=[
                "Nobody logs in without it, or each machine would.",
                "To log in on one machine meanwhile, unset UPSTOX_CACHE_URL there.",
            ],
        )


class RedisLock:
    """A lock of names in a `RedisStore`, that ends by itself unless it is extended."""

    def __init__(self, store: RedisStore, client: Any, encryption: Encryption) -> None:
        self._store, self._client, self._encryption = store, client, encryption
        self._locks: list[Any] = []
        self._id = secrets.token_hex(16)
        self._writes = 0

    def acquire(self, name: str) -> bool:
        """Lock a name, and tell whether that succeeded."""
        key = _lock_key(name)
        who = self._encryption.encrypt(key, this_process().encode())
        token = HiddenBytes(f"{self._id}:".encode() + who)
        lock = self._client.lock(key, timeout=self._store.lease, thread_local=False)
        if not self._store.ask(lambda: lock.acquire(blocking=False, token=token)):
            # redis-py repeats a command whose reply was lost: the holder may be this one.
            if hidden(self._store.ask(lambda: self._client.get(key))) != token:
                return False
            lock.local.token = token
        self._locks.append(lock)
        return True

    def write(self, entries: Mapping[str, Entry]) -> None:
        """Replace what is stored under names; raises `LockLostError` or `CacheError`."""
        lock = self._locks[0]
        self._writes += 1
        keys, arguments = [lock.name], [lock.local.token, self._id, self._writes]
        for name, entry in entries.items():
            content = self._encryption.encrypt(name, entry.content)
            keys.append(_PREFIX + name)
            arguments += [
                HiddenBytes(f"{self._id}.{self._writes}:".encode() + content),
                max(0, int(entry.seconds * 1000)),
            ]
        send = partial(self._client.eval, _WRITE, len(keys), *keys, *arguments)
        if not self._store.ask(send):
            raise LockLostError(_LOST)

    def extend(self, seconds: float) -> None:
        """Make the lock last for a request; raises `LockLostError` or `CacheError`."""
        lease = seconds + self._store.lease
        for lock in self._locks:
            self._store.ask(partial(lock.extend, lease, replace_ttl=True))

    def release(self) -> None:
        """End the lock. A second call does nothing, and a lock that is another's stays."""
        while self._locks:
            with suppress(CacheError, LockLostError):
                self._store.ask(self._locks.pop().release)


def _lock_key(name: str) -> str:
    return f"{_PREFIX}{name}.lock"


def _options(client: Any) -> dict[str, Any]:
    # A cluster has no pool, and a client of another make perhaps neither.
    pool = getattr(client, "connection_pool", None)
    options: dict[str, Any] = getattr(client, "get_connection_kwargs", dict)()
    return {**options, "connection_class": getattr(pool, "connection_class", object)}


def _is_private(client: Any) -> bool:
    """Tell whether nobody on a network can read what a client sends."""
    options = _options(client)
    if "path" in options or is_loopback(options.get("host")):
        return True
    lineage = {one.__name__ for one in options["connection_class"].__mro__}
    encrypted = bool(options.get("ssl")) or "SSLConnection" in lineage
    verified = options.get("ssl_cert_reqs", "required")
    return encrypted and verified not in {"none", "optional", None, 0, 1}


def _connect(url: HiddenBytes) -> Any:
    if _CUT_PASSWORD.match(url):
        raise ConfigurationError(
            "cache_url (UPSTOX_CACHE_URL) has an @ behind its first /, ? or #: percent-encode the "
            "user name and the password in it.",
            suggestions=[
                "python -c \"import urllib.parse as u; print(u.quote(input(), safe=''))\" does."
            ],
        )
    options: dict[str, Any] = {
        "socket_timeout": _PATIENCE,
        "retry": Retry(ExponentialBackoff(cap=1.0, base=0.1), _REPEATS),
    }
    if not url.startswith(b"unix://"):
        options["socket_connect_timeout"] = _PATIENCE
    if url.startswith(b"rediss://"):
        # The default of older releases is not to look at the host's name.
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    with suppress(ValueError, TypeError, redis.RedisError):
        client = redis.Redis.from_url(bytes(url).decode(), **options)
        # An option that there is not would be refused by the first connection alone.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
        return client
    raise ConfigurationError(
        "cache_url (UPSTOX_CACHE_URL) must be a URL of Redis: redis://, rediss:// or unix://, "
        "with options of redis-py in its query. Percent-encode the user name and the password.",
        suggestions=["For example rediss://user:password@redis.example.com:6379/0"],
    )
