"""A fixture for the tests of programs that log in: ``upstox_sandbox``.

pytest finds it by itself once the extra ``sandbox`` is installed. It is loaded into every test
run, so it loads nothing else until a test asks for the fixture.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from upstox_totp import _clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upstox_totp.sandbox import Sandbox

_HOST: Final = "127.0.0.1"
_SHORTEST_PAUSE: Final = "100"


@pytest.fixture
def upstox_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """Let ``UpstoxTOTP()`` log in to a sandbox of this test's own, without an account.

    The environment holds the sandbox's settings, the shortest pause between requests and a cache
    directory of the test's own, and no ``UPSTOX_`` variable of the machine. The sandbox's clock
    moves on with each login, so that a second one does not wait for the next one-time password.
    """
    from upstox_totp.sandbox import Sandbox as Server  # noqa: PLC0415 - see the module's docstring

    # The client's clock, which a test may have replaced: looked up at each call.
    with Server(step_clock=True, clock=lambda: _clock.time()) as sandbox:  # noqa: PLW0108
        for name in [name for name in os.environ if name.upper().startswith("UPSTOX_")]:
            monkeypatch.delenv(name)
        settings = sandbox.environment | {
            "UPSTOX_SLEEP_TIME": _SHORTEST_PAUSE,
            "UPSTOX_CACHE_DIR": str(tmp_path_factory.mktemp("upstox-cache")),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        # requests asks the lower-case name first.
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, ",".join(filter(None, [os.environ.get(name), _HOST])))
        yield sandbox
