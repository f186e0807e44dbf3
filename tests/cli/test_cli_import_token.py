"""``upstox_cli import-token``: a token made by hand is served like any other."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from support.cli_runs import run
from upstox_totp import TokenCache, UpstoxTOTP
from upstox_totp.cli.main import cli
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from click.testing import Result

pytestmark = pytest.mark.usefixtures("cache_dir")


def bring(text: str) -> Result:
    """Give a text to the command on standard input."""
    result = CliRunner().invoke(cli, ["import-token"], input=text)
    if len(text) > 20:
        assert text.strip() not in result.output
    return result


def made_by_hand(sandbox: Sandbox) -> str:
    """Return a token that the sandbox knows, and that no login brought."""
    return sandbox._state.issue()  # noqa: SLF001 - Generate on the page


def claiming(token: str, **claims: object) -> str:
    """Return a token that claims something else of itself."""
    head, payload, signature = token.split(".")
    own = json.loads(base64.urlsafe_b64decode(payload + "=="))
    text = base64.urlsafe_b64encode(json.dumps(own | claims).encode()).decode().rstrip("=")
    return f"{head}.{text}.{signature}"


@pytest.mark.parametrize("static_address", [False, True])
def test_it_is_served_like_any_other(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, *, static_address: bool
) -> None:
    """At the registered address and off it, without a login; the owner is told."""
    account.static_address = static_address
    # As by a machine that has the app's key alone.
    for name in ("PASSWORD", "PIN_CODE", "TOTP_SECRET", "CLIENT_SECRET", "USERNAME"):
        monkeypatch.delenv(f"UPSTOX_{name}")
    token = made_by_hand(account)
    result = bring(f"{token}\r\n")
    assert result.exit_code == 0, result.output
    assert "4CB7QX" in result.stdout
    assert "03:30 IST" in result.stdout
    assert run("token", "--format", "raw").stdout == f"{token}\n"
    assert account.logins == 0


@pytest.mark.parametrize("static_address", [False, True])
def test_an_ended_token_is_not_taken(account: Sandbox, *, static_address: bool) -> None:
    """Upstox is asked first, wherever the program runs."""
    account.static_address = static_address
    token = made_by_hand(account)
    account.revoke(token)
    result = bring(token)
    assert result.exit_code == 3
    assert "does not accept this token" in result.stderr
    assert run("status").exit_code == 10


def test_anothers_token_is_not_taken(account: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one of another user id, nor one whose words contradict Upstox's."""
    monkeypatch.setenv("UPSTOX_USER_ID", "AB1234")
    for static_address in (False, True):
        account.static_address = static_address
        result = bring(made_by_hand(account))
        assert result.exit_code == 3
        assert "4CB7QX" in result.stderr
    monkeypatch.delenv("UPSTOX_USER_ID")
    account.static_address = False
    account.misbehave("profile", Fault.json({"status": "success", "data": {"user_id": "ZZ9999"}}))
    assert "names another user" in bring(made_by_hand(account)).stderr
    assert run("status").exit_code == 10


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "This is no access token"),
        ("483920", "This is no access token"),
        ("eyJ0 eyJ1.eyJ2.eyJ3 and more", "This is no access token"),
        ("https://127.0.0.1/callback?code=Zk3f9x", "This is no access token"),
    ],
)
def test_what_is_no_token(account: Sandbox, text: str, complaint: str) -> None:
    """The message says what one looks like and where it is made; nothing is sent."""
    result = bring(text)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "account.upstox.com/developer/apps" in result.stderr
    assert account.requests == []


def test_a_token_for_a_year_is_not_the_days(account: Sandbox) -> None:
    """An extended one says so, an analytics token by its life; nothing is sent."""
    token = made_by_hand(account)
    for claims in ({"isExtended": True}, {"exp": 2_000_000_000}):
        result = bring(claiming(token, **claims))
        assert result.exit_code == 2
        assert "cannot place orders" in result.stderr
    assert account.requests == []


def test_from_code(account: Sandbox) -> None:
    """As the command does it."""
    token = made_by_hand(account)
    with UpstoxTOTP() as client:
        response = TokenCache().import_token(client, token)
        assert response.data.access_token == token
        assert response.data.user_name == "Asha Rao"
        assert TokenCache().get_access_token(client).data.access_token == token
