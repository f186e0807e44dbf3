"""Log in to your own Upstox account, with mobile number, TOTP and PIN, and get an access token.

Unofficial, for a person's own account. The public names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upstox_totp._cache.redis import RedisStore
    from upstox_totp.client import UpstoxTOTP
    from upstox_totp.errors import (
        APIError,
        AuthenticationError,
        CacheError,
        ConfigurationError,
        ErrorCode,
        LoginWaitError,
        RateLimitError,
        UpstoxError,
        UpstoxWarning,
        ValidationError,
    )
    from upstox_totp.models import AccessTokenData, AccessTokenResponse
    from upstox_totp.token_auth import TokenAuth
    from upstox_totp.token_cache import TokenCache
    from upstox_totp.transcript import Exchange, Step

__version__ = "0.1.0"

__all__ = [
    "APIError",
    "AccessTokenData",
    "AccessTokenResponse",
    "AuthenticationError",
    "CacheError",
    "ConfigurationError",
    "ErrorCode",
    "Exchange",
    "LoginWaitError",
    "RateLimitError",
    "RedisStore",
    "Step",
    "TokenAuth",
    "TokenCache",
    "UpstoxError",
    "UpstoxTOTP",
    "UpstoxWarning",
    "ValidationError",
    "__version__",
]

# Hidden from type checkers, for which any attribute would exist otherwise.
if not TYPE_CHECKING:
    from importlib import import_module as _import_module

    _HOMES = {
        "AccessTokenData": "models",
        "AccessTokenResponse": "models",
        "Exchange": "transcript",
        "Step": "transcript",
        "RedisStore": "_cache.redis",
        "TokenAuth": "token_auth",
        "TokenCache": "token_cache",
        "UpstoxTOTP": "client",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202 - as PEP 562 has it
        """Load a public name when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
        value = globals()[name] = getattr(module, name)
        return value

    def __dir__():  # noqa: ANN202 - as PEP 562 has it
        """Name what can be loaded, too."""
        return sorted({*globals(), *__all__})
