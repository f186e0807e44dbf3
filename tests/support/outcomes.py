"""What an answer says about the credentials that it answers, as a test wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from upstox_totp._cache.attempts import Outcome

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def judged(outcome: Any) -> AbstractContextManager[object]:
    """Have each failure of a request say this about what was sent, for the length of a block."""

    def judge(error: BaseException) -> Any:
        return outcome if isinstance(error, Exception) else Outcome.UNANSWERED

    return patch("upstox_totp._cache.attempt_log._judge", judge)
