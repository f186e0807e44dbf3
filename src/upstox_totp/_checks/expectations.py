"""What this package sends for each request of a login, and understands of the answers, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args, get_origin

from pydantic import BaseModel

from upstox_totp._api import routes
from upstox_totp.models import (
    AccessTokenData,
    OAuthAuthorizationResponse,
    OTPGenerationResponse,
    OTPValidationResponse,
    TwoFactorAuthenticationResponse,
    UserProfile,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upstox_totp._api.routes import Revision, Route

COMMON_HEADERS: Final = re.compile(
    r"accept(-.+)?|user-agent|origin|referer|connection|content-(length|type)|cookie|host|pragma"
    r"|cache-control|dnt|priority|te|upgrade-insecure-requests|if-.+|sec-.+|keep-alive"
)
"""Headers that any browser or program sends; they are no sign of a change at Upstox."""

VERSION: Final = re.compile(r"v\d{1,3}")
"""A segment of a path that is a version."""

_STARTS: Final = frozenset({"client_id", "redirect_uri"})


@dataclass(frozen=True)
class Expected:
    """What this package sends for one request of a login, and understands of the answer.

    Attributes:
        name: Which request it is, as messages name it.
        method: The HTTP method.
        stage: The host.
        path: The path on that host; ``{client_id}`` stands for any segment.
        body: The names of the fields in the body, dotted.
        query: The names in the query.
        headers: The names of the headers that not every request has, in lower case.
        known: Names of headers or in the query that may come and mean no change.
        leads_to: The names in the query of the address that the answer leads to.
        understood: The names of the fields in the answer that have a meaning, dotted.
        demanded: Those without which a login does not go on.
    """

    name: str
    method: str
    stage: str
    path: str
    body: tuple[str, ...] = ()
    query: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    leads_to: frozenset[str] = frozenset()
    understood: frozenset[str] = frozenset()
    demanded: frozenset[str] = frozenset()

    def is_path(self, path: str) -> bool:
        """Tell whether a path is this request's, whatever version is in it.

        Args:
            path: The path on a host.
        """
        parts, own = path.rstrip("/").split("/"), self.path.split("/")
        return len(parts) == len(own) and all(
            mine in {one, "{client_id}"} or bool(VERSION.fullmatch(mine) and VERSION.fullmatch(one))
            for mine, one in zip(own, parts, strict=True)
        )


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Return the dotted names of a model's fields, and whether each is demanded."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", field.is_required()
        for inner, listed in _models_in(field.annotation):
            yield from _fields(inner, f"{prefix}{name}{'[]' if listed else ''}.")


def _models_in(annotation: object) -> Iterator[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            yield annotation, False
        return
    for argument in get_args(annotation):
        for inner, listed in _models_in(argument):
            yield inner, listed or get_origin(annotation) is list


def _expect(
    route: Route,
    body: tuple[str, ...],
    answer: type[BaseModel],
    *,
    query: Iterable[str] = (),
    headers: Iterable[str] = (),
    known: Iterable[str] = (),
    leads_to: Iterable[str] = (),
    understood: Iterable[str] = (),
) -> Expected:
    fields = dict(_fields(answer))
    return Expected(
        str(route.step),
        route.method,
        route.stage,
        route.path,
        body,
        frozenset(query),
        frozenset(headers),
        frozenset(known),
        frozenset(leads_to),
        frozenset(fields) | frozenset(understood),
        frozenset(name for name, demanded in fields.items() if demanded),
    )


def page_login(revision: Revision) -> list[Expected]:
    """Return the six requests of the login page, in one of its revisions."""
    own = (name.lower() for name in routes.service_headers("https://{stage}", ""))
    service = frozenset(name for name in own if not COMMON_HEADERS.fullmatch(name))
    profile = frozenset({"x-profile-id", "x-user-id"})
    named = revision.names_profile
    return [
        Expected(
            str(Step.DIALOG),
            routes.DIALOG.method,
            routes.DIALOG.stage,
            routes.DIALOG.path,
            query=_STARTS | {"response_type"},
            known=frozenset({"state"}),
            leads_to=_STARTS | {"user_id"},
        ),
        _expect(
            routes.OTP_GENERATE,
            ("data", "data.mobileNumber", "data.countryIsdCode", "data.userId"),
            OTPGenerationResponse,
            headers=service,
        ),
        _expect(
            revision.verify,
            ("data", "data.otp", "data.validateOtpToken"),
            OTPValidationResponse,
            headers=service,
            # An account tells of itself what the older revision's profile did.
            understood=(f"data.accounts[].{name}" for name in UserProfile.model_fields),
        ),
        _expect(
            revision.two_factor,
            ("data", "data.twoFAMethod", "data.inputText", *(("data.profileId",) if named else ())),
            TwoFactorAuthenticationResponse,
            query=_STARTS,
            headers=service | (profile if named else frozenset()),
            known=profile,
        ),
        _expect(
            routes.AUTHORIZE,
            ("data", "data.userOAuthApproval"),
            OAuthAuthorizationResponse,
            query=_STARTS | {"requestId", "response_type"},
            headers=service,
            leads_to=("code",),
        ),
        _expect(
            routes.TOKEN,
            ("client_id", "client_secret", "code", "grant_type", "redirect_uri"),
            AccessTokenData,
        ),
    ]


_TOKEN_FIELDS: Final = dict(_fields(AccessTokenData))
ONE_REQUEST: Final = (
    Expected(
        "TOTP login",
        "POST",
        "api",
        "/v2/totp-login/authorization/token",
        ("pin", "totp"),
        headers=frozenset({"x-api-key"}),
        understood=frozenset(_TOKEN_FIELDS),
        demanded=frozenset(name for name, demanded in _TOKEN_FIELDS.items() if demanded),
    ),
    Expected(
        "access token request",
        "POST",
        "api",
        "/v3/login/auth/token/request/{client_id}",
        ("client_secret",),
        understood=frozenset({"status", "data", "data.authorization_expiry", "data.notifier_url"}),
        demanded=frozenset({"data", "data.authorization_expiry", "data.notifier_url"}),
    ),
)
"""The ways to a token that are one request."""
