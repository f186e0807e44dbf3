"""AppTokenAPI: the login, step by step."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode

import requests
from pydantic import SecretStr
from urllib3.util import parse_url

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.accounts import asleep, choose_account, no_pin, no_totp
from upstox_totp._api.base import BaseAPI, Login, json_body
from upstox_totp._api.redirects import authorization_code, forbidden, no_code
from upstox_totp._api.verdicts import judge
from upstox_totp._http.server_clock import ServerClock
from upstox_totp._secrecy import HiddenBytes
from upstox_totp._tokens.alone import log_in_alone
from upstox_totp._tokens.ledger import Credential
from upstox_totp.errors import APIError, ErrorCode, UpstoxError, ValidationError
from upstox_totp.models import (
    AccessTokenData,
    AccessTokenResponse,
    OAuthAuthorizationResponse,
    OTPGenerationResponse,
    OTPValidationData,
    OTPValidationResponse,
    TwoFactorAuthenticationResponse,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from upstox_totp._api.routes import Revision, Route
    from upstox_totp._http.answers import ModelT
    from upstox_totp._tokens.ledger import Ledger

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_SERVICE_CODES: Final = "1017"


@dataclass(frozen=True)
class _Dialog:
    """What the dialog's last address told: the login page's own client, and whose app it is."""

    client_id: str
    redirect_uri: str
    user_id: str

    @property
    def query(self) -> dict[str, str]:
        return {"client_id": self.client_id, "redirect_uri": self.redirect_uri}


@dataclass(frozen=True)
class _Session:
    """A session that the one-time password opened: its revision, and the account it is for."""

    revision: Revision
    profile_id: int | None
    user_id: str = field(repr=False)


class AppTokenAPI(BaseAPI):
    """App token API: the six requests that end with an access token."""

    def get_access_token(self) -> AccessTokenResponse:
        """Log in and return a fresh access token.

        Sends six requests, ``sleep_time`` milliseconds apart: login dialog, OTP request, one-time
        password, PIN, authorization, token exchange. From the second on none is repeated, save
        where the connection was refused or the newer revision's verification does not exist.
        Waits for the next one-time password if this process has used the current one.

        Returns:
            The token in ``data.access_token``, and whose it is. The token dies at 03:30 Indian
            time, see ``data.expires_at``.

        Raises:
            AuthenticationError: If a credential was rejected, or the account has no TOTP or PIN.
                Logging in again without a change costs another attempt.
            RateLimitError: If too many requests or one-time passwords were asked for.
            ValidationError: If an answer is not what the protocol says.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If a request got no whole answer.
        """
        return log_in_alone(self._client.identity, self.log_in)

    def log_in(self, ledger: Ledger) -> AccessTokenResponse:
        """Log in, and count in a ledger what costs an attempt.

        Args:
            ledger: The account's attempts.

        Raises:
            UpstoxError: As `get_access_token`.
            requests.RequestException: If a request got no whole answer.
        """
        login = self._begin(ledger)
        dialog = self._open_dialog(login)
        otp = self._request_otp(login, ledger, dialog)
        session = self._verify_code(login, ledger, dialog, otp)
        redirect_uri = self._enter_pin(login, ledger, dialog, session)
        code = self._authorize(login, dialog, redirect_uri)
        response = self._exchange_code(login, code)
        ledger.note_login(ends_others=False)
        return response

    def _begin(self, ledger: Ledger) -> Login:
        config = self._client.config
        login = Login(ledger=ledger)
        login.secrets.add(
            config.password, config.pin_code, config.totp_secret, config.client_secret
        )
        login.secrets.add_personal(config.username)
        self._client.session.cookies.clear()
        return login

    def _open_dialog(self, login: Login) -> _Dialog:
        config = self._client.config
        url = routes.DIALOG.url(self._client.base_domain)
        query = {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": config.redirect_uri,
        }
        last = self._follow(login, Step.DIALOG, url, query)
        told = parse_qs(parse_url(last).query or "") if last != url else {}
        names = ("client_id", "redirect_uri", "user_id")
        missing = [name for name in names if not _plain(told.get(name, [""])[0])]
        if missing:
            raise login.failed(
                ValidationError(
                    "The login dialog did not lead to the login page: expected "
                    f"{', '.join(missing)} in the address that it redirects to.",
                    details={"expected": missing, "route": str(routes.DIALOG)},
                    suggestions=[
                        (
                            "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri "
                            "(UPSTOX_REDIRECT_URI); if a browser shows the login page for them, "
                            "report error.transcript."
                        )
                    ],
                ),
                Step.DIALOG,
            )
        dialog = _Dialog(*(told[name][0] for name in names))
        login.secrets.add_personal(dialog.user_id)
        return dialog

    def _follow(self, login: Login, step: Step, url: str, query: dict[str, str]) -> str:
        headers = routes.page_headers()
        target = self._open(login, step, url, query, headers=headers)
        followed = 0
        while target is not None:
            if followed == self._client.session.max_redirects:
                raise _too_many_redirects(login, url)
            self._check(login, step, SecretStr(target))
            followed += 1
            url = target
            target = self._open(login, step, url, headers=headers, redirected=True)
        return url

    def _request_otp(self, login: Login, ledger: Ledger, dialog: _Dialog) -> SecretStr:
        with ledger.sending(Credential.OTP_REQUEST, judge=judge):
            answer = self._post(
                login,
                routes.OTP_GENERATE,
                OTPGenerationResponse,
                {
                    "mobileNumber": self._client.config.username,
                    "countryIsdCode": "+91",
                    "userId": dialog.user_id,
                },
                arrived=self._client.one_time_passwords.follow,
            )
        token = SecretStr(answer.data.validateOTPToken)
        login.secrets.add(token)
        if answer.data.isTotpEnabled is False:
            raise login.failed(no_totp(), Step.OTP_GENERATE)
        return token

    def _verify_code(
        self, login: Login, ledger: Ledger, dialog: _Dialog, otp_token: SecretStr
    ) -> _Session:
        revisions = routes.REVISIONS[self._client.config.login_revision]
        # The pauses before the requests that carry the code come out of its life.
        within = len(revisions) * self._client.config.sleep_time / 1000
        code, period = self._client.one_time_passwords.claim(ledger.next_period, within)
        login.secrets.add(code)
        data = {"otp": code, "validateOtpToken": otp_token}
        with ledger.sending(Credential.CODE, period=period, judge=judge):
            revision, answer = self._verify(login, revisions, data)
        return self._open_session(login, dialog, revision, answer.data)

    def _verify(
        self, login: Login, revisions: Sequence[Revision], data: dict[str, SecretStr]
    ) -> tuple[Revision, OTPValidationResponse]:
        *others, last = revisions
        for revision in others:
            try:
                return revision, self._post(login, revision.verify, OTPValidationResponse, data)
            except APIError as error:
                if not _no_such_route(error):
                    raise
        return last, self._post(login, last.verify, OTPValidationResponse, data)

    def _open_session(
        self, login: Login, dialog: _Dialog, revision: Revision, data: OTPValidationData
    ) -> _Session:
        if data.isSecretPinSet is False:
            raise login.failed(no_pin(), Step.OTP_VERIFY)
        self._learn_names(login, data)
        if not revision.names_profile:
            return _Session(revision, None, dialog.user_id)
        account = choose_account(data, dialog.user_id)
        if isinstance(account, UpstoxError):
            raise login.failed(account, Step.OTP_VERIFY)
        return _Session(revision, account.profileId, account.userId)

    def _learn_names(self, login: Login, data: OTPValidationData) -> None:
        profile = data.userProfile
        if profile is not None:
            login.secrets.add_personal(profile.userId, profile.firstName, profile.lastName)
        login.secrets.add_personal(*(account.userId for account in data.accounts or ()))

    def _enter_pin(
        self, login: Login, ledger: Ledger, dialog: _Dialog, session: _Session
    ) -> SecretStr | None:
        data: dict[str, object] = {
            "twoFAMethod": "SECRET_PIN",
            "inputText": _base64(self._client.config.pin_code),
        }
        profile = {}
        if session.profile_id is not None:
            data["profileId"] = session.profile_id
            profile = {"X-Profile-Id": str(session.profile_id), "X-User-Id": session.user_id}
        with ledger.sending(Credential.PIN, judge=judge):
            answer = self._post(
                login,
                session.revision.two_factor,
                TwoFactorAuthenticationResponse,
                data,
                query=dialog.query,
                profile=profile,
            ).data
        problem = asleep(answer.customerStatus)
        if problem is not None:
            raise login.failed(problem, Step.PIN)
        return None if answer.redirectUri is None else SecretStr(answer.redirectUri)

    def _authorize(
        self, login: Login, dialog: _Dialog, redirect_uri: SecretStr | None
    ) -> SecretStr:
        code = None if redirect_uri is None else authorization_code(redirect_uri)
        if code is None:
            answer = self._post(
                login,
                routes.AUTHORIZE,
                OAuthAuthorizationResponse,
                {"userOAuthApproval": True},
                query=dialog.query
                | {"requestId": self._client.generate_request_id(), "response_type": "code"},
            )
            code = self._find_code(login, SecretStr(answer.data.redirectUri))
        login.secrets.add(code)
        return code

    def _find_code(self, login: Login, uri: SecretStr) -> SecretStr:
        """Follow the redirects of a URI until one carries the code."""
        for _ in range(self._client.session.max_redirects):
            code = authorization_code(uri)
            if code is not None:
                return code
            self._check(login, Step.AUTHORIZE, uri)
            target = self._open(
                login,
                Step.AUTHORIZE,
                uri.get_secret_value(),
                headers=routes.page_headers(),
                redirected=True,
            )
            if target is None:
                raise login.failed(no_code(), Step.AUTHORIZE)
            uri = SecretStr(target)
        raise _too_many_redirects(login, uri.get_secret_value())

    def _check(self, login: Login, step: Step, uri: SecretStr) -> None:
        error = forbidden(uri, self._client.config, self._client.base_domain, login.secrets)
        if error is not None:
            raise login.failed(error, step)

    def _exchange_code(self, login: Login, code: SecretStr) -> AccessTokenResponse:
        config = self._client.config
        server = ServerClock()
        data = self._ask(
            login,
            routes.TOKEN,
            AccessTokenData,
            headers=routes.api_headers(),
            required=_FORM,
            body=_form(
                {
                    "code": code,
                    "client_id": config.client_id,
                    "client_secret": config.client_secret,
                    "redirect_uri": config.redirect_uri,
                    "grant_type": "authorization_code",
                }
            ),
            arrived=server.follow,
        )
        now = (server if server.known else self._client.one_time_passwords.server_clock).now()
        return AccessTokenResponse(
            success=True,
            data=data.obtained(
                datetime.fromtimestamp(now, UTC), timedelta(seconds=now - _clock.time())
            ),
        )

    def _post(
        self,
        login: Login,
        route: Route,
        model: type[ModelT],
        data: Mapping[str, object],
        *,
        query: Mapping[str, str] | None = None,
        profile: Mapping[str, str] | None = None,
        arrived: Callable[[Mapping[str, str]], None] | None = None,
    ) -> ModelT:
        """Ask the login service as its page does."""
        headers = routes.service_headers(
            self._client.base_domain, self._client.generate_request_id()
        )
        return self._ask(
            login,
            route,
            model,
            headers=headers,
            required={"Content-Type": "application/json", **(profile or {})},
            body=json_body(data),
            query=query,
            arrived=arrived,
        )


def _too_many_redirects(login: Login, url: str) -> requests.RequestException:
    return login.broken_off(requests.TooManyRedirects(), url.partition("://")[0])


def _plain(text: str) -> bool:
    # It goes back in a query or a header, and is no login's value if it holds anything unusual.
    return bool(text) and text.isascii() and text.isprintable()


def _no_such_route(error: UpstoxError) -> bool:
    # A known code of the login service is a verdict on what was sent, so the route exists.
    code = error.error_code
    verdict = isinstance(code, ErrorCode) and code.startswith(_SERVICE_CODES)
    return error.details.get("http_status") in routes.NO_SUCH_ROUTE and not verdict


def _base64(secret: SecretStr) -> SecretStr:
    return SecretStr(base64.b64encode(secret.get_secret_value().encode()).decode())


def _form(fields: dict[str, SecretStr | str]) -> HiddenBytes:
    return HiddenBytes(
        urlencode(
            {
                name: value.get_secret_value() if isinstance(value, SecretStr) else value
                for name, value in fields.items()
            }
        ).encode()
    )
