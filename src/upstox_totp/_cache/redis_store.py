"""RedisStore: keeps tokens and attempts in Redis or Valkey, for any number of machines.

Three keys an app and an account have, and the two of one share a hash tag. Each write is one
script, which does nothing unless the writer still holds the turn.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from upstox_totp import _clock
from upstox_totp._cache.encryption import Seal, SealError, hidden
from upstox_totp._cache.ledger_record import LedgerRecord, LoginMark
from upstox_totp._cache.redis_address import address_of, is_private
from upstox_totp._cache.redis_records import Kept, RedisRecords, name_of, token_names
from upstox_totp._cache.redis_turn import RedisTurn, tags_of
from upstox_totp._cache.store import LockLostError
from upstox_totp._log import warn_user
from upstox_totp.errors import CacheError, ConfigurationError, missing_extra

try:
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.exceptions import LockError, RedisError
    from redis.retry import Retry
except ImportError:
    redis = None  # type: ignore[assignment]
if redis is None:
    raise ImportError(missing_extra("A cache in Redis", "redis"))

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.lock import Lock

    from upstox_totp._cache.encryption import Hideable
    from upstox_totp._cache.identified import Identified
    from upstox_totp._cache.record import TokenRecord
    from upstox_totp._redact import HiddenBytes

ResultT = TypeVar("ResultT")

LEASE: Final = 30.0
"""How long a turn lasts beyond the request that it was confirmed for, in seconds."""

_PATIENCE: Final = 5.0
# For how long a token is not looked up among the ended ones again, in seconds: who asked so much
# earlier has it as well.
_LIVES: Final = 1.0
_REPEATS: Final = 2
_SCHEMES: Final = (b"redis://", b"rediss://", b"unix://")

# A repeated or belated command of the same turn writes nothing over a later one.
_WRITE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local kept = redis.call('GET', KEYS[2])
if kept then
  local turn, number = string.match(kept, '^(%x+)%.(%d+):')
  if turn == ARGV[2] and tonumber(number) >= tonumber(ARGV[3]) then return 1 end
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
_READ: Final = """
local kept = redis.call('GET', KEYS[1])
if kept then return {kept, redis.call('PTTL', KEYS[1])} end
return {redis.call('GET', KEYS[2]), false}
"""


class RedisStore:
    """Keeps tokens and attempts in Redis or Valkey: one login a day for a whole fleet.

    The names of the keys are ``upstox_totp:{…}:…``, with keyed hashes between the braces, which
    are hash tags of a cluster.

    Args:
        client: A client of redis-py: ``redis.Redis``, that of a Sentinel's master, or
            ``redis.cluster.RedisCluster``.
        key: One key that ``upstox_cli cache-key`` printed, or several with commas between them:
            records are encrypted with the first, and opened with any.
        lease: How long a machine that has died in a login keeps the others waiting, beyond the
            time that its request may take, in seconds.

    Raises:
        ConfigurationError: If a key is none.
        ValueError: If the lease is not above zero.
    """

    def __init__(
        self,
        client: Any,
        *,
        key: Hideable | None = None,
        lease: float = LEASE,
    ) -> None:
        self._client = client
        if not lease > 0:
            raise ValueError("lease must be above zero")
        self._seal = Seal(key)
        self._records = RedisRecords(self._seal, self.describe())
        self.lease = lease
        self._accounts: dict[str, str] = {}
        self._lives: dict[str, tuple[str, float]] = {}
        if not self._seal.encrypts and not is_private(client):
            warn_user(
                f"Tokens and attempts go to {self.describe()} unencrypted: set UPSTOX_CACHE_KEY "
                "(upstox_cli cache-key prints a key), or reach it by rediss:// or unix://."
            )

    @classmethod
    def from_url(
        cls,
        url: Hideable,
        *,
        key: Hideable | None = None,
        lease: float = LEASE,
    ) -> Self:
        """Return a store at a URL.

        Args:
            url: ``redis://``, ``rediss://`` (TLS, the certificate verified) or ``unix://``, with
                redis-py's own options in its query.
            key: As of the class.
            lease: As of the class.

        Raises:
            ConfigurationError: If the URL or a key is none.
        """
        url = hidden(url)
        return cls(_connect(url), key=key, lease=lease)

    def __repr__(self) -> str:
        """Return where the store is."""
        return f"<RedisStore: {self.describe()}>"

    def describe(self) -> str:
        """Return where the store is, without a password."""
        return address_of(self._client)

    def read_token(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token, with the life that the key itself has left.

        A token that a later login of its account ended is left out; the others bear no mark, which
        nobody needs to look up again.

        Args:
            identity: Whose it is.

        Raises:
            CacheError: If Redis cannot be used, or the record not be read.
        """
        serial, until = self._lives.get(identity.app, ("", 0.0))
        if _clock.monotonic() < until:
            record = self.read_marked(identity)
            if record.serial == serial:
                return record._replace(mark=LoginMark())
        known = self._accounts.get(identity.app, identity.ledger_name)
        # Two answers in one round trip: nearly every call of a program comes by here.
        kept, ledger = self.ask(lambda: self._read_both(identity.app, known))
        record = self._records.token(identity.app, kept)
        if record.token is None or not record.mark.ledger:
            return record
        if record.account == known:
            attempts = self._records.ledger(known, ledger)
        else:
            self._accounts[identity.app] = record.account
            attempts = self._read_ledger(record.account)
        if attempts.has_ended(record.mark):
            return record._replace(token=None)
        self._lives[identity.app] = (record.serial, _clock.monotonic() + _LIVES)
        return record._replace(mark=LoginMark())

    def read_marked(self, identity: Identified) -> TokenRecord:
        """Return what is kept of an app's token, with the mark of its login, ended or not.

        Args:
            identity: Whose it is.

        Raises:
            CacheError: If Redis cannot be used, or the record not be read.
        """
        names = token_names(identity.app)
        kept = self.ask(lambda: self._client.eval(_READ, len(names), *names))
        return self._records.token(identity.app, kept)

    def read_ledger(self, identity: Identified) -> LedgerRecord:
        """Return what is kept of an account's attempts.

        Args:
            identity: Whose they are.

        Raises:
            CacheError: If Redis cannot be used, or the record not be read.
        """
        return self._read_ledger(identity.ledger_name)

    def take_turn(self, identity: Identified) -> RedisTurn | None:
        """Return the turn of the account and of the app, None while another holds either.

        Args:
            identity: Whose turn it is.

        Raises:
            CacheError: If Redis cannot be used.
        """
        turn = RedisTurn(self, identity)
        try:
            if turn.take():
                return turn
        except BaseException:
            turn.release()
            raise
        turn.release()
        return None

    def describe_holder(self, identity: Identified) -> str | None:
        """Return which process of which machine holds the turn, and since when.

        Args:
            identity: Whose turn it is.

        Raises:
            CacheError: If Redis cannot be used.
        """
        for tag in tags_of(identity):
            name = name_of(tag, "turn")
            held = hidden(self.ask(lambda name=name: self._client.get(name)))  # type: ignore[misc]
            if held:
                with suppress(SealError, ValueError):
                    return bytes(self._seal.open(name, held.partition(b":")[2])).decode()
                return "a machine with another key"
        return None

    def lock(self, name: str, holder: str) -> Lock | None:
        """Return a lock that was taken, None while another holds it.

        Args:
            name: The name of its key.
            holder: A word on who takes it.
        """
        if self.ask(lambda: self._client.exists(name)):
            return None
        token = secrets.token_hex(16).encode() + b":" + self._seal.seal(name, holder.encode())
        lock: Lock = self._client.lock(name, timeout=self.lease, thread_local=False)
        if not self.ask(lambda: lock.acquire(blocking=False, token=token)):  # type: ignore[arg-type]
            # redis-py repeats a command whose reply was lost: the holder may be this one.
            if hidden(self.ask(lambda: self._client.get(name))) != token:
                return None
            lock.local.token = token
        return lock

    def extend(self, locks: list[Lock], seconds: float) -> float:
        """Make locks last for a request, and return for how long they do, in seconds.

        Args:
            locks: The locks, held.
            seconds: How long the request may take.

        Raises:
            LockLostError: If one of them is another's now.
            CacheError: If Redis cannot be used.
        """
        lease = seconds + self.lease
        for lock in locks:
            self.ask(lambda lock=lock: lock.extend(lease, replace_ttl=True))  # type: ignore[misc]
        return lease

    def unlock(self, lock: Lock) -> None:
        """Release a lock, if it is still this turn's.

        Args:
            lock: The lock.

        Raises:
            LockLostError: If it is another's now, or a lost reply made redis-py release it twice.
            CacheError: If Redis cannot be used.
        """
        self.ask(lock.release)

    def write(self, lock: Lock, stamp: tuple[str, int], *records: Kept) -> None:
        """Write records of one hash tag, if the lock of that tag is still held.

        Args:
            lock: The lock.
            stamp: The turn, and the number of the write in it.
            records: What to write.

        Raises:
            LockLostError: If the lock is another's now.
            CacheError: If Redis cannot be used.
        """
        self._lives.clear()
        turn, number = stamp
        arguments: list[Any] = []
        for record in records:
            arguments += [self._records.pack(record, f"{turn}.{number}"), record.life]
        names = (lock.name, *(record.name for record in records))
        written = self.ask(
            lambda: self._client.eval(
                _WRITE, len(names), *names, lock.local.token, turn, number, *arguments
            )
        )
        if not written:
            raise LockLostError("another login has the turn now")

    def ask(self, work: Callable[[], ResultT]) -> ResultT:
        """Return what Redis answered.

        Args:
            work: Asks it.

        Raises:
            LockLostError: If a lock is another's.
            CacheError: If Redis cannot be used.
        """
        reason: str | None
        try:
            return work()
        except LockError:
            reason = None
        except (RedisError, OSError) as error:
            reason = _reason(error)
        # Raised outside the handler: the frames of redis-py hold what was to be written.
        if reason is None:
            raise LockLostError("another login has the turn now")
        raise CacheError(
            f"The shared cache, {self.describe()}, cannot be used: {reason}.",
            suggestions=[
                "Nobody logs in without it, or each machine would.",
                "To log in on one machine meanwhile, unset UPSTOX_CACHE_URL there.",
            ],
        )

    def _read_both(self, app: str, account: str) -> Any:
        names, name = token_names(app), name_of(account, "ledger")
        if not isinstance(self._client, redis.Redis):
            return self._client.eval(_READ, len(names), *names), self._client.get(name)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.eval(_READ, len(names), *names)
        pipeline.get(name)
        return pipeline.execute()

    def _read_ledger(self, account: str) -> LedgerRecord:
        name = name_of(account, "ledger")
        return self._records.ledger(account, self.ask(lambda: self._client.get(name)))


@lru_cache(maxsize=8)
def open_url(url: HiddenBytes, key: HiddenBytes) -> RedisStore:
    """Return the store at a URL, the same for all who ask in this process: it has connections.

    Args:
        url: As of `RedisStore.from_url`.
        key: As of `RedisStore`.

    Raises:
        ConfigurationError: If the URL or a key is none.
    """
    return RedisStore.from_url(url, key=key)


def _connect(url: HiddenBytes) -> Any:
    scheme = next((one for one in _SCHEMES if url.startswith(one)), None)
    options: dict[str, Any] = {
        "socket_timeout": _PATIENCE,
        "retry": Retry(ExponentialBackoff(cap=1.0, base=0.1), _REPEATS),
    }
    if scheme != b"unix://":
        options["socket_connect_timeout"] = _PATIENCE
    if scheme == b"rediss://":
        # The default of older releases is not to look at the host's name.
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    try:
        return redis.Redis.from_url(bytes(url).decode() if scheme else "", **options)
    except (ValueError, TypeError, RedisError):
        pass
    raise ConfigurationError(
        "cache_url (UPSTOX_CACHE_URL) must be a URL of Redis: redis://, rediss:// or unix://, "
        "with options of redis-py in its query.",
        suggestions=["For example rediss://user:password@redis.example.com:6379/0"],
    )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return text.rstrip(".")
