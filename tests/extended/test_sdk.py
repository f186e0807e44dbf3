"""The official SDK takes the token that a login returns, and says 401 when it has died.

The SDK is installed by tox, `make check`.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from conftest import PATIENCE
from support.documentation import (
    PAGES,
    ROOT,
    blocks,
    furnish,
    run_process,
    run_with_sdk,
    settings_for,
)
from support.stream_server import StreamServer
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


LONG_RUN = """
import json
import os
import time

import upstox_client
from upstox_client.rest import ApiException

from upstox_totp import TokenCache, UpstoxTOTP, _clock
from upstox_totp.sandbox import Sandbox
from upstox_totp.sdk import ApiClient, Configuration

# From nine in the morning in India on.
skipped = (3.5 * 3600 - time.time()) % 86400
_clock.time = lambda: time.time() + skipped
_clock.monotonic = lambda: time.monotonic() + skipped


def user(client):
    try:
        return upstox_client.UserApi(client).get_profile("2.0").data.user_id
    except ApiException as error:
        return error.status


with Sandbox(step_clock=True, clock=lambda: _clock.time()) as sandbox:
    os.environ.update(sandbox.environment)
    with UpstoxTOTP() as upx:
        configuration = Configuration(upx, TokenCache())
        plain, client = upstox_client.ApiClient(configuration), ApiClient(configuration)
        told = [user(plain), user(client), sandbox.logins]
        skipped += 86400
        told += [user(plain), user(client), sandbox.logins]
        # Somebody logs out elsewhere.
        UpstoxTOTP().app_token.revoke(configuration.access_token)
        told += [user(plain), user(client), user(plain), sandbox.logins]
        sandbox.static_address = True
        told += [user(client), configuration.renew() in sandbox.access_tokens, sandbox.logins]
        try:
            configuration.access_token = "another"
        except AttributeError:
            told.append("kept")
        other = Configuration(upx)
        told += [other is configuration, other.auth is configuration.auth]
        shown = repr(configuration) + repr(vars(configuration))
        told.append(any(token in shown for token in sandbox.access_tokens))
print(json.dumps(told), flush=True)
os._exit(0)
"""


def test_the_configuration_has_the_days_token(tmp_path: Path) -> None:
    """Over 03:30 for any client, and over an early end for ours; off the address as well."""
    settings = {"UPSTOX_SLEEP_TIME": "100", "UPSTOX_CACHE_DIR": str(tmp_path / "cache")}
    told = json.loads(run_process([sys.executable, "-c", LONG_RUN], settings, tmp_path))
    user = Account().user_id
    assert told == [
        user, user, 1,
        user, user, 2,
        401, user, user, 3,
        401, True, 3,
        "kept", False, False, False,
    ]  # fmt: skip


REDIRECTED = """
import os
import websocket

start = websocket.WebSocketApp.__init__
websocket.WebSocketApp.__init__ = lambda self, url, **options: start(
    self, os.environ["STREAM"], **options
)
"""
THEN = """
import time
messages = []
streamer.on("message", messages.append)
while not messages:
    time.sleep(0.01)
print("streaming", flush=True)
os._exit(0)
"""


OVER_THE_NIGHT = """
import time
from upstox_totp import _clock

moved = threading.Event()

def move(*_):
    _clock.time = lambda: time.time() + 86400
    moved.set()

messages = []
streamer.on("reconnecting", move)
streamer.on("message", lambda message: moved.is_set() and messages.append(message))
while not messages:
    time.sleep(0.01)
print("streaming", flush=True)
os._exit(0)
"""
ANOTHER = """
import time

def stream():
    other = upstox_client.MarketDataStreamerV3(ApiClient(configuration), ["NSE_EQ|1"], "ltpc")

    def restart(error):
        if "401" in str(error):
            configuration.renew()
            threading.Timer(1, other.connect).start()

    other.on("error", restart)
    other.connect()
    return other

messages, more = [], []
streamer.on("message", messages.append)
stream().on("message", more.append)
while not (messages and more):
    time.sleep(0.01)
print("streaming", flush=True)
os._exit(0)
"""


def recipe() -> str:
    """Return the program of docs/sdk.md that streams."""
    (block,) = [one for one in blocks([ROOT / "docs" / "sdk.md"]) if "streamer" in one.text]
    return block.text


def stream(program: str, sandbox: Sandbox, server: StreamServer, folder: Path) -> None:
    """Run a program whose streams come from a server, until it says so."""
    settings = sandbox.environment | {
        "UPSTOX_SLEEP_TIME": "100",
        "UPSTOX_CACHE_DIR": str(folder / "cache"),
        "STREAM": server.url,
    }
    said = run_process([sys.executable, "-c", REDIRECTED + program], settings, folder)
    assert said.splitlines()[-1] == "streaming"


@pytest.mark.parametrize("ended", [True, False])
def test_a_stream_goes_on_after_a_401(tmp_path: Path, *, ended: bool) -> None:
    """By the recipe of docs/sdk.md: with a new token where the old one is dead, else without."""
    with Sandbox(step_clock=True) as sandbox:
        refused: list[str] = []

        def takes(token: str) -> bool:
            if not refused and ended:
                sandbox.revoke(token)
            refused.append(token)
            return len(refused) > 1

        with StreamServer(takes) as server:
            stream(recipe() + THEN, sandbox, server, tmp_path)
        assert server.tokens == (sandbox.access_tokens if ended else sandbox.access_tokens * 2)
        assert sandbox.logins == (2 if ended else 1)


def test_a_stream_goes_on_over_half_past_three(tmp_path: Path) -> None:
    """The connection breaks, and the SDK's next one has the new day's token, without a 401."""
    with Sandbox(step_clock=True) as sandbox:
        broken = threading.Event()

        def break_once(_: str) -> None:
            if broken.is_set():
                ended.wait(PATIENCE)
            else:
                sandbox.advance(86_400)
                broken.set()

        ended = threading.Event()
        with StreamServer(lambda token: alive(sandbox, token), break_once) as server:
            stream(recipe() + OVER_THE_NIGHT, sandbox, server, tmp_path)
            ended.set()
        assert server.tokens == sandbox.access_tokens
        assert sandbox.logins == 2


def test_two_streams_that_are_refused_at_once_make_one_login(tmp_path: Path) -> None:
    """Their token was ended elsewhere; both renew, by the recipe, and both go on."""
    with Sandbox(step_clock=True) as sandbox:
        both = threading.Barrier(2)

        def takes(token: str) -> bool:
            if token == sandbox.access_tokens[0]:
                both.wait(PATIENCE)
                sandbox.revoke(token)
                return False
            return alive(sandbox, token)

        with StreamServer(takes) as server:
            stream(recipe() + ANOTHER, sandbox, server, tmp_path)
        first, second = sandbox.access_tokens
        assert server.tokens == [first, first, second, second]
        assert sandbox.logins == 2


def alive(sandbox: Sandbox, token: str) -> bool:
    """Tell whether the sandbox still accepts a token."""
    url = sandbox.base_domain.replace("{stage}", "api") + "/v2/user/profile"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    return requests.get(url, headers=headers, timeout=PATIENCE).ok


def test_a_missing_sdk_is_named(tmp_path: Path) -> None:
    """With what to install."""
    program = (
        "import sys; sys.modules['upstox_client'] = None\n"
        "try:\n    import upstox_totp.sdk\nexcept ImportError as error:\n    print(error)"
    )
    said = run_process([sys.executable, "-c", program], {}, tmp_path)
    assert "needs the package upstox-python-sdk" in said


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
