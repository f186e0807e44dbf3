"""A login written out request by request, each of which can be sent wrongly."""

import base64
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pyotp
import requests

from upstox_totp.sandbox import Sandbox

OTP = "/login/open/v6/auth/1fa/otp/generate"
VERIFY = {
    "older": "/login/open/v4/auth/1fa/otp-totp/verify",
    "newer": "/login/open/v5/auth/1fa/otp-totp/verify",
}
PIN = {"older": "/login/open/v3/auth/2fa", "newer": "/login/open/v4/auth/2fa"}
AUTHORIZE = "/login/v2/oauth/authorize"
DIALOG = "/v2/login/authorization/dialog"
TOKEN = "/v2/login/authorization/token"
TIMEOUT = 5


def merged(usual: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `usual` with `changes`, leaving out what is changed to None."""
    return {name: value for name, value in (usual | dict(changes)).items() if value is not None}


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query))


def code_of(response: requests.Response) -> object:
    """Return the error code of an answer of either host."""
    payload = response.json()
    if "error" in payload:
        return payload["error"]["code"]
    return payload["errors"][0]["errorCode"]


def message_of(response: requests.Response) -> str:
    """Return the error message of an answer of either host."""
    payload = response.json()
    error = payload["error"] if "error" in payload else payload["errors"][0]
    return str(error["message"])


class Probe:
    """One login, step by step; keyword arguments change what a step sends, None leaves it out."""

    def __init__(self, sandbox: Sandbox, *, trust: str | None = None) -> None:
        self.sandbox = sandbox
        self.known = sandbox.credentials
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = trust or True
        self.told: dict[str, str] = {}
        self.otp_token = ""
        self.account: dict[str, Any] = {}
        self.code = ""

    def __enter__(self) -> Self:
        """Return the probe."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self.session.close()

    def url(self, stage: str, path: str) -> str:
        """Return the address of a path of a host."""
        return self.sandbox.base_domain.format(stage=stage) + path

    def get(self, stage: str, path: str, **options: Any) -> requests.Response:
        """Send a GET."""
        return self.session.get(self.url(stage, path), timeout=TIMEOUT, **options)

    def post(self, stage: str, path: str, **options: Any) -> requests.Response:
        """Send a POST."""
        return self.session.post(self.url(stage, path), timeout=TIMEOUT, **options)

    def dialog(self, **changes: str | None) -> requests.Response:
        """Send step 1 and keep what the login page's address tells."""
        usual = {
            "response_type": "code",
            "client_id": self.known.client_id,
            "redirect_uri": self.known.redirect_uri,
        }
        response = self.get("api", DIALOG, params=merged(usual, changes))
        self.told = query_of(response.url)
        return response

    def otp(self, **changes: Any) -> requests.Response:
        """Send step 2 and keep the token."""
        usual = {"mobileNumber": self.known.username, "userId": self.told.get("user_id")}
        response = self.post("service", OTP, json={"data": merged(usual, changes)})
        data = response.json().get("data") or {}
        self.otp_token = data.get("validateOTPToken", self.otp_token)
        return response

    def one_time_password(self, periods: int = 0) -> str:
        """Return the one-time password of the server's time, some periods on."""
        return pyotp.TOTP(self.known.totp_secret).at(int(self.sandbox.now()) + 30 * periods)

    def verify(self, version: str = "newer", **changes: Any) -> requests.Response:
        """Send step 3 and keep the account."""
        usual = {"otp": self.one_time_password(), "validateOtpToken": self.otp_token}
        response = self.post("service", VERIFY[version], json={"data": merged(usual, changes)})
        data = response.json().get("data") or {}
        profiles = [data.get("userProfile"), *data.get("accounts", [])]
        own = [p for p in profiles if p and p.get("userId") == self.told.get("user_id")]
        self.account = next(iter(own), {})
        return response

    def pin(
        self,
        version: str = "newer",
        query: Mapping[str, str | None] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **changes: Any,
    ) -> requests.Response:
        """Send step 4."""
        usual: dict[str, Any] = {"twoFAMethod": "SECRET_PIN", "inputText": self.encoded_pin()}
        usual_headers = {}
        if version == "newer":
            usual["profileId"] = self.account.get("profileId")
            usual_headers = {
                "X-Profile-Id": str(self.account.get("profileId")),
                "X-User-Id": str(self.account.get("userId")),
            }
        return self.post(
            "service",
            PIN[version],
            params=merged(self.client(), query or {}),
            headers=merged(usual_headers, headers or {}),
            json={"data": merged(usual, changes)},
        )

    def encoded_pin(self) -> str:
        """Return the PIN in base64."""
        return base64.b64encode(self.known.pin_code.encode()).decode()

    def client(self) -> dict[str, Any]:
        """Return the internal client id and redirect URI as told."""
        return {name: self.told.get(name) for name in ("client_id", "redirect_uri")}

    def authorize(self, *, approval: object = True, **changes: str | None) -> requests.Response:
        """Send step 5 and keep the code."""
        usual = self.client() | {"requestId": "WPRO-a1b2c3d4e5", "response_type": "code"}
        response = self.post(
            "service",
            AUTHORIZE,
            params=merged(usual, changes),
            json={"data": {"userOAuthApproval": approval}},
        )
        data = response.json().get("data") or {}
        self.code = query_of(data.get("redirectUri", "")).get("code", "")
        return response

    def form(self, **changes: str | None) -> dict[str, Any]:
        """Return the form of step 6."""
        usual = {
            "code": self.code,
            "client_id": self.known.client_id,
            "client_secret": self.known.client_secret,
            "redirect_uri": self.known.redirect_uri,
            "grant_type": "authorization_code",
        }
        return merged(usual, changes)

    def token(self, **changes: str | None) -> requests.Response:
        """Send step 6."""
        return self.post("api", TOKEN, data=self.form(**changes))

    def profile(self, token: str) -> requests.Response:
        """Ask whose the token is."""
        return self.get("api", "/v2/user/profile", headers={"Authorization": f"Bearer {token}"})

    def to_otp(self) -> Self:
        """Go through steps 1 and 2."""
        self.dialog()
        self.otp()
        return self

    def to_verified(self, version: str = "newer") -> Self:
        """Go through steps 1 to 3."""
        self.to_otp()
        self.verify(version)
        return self

    def to_code(self, version: str = "newer") -> Self:
        """Go through steps 1 to 5."""
        self.to_verified(version)
        self.pin(version)
        self.authorize()
        return self

    def login(self, version: str = "newer") -> dict[str, Any]:
        """Go through all steps and return the token's answer."""
        response = self.to_code(version).token()
        response.raise_for_status()
        payload: dict[str, Any] = response.json()
        return payload
