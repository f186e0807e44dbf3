"""The same logins written by hand with plain requests: what ours is compared with.

Header for header and with every status checked; no model, no pacing, no masking, no advice.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pyotp
import requests

_TIMEOUT: Final = 30
_BROWSER: Final = {
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/141.0.0.0 Safari/537.36"
    ),
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en-GB,en;q=0.9",
}
_DEVICE: Final = (
    "platform=WEB|osName=Linux|osVersion=x86_64|appVersion=4.0.0|modelName=Chrome|"
    "manufacturer=Google"
)


def new_session() -> requests.Session:
    """Return a session that sends what a browser sends."""
    session = requests.Session()
    session.headers.update(_BROWSER)
    return session


def log_in(session: requests.Session, pause: float = 0.0) -> str:
    """Log in with the settings in the environment, pausing so many seconds between requests."""
    settings = os.environ
    base = settings["UPSTOX_BASE_DOMAIN"]
    api = base.replace("{stage}", "api")
    service = base.replace("{stage}", "service")
    app = {
        "client_id": settings["UPSTOX_CLIENT_ID"],
        "redirect_uri": settings["UPSTOX_REDIRECT_URI"],
    }

    login_page = base.replace("{stage}", "login")
    request_id = "WPRO-" + secrets.token_hex(5)
    page_headers = {
        "Accept": "application/json, text/plain, */*",
        "Origin": "{0.scheme}://{0.netloc}".format(urlsplit(login_page)),
        "Referer": f"{login_page}/",
        "X-Device-Details": _DEVICE,
        "X-Request-ID": request_id,
    }

    page = session.get(
        f"{api}/v2/login/authorization/dialog",
        params={"response_type": "code", **app},
        timeout=_TIMEOUT,
    )
    page.raise_for_status()
    told = parse_qs(urlsplit(page.url).query)
    internal = {"client_id": told["client_id"][0], "redirect_uri": told["redirect_uri"][0]}

    def post(
        path: str, data: dict[str, Any], profile: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        time.sleep(pause)
        answer = session.post(
            f"{service}{path}",
            json={"data": data},
            headers=page_headers | (profile or {}),
            timeout=_TIMEOUT,
            **options,
        )
        answer.raise_for_status()
        return answer

    otp = post(
        "/login/open/v6/auth/1fa/otp/generate",
        {
            "mobileNumber": settings["UPSTOX_USERNAME"],
            "countryIsdCode": "+91",
            "userId": told["user_id"][0],
        },
    )
    now = parsedate_to_datetime(otp.headers["Date"])
    code = pyotp.TOTP(settings["UPSTOX_TOTP_SECRET"]).at(now)
    verified = post(
        "/login/open/v5/auth/1fa/otp-totp/verify",
        {"otp": code, "validateOtpToken": otp.json()["data"]["validateOTPToken"]},
    )
    account = verified.json()["data"]["accounts"][0]
    pin = base64.b64encode(settings["UPSTOX_PIN_CODE"].encode()).decode()
    post(
        "/login/open/v4/auth/2fa",
        {"twoFAMethod": "SECRET_PIN", "inputText": pin, "profileId": account["profileId"]},
        {"X-Profile-Id": str(account["profileId"]), "X-User-Id": account["userId"]},
        params=internal,
    )
    approved = post(
        "/login/v2/oauth/authorize",
        {"userOAuthApproval": True},
        params={**internal, "requestId": request_id, "response_type": "code"},
    )
    redirect = approved.json()["data"]["redirectUri"]
    time.sleep(pause)
    token = session.post(
        f"{api}/v2/login/authorization/token",
        data={
            **app,
            "code": parse_qs(urlsplit(redirect).query)["code"][0],
            "client_secret": settings["UPSTOX_CLIENT_SECRET"],
            "grant_type": "authorization_code",
        },
        headers={"Accept": "application/json"},
        timeout=_TIMEOUT,
    )
    token.raise_for_status()
    return str(token.json()["access_token"])


def log_in_by_api(session: requests.Session) -> str:
    """Log in by Upstox's own TOTP login, having asked for the time, and return the access token."""
    settings = os.environ
    api = settings["UPSTOX_BASE_DOMAIN"].replace("{stage}", "api")
    told = session.get(
        f"{api}/",
        headers={"Accept": "application/json"},
        allow_redirects=False,
        timeout=_TIMEOUT,
    )
    now = parsedate_to_datetime(told.headers["Date"])
    code = pyotp.TOTP(settings["UPSTOX_TOTP_SECRET"]).at(now)
    token = session.post(
        f"{api}/v2/totp-login/authorization/token",
        json={"totp": code, "pin": settings["UPSTOX_PIN_CODE"]},
        headers={"Accept": "application/json", "x-api-key": settings["UPSTOX_CLIENT_ID"]},
        timeout=_TIMEOUT,
    )
    token.raise_for_status()
    return str(token.json()["access_token"])
