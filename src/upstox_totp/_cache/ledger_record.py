"""LedgerRecord: what is kept of an account's attempts, and the JSON that it is written as."""

from __future__ import annotations

import json
import os
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from upstox_totp import _clock
from upstox_totp._cache.failure import LoginFailure
from upstox_totp._cache.lifetime import moment
from upstox_totp._redact import HiddenBytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT: Final = 1
"""The number of the format; a document in another is replaced."""

_MOST_PERIODS: Final = 120
_MOST_REFUSED: Final = 16
_LARGEST: Final = 2**53
_LONGEST_NAME: Final = 128
_NONE: Final[Mapping[Any, Any]] = MappingProxyType({})


class Credential(Enum):
    """What of a login costs one of the account's few attempts."""

    OTP_REQUEST = "otp_request"
    CODE = "code"
    PIN = "pin"


class Begun(NamedTuple):
    """An attempt that has gone out, and of which nothing is known yet.

    Attributes:
        credentials: What was sent.
        at: When, by the local clock, in seconds since the epoch.
    """

    credentials: tuple[Credential, ...]
    at: float

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return an attempt out of its JSON; what makes no sense raises.

        Args:
            document: The decoded JSON.
        """
        return cls(tuple(map(Credential, document["credentials"])), moment(document["at"]))

    def as_document(self) -> dict[str, Any]:
        """Return the attempt as JSON can hold it."""
        return {"credentials": [sent.value for sent in self.credentials], "at": self.at}


class Failures(NamedTuple):
    """The failures in a row of one kind of credential.

    Attributes:
        count: How many.
        silent: How many of them without a verdict.
        rejected: How many of them said that this credential was wrong.
        final: Whether Upstox said that at most one attempt is left, or that the account is locked.
        last: The last of them, None if there is none.
    """

    count: int = 0  # type: ignore[assignment]  # a method of tuples, not used
    silent: int = 0
    rejected: int = 0
    final: bool = False
    last: LoginFailure | None = None

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return failures out of their JSON; what makes no sense raises.

        Args:
            document: The decoded JSON.
        """
        return cls(
            count=_count(document["count"]),
            silent=_count(document["silent"]),
            rejected=_count(document["rejected"]),
            final=bool(document["final"]),
            last=None if document["last"] is None else LoginFailure.parse(document["last"]),
        )

    def as_document(self) -> dict[str, Any]:
        """Return the failures as JSON can hold them."""
        last = None if self.last is None else self.last.as_document()
        return self._asdict() | {"last": last}


class Refused(NamedTuple):
    """Something that was refused, and is not sent again by itself.

    Attributes:
        mark: Stands for it: a PIN, or settings.
        failure: How it was refused last.
        count: How often.
    """

    mark: str
    failure: LoginFailure
    count: int = 1  # type: ignore[assignment]  # as above

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return it out of its JSON; what makes no sense raises.

        Args:
            document: The decoded JSON.
        """
        return cls(
            _name(document["mark"]),
            LoginFailure.parse(document["failure"]),
            _count(document["count"]),
        )

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "mark": self.mark,
            "failure": self.failure.as_document(),
            "count": self.count,
        }


class Limit(NamedTuple):
    """A limit that Upstox set.

    Attributes:
        seconds: How long it holds from when its failure was noted.
        failure: What said so.
    """

    seconds: float
    failure: LoginFailure

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return a limit out of its JSON; what makes no sense raises.

        Args:
            document: The decoded JSON.
        """
        return cls(moment(document["seconds"]), LoginFailure.parse(document["failure"]))

    def as_document(self) -> dict[str, Any]:
        """Return the limit as JSON can hold it."""
        return {"seconds": self.seconds, "failure": self.failure.as_document()}


class LoginMark(NamedTuple):
    """Which login of an account a token came from.

    Attributes:
        ledger: The id of the account's ledger, empty if nobody noted the login.
        number: The number of the login in it.
    """

    ledger: str = ""
    number: int = 0

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return a mark out of its JSON; what makes no sense raises.

        Args:
            document: The decoded JSON.
        """
        return cls(_name(document["ledger"]), _count(document["number"]))


class LedgerRecord(NamedTuple):
    """What is kept of an account's attempts.

    Attributes:
        id: Made with the record: a ledger that was lost is told from its successor by it.
        changed_at: When it was written last, by the local clock, in seconds since the epoch.
        periods: The periods whose codes were used, the newest of them.
        begun: The attempt that is under way, or whose process ended; None if there is none.
        failures: The failures of each kind of credential since the last success.
        pins: The PINs that were rejected.
        triples: App, secret and PIN that were refused together, without a word on the cause.
        settings: Settings that were rejected otherwise: no other settings are held by them.
        limit: The limit that Upstox set last, None if it set none.
        logins: How many logins succeeded.
        login_at: When the last of them did, in seconds since the epoch.
        ended: The number of the last login that ended the account's earlier tokens.
        asked_until: Until when a token that was asked for can be approved on the phone, in seconds
            since the epoch; 0 if none was asked for, or it came.
    """

    id: str = ""
    changed_at: float = 0.0
    periods: tuple[int, ...] = ()
    begun: Begun | None = None
    failures: Mapping[Credential, Failures] = _NONE
    pins: tuple[Refused, ...] = ()
    triples: tuple[Refused, ...] = ()
    settings: tuple[Refused, ...] = ()
    limit: Limit | None = None
    logins: int = 0
    login_at: float = 0.0
    ended: int = 0
    asked_until: float = 0.0

    @classmethod
    def parse(cls, content: bytes) -> Self | None:
        """Return a record out of its bytes, None if they are no such record.

        Args:
            content: What `to_content` returned.
        """
        try:
            document = json.loads(content)
            return cls._from(document) if document["format"] == FORMAT else None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return None
        except RecursionError:
            return None

    @classmethod
    def _from(cls, document: Mapping[str, Any]) -> Self:
        begun, limit = document["begun"], document["limit"]
        return cls(
            id=_name(document["id"]),
            changed_at=moment(document["changed_at"]),
            periods=tuple(map(_count, document["periods"]))[-_MOST_PERIODS:],
            begun=None if begun is None else Begun.parse(begun),
            failures={
                Credential(name): Failures.parse(one) for name, one in document["failures"].items()
            },
            pins=_refused(document["pins"]),
            triples=_refused(document["triples"]),
            settings=_refused(document["settings"]),
            limit=None if limit is None else Limit.parse(limit),
            logins=_count(document["logins"]),
            login_at=moment(document["login_at"]),
            ended=_count(document["ended"]),
            asked_until=moment(document.get("asked_until", 0.0)),
        )

    def to_content(self) -> HiddenBytes:
        """Return the bytes to write."""
        document = self._asdict() | {
            "format": FORMAT,
            "begun": None if self.begun is None else self.begun.as_document(),
            "failures": {kind.value: one.as_document() for kind, one in self.failures.items()},
            "pins": [one.as_document() for one in self.pins],
            "triples": [one.as_document() for one in self.triples],
            "settings": [one.as_document() for one in self.settings],
            "limit": None if self.limit is None else self.limit.as_document(),
        }
        return HiddenBytes(json.dumps(document).encode())

    def of(self, kind: Credential) -> Failures:
        """Return the failures in a row of a kind of credential.

        Args:
            kind: The kind.
        """
        return self.failures.get(kind, Failures())

    def with_failures(self, kind: Credential, failures: Failures) -> LedgerRecord:
        """Return the record with other failures of one kind.

        Args:
            kind: The kind.
            failures: What failed in a row.
        """
        others = {name: one for name, one in self.failures.items() if name is not kind}
        return self._replace(failures=others | ({kind: failures} if failures.count else {}))

    def with_periods(self, periods: Iterable[int]) -> LedgerRecord:
        """Return the record with further codes used.

        Args:
            periods: The numbers of their periods.
        """
        return self._replace(periods=tuple(sorted({*self.periods, *periods}))[-_MOST_PERIODS:])

    def stamped(self) -> LedgerRecord:
        """Return the record as it is written now: with an id, and the time."""
        return self._replace(id=self.id or os.urandom(8).hex(), changed_at=_clock.time())

    def cleared(self) -> LedgerRecord:
        """Return the record without failures: the used codes stay, and the logins' numbers."""
        return self._replace(
            begun=None,
            failures={},
            pins=(),
            triples=(),
            settings=(),
            limit=None,
            asked_until=0.0,
        )

    def has_ended(self, mark: LoginMark) -> bool:
        """Tell whether a token was ended by a later login of its account.

        Args:
            mark: The login that it came from.
        """
        return bool(mark.ledger) and mark.ledger == self.id and mark.number < self.ended


def added(refused: tuple[Refused, ...], mark: str, failure: LoginFailure) -> tuple[Refused, ...]:
    """Return what was refused with one more, the newest last, their number bounded.

    Args:
        refused: What was refused before.
        mark: Stands for what was refused now.
        failure: How.
    """
    before = sum(one.count for one in refused if one.mark == mark)
    others = without(refused, mark)
    return (*others, Refused(mark, failure, before + 1))[-_MOST_REFUSED:]


def without(refused: tuple[Refused, ...], mark: str | None) -> tuple[Refused, ...]:
    """Return what was refused, but for one.

    Args:
        refused: What was refused.
        mark: Stands for the one to leave out.
    """
    return tuple(one for one in refused if one.mark != mark)


def union(first: LedgerRecord, second: LedgerRecord) -> LedgerRecord:
    """Return the newer of two copies of a ledger, with the codes that either knows to be used.

    Args:
        first: One copy; wins where both are as new.
        second: The other.
    """
    newer, older = (first, second) if first.changed_at >= second.changed_at else (second, first)
    return newer if set(older.periods) <= set(newer.periods) else newer.with_periods(older.periods)


def _refused(documents: Iterable[Mapping[str, Any]]) -> tuple[Refused, ...]:
    return tuple(map(Refused.parse, documents))[-_MOST_REFUSED:]


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < _LARGEST:
        raise ValueError("no count")
    return int(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise ValueError("no name")
    return value
