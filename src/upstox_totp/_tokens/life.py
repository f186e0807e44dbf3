"""When an access token dies: at 03:30 Indian time, whenever it was made."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Final

IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
"""Indian time, which knows no daylight saving."""

_DIES_AT: Final = time(3, 30)


def next_expiry(obtained_at: datetime) -> datetime:
    """Return the first 03:30 Indian time after a moment.

    Args:
        obtained_at: When the token was made, aware.

    Returns:
        An aware ``datetime`` in Indian time. A token made at 03:30:00 exactly lives until the
        next day.
    """
    local = obtained_at.astimezone(IST)
    day = local.date() + timedelta(days=local.time() >= _DIES_AT)
    return datetime.combine(day, _DIES_AT, IST)


def jwt_expiry(token: str) -> datetime | None:
    """Return what a JWT says of its own end.

    Args:
        token: The access token.

    Returns:
        Its ``exp`` as an aware ``datetime`` in Indian time, None if it has none.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC).astimezone(IST)
    except (
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        OSError,
        RecursionError,
        binascii.Error,
    ):
        return None


def expiry(token: str, obtained_at: datetime | None) -> datetime:
    """Return when a token dies: the earlier of what it says and of the next 03:30.

    Args:
        token: The access token.
        obtained_at: When it was made, aware; None if that is not known.

    Returns:
        An aware ``datetime`` in Indian time. A token that says nothing, obtained nobody knows
        when, is taken to be made now.
    """
    own = jwt_expiry(token)
    if own is not None and obtained_at is None:
        return own
    rule = next_expiry(obtained_at or datetime.now(UTC))
    return rule if own is None else min(own, rule)
