"""Where a redirect may lead, as plain functions: no address that is refused is called."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from upstox_totp._api.redirects import address_of, check_address, find_authorization_code
from upstox_totp._redact import MASK, Secrets
from upstox_totp.errors import APIError, ValidationError

APP = "https://app.example.com/callback"
DOMAIN = "https://{stage}.upstox.com"


def check(address: str) -> None:
    """Check an address, with a password that may be in it."""
    secrets = Secrets()
    secrets.add("a pass/word")
    check_address(SecretStr(address), APP, DOMAIN, secrets)


@pytest.mark.parametrize(
    "address",
    [
        "https://login.upstox.com/next?state=1",
        "https://api.upstox.com",
        "https://login.upstox.com:443/next",
        "https://api.upstox.com/?next=https://app.example.com/callback",
    ],
)
def test_an_address_of_upstox_may_be_called(address: str) -> None:
    """Whatever its path and query."""
    check(address)


@pytest.mark.parametrize(
    ("address", "host", "scheme"),
    [
        ("https://example.com/next", "example.com", "https"),
        ("https://login.upstox.com@example.com/x?y", "example.com", "https"),
        ("https://app.example.com/other", "app.example.com", "https"),
        ("https://example.com?login.upstox.com", "example.com", "https"),
        ("https://login.upstox.com.example.com/", "login.upstox.com.example.com", "https"),
        ("http://login.upstox.com/next", "login.upstox.com", "http"),
        ("averylongscheme://x/y", "x", "averylongs"),
        ("https:///next", "nowhere", "https"),
        ("https://[::1/next", "[::1", "https"),
        ("https://a%20pass%2Fword/next", MASK, "https"),
        ("https://login.upstox.com:444/next", "login.upstox.com:444", "https"),
        ("https://login.upstox.com:80/next", "login.upstox.com:80", "https"),
    ],
)
def test_an_address_off_upstox_is_not_called(address: str, host: str, scheme: str) -> None:
    """The host that was meant is named, not what stands before or behind it."""
    with pytest.raises(ValidationError) as caught:
        check(address)
    assert f"to {host!r} ({scheme!r}); it was not followed" in caught.value.message
    assert "captive portal" in caught.value.suggestions[0]


def test_a_port_is_the_default_or_the_base_domains_own() -> None:
    """Another program may listen at any other port of a host of Upstox."""
    own, app = "https://{stage}.upstox.com:8443", "https://app.example.com/callback"
    check_address(SecretStr("https://login.upstox.com:8443/next"), app, own, Secrets())
    check_address(SecretStr("https://login.upstox.com/next"), app, own, Secrets())
    with pytest.raises(ValidationError, match=r"login\.upstox\.com:444'"):
        check_address(SecretStr("https://login.upstox.com:444/next"), app, own, Secrets())


@pytest.mark.parametrize(
    "place", ["next/a%20pass%2Fword", "?x=a+pass%2fword", "next?x=a%2520pass/word"]
)
def test_an_address_with_a_credential_is_not_called(place: str) -> None:
    """It would be in every log on the way."""
    with pytest.raises(ValidationError, match="one of your credentials") as caught:
        check(f"https://login.upstox.com/{place}")
    assert "captive portal" in caught.value.suggestions[0]


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("error=denied", "denied.", "denied"),
        ("error=denied&error_description=By+the+user", "denied: By the user.", "denied"),
        ("error=one&error=two&error_description=x&error_description=y", "one: x.", "one"),
        ("error=a+pass%2Fword", f"{MASK}.", MASK),
    ],
)
def test_the_app_is_sent_a_refusal(query: str, message: str, code: str) -> None:
    """It is told by its words, and the app's address is not called."""
    with pytest.raises(APIError) as caught:
        check(f"{APP}?{query}")
    assert caught.value.message.endswith(f"authorization code: {message}")
    assert caught.value.error_code == code


@pytest.mark.parametrize(
    "address", [APP, f"{APP}?state=1", "https://APP.example.com:443/x/../callback#code=1"]
)
def test_the_app_is_sent_nothing(address: str) -> None:
    """However its address is spelled."""
    with pytest.raises(ValidationError, match="without an authorization code") as caught:
        check(address)
    assert caught.value.details["expected"] == "code in the query of data.redirectUri"
    assert "approve the app" in caught.value.suggestions[0]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"{APP}?code=one", "one"),
        (f"{APP}?code=one&code=two", "two"),
        (f"{APP}?code=", None),
        (f"{APP}#code=one", None),
        (APP, None),
        ("https://[::1?code=one", None),
        ("", None),
    ],
)
def test_the_code_in_an_address(address: str, code: str | None) -> None:
    """The last in its query; what is no address has none."""
    found = find_authorization_code(SecretStr(address))
    assert (None if found is None else found.get_secret_value()) == code


def test_an_address_that_nobody_here_can_call() -> None:
    """An app may have a scheme of its own, or none that can be read: its query does not count."""
    assert address_of("https://app.example.com?x") == address_of("https://app.example.com/")
    assert address_of("my-app://callback?code=1")[0] is None
    for text in ("https://[::1?code=1", "https://[::1#code=1", "https://[::1?x#y"):
        assert address_of(text) == (None, "https://[::1")
