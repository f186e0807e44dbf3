"""What is stored of tokens and of attempts, and its one JSON codec."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import Enum
from functools import cache, partial
from types import MappingProxyType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from upstox_totp import _clock
from upstox_totp._cache.lifetime import is_of_use, moment, seconds_left
from upstox_totp._redact import HiddenBytes, HiddenDict

if TYPE_CHECKING:
    from upstox_totp._settings.identity import Identity

FORMAT: Final = 4
"""The number of the format; a record in another is replaced."""

MOST_REVISIONS: Final = 2**53 - 1
"""No record has more: JSON has no more digits."""

_LONGEST_NAME: Final = 256
_NONE: Final[Mapping[Any, Any]] = MappingProxyType({})
RecordT = TypeVar("RecordT", bound=tuple[Any, ...])


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_REVISIONS:
        raise ValueError("no count")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise ValueError("no name")
    return value


def _answer(value: Any) -> HiddenDict:
    if not isinstance(value, HiddenDict) or not _is_word(value["access_token"]):
        raise TypeError("no token")
    return value


def _is_word(token: Any) -> bool:
    # As `models.AccessTokenData` takes it: it goes into a header later.
    text = token if isinstance(token, str) else ""
    return text.isascii() and text.isprintable() and text == text.strip() != ""


Count = Annotated[int, _count]
Name = Annotated[str, _name]
Moment = Annotated[float, moment]


class Credential(Enum):
    """What of a login costs one of the account's few attempts."""

    OTP_REQUEST = "otp_request"
    CODE = "code"
    PIN = "pin"


class Failure(NamedTuple):
    """A failed login, without a credential in it.

    ``error`` is the name of the exception's class, of requests where ``network``; ``fingerprint``
    stands for the settings that it was tried with.
    """

    error: str
    network: bool
    message: str
    failed_at: Moment
    fingerprint: str
    error_code: int | str | None = None
    details: Mapping[str, Any] = _NONE
    suggestions: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    step: Count | None = None
    retry_after: Moment | None = None


class LoginId(NamedTuple):
    """Which login of an account a token came from: the attempt log's id, and its number there."""

    log: Name = ""
    number: Count = 0


class InFlight(NamedTuple):
    """Credentials that went out, of which nothing is known yet."""

    credentials: tuple[Credential, ...]
    at: Moment
    revision: Count = 0


class Failures(NamedTuple):
    """How often something failed, and when last: one kind of credential in a row, or one value.

    ``unanswered`` of them had no answer that says anything, ``rejected`` said that it was wrong;
    ``final``: one attempt is left at most. ``times``: when they were, by whichever clocks.
    """

    last: Failure
    number: Count = 0
    unanswered: Count = 0
    rejected: Count = 0
    final: bool = False
    times: tuple[Moment, ...] = ()
    revision: Count = 0


class Limit(NamedTuple):
    """A rate limit, in seconds from when its failure was noted."""

    seconds: Moment
    failure: Failure
    revision: Count = 0


class AttemptRecord(NamedTuple):
    """What is stored of an account's attempts.

    ``id`` is made with it. ``revision`` counts what was written, whoever wrote it; each note bears
    the one that it was made in, and ``settled`` says up to which the notes of a kind are settled.
    ``rejected`` has what was: its kind (pins, credentials, settings), and its keyed hash.
    ``ended`` is the number of the last login that ended the tokens of those before.
    """

    id: Name = ""
    revision: Count = 0
    settled: Mapping[str, Count] = _NONE
    time_steps: tuple[Count, ...] = ()
    in_flight: InFlight | None = None
    failures: Mapping[Credential, Failures] = _NONE
    rejected: Mapping[Name, Failures] = _NONE
    limit: Limit | None = None
    logins: Count = 0
    login_at: Moment = 0.0
    ended: Count = 0
    asked_until: Moment = 0.0


class CachedToken(NamedTuple):
    """An access token with the fields of its answer, and its life in seconds since the epoch.

    ``clock_offset`` is how far the server's clock was ahead of the local one when it was made.
    """

    data: Annotated[HiddenDict, _answer]
    obtained_at: Moment
    expires_at: Moment
    clock_offset: float

    @property
    def access_token(self) -> str:
        """The access token itself."""
        return str(self.data["access_token"])

    @property
    def user_id(self) -> str | None:
        """The user id that Upstox reported, None if it reported none."""
        user_id = self.data.get("user_id")
        return None if user_id is None else str(user_id)

    @property
    def owner(self) -> str:
        """Name and user id, as far as Upstox reported them."""
        name = self.data.get("user_name")
        return f"{name or 'Unknown'} ({self.user_id or 'user id unknown'})"

    @property
    def expires_in(self) -> float:
        """How long it is still valid, in seconds, by the local clock as the server corrected it."""
        return seconds_left(self.expires_at, self.obtained_at, self.clock_offset, _clock.time())

    def serves(self, margin: float) -> bool:
        """Tell whether it is valid for that many seconds, or as long as a new one would be."""
        return is_of_use(self.expires_at, self.obtained_at, self.expires_in, margin)


class TokenRecord(NamedTuple):
    """What is stored of an app's token.

    ``version`` differs after each login that ended, whichever way: whoever waited sees by it that
    another one's did. ``failure`` is how the last one failed; ``account`` names the attempts of the
    token's account; ``renewed`` says that it took the place of one that had ended.
    """

    version: Name = ""
    token: CachedToken | None = None
    failure: Failure | None = None
    user: Name | None = None
    user_id: Name | None = None
    account: Name = ""
    login: LoginId = LoginId()
    renewed: bool = False

    def is_of(self, identity: Identity) -> bool:
        """Tell whether the token may be handed out to someone, as far as both sides know."""
        wanted, reported = identity.user_id, None if self.token is None else self.token.user_id
        if wanted is not None and reported is not None and wanted.upper() != reported.upper():
            return False
        return self.is_of_account(identity) and (
            self.user is None or identity.user is None or self.user == identity.user
        )

    def is_of_account(self, identity: Identity) -> bool:
        """Tell whether the TOTP secret is the same, where both sides have one."""
        known = self.account not in {"", identity.app}
        return not known or identity.account is None or self.account == identity.account

    def succeeded(
        self, token: CachedToken, identity: Identity, login: LoginId, *, renewed: bool = False
    ) -> TokenRecord:
        """Return the record after a login that succeeded."""
        return TokenRecord(
            version=new_id(),
            token=token,
            user=identity.user,
            user_id=token.user_id or (self.user_id if self.is_of_account(identity) else None),
            account=identity.attempts_name,
            login=login,
            renewed=renewed,
        )

    def failed(self, failure: Failure) -> TokenRecord:
        """Return the record after a login that failed; the cached token stays."""
        return self._replace(version=new_id(), failure=failure)


def new_id() -> str:
    """Return a name that no other has."""
    return os.urandom(8).hex()


_hints: Final = cache(partial(get_type_hints, include_extras=True))


def load(kind: type[RecordT], content: HiddenBytes) -> RecordT | None:
    """Return a record out of its bytes, None if they are no such record."""
    try:
        document = json.loads(content, object_hook=HiddenDict, parse_constant=_refuse)
        record: RecordT | None = None
        if document.pop("format") == FORMAT:
            record = _read(kind, document)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return None
    return record


def dump(record: tuple[Any, ...]) -> HiddenBytes:
    """Return the bytes of a record."""
    return HiddenBytes(json.dumps(HiddenDict(_plain(record), format=FORMAT)).encode())


def _refuse(text: str) -> float:
    raise ValueError(text)


def _read(kind: Any, value: Any) -> Any:
    """Return a decoded value as its annotation says, or raise."""
    if kind is Any:
        return value
    if get_origin(kind) is not None:
        return _read_generic(get_origin(kind), get_args(kind), value)
    if issubclass(kind, Enum):
        return kind(value)
    if issubclass(kind, tuple):
        fields = _hints(kind)
        return kind(**{name: _read(fields[name], one) for name, one in dict.items(value)})
    return _of(kind, value)


def _read_generic(origin: Any, parts: tuple[Any, ...], value: Any) -> Any:
    if origin in {Union, UnionType}:
        return _read(type(value) if type(value) in parts else parts[0], value)
    if origin is Annotated:
        return parts[1](value)
    if origin is tuple:
        return tuple(_read(parts[0], one) for one in _of(list, value))
    return {_read(parts[0], name): _read(parts[1], one) for name, one in dict.items(value)}


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return HiddenDict({name: _plain(one) for name, one in value._asdict().items()})
    if isinstance(value, HiddenDict):
        return value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return HiddenDict({_plain(name): _plain(one) for name, one in value.items()})
    return value.value if isinstance(value, Enum) else value
