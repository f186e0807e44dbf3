"""The official SDK takes the token that a login returns, and says 401 when it has died.

The SDK lives in an environment of its own, .venvs/sdk, which `make sdk` makes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.documentation import ROOT, SDK, blocks, run_process
from support.real_parts import need
from upstox_totp.sandbox import Account, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

TRADER = Account(user_id="7TQ4ZK", first_name="Meera", last_name="Nair")

LOGIN = "from upstox_totp import UpstoxTOTP; UpstoxTOTP().app_token.get_access_token()"

PROGRAM = """
import json
import sys
from importlib.metadata import version

import upstox_client
from upstox_client.rest import ApiException

from upstox_totp import UpstoxTOTP

with UpstoxTOTP() as upx:
    token = upx.app_token.get_access_token().data.access_token
    api = upx.base_domain.replace("{stage}", "api")

configuration = upstox_client.Configuration()
configuration.host = api
configuration.access_token = token
client = upstox_client.ApiClient(configuration)
profile = upstox_client.UserApi(client).get_profile("2.0")
ended = upstox_client.LoginApi(client).logout("2.0")
try:
    upstox_client.UserApi(client).get_profile("2.0")
except ApiException as error:
    dead = {"status": error.status, "body": json.loads(error.body)}
# The SDK joins its threads when a client is dropped, and may wait for ever at exit.
del client
json.dump(
    {
        "version": version("upstox-python-sdk"),
        "token": token,
        "profile": profile.data.to_dict(),
        "status": profile.status,
        "ended": ended.status,
        "dead": dead,
    },
    sys.stdout,
)
"""


@pytest.fixture(autouse=True)
def sdk() -> None:
    """The SDK is installed."""
    need(SDK.exists(), "The SDK", "make sdk")


def test_the_sdk_reads_the_profile_until_the_token_dies(tmp_path: Path) -> None:
    """Log in, read the profile, log out with the SDK, and see its 401."""
    with Sandbox(account=TRADER) as sandbox:
        settings = sandbox.environment | {"UPSTOX_SLEEP_TIME": "100"}
        told = json.loads(run_process([str(SDK), "-c", PROGRAM], settings, tmp_path))
        assert sandbox.access_tokens == [told["token"]]
        steps = [record.step for record in sandbox.requests][-3:]
        senders = {record.headers["User-Agent"] for record in sandbox.requests[-3:]}
    assert told["version"]
    assert told["status"] == "success"
    assert told["profile"]["user_id"] == TRADER.user_id
    assert told["profile"]["user_name"] == "Meera Nair"
    assert told["ended"] == "success"
    assert told["dead"]["status"] == 401
    assert told["dead"]["body"]["errors"][0]["errorCode"] == "UDAPI100050"
    assert steps == ["profile", "logout", "profile"]
    assert not any("Mozilla" in sender for sender in senders)


def test_the_sdk_refuses_a_revoked_token(tmp_path: Path) -> None:
    """A token that Upstox itself ended is a 401 in the SDK too."""
    use = PROGRAM.partition("with UpstoxTOTP")[0] + (
        "configuration = upstox_client.Configuration()\n"
        "configuration.host, configuration.access_token = sys.argv[1:]\n"
        "try:\n"
        "    api = upstox_client.UserApi(upstox_client.ApiClient(configuration))\n"
        '    print(api.get_profile("2.0").data.user_id)\n'
        "except ApiException as error:\n"
        "    print(error.status)\n"
        "del api\n"
    )
    with Sandbox(account=TRADER) as sandbox:
        settings = sandbox.environment | {"UPSTOX_SLEEP_TIME": "100"}
        run_process([str(SDK), "-c", LOGIN], settings, tmp_path)
        (token,) = sandbox.access_tokens
        command = [str(SDK), "-c", use, sandbox.base_domain.replace("{stage}", "api"), token]
        assert run_process(command, {}, tmp_path).strip() == TRADER.user_id
        sandbox.revoke(token)
        assert run_process(command, {}, tmp_path).strip() == "401"


def test_the_recipe_of_the_documentation_outlives_a_token(tmp_path: Path) -> None:
    """What docs/sdk.md shows takes a new token when Upstox has ended the one before."""
    (recipe,) = [
        block.text for block in blocks([ROOT / "docs" / "sdk.md"]) if "DailyClient" in block.text
    ]
    use = recipe.partition("with UpstoxTOTP")[0] + (
        "import os, sys\n"
        "with UpstoxTOTP() as upx:\n"
        "    configuration = upstox_client.Configuration()\n"
        '    configuration.host = upx.base_domain.replace("{stage}", "api")\n'
        "    client = DailyClient(TokenAuth(upx), configuration)\n"
        '    upstox_client.LoginApi(client).logout("2.0")\n'
        '    print(upstox_client.UserApi(client).get_profile("2.0").data.user_id)\n'
        "sys.stdout.flush(); os._exit(0)\n"
    )
    with Sandbox(account=TRADER, step_clock=True) as sandbox:
        settings = sandbox.environment | {
            "UPSTOX_SLEEP_TIME": "100",
            "UPSTOX_CACHE_DIR": str(tmp_path / "cache"),
        }
        assert run_process([str(SDK), "-c", use], settings, tmp_path).strip() == TRADER.user_id
        assert sandbox.logins == 2
        assert [one.step for one in sandbox.requests if one.step in {"profile", "logout"}] == [
            "logout",
            "profile",
            "profile",
        ]
