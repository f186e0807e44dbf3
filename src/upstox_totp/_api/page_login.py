"""PageLogin: the six requests of Upstox's login page, as a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

import requests
from pydantic import SecretStr
from urllib3.util import parse_url

from upstox_totp._api import routes
from upstox_totp._api.accounts import (
    check_awake,
    check_pin_set,
    check_totp_set_up,
    choose_account,
    list_accounts,
)
from upstox_totp._api.attempt import encode_pin
from upstox_totp._api.base import json_body
from upstox_totp._api.exchange import exchange_code
from upstox_totp._api.redirects import check_address, find_authorization_code, no_code
from upstox_totp._api.way import Way
from upstox_totp._cache.attempt_log import Credential
from upstox_totp.errors import APIError, ErrorCode, UpstoxError, ValidationError
from upstox_totp.models import (
    OAuthAuthorizationResponse,
    OTPGenerationResponse,
    OTPValidationData,
    OTPValidationResponse,
    TwoFactorAuthenticationResponse,
    UserProfile,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upstox_totp._api.attempt import Attempt, LoginAttempt
    from upstox_totp._api.routes import Revision, Route
    from upstox_totp._http.answers import ModelT
    from upstox_totp.models import AccessTokenResponse

_SERVICE_CODES = "1017"


class _Dialog(NamedTuple):
    """What the dialog's last address told: the login page's own client, and whose app it is."""

    client_id: str
    redirect_uri: str
    user_id: str

    @property
    def query(self) -> dict[str, str]:
        return {"client_id": self.client_id, "redirect_uri": self.redirect_uri}


class _Session(NamedTuple):
    """A session that the one-time password opened: its revision, and the account it is for."""

    revision: Revision
    profile_id: int | None
    user_id: str

    def __repr__(self) -> str:
        return f"_Session({self.revision.name})"


class PageLogin(Way):
    """The six requests of Upstox's login page."""

    def _run(self, attempt: LoginAttempt) -> AccessTokenResponse:
        config = self._client.config
        config.demand("page")
        with attempt.step(Step.DIALOG):
            dialog = self._open_dialog(attempt)
        with attempt.step(Step.OTP_GENERATE):
            otp = self._request_otp(attempt, dialog)
        with attempt.step(Step.OTP_VERIFY):
            session = self._verify_code(attempt, dialog, otp)
        with attempt.step(Step.PIN):
            redirect_uri = self._enter_pin(attempt, dialog, session)
        with attempt.step(Step.AUTHORIZE):
            code = self._authorize(attempt, dialog, redirect_uri)
        return exchange_code(self, attempt, code)

    def _open_dialog(self, attempt: Attempt) -> _Dialog:
        config = self._client.config
        url = routes.DIALOG.url(self._client.base_domain)
        query = {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": config.redirect_uri,
        }
        last = self._follow(attempt, url, query)
        told = parse_qs(parse_url(last).query or "") if last != url else {}
        names = ("client_id", "redirect_uri", "user_id")
        missing = [name for name in names if not _plain(told.get(name, [""])[0])]
        if missing:
            raise _no_login_page(missing)
        dialog = _Dialog(*(told[name][0] for name in names))
        attempt.secrets.add_personal(dialog.user_id)
        return dialog

    def _follow(self, attempt: Attempt, url: str, query: dict[str, str]) -> str:
        headers = routes.page_headers()
        target = self._open(attempt, Step.DIALOG, url, query, headers=headers)
        followed = 0
        while target is not None:
            if followed == self._client.session.max_redirects:
                raise _too_many_redirects(attempt, url)
            self._check(attempt, target)
            followed += 1
            url = target.get_secret_value()
            target = self._open(attempt, Step.DIALOG, url, headers=headers, redirected=True)
        return url

    def _request_otp(self, attempt: LoginAttempt, dialog: _Dialog) -> SecretStr:
        with attempt.sending(Credential.OTP_REQUEST):
            answer = self._post(
                attempt,
                routes.OTP_GENERATE,
                OTPGenerationResponse,
                {
                    "mobileNumber": self._client.config.username,
                    "countryIsdCode": "+91",
                    "userId": dialog.user_id,
                },
            )
        token = SecretStr(answer.data.validateOTPToken)
        attempt.secrets.add(token)
        check_totp_set_up(answer.data)
        return token

    def _verify_code(
        self, attempt: LoginAttempt, dialog: _Dialog, otp_token: SecretStr
    ) -> _Session:
        # One odd answer is no reason to spend a code on its time.
        if self._client.server_clock.is_doubtful:
            self._ask_time(attempt)
        revisions = routes.REVISIONS[self._client.config.login_revision]
        # The pauses before the requests that carry the code come out of its life.
        code, period = self._client.one_time_passwords.claim(
            self._client.server_clock,
            attempt.ledger.next_time_step,
            within=len(revisions) * attempt.pause,
        )
        attempt.secrets.add(code)
        sent = {"otp": code, "validateOtpToken": otp_token}
        with attempt.sending(Credential.CODE, time_step=period):
            revision, answer = self._verify(attempt, revisions, sent)
        check_pin_set(answer.data)
        self._learn_names(attempt, answer.data)
        if not revision.names_profile:
            return _Session(revision, None, dialog.user_id)
        account = choose_account(answer.data, dialog.user_id)
        return _Session(revision, account.profileId, account.userId)

    def _verify(
        self, attempt: Attempt, revisions: Sequence[Revision], sent: Mapping[str, SecretStr]
    ) -> tuple[Revision, OTPValidationResponse]:
        *others, last = revisions
        for revision in others:
            try:
                return revision, self._post(attempt, revision.verify, OTPValidationResponse, sent)
            except APIError as error:
                if not _no_such_route(error):
                    raise
        return last, self._post(attempt, last.verify, OTPValidationResponse, sent)

    def _learn_names(self, attempt: Attempt, data: OTPValidationData) -> None:
        profile = data.userProfile
        if isinstance(profile, UserProfile):
            attempt.secrets.add_personal(profile.userId, profile.firstName, profile.lastName)
        attempt.secrets.add_personal(*(account.userId for account in list_accounts(data)))

    def _enter_pin(
        self, attempt: LoginAttempt, dialog: _Dialog, session: _Session
    ) -> SecretStr | None:
        data: dict[str, object] = {
            "twoFAMethod": "SECRET_PIN",
            "inputText": encode_pin(self._client.config.pin_code),
        }
        profile: dict[str, str] = {}
        if session.profile_id is not None:
            data["profileId"] = session.profile_id
            profile = {"X-Profile-Id": str(session.profile_id), "X-User-Id": session.user_id}
        with attempt.sending(Credential.PIN):
            answer = self._post(
                attempt,
                session.revision.two_factor,
                TwoFactorAuthenticationResponse,
                data,
                query=dialog.query,
                profile=profile,
            ).data
        check_awake(answer)
        uri = answer.redirectUri
        return SecretStr(uri) if isinstance(uri, str) else None

    def _authorize(
        self, attempt: Attempt, dialog: _Dialog, redirect_uri: SecretStr | None
    ) -> SecretStr:
        code = None if redirect_uri is None else find_authorization_code(redirect_uri)
        if code is None:
            answer = self._post(
                attempt,
                routes.AUTHORIZE,
                OAuthAuthorizationResponse,
                {"userOAuthApproval": True},
                query=dialog.query
                | {"requestId": self._client.generate_request_id(), "response_type": "code"},
            )
            code = self._find_code(attempt, SecretStr(answer.data.redirectUri))
        attempt.secrets.add(code)
        return code

    def _find_code(self, attempt: Attempt, uri: SecretStr) -> SecretStr:
        """Follow the redirects of a URI until one carries the code."""
        for _ in range(self._client.session.max_redirects):
            code = find_authorization_code(uri)
            if code is not None:
                return code
            self._check(attempt, uri)
            target = self._open(
                attempt,
                Step.AUTHORIZE,
                uri.get_secret_value(),
                headers=routes.page_headers(),
                redirected=True,
            )
            if target is None:
                raise no_code()
            uri = target
        raise _too_many_redirects(attempt, uri.get_secret_value())

    def _check(self, attempt: Attempt, uri: SecretStr) -> None:
        check_address(
            uri, self._client.config.redirect_uri, self._client.base_domain, attempt.secrets
        )

    def _post(
        self,
        attempt: Attempt,
        route: Route,
        model: type[ModelT],
        data: Mapping[str, object],
        *,
        query: Mapping[str, str] | None = None,
        profile: Mapping[str, str] | None = None,
    ) -> ModelT:
        """Ask the login service as its page does."""
        headers = routes.service_headers(
            self._client.base_domain, self._client.generate_request_id()
        )
        return self._ask(
            attempt,
            route,
            model,
            headers=headers,
            required={"Content-Type": "application/json", **(profile or {})},
            body=json_body({"data": data}),
            query=query,
        )


def _too_many_redirects(attempt: Attempt, url: str) -> requests.RequestException:
    return attempt.broken_off(requests.TooManyRedirects(), url.partition("://")[0])


def _no_login_page(missing: list[str]) -> ValidationError:
    return ValidationError(
        "The login dialog did not lead to the login page: expected "
        f"{', '.join(missing)} in the address that it redirects to.",
        details={"expected": missing, "route": str(routes.DIALOG)},
        suggestions=[
            (
                "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI); if a "
                "browser shows the login page for them, report error.transcript."
            )
        ],
    )


def _plain(text: str) -> bool:
    # It goes back in a query or a header, and is no login's value if it holds anything unusual.
    return bool(text) and text.isascii() and text.isprintable()


def _no_such_route(error: UpstoxError) -> bool:
    # A known code of the login service is a verdict on what was sent, so the route exists.
    code = error.error_code
    verdict = isinstance(code, ErrorCode) and code.startswith(_SERVICE_CODES)
    return error.details.get("http_status") in routes.NO_SUCH_ROUTE and not verdict
