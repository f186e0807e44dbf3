"""PageLogin: the six requests of Upstox's login page, as a recipe."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs

import pydantic
import requests
from pydantic import SecretStr
from urllib3.util import parse_url

from upstox_totp import models
from upstox_totp._api import routes
from upstox_totp._api.base import encode_pin
from upstox_totp._api.login_method import LoginMethod
from upstox_totp._api.redirects import check_address, find_authorization_code, no_code
from upstox_totp._cache.records import Credential
from upstox_totp._redact import HiddenDict
from upstox_totp.errors import (
    APIError,
    AuthenticationError,
    ErrorCode,
    UpstoxError,
    ValidationError,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from upstox_totp._api.base import Context
    from upstox_totp._api.login_method import LoginContext
    from upstox_totp._api.routes import Revision, Route
    from upstox_totp._http.answers import ModelT
    from upstox_totp.models import AccessTokenResponse

_SERVICE_CODES = "1017"
_ASLEEP: Final = frozenset({"DORMANT", "INACTIVE"})


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
        first = self._open(context, Step.DIALOG, url, query)
        *_, last = [SecretStr(""), *self._follow(context, Step.DIALOG, first)]
        told = parse_qs(parse_url(last.get_secret_value()).query or "")
        names = ("client_id", "redirect_uri", "user_id")
        missing = [name for name in names if not _is_plain(told.get(name, [""])[0])]
        if missing:
            raise ValidationError(
                "The login dialog did not lead to the login page: expected "
                f"{', '.join(missing)} in the address that it redirects to.",
                details={"expected": missing, "route": str(routes.DIALOG)},
                suggestions=[
                    "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI).",
                    "If a browser shows the login page for them, report error.transcript.",
                ],
            )
        dialog = _Dialog(*(told[name][0] for name in names))
        context.secrets.add_personal(dialog.user_id)
        return dialog

    def _follow(
        self, context: Context, step: Step, target: SecretStr | None
    ) -> Iterator[SecretStr]:
        """Yield where a redirect leads, then call that if it may be called, and so on."""
        for _ in range(self._session.max_redirects):
            if target is None:
                return
            yield target
            check_address(
                target, self._client.config.redirect_uri, self._client.base_domain, context.secrets
            )
            target = self._open(context, step, target.get_secret_value(), redirected=True)
        if target is not None:
            raise context.broken_off(requests.TooManyRedirects(), target.get_secret_value())

    def _request_otp(self, context: LoginContext, dialog: _Dialog) -> SecretStr:
        with context.attempt_log.sending(Credential.OTP_REQUEST):
            data = self._post(
                context,
                routes.OTP_GENERATE,
                models.OTPGenerationResponse,
                {
                    "mobileNumber": self._client.config.username,
                    "countryIsdCode": "+91",
                    "userId": dialog.user_id,
                },
            ).data
        token = SecretStr(data.validateOTPToken)
        context.secrets.add(token)
        if data.isTotpEnabled is False:
            raise _incomplete(
                "TOTP is not set up for this account; no one-time password was sent.",
                "Set up TOTP in your Upstox account, and put its secret into totp_secret "
                "(UPSTOX_TOTP_SECRET).",
                "totp_secret",
            )
        return token

    def _verify_code(
        self, context: LoginContext, dialog: _Dialog, otp_token: SecretStr
    ) -> _Session:
        revisions = routes.REVISIONS[self._client.config.login_revision]
        code, time_step = self._claim_code(context, pauses=len(revisions))
        sent = {"otp": code, "validateOtpToken": otp_token}
        with context.attempt_log.sending(Credential.CODE, time_step=time_step):
            revision, data = self._verify(context, revisions, sent)
        if data.isSecretPinSet is False:
            raise _incomplete(
                "No PIN has been set for this account.",
                "Set a PIN on the Upstox login page, and put it into pin_code (UPSTOX_PIN_CODE).",
                "pin_code",
            )
        accounts, profile = _list_accounts(data), data.userProfile
        context.secrets.add_personal(*(account.userId for account in accounts))
        if isinstance(profile, models.UserProfile):
            context.secrets.add_personal(profile.userId, profile.firstName, profile.lastName)
        if not revision.names_profile:
            return _Session(revision, None, dialog.user_id)
        account = _choose_account(accounts, dialog.user_id)
        return _Session(revision, account.profileId, account.userId)

    def _verify(
        self, context: Context, revisions: Sequence[Revision], sent: Mapping[str, SecretStr]
    ) -> tuple[Revision, models.OTPValidationData]:
        *others, last = revisions
        for revision in others:
            try:
                answer = self._post(context, revision.verify, models.OTPValidationResponse, sent)
            except APIError as error:
                if not _no_such_route(error):
                    raise
            else:
                return revision, answer.data
        return last, self._post(context, last.verify, models.OTPValidationResponse, sent).data

    def _enter_pin(
        self, context: LoginContext, dialog: _Dialog, session: _Session
    ) -> SecretStr | None:
        sent: dict[str, object] = {
            "twoFAMethod": "SECRET_PIN",
            "inputText": encode_pin(self._client.config.pin_code),
        }
        profile = HiddenDict()
        if session.profile_id is not None:
            sent["profileId"] = session.profile_id
            profile |= routes.profile_headers(session.profile_id, session.user_id)
        with context.attempt_log.sending(Credential.PIN):
            data = self._post(
                context,
                session.revision.two_factor,
                models.TwoFactorAuthenticationResponse,
                sent,
                query=dialog.query,
                required=profile,
            ).data
        status = data.customerStatus
        if isinstance(status, str) and status.upper() in _ASLEEP:
            raise APIError(
                f"The account is {status.lower()}.",
                suggestions=["Reactivate it: log in once on the Upstox login page."],
            )
        return SecretStr(data.redirectUri) if isinstance(data.redirectUri, str) else None

    def _authorize(
        self, context: Context, dialog: _Dialog, redirect_uri: SecretStr | None
    ) -> SecretStr:
        code = None if redirect_uri is None else find_authorization_code(redirect_uri)
        if code is None:
            answer = self._post(
                context,
                routes.AUTHORIZE,
                models.OAuthAuthorizationResponse,
                {"userOAuthApproval": True},
                query=dialog.query
                | {"requestId": self._client.generate_request_id(), "response_type": "code"},
            )
            code = self._find_code(context, SecretStr(answer.data.redirectUri))
        context.secrets.add(code)
        return code

    def _find_code(self, context: Context, uri: SecretStr) -> SecretStr:
        for target in self._follow(context, Step.AUTHORIZE, uri):
            code = find_authorization_code(target)
            if code is not None:
                return code
        raise no_code()

    def _post(
        self,
        context: Context,
        route: Route,
        model: type[ModelT],
        data: Mapping[str, object],
        **more: Any,
    ) -> ModelT:
        """Ask the login service as its page does; `more` is what `_ask` takes."""
        user_agent = self._own_headers().get("user-agent")
        headers = routes.service_headers(
            self._client.base_domain,
            self._client.generate_request_id(),
            user_agent.decode("latin-1") if isinstance(user_agent, bytes) else user_agent,
        )
        return self._ask(context, route, model, headers=headers, document={"data": data}, **more)


def _choose_account(accounts: list[models.Account], user_id: str) -> models.Account:
    """Return the account that the app belongs to, else the default, else the only one."""
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


def _list_accounts(data: models.OTPValidationData) -> list[models.Account]:
    """Return the accounts that were told well, else the one that the profile is of."""
    told = data.accounts if isinstance(data.accounts, list) else []
    accounts = [account for account in told if isinstance(account, models.Account)]
    profile = data.userProfile
    if not accounts and isinstance(profile, models.UserProfile):
        with suppress(pydantic.ValidationError):
            only = {"profileId": profile.profileId, "userId": profile.userId}
            accounts = [models.Account.model_validate(only)]
    return accounts


def _incomplete(message: str, suggestion: str, setting: str) -> AuthenticationError:
    error = AuthenticationError(message, suggestions=[suggestion])
    error.settings = (setting,)
    return error


def _is_plain(text: str) -> bool:
    # It goes back in a query or a header, and is no login's value if it holds anything unusual.
    return bool(text) and text.isascii() and text.isprintable()


def _no_such_route(error: UpstoxError) -> bool:
    # A known code of the login service is a verdict on what was sent, so the route exists.
    code = error.error_code
    verdict = isinstance(code, ErrorCode) and code.startswith(_SERVICE_CODES)
    return error.details.get("http_status") in routes.NO_SUCH_ROUTE and not verdict
