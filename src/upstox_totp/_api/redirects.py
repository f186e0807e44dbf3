"""Where a redirect leads: what its address tells, and whether it may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from pydantic import SecretStr
from requests.utils import requote_uri
from urllib3.util import parse_url

from upstox_totp._api.responses import plain_words
from upstox_totp._http.addresses import is_upstox, origin
from upstox_totp.errors import APIError, UpstoxError, ValidationError

if TYPE_CHECKING:
    from upstox_totp._redact import Secrets

_APPROVE: Final = (
    "Log in once on the Upstox login page and approve the app; if that works and this does not, "
    "report error.transcript."
)
_ELSEWHERE: Final = (
    "Something between here and Upstox may have answered, a captive portal for example: try "
    "another network, and report error.transcript."
)


def find_authorization_code(uri: SecretStr) -> SecretStr | None:
    """Return the authorization code in the query of a URI, None if there is none."""
    # The last one: the redirect URI may have brought one of its own.
    codes = _query(uri.get_secret_value()).get("code")
    return SecretStr(codes[-1]) if codes else None


def check_address(uri: SecretStr, app_uri: str, base_domain: str, secrets: Secrets) -> None:
    """Raise for an address that must not be called.

    It is the app's own, leads off the hosts of Upstox, or holds a secret, which would be in every
    log on the way.
    """
    # The address may hold a code: the frames that raise must not have it as text.
    if address_of(uri.get_secret_value()) == address_of(app_uri):
        raise _ended_at_app(uri, secrets)
    if not is_upstox(uri.get_secret_value(), base_domain):
        raise _leads_away(uri, secrets)
    if secrets.holds(uri.get_secret_value().partition("://")[2].partition("/")[2]):
        raise ValidationError(
            "A redirect has one of your credentials in its address; it was not followed.",
            suggestions=[_ELSEWHERE],
        )


def _leads_away(uri: SecretStr, secrets: Secrets) -> UpstoxError:
    scheme, _, rest = uri.get_secret_value().partition("://")
    host = plain_words(rest.partition("/")[0].rpartition("@")[2].partition("?")[0], secrets)
    return ValidationError(
        f"A redirect leads off the hosts of Upstox, to {host or 'nowhere'!r} "
        f"({scheme[:10]!r}); it was not followed.",
        suggestions=[_ELSEWHERE],
    )


def no_code() -> UpstoxError:
    """Return the error for redirects that ended without an authorization code."""
    return ValidationError(
        "The authorization ended without an authorization code.",
        details={"expected": "code in the query of data.redirectUri"},
        suggestions=[_APPROVE],
    )


def _ended_at_app(uri: SecretStr, secrets: Secrets) -> UpstoxError:
    query = _query(uri.get_secret_value())
    if "error" not in query:
        return no_code()
    return refused(query["error"][:1] + query.get("error_description", [])[:1], secrets)


def refused(told: list[str], secrets: Secrets) -> UpstoxError:
    """Return the error for what an app is sent in place of a code (RFC 6749, 4.1.2.1)."""
    words = [plain_words(one, secrets) for one in told]
    return APIError(
        "Upstox sent the app an error instead of an authorization code: "
        f"{': '.join(filter(None, words))}.",
        error_code=words[0],
        suggestions=[
            "Check client_id (UPSTOX_CLIENT_ID) and redirect_uri (UPSTOX_REDIRECT_URI).",
            "Check that the app is active.",
        ],
    )


def _query(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(parse_url(url).query or "")
    except ValueError:
        return {}


def address_of(url: str) -> tuple[tuple[str, str, int] | None, str]:
    """Return origin and path of a URL: equal for all spellings of one address."""
    try:
        path = parse_url(requote_uri(url).partition("?")[0]).path
        return origin(url), path or "/"
    except ValueError:
        # An app may have a scheme of its own, which nobody here can call.
        return None, url.partition("?")[0].partition("#")[0]
