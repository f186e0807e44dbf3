"""When an access token expires: at 03:30 Indian time, whenever it was made.

The one arithmetic of it. The time is an argument, by whichever clock the caller goes;
no moment is too far away for it.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any, Final

from upstox_totp import _clock

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
"""Indian time, which knows no daylight saving."""

MARGIN: Final = 300.0
"""How long a cached token must be valid at least, to be handed out, in seconds."""

ADJUSTMENT: Final = 60.0
"""A clock is set by less than this, in seconds, without being set anew."""

_MOST_DIGITS: Final = 15
_EXPIRES_AT: Final = time(3, 30)
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST: Final = datetime(9998, 1, 1, tzinfo=UTC)


def moment(value: object) -> float:
    """Return seconds since the epoch that were read from somewhere, if a calendar has them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    if not 0 <= value <= _LATEST.timestamp():
        raise ValueError("no moment")
    return float(value)


def as_datetime(seconds: float) -> datetime:
    """Return a moment as an aware ``datetime``, the nearest one that can be reckoned with."""
    inside = min(max(seconds, _EARLIEST.timestamp()), _LATEST.timestamp())
    return datetime.fromtimestamp(inside, UTC)


def milliseconds(told: object) -> datetime | None:
    """Return the moment that a number or text names, None if it names none."""
    text = str(told)
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return None
    return as_datetime(int(text) / 1000).astimezone(IST)


def next_expiry(obtained_at: datetime) -> datetime:
    """Return the first 03:30 Indian time after a moment."""
    local = as_datetime(obtained_at.timestamp()).astimezone(IST)
    day = local.date() + timedelta(days=local.time() >= _EXPIRES_AT)
    return datetime.combine(day, _EXPIRES_AT, IST)


def when(moment: datetime) -> str:
    """Return a moment in Indian time, as a message shows it."""
    return f"{moment.astimezone(IST):%d %b %Y, %H:%M} IST"


def jwt_claims(token: str) -> dict[str, Any]:
    """Return what a JWT says of itself, unverified; nothing if it is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def jwt_expiry(token: str) -> datetime | None:
    """Return what a JWT says of its own end."""
    try:
        return datetime.fromtimestamp(jwt_claims(token)["exp"], UTC).astimezone(IST)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def expiry(token: str, obtained_at: datetime | None, now: datetime | None = None) -> datetime:
    """Return when a token expires: the earlier of what it says and of the next 03:30."""
    own = jwt_expiry(token)
    if own is not None and obtained_at is None:
        return own
    rule = next_expiry(obtained_at or now or as_datetime(_clock.time()))
    return rule if own is None else min(own, rule)


def credible_offset(token: str, obtained_at: datetime, offset: timedelta) -> timedelta:
    """Return the correction of the local clock that a token's own words bear out.

    A token that has just come is valid: if it has expired by the corrected clock, and not by the
    local one, the correction is wrong.
    """
    own = jwt_expiry(token)
    local = as_datetime(obtained_at.timestamp() - offset.total_seconds())
    wrong = own is not None and local < own <= obtained_at
    return timedelta() if wrong else offset


def seconds_left(expires_at: float, obtained_at: float, offset: float, now: float) -> float:
    """Return how long a cached token is still valid, in seconds, 0 or less once it has expired."""
    corrected = now + offset
    # Before it was made, the local clock has been set since, and the correction is wrong.
    return expires_at - corrected if corrected > obtained_at - ADJUSTMENT else 0.0


def is_of_use(expires_at: float, obtained_at: float, left: float, margin: float) -> bool:
    """Tell whether a cached token may be handed out.

    One that was made within the margin of 03:30 may, while it is valid: the next login would
    bring one that expires then as well, and too many logins get an account blocked.
    """
    if left > margin:
        return True
    end = next_expiry(as_datetime(obtained_at)).timestamp()
    freshest = end - obtained_at <= margin and expires_at == end
    return freshest and left > 0
