"""Which of a user's accounts a login is for, and what prevents an account from logging in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pydantic

from upstox_totp.errors import APIError, AuthenticationError, ValidationError
from upstox_totp.models import Account, UserProfile

if TYPE_CHECKING:
    from upstox_totp.models import (
        OTPGenerationData,
        OTPValidationData,
        TwoFactorAuthenticationData,
    )

_ASLEEP: Final = frozenset({"DORMANT", "INACTIVE"})


def choose_account(data: OTPValidationData, user_id: str) -> Account:
    """Return the account that the app belongs to, else the default, else the only one."""
    accounts = list_accounts(data) or _as_accounts(data)
    for candidates in (
        [account for account in accounts if account.userId == user_id],
        [account for account in accounts if account.isDefault is True],
        accounts,
    ):
        if len(candidates) == 1:
            return candidates[0]
    if not accounts:
        raise ValidationError(
            "The answer is not what the protocol says: expected data.accounts, one at least.",
            suggestions=["Set UPSTOX_LOGIN_REVISION to older, and report error.transcript."],
        )
    user_ids = ", ".join(account.userId for account in accounts)
    raise APIError(
        f"The login has several accounts, and none is the app's or the default: {user_ids}.",
        suggestions=["Make one of them the default on the Upstox login page."],
    )


def list_accounts(data: OTPValidationData) -> list[Account]:
    """Return the accounts that the newer revision told, without those that it told badly."""
    told = data.accounts if isinstance(data.accounts, list) else []
    return [account for account in told if isinstance(account, Account)]


def _as_accounts(data: OTPValidationData) -> list[Account]:
    profile = data.userProfile
    if not isinstance(profile, UserProfile):
        return []
    try:
        return [Account.model_validate({"profileId": profile.profileId, "userId": profile.userId})]
    except pydantic.ValidationError:
        return []


def check_totp_set_up(data: OTPGenerationData) -> None:
    """Raise for an account without TOTP: a code would be wrong, and cost an attempt."""
    if data.isTotpEnabled is False:
        raise _incomplete(
            "TOTP is not set up for this account; no one-time password was sent.",
            "Set up TOTP in your Upstox account, and put its secret into totp_secret "
            "(UPSTOX_TOTP_SECRET).",
            "totp_secret",
        )


def check_pin_set(data: OTPValidationData) -> None:
    """Raise for an account without a PIN."""
    if data.isSecretPinSet is False:
        raise _incomplete(
            "No PIN has been set for this account.",
            "Set a PIN on the Upstox login page, and put it into pin_code (UPSTOX_PIN_CODE).",
            "pin_code",
        )


def check_awake(data: TwoFactorAuthenticationData) -> None:
    """Raise for an account that has to be reactivated."""
    status = data.customerStatus
    if isinstance(status, str) and status.upper() in _ASLEEP:
        raise APIError(
            f"The account is {status.lower()}.",
            suggestions=["Reactivate it: log in once on the Upstox login page."],
        )


def _incomplete(message: str, suggestion: str, setting: str) -> AuthenticationError:
    error = AuthenticationError(message, suggestions=[suggestion])
    error.settings = (setting,)
    return error
