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
from upstox_totp._api.base import json_body
from upstox_totp._api.context import encode_pin
from upstox_totp._api.login_method import LoginMethod
from upstox_totp._api.redirects import check_address, find_authorization_code, no_code
from upstox_totp._cache.records import Credential
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

    from upstox_totp._api.context import Context, LoginContext
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


class PageLogin(LoginMethod):
    """The six requests of Upstox's login page."""

    def _run(self, context: LoginContext) -> AccessTokenResponse:
        config = self._client.config
        config.demand("page")
        with context.step(Step.DIALOG):
            dialog = self._open_dialog(context)
        with context.step(Step.OTP_GENERATE):
            otp = self._request_otp(context, dialog)
        with context.step(Step.OTP_VERIFY):
            session = self._verify_code(context, dialog, otp)
        with context.step(Step.PIN):
            redirect_uri = self._enter_pin(context, dialog, session)
        with context.step(Step.AUTHORIZE):
            code = self._authorize(context, dialog, redirect_uri)
        return self._exchange_code(context, code)

    def _open_dialog(self, context: Context) -> _Dialog:
        config = self._client.config
        url = routes.DIALOG.url(self._client.base_domain)
        query = {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": config.redirect_uri,
        }
        last = self._follow(context, url, query)
        told = parse_qs(parse_url(last).query or "") if last != url else {}
        names = ("client_id", "redirect_uri", "user_id")
        missing = [name for name in names if not _plain(told.get(name, [""])[0])]
        if missing:
            raise _no_login_page(missing)
        dialog = _Dialog(*(told[name][0] for name in names))
        context.secrets.add_personal(dialog.user_id)
        return dialog

    def _follow(self, context: Context, url: str, query: dict[str, str]) -> str:
        headers = routes.page_headers()
        target = self._open(context, Step.DIALOG, url, query, headers=headers)
        followed = 0
        while target is not None:
            if followed == self._client.session.max_redirects:
                raise _too_many_redirects(context, url)
            self._check(context, target)
            followed += 1
            url = target.get_secret_value()
            target = self._open(context, Step.DIALOG, url, headers=headers, redirected=True)
        return url

    def _request_otp(self, context: LoginContext, dialog: _Dialog) -> SecretStr:
        with context.sending(Credential.OTP_REQUEST):
            answer = self._post(
                context,
                routes.OTP_GENERATE,
                OTPGenerationResponse,
                {
                    "mobileNumber": self._client.config.username,
                    "countryIsdCode": "+91",
                    "userId": dialog.user_id,
                },
            )
        token = SecretStr(answer.data.validateOTPToken)
        context.secrets.add(token)
        check_totp_set_up(answer.data)
        return token

    def _verify_code(
        self, context: LoginContext, dialog: _Dialog, otp_token: SecretStr
    ) -> _Session:
        # One odd answer is no reason to spend a code on its time.
        if self._client.server_clock.is_doubtful:
            self._ask_time(context)
        revisions = routes.REVISIONS[self._client.config.login_revision]
        # The pauses before the requests that carry the code come out of its life.
        code, time_step = self._client.one_time_passwords.claim(
            self._client.server_clock,
            context.attempt_log.next_time_step,
            within=len(revisions) * context.pause,
        )
        context.secrets.add(code)
        sent = {"otp": code, "validateOtpToken": otp_token}
        with context.sending(Credential.CODE, time_step=time_step):
            revision, answer = self._verify(context, revisions, sent)
        check_pin_set(answer.data)
        self._learn_names(context, answer.data)
        if not revision.names_profile:
            return _Session(revision, None, dialog.user_id)
        account = choose_account(answer.data, dialog.user_id)
        return _Session(revision, account.profileId, account.userId)

    def _verify(
        self, context: Context, revisions: Sequence[Revision], sent: Mapping[str, SecretStr]
    ) -> tuple[Revision, OTPValidationResponse]:
        *others, last = revisions
        for revision in others:
            try:
                return revision, self._post(context, revision.verify, OTPValidationResponse, sent)
            except APIError as error:
                if not _no_such_route(error):
                    raise
        return last, self._post(context, last.verify, OTPValidationResponse, sent)

    def _learn_names(self, context: Context, data: OTPValidationData) -> None:
        profile = data.userProfile
        if isinstance(profile, UserProfile):
            context.secrets.add_personal(profile.userId, profile.firstName, profile.lastName)
        context.secrets.add_personal(*(account.userId for account in list_accounts(data)))

    def _enter_pin(
        self, context: LoginContext, dialog: _Dialog, session: _Session
    ) -> SecretStr | None:
        data: dict[str, object] = {
            "twoFAMethod": "SECRET_PIN",
            "inputText": encode_pin(self._client.config.pin_code),
        }
        profile: dict[str, str] = {}
        if session.profile_id is not None:
            data["profileId"] = session.profile_id
            profile = routes.profile_headers(session.profile_id, session.user_id)
        with context.sending(Credential.PIN):
            answer = self._post(
                context,
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
        self, context: Context, dialog: _Dialog, redirect_uri: SecretStr | None
    ) -> SecretStr:
        code = None if redirect_uri is None else find_authorization_code(redirect_uri)
        if code is None:
            answer = self._post(
                context,
                routes.AUTHORIZE,
                OAuthAuthorizationResponse,
                {"userOAuthApproval": True},
                query=dialog.query
                | {"requestId": self._client.generate_request_id(), "response_type": "code"},
            )
            code = self._find_code(context, SecretStr(answer.data.redirectUri))
        context.secrets.add(code)
        return code

    def _find_code(self, context: Context, uri: SecretStr) -> SecretStr:
        """Follow the redirects of a URI until one carries the code."""
        for _ in range(self._client.session.max_redirects):
            code = find_authorization_code(uri)
            if code is not None:
                return code
            self._check(context, uri)
            target = self._open(
                context,
                Step.AUTHORIZE,
                uri.get_secret_value(),
                headers=routes.page_headers(),
                redirected=True,
            )
            if target is None:
                raise no_code()
            uri = target
        raise _too_many_redirects(context, uri.get_secret_value())

    def _check(self, context: Context, uri: SecretStr) -> None:
        check_address(
            uri, self._client.config.redirect_uri, self._client.base_domain, context.secrets
        )

    def _post(
        self,
        context: Context,
        route: Route,
        model: type[ModelT],
        data: Mapping[str, object],
        *,
        query: Mapping[str, str] | None = None,
        profile: Mapping[str, str] | None = None,
    ) -> ModelT:
        """Ask the login service as its page does."""
        own = self._own_headers
        user_agent = own.get("user-agent")
        headers = routes.service_headers(
            self._client.base_domain,
            self._client.generate_request_id(),
            user_agent.decode("latin-1") if isinstance(user_agent, bytes) else user_agent,
        )
        return self._ask(
            context,
            route,
            model,
            headers=headers,
            required={"Content-Type": "application/json", **(profile or {})},
            body=json_body({"data": data}),
            query=query,
        )


def _too_many_redirects(context: Context, url: str) -> requests.RequestException:
    return context.broken_off(requests.TooManyRedirects(), url.partition("://")[0])


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
