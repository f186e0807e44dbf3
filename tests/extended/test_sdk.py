"""The official SDK takes the token that a login returns, and says 401 when it has died.

The SDK is installed by tox, `make check`.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from support.documentation import (
    PAGES,
    ROOT,
    blocks,
    furnish,
    run_process,
    run_with_sdk,
    settings_for,
)
from upstox_totp.sandbox import Account, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from support.documentation import Block

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


def test_the_sdk_reads_the_profile_until_the_token_dies(tmp_path: Path) -> None:
    """Log in, read the profile, log out with the SDK, and see its 401."""
    with Sandbox(account=TRADER) as sandbox:
        settings = sandbox.environment | {"UPSTOX_SLEEP_TIME": "100"}
        told = json.loads(run_process([sys.executable, "-c", PROGRAM], settings, tmp_path))
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
        run_process([sys.executable, "-c", LOGIN], settings, tmp_path)
        (token,) = sandbox.access_tokens
        command = [sys.executable, "-c", use, sandbox.base_domain.replace("{stage}", "api"), token]
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
        assert (
            run_process([sys.executable, "-c", use], settings, tmp_path).strip() == TRADER.user_id
        )
        assert sandbox.logins == 2
        assert [one.step for one in sandbox.requests if one.step in {"profile", "logout"}] == [
            "logout",
            "profile",
            "profile",
        ]


@pytest.mark.parametrize(
    "block",
    [
        block
        for block in blocks(PAGES)
        if block.language == "python" and "upstox_client" in block.text
    ],
    ids=str,
)
def test_the_documentations_examples_run(block: Block, tmp_path: Path) -> None:
    """As they stand, at the sandbox in place of the SDK's own host."""
    with Sandbox(step_clock=True) as sandbox:
        furnish(tmp_path, sandbox)
        run_with_sdk(block.text, sandbox, settings_for(block.text, sandbox, tmp_path))
        assert sandbox.tokens_issued or "get_access_token" not in block.text
