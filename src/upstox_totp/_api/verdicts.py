"""What the failure of a request says about the credential that it carried."""

from __future__ import annotations

from http import HTTPStatus

import requests

from upstox_totp._tokens.ledger import Verdict
from upstox_totp.errors import (
    APIError,
    AuthenticationError,
    ErrorCode,
    RateLimitError,
    UpstoxError,
)


def judge(error: BaseException) -> Verdict:
    """Return what a failure says about the credential that was sent.

    Args:
        error: What the request raised.
    """
    if isinstance(error, requests.ConnectTimeout) or "Connection refused" in str(error):
        return Verdict.NOT_SENT
    if not isinstance(error, UpstoxError):
        return Verdict.NO_VERDICT
    if isinstance(error, AuthenticationError):
        return Verdict.REJECTED if error.settings else Verdict.NOTHING
    if isinstance(error, RateLimitError):
        return Verdict.NOTHING
    return _judge_refusal(error) if isinstance(error, APIError) else Verdict.NO_VERDICT


def _judge_refusal(error: APIError) -> Verdict:
    status = error.details.get("http_status")
    if not isinstance(status, int):
        return Verdict.NO_VERDICT
    if error.error_code is None:
        down = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return Verdict.NO_VERDICT if down else Verdict.NOTHING
    known = isinstance(error.error_code, ErrorCode)
    return Verdict.NOTHING if known else Verdict.UNEXPLAINED
