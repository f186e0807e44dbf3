"""Printers of tracebacks that show the local variables: they show no secret.

They slice, decode and walk through what they find, in frames of ours and of requests alike.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydantic import SecretStr

from conftest import FakeTime, configure, go
from support.canaries import CREDENTIALS, Canaries
from support.person import person_at_hand
from upstox_totp import TokenAuth, TokenCache, UpstoxTOTP
from upstox_totp.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def by_rich(error: BaseException) -> str:
    """Print as rich.traceback.install(show_locals=True) does, which cuts what is long."""
    traceback = pytest.importorskip("rich.traceback")
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=400)
    made = traceback.Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True
    )
    console.print(made)
    return str(console.file.getvalue())


def by_structlog(error: BaseException) -> str:
    """Log as JSON with structured tracebacks."""
    tracebacks = pytest.importorskip("structlog.tracebacks")
    shown = ""
    for use_rich in (True, False):
        made = tracebacks.ExceptionDictTransformer(
            show_locals=True, locals_max_string=200, use_rich=use_rich
        )
        shown += json.dumps(made((type(error), error, error.__traceback__)))
    return shown


def by_stackprinter(error: BaseException) -> str:
    """Format every frame with its values."""
    stackprinter = pytest.importorskip("stackprinter")
    return str(stackprinter.format(error, show_vals="all", truncate_vals=5000))


def by_loguru(error: BaseException) -> str:
    """Log with diagnose=True, its default."""
    loguru = pytest.importorskip("loguru")
    loguru.logger.remove()
    stream = io.StringIO()
    number = loguru.logger.add(stream, diagnose=True, backtrace=False)
    loguru.logger.opt(exception=error).error("failed")
    loguru.logger.remove(number)
    return stream.getvalue()


def by_sentry(error: BaseException) -> str:
    """Make an event with every frame's variables, and send it nowhere."""
    sentry = pytest.importorskip("sentry_sdk")
    events: list[object] = []
    client = sentry.Client(
        dsn="http://key@127.0.0.1:9/1",
        before_send=lambda event, _: events.append(event),
        default_integrations=False,
        max_value_length=5000,
    )
    event, hint = pytest.importorskip("sentry_sdk.utils").event_from_exception(
        error, client_options=client.options
    )
    client.capture_event(event, hint)
    return json.dumps(events, default=str)


PRINTERS = [by_rich, by_structlog, by_stackprinter, by_loguru, by_sentry]


class Odd(requests.adapters.HTTPAdapter):
    """An adapter of a user's that sends, and then makes a mistake."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def send(self, request: requests.PreparedRequest, *rest: Any, **options: Any) -> Any:
        """Send a request."""
        response = super().send(request, *rest, **options)
        if self._part in request.url:  # type: ignore[operator]
            response.close()
            raise RuntimeError("an adapter's own mistake")
        return response


@pytest.fixture
def watched(
    fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, cache_dir: Path
) -> Iterator[tuple[Sandbox, UpstoxTOTP, Canaries]]:
    """A client whose secrets are easily found, its sandbox, and what finds them."""
    assert cache_dir
    with Sandbox(clock=fake_time.true, credentials=CREDENTIALS, step_clock=True) as sandbox:
        configure(monkeypatch, sandbox)
        with UpstoxTOTP() as upx:
            yield sandbox, upx, Canaries(sandbox, upx)


FAULTS = {
    "refused": Fault.refuse("UDAPI1", "You sent"),
    "no JSON": Fault.status(200, "what"),
    "lost": Fault.reset(),
}
STEPS = {
    "page": ["dialog", "otp", "verify", "pin", "authorize", "token"],
    "api": ["totp_login"],
    "browser": ["token"],
    "phone": ["token_request"],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("method", "step"), [(method, step) for method, steps in STEPS.items() for step in steps]
)
def test_no_printer_shows_a_secret(
    watched: tuple[Sandbox, UpstoxTOTP, Canaries],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    step: Any,
    fault: str,
) -> None:
    """Whatever a login fails with."""
    sandbox, upx, canaries = watched
    go(upx, method)
    person_at_hand(sandbox, monkeypatch)
    sandbox.misbehave(step, FAULTS[fault], times=None)
    check(canaries, upx.app_token.get_access_token)


def test_a_token_that_is_not_handed_out(watched: tuple[Sandbox, UpstoxTOTP, Canaries]) -> None:
    """A login that is complete, and whose token belongs to somebody else."""
    _, upx, canaries = watched
    upx.config = upx.config.model_copy(update={"user_id": "XX9999"})
    check(canaries, lambda: TokenCache().get_access_token(upx))


@pytest.mark.parametrize("step", ["profile", "logout"])
def test_questions_that_carry_the_token(
    watched: tuple[Sandbox, UpstoxTOTP, Canaries], step: Any
) -> None:
    """Their headers hold it."""
    sandbox, upx, canaries = watched
    token = SecretStr(upx.app_token.get_access_token().data.access_token)
    sandbox.misbehave(step, Fault.reset(), times=None)
    ask = upx.app_token.is_valid if step == "profile" else upx.app_token.revoke
    check(canaries, lambda: ask(token))
    upx.session.mount("http://", Odd("/v2/"))
    check(canaries, lambda: ask(token))


@pytest.mark.parametrize("part", ["otp/generate", "verify", "2fa", "oauth/authorize", "token"])
def test_a_mistake_that_is_not_ours(
    watched: tuple[Sandbox, UpstoxTOTP, Canaries], part: str
) -> None:
    """Of an adapter that has seen the request, and its body."""
    _, upx, canaries = watched
    upx.session.mount("http://", Odd(part))
    check(canaries, lambda: TokenCache().get_access_token(upx))


def test_a_token_that_was_ended_twice(watched: tuple[Sandbox, UpstoxTOTP, Canaries]) -> None:
    """The error of a session that renews its token; the frames of requests hold what came."""
    sandbox, upx, canaries = watched
    url = upx.api_url("/v2/user/profile")
    with requests.Session() as session:
        session.auth = TokenAuth(upx)
        for _ in range(2):
            session.get(url)
            sandbox.revoke(sandbox.access_tokens[-1])
        check(canaries, lambda: session.get(url), own=True)


@pytest.mark.parametrize("wrong", ["UPSTOX_SLEEP_TIME", "UPSTOX_SECRETS_DIR"])
def test_settings_that_are_wrong(
    watched: tuple[Sandbox, UpstoxTOTP, Canaries], monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """The right ones were found before the wrong one is reported."""
    monkeypatch.setenv(wrong, "none")
    check(watched[2], UpstoxTOTP)


def check(canaries: Canaries, log_in: Callable[[], object], *, own: bool = False) -> None:
    """Print what a login ends with in every way, and look for secrets, whole or cut."""
    error: Exception | None = None
    try:
        log_in()
    except Exception as ended:  # noqa: BLE001 - its frames are looked at
        error = ended
    assert error is not None
    for printer in PRINTERS:
        shown = printer(error)
        assert type(error).__name__ in shown
        if own and printer is by_stackprinter:
            frames = shown.split('File "')
            shown = "".join(one for one in frames if "upstox_totp" in one.partition("\n")[0])
        found = {value for value in canaries.values() if value[:40] in shown}
        assert not found, (printer.__name__, found, shown)
