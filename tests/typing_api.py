"""The public API as users write it; only type-checked, by mypy and pyright, never run."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_type

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from upstox_totp import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ErrorCode,
    RateLimitError,
    Step,
    TokenCache,
    UpstoxError,
    UpstoxTOTP,
    ValidationError,
    __version__,
)
from upstox_totp._http.session import Session
from upstox_totp.models import AccessTokenData, AccessTokenResponse
from upstox_totp.notifier import Notifier
from upstox_totp.sandbox import Account, Credentials, Fault, RequestRecord, Sandbox
from upstox_totp.transcript import Exchange

VERSION: str = __version__


def log_in() -> str:
    """Every setting from the environment."""
    with UpstoxTOTP() as upx:
        assert_type(upx, UpstoxTOTP)
        response = upx.app_token.get_access_token()
        assert_type(response, AccessTokenResponse)
        assert_type(response.success, bool)
        assert_type(response.data, AccessTokenData)
        assert_type(response.data.access_token, str)
        assert_type(response.data.user_id, str | None)
        assert_type(response.data.exchanges, list[str] | None)
        assert_type(response.data.expires_at, datetime)
        assert_type(response.data.expires_in, timedelta)
        assert_type(response.data.is_expired(), bool)
        assert_type(response.data.is_expired(now=datetime.now(UTC)), bool)
        return response.data.access_token


def settings_in_code() -> UpstoxTOTP:
    """Secrets as text or hidden."""
    UpstoxTOTP(
        username="9876543210",
        password="a password",
        pin_code="1234",
        totp_secret="JBSWY3DPEHPK3PXP",
        client_id="an api key",
        client_secret="an api secret",
        redirect_uri="https://127.0.0.1/callback",
        debug=True,
        sleep_time=500,
    )
    return UpstoxTOTP(
        password=SecretStr("a password"),
        pin_code=SecretStr("1234"),
        totp_secret=SecretStr("JBSWY3DPEHPK3PXP"),
        client_secret=SecretStr("an api secret"),
    )


def settings_in_a_file() -> None:
    """A path as text or as a Path, and a subclass of the user's own."""

    class Mine(UpstoxTOTP):
        """A client of the user's."""

    assert_type(UpstoxTOTP.from_env_file(".env.production"), UpstoxTOTP)
    assert_type(UpstoxTOTP.from_settings(login_method="api", cache_dir=Path("x")), UpstoxTOTP)
    assert_type(Mine.from_env_file(Path("mine.env")), Mine)


def customise(upx: UpstoxTOTP) -> None:
    """The session is a requests session."""
    session: requests.Session = upx.session
    assert_type(upx.session, Session)
    session.headers.update({"User-Agent": "MyApp/1.0"})
    session.proxies["https"] = "http://proxy.example:3128"
    session.mount("https://", HTTPAdapter(pool_connections=10, pool_maxsize=20))
    upx.session.timeout = 30
    upx.session.timeout = (10, 30)
    upx.session.timeout = (10, None)
    upx.session.timeout = None
    assert_type(upx.base_domain, str)
    upx.base_domain = "http://127.0.0.1:8080/{stage}"
    upx.reset_session()
    assert_type(upx.generate_totp_secret(), str)
    assert_type(upx.generate_request_id(), str)


def handle_errors(upx: UpstoxTOTP) -> float:
    """Each error class and what it carries."""
    try:
        upx.app_token.get_access_token()
    except AuthenticationError as error:
        assert_type(error.settings, tuple[str, ...])
        assert_type(error.attempts_left, int | None)
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
        return error.retry_after or 60.0
    except (ConfigurationError, ValidationError, APIError):
        raise
    except UpstoxError as error:
        assert_type(error.message, str)
        assert_type(error.step, Step | None)
        assert_type(error.suggestions, list[str])
        assert_type(error.transcript, list[Exchange])
        assert_type(error.error_code, ErrorCode | int | str | None)
        if error.error_code is ErrorCode.INCORRECT_PIN:
            logging.getLogger("bot").exception("PIN")
        for exchange in error.transcript:
            assert_type(exchange.step, Step)
            assert_type(exchange.status, int | None)
    except requests.RequestException:
        pass
    return 0.0


def keep_the_token(upx: UpstoxTOTP) -> str:
    """The cache, in its default directory or another."""
    cache = TokenCache()
    TokenCache("tokens")
    TokenCache(Path("tokens"), margin=timedelta(minutes=10))
    TokenCache(margin=600)
    assert_type(cache.get_access_token(upx), AccessTokenResponse)
    cache.get_access_token(upx, refresh=True)
    cache.clear(upx)
    return cache.get_access_token(upx, force=True).data.access_token


def test_a_bot() -> None:
    """The sandbox, in a bot's own tests."""
    with Sandbox(step_clock=True, credentials=Credentials(pin_code="1357")) as sandbox:
        assert_type(sandbox, Sandbox)
        assert_type(sandbox.environment, dict[str, str])
        assert_type(sandbox.base_domain, str)
        assert_type(sandbox.requests, list[RequestRecord])
        assert_type(sandbox.logins, int)
        sandbox.misbehave("token", Fault.status(500), times=1)
        sandbox.revoke("token")
        sandbox.advance(86_400)
    Sandbox(account=Account(user_id="AB1234"), accounts=[Account(is_default=False)])


def with_a_person(upx: UpstoxTOTP) -> Notifier:
    """The browser, the phone, and the notifier."""
    upx.browser_login.announce = print
    upx.browser_login.paste = lambda prompt: prompt
    assert_type(upx.browser_login.get_access_token(timeout=300), AccessTokenResponse)
    request = upx.token_request.send()
    assert_type(request.lapses_at, datetime)
    assert_type(request.notifier_url, str | None)
    return Notifier(upx, SecretStr("made-up"), TokenCache())
