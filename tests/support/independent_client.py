"""A login to Upstox, typed by hand from the protocol page with plain `requests` and `pyotp`.

It shares no code with the library on purpose, so that an error of ours in reading the page shows.
"""

import os
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pyotp
import requests

Json = dict[str, Any]
TIMEOUT = 30


def answer(step: str, response: requests.Response) -> Json:
    """Decode an answer of either host, or raise what it says went wrong."""
    try:
        body: Json = response.json()
    except ValueError:
        raise RuntimeError(f"{step}: HTTP {response.status_code}: not JSON") from None
    if not response.ok or body.get("success") is False or body.get("status") == "error":
        problem = body.get("error") or (body.get("errors") or [{}])[0]
        code = problem.get("code") or problem.get("errorCode") or f"HTTP {response.status_code}"
        raise RuntimeError(f"{step}: {code}: {problem.get('message')}")
    return body


def post(session: requests.Session, step: str, url: str, data: Json, **options: Any) -> Json:
    """Send one body to the `service` host and unwrap its answer."""
    body = answer(step, session.post(url, json={"data": data}, timeout=TIMEOUT, **options))
    stop_if(not isinstance(body.get("data"), dict), step, "the answer has no data")
    return dict(body["data"])


def stop_if(reason: object, step: str, message: str) -> None:
    """Raise when a sign in an answer says not to go on."""
    if reason:
        raise RuntimeError(f"{step}: {message}")


def query_value(url: str | None, name: str) -> str:
    """Return one value of an address's query, or nothing."""
    return parse_qs(urlsplit(url or "").query).get(name, [""])[0]


def dialog(session: requests.Session, api: str, app: Json) -> tuple[Json, str]:
    """Step 1: what the later steps need stands in the address of the page the dialog ends on."""
    url = f"{api}/v2/login/authorization/dialog"
    page = session.get(url, params={"response_type": "code", **app}, timeout=TIMEOUT)
    if not page.ok:
        answer("dialog", page)
    internal = {name: query_value(page.url, name) for name in ("client_id", "redirect_uri")}
    user_id = query_value(page.url, "user_id")
    lacking = not (user_id and all(internal.values()))
    stop_if(lacking, "dialog", "no client_id, redirect_uri or user_id in the final address")
    return internal, user_id


def choose_account(accounts: list[Json], user_id: str) -> Json:
    """Take the dialog's account, else the default one, else the only one."""
    same = [account for account in accounts if account["userId"] == user_id]
    default = [account for account in accounts if account.get("isDefault")]
    found = same or default or accounts
    names = ", ".join(account["userId"] for account in accounts)
    stop_if(len(found) != 1, "otp verify", f"which account of: {names}")
    return found[0]


def follow(session: requests.Session, url: str, base: str, own_address: str) -> str:
    """Follow redirects on Upstox's hosts, never to the app's own address, until one has a code."""
    hosts = {urlsplit(base.format(stage=stage)).netloc for stage in ("api", "service", "login")}
    hosts |= {"api-v2.upstox.com"} if "api.upstox.com" in hosts else set()
    for _ in range(10):
        if code := query_value(url, "code"):
            return code
        own = url.partition("?")[0] == own_address.partition("?")[0]
        if own or urlsplit(url).netloc not in hosts:
            break
        response = session.get(url, allow_redirects=False, timeout=TIMEOUT)
        url = urljoin(url, response.headers.get("Location", "about:blank"))
    raise RuntimeError("authorize: no redirect carried a code")


def login(
    environment: Mapping[str, str], *, revision: str = "newer", now: Callable[[], float] = time.time
) -> dict[str, object]:
    """Do the six requests of the page and return the token answer."""
    newer = {"newer": True, "older": False}[revision]
    base = environment["UPSTOX_BASE_DOMAIN"]
    api, service = base.format(stage="api"), base.format(stage="service")
    own_address = environment["UPSTOX_REDIRECT_URI"]
    app = {"client_id": environment["UPSTOX_CLIENT_ID"], "redirect_uri": own_address}
    session = requests.Session()
    internal, user_id = dialog(session, api, app)  # 1

    sent: Json = {"mobileNumber": environment["UPSTOX_USERNAME"], "userId": user_id}  # 2
    sent |= {"countryIsdCode": "+91"} if newer else {}
    url = f"{service}/login/open/v6/auth/1fa/otp/generate"
    generated = post(session, "otp generate", url, sent)
    stop_if(generated.get("isTotpEnabled") is False, "otp generate", "no TOTP is set up")

    totp = pyotp.TOTP(environment["UPSTOX_TOTP_SECRET"]).at(int(now()))  # 3
    sent = {"otp": totp, "validateOtpToken": generated["validateOTPToken"]}
    url = f"{service}/login/open/{'v5' if newer else 'v4'}/auth/1fa/otp-totp/verify"
    verified = post(session, "otp verify", url, sent)
    stop_if(verified.get("isSecretPinSet") is False, "otp verify", "no PIN is set")

    pin = b64encode(environment["UPSTOX_PIN_CODE"].encode()).decode()  # 4
    sent, headers = {"twoFAMethod": "SECRET_PIN", "inputText": pin}, {}
    if newer:
        account = choose_account(verified["accounts"], user_id)
        sent["profileId"] = int(account["profileId"])
        headers = {"X-Profile-Id": str(account["profileId"]), "X-User-Id": account["userId"]}
    url = f"{service}/login/open/{'v4' if newer else 'v3'}/auth/2fa"
    entered = post(session, "pin", url, sent, params=internal, headers=headers)
    status = entered.get("customerStatus")
    stop_if(status in {"DORMANT", "INACTIVE"}, "pin", f"the account is {status}")

    code = query_value(entered.get("redirectUri"), "code")  # 5
    if not code:
        request_id = "WPRO-" + secrets.token_hex(5)
        query = {**internal, "requestId": request_id, "response_type": "code"}
        url = f"{service}/login/v2/oauth/authorize"
        approved = post(session, "authorize", url, {"userOAuthApproval": True}, params=query)
        stop_if(approved.get("isApproved") is False, "authorize", "not approved")
        code = follow(session, approved.get("redirectUri") or "", base, own_address)

    form = {"code": code, **app, "grant_type": "authorization_code"}  # 6
    form["client_secret"] = environment["UPSTOX_CLIENT_SECRET"]
    url, accept = f"{api}/v2/login/authorization/token", {"Accept": "application/json"}
    token = answer("token", session.post(url, data=form, headers=accept, timeout=TIMEOUT))
    stop_if(not token.get("access_token"), "token", "the answer has no access_token")
    return token


def profile(environment: Mapping[str, str], access_token: str) -> dict[str, object]:
    """Return the `data` of the user's profile."""
    url = environment["UPSTOX_BASE_DOMAIN"].format(stage="api") + "/v2/user/profile"
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    return dict(answer("profile", requests.get(url, headers=headers, timeout=TIMEOUT))["data"])


if __name__ == "__main__":
    received = login(os.environ)
    print(received["user_id"], str(received["access_token"])[:8])  # noqa: T201
