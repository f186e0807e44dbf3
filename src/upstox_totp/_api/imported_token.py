"""A token that came without a login: whose it is, and whether a user's own is taken."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._api.app_token import AppTokenAPI
from upstox_totp._cache.lifetime import as_datetime, jwt_claims, jwt_expiry
from upstox_totp.errors import AuthenticationError, ConfigurationError
from upstox_totp.models import AccessTokenData

if TYPE_CHECKING:
    from pydantic import SecretStr

    from upstox_totp._api.base import Client

_JWT: Final = re.compile(r"[\w-]{4,}\.[\w-]{4,}\.[\w-]{4,}", re.ASCII)
_LONGEST_DAY: Final = timedelta(days=2)
_WHERE: Final = (
    "Copy the day's token: https://account.upstox.com/developer/apps, your app, Generate."
)


def check_imported(client: Client, access_token: SecretStr) -> AccessTokenData:
    """Return a token with its owner, once Upstox has accepted it; or raise why it is not taken."""
    if not _JWT.fullmatch(access_token.get_secret_value()):
        raise ConfigurationError(
            "This is no access token: a token is one long line without spaces, three parts with "
            "dots between, and begins with eyJ.",
            suggestions=[_WHERE],
        )
    claims = jwt_claims(access_token.get_secret_value())
    now = as_datetime(_clock.time())
    ends = jwt_expiry(access_token.get_secret_value())
    if claims.get("isExtended") is True or (ends is not None and ends - now > _LONGEST_DAY):
        raise ConfigurationError(
            "This is an extended or an analytics token: it is valid for a year, only reads, and "
            "cannot place orders. It is not cached as the day's token.",
            suggestions=[_WHERE],
        )
    data = owned_token(client, access_token)
    if data is None:
        raise AuthenticationError(
            "Upstox does not accept this token: it has expired or was ended.",
            suggestions=[_WHERE],
        )
    return data.obtained(now)


def owned_token(client: Client, access_token: SecretStr) -> AccessTokenData | None:
    """Return a token with its owner, None if Upstox does not accept it.

    Away from the app's registered address, only the token itself names its owner.
    """
    checked = AppTokenAPI(client).check(access_token)
    if not checked.valid:
        return None
    stated = str(jwt_claims(access_token.get_secret_value()).get("sub") or "")
    told = {} if checked.owner is None else checked.owner.model_dump(mode="json")
    owner = told.get("user_id") or stated or None
    if stated and stated.upper() != str(owner).upper():
        error = AuthenticationError(
            "The token names another user than Upstox does: it is not cached."
        )
        error.settings = ("user_id",)
        raise error
    token = {"access_token": access_token.get_secret_value()}
    return AccessTokenData.model_validate({**told, "user_id": owner, **token})
