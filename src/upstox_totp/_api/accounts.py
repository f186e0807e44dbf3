"""Which of a person's accounts a login is for, and what keeps an account from logging in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from upstox_totp.errors import APIError, AuthenticationError, UpstoxError, ValidationError
from upstox_totp.models import Account

if TYPE_CHECKING:
    from upstox_totp.models import OTPValidationData

_ASLEEP: Final = frozenset({"DORMANT", "INACTIVE"})


def choose_account(data: OTPValidationData, user_id: str) -> Account | UpstoxError:
    """Return the account that the app belongs to, else the default, else the only one.

    Args:
        data: What the one-time password was answered.
        user_id: Whom the login dialog named.

    Returns:
        The account, or the error that says why there is none.
    """
    accounts = data.accounts or _as_accounts(data)
    for candidates in (
        [account for account in accounts if account.userId == user_id],
        [account for account in accounts if account.isDefault],
        accounts,
    ):
        if len(candidates) == 1:
            return candidates[0]
    if not accounts:
        return ValidationError(
            "The answer is not what the protocol says: expected data.accounts, one at least.",
            suggestions=["Set UPSTOX_LOGIN_REVISION to older, and report error.transcript."],
        )
    user_ids = ", ".join(account.userId for account in accounts)
    return APIError(
        f"The login has several accounts, and none is the app's or the default: {user_ids}.",
        suggestions=["Make one of them the default on the Upstox login page."],
    )


def _as_accounts(data: OTPValidationData) -> list[Account]:
    profile = data.userProfile
    if profile is None or profile.profileId is None or profile.userId is None:
        return []
    return [Account(profileId=profile.profileId, userId=profile.userId)]


def no_totp() -> UpstoxError:
    """Return the error for an account without TOTP: a code would be wrong, and cost an attempt."""
    return _incomplete(
        "TOTP is not set up for this account; no one-time password was sent.",
        "Set up TOTP in your Upstox account, and put its secret into totp_secret "
        "(UPSTOX_TOTP_SECRET).",
        "totp_secret",
    )


def no_pin() -> UpstoxError:
    """Return the error for an account without a PIN."""
    return _incomplete(
        "No PIN has been set for this account.",
        "Set a PIN on the Upstox login page, and put it into pin_code (UPSTOX_PIN_CODE).",
        "pin_code",
    )


def _incomplete(message: str, suggestion: str, setting: str) -> UpstoxError:
    error = AuthenticationError(message, suggestions=[suggestion])
    error.settings = (setting,)
    return error


def asleep(status: str | None) -> UpstoxError | None:
    """Return the error for an account that has to be reactivated, None if it is awake.

    Args:
        status: The ``customerStatus`` that the PIN was answered.
    """
    if status is None or status.upper() not in _ASLEEP:
        return None
    return APIError(
        f"The account is {status.lower()}.",
        suggestions=["Reactivate it: log in once on the Upstox login page."],
    )
