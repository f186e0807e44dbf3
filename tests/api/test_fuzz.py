"""Logins whose answers are mutated from a seed: whatever comes, the promises hold.

The suite tries a few of them; `make fuzz` tries 5,000, or as many as FUZZ says. FUZZ_SEED names the
first, to repeat one that failed.
"""

from __future__ import annotations

import json
import os
import random
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.util.retry import Retry

from conftest import configure
from support.canaries import CREDENTIALS, Canaries, everything_logged
from support.mutations import NOTHING, SILENT, UNKNOWN, Mutator, spellings
from upstox_totp import TokenCache, UpstoxError, UpstoxTOTP
from upstox_totp._cache.backend import PROCESS
from upstox_totp._http import server_clock, session
from upstox_totp.sandbox import Sandbox
from upstox_totp.sandbox.calls import Service

if TYPE_CHECKING:
    from logging import LogRecord

    from conftest import FakeTime
    from upstox_totp.sandbox import RequestRecord

# What lots that were drawn come to is no measure of what the tests reach.
pytestmark = pytest.mark.no_cover

CASES = int(os.environ.get("FUZZ", "150"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
TOGETHER = 15
ABSENT = {404, 405, 410}
COUNTED = {
    "otp_request": {"otp"},
    "code": {"verify", "totp_login"},
    "pin": {"pin", "totp_login"},
}
STEPS = ("dialog", "login_page", "otp", "verify", "pin", "authorize", "token", "redirect")
WAYS = (("page",), ("page",), ("page",), ("api",), ("api", "page"), ("page", "api"))
WRONG: tuple[dict[str, str], ...] = (
    *({},) * 4,
    {"UPSTOX_PIN_CODE": "729164"},
    {"UPSTOX_TOTP_SECRET": "JBSWY3DP" * 4},
    {"UPSTOX_CLIENT_SECRET": "wrong+secret=%41&"},
)


@dataclass
class Plan:
    """What one seed stands for."""

    seed: int
    rng: random.Random = field(init=False)
    ways: tuple[str, ...] = field(init=False)
    wrong: dict[str, str] = field(init=False)
    cached: bool = field(init=False)
    calls: int = field(init=False)
    options: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Draw the lots."""
        self.rng = rng = random.Random(self.seed)  # noqa: S311 - chance that can be repeated
        self.ways = rng.choice(WAYS)
        self.wrong = rng.choice(WRONG)
        self.cached = rng.random() < 0.4
        self.calls = rng.randint(1, 6)
        self.options = {
            "revision": rng.choice(("both", "newer", "older")),
            "charset": rng.choice((None, "utf-8")),
            "authorize_redirects": rng.choice((0, 0, 2)),
            "pin_gives_code": rng.random() < 0.2,
            "totp_login": rng.random() < 0.85,
            "totp_login_enveloped": rng.random() < 0.5,
            "totp_login_limits": (),
            "customer_status": rng.choice(("ACTIVE", "ACTIVE", "DORMANT")),
        }

    def spoil(self, sandbox: Sandbox, mutator: Mutator) -> list[str]:
        """Let some steps misbehave, and say which."""
        steps: Any = (*STEPS, *("totp_login",) * 6) if "api" in self.ways else STEPS
        told = []
        for _ in range(self.rng.randint(1, 4)):
            step, fault = (one := self.rng.choice(steps)), mutator.fault(one)
            times = self.rng.choice((1, 2, None, None))
            sandbox.misbehave(step, fault, times)
            told.append(f"{step} {fault!r} x {times}")
        return told


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two tries of the dialog."""
    monkeypatch.setattr(session, "_BACKOFF_FACTOR", 0.0)
    monkeypatch.setattr(Retry, "sleep", lambda *_arguments, **_named: None)


@pytest.mark.parametrize("first", range(FIRST, FIRST + CASES, TOGETHER))
def test_mutated_logins(
    first: int, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only our errors leave, nothing is sent twice, the ledger's bounds hold, no canary shows."""
    for seed in range(first, min(first + TOGETHER, FIRST + CASES)):
        with monkeypatch.context() as patch:
            told = f"seed {seed}"
            PROCESS.forget()
            patch.setattr(server_clock, "_CLOCKS", {})
            plan = Plan(seed)
            with Sandbox(clock=fake_time.true, credentials=CREDENTIALS, **plan.options) as sandbox:
                mutator = Mutator(plan.rng, _known(sandbox, plan))
                told = f"{told}: {plan.ways} {plan.wrong} {plan.options}"
                told = "\n".join([told, *plan.spoil(sandbox, mutator)])
                patch.setenv("UPSTOX_CACHE_DIR", str(tmp_path / str(seed)))
                configure(patch, sandbox, UPSTOX_LOGIN_METHOD=",".join(plan.ways), **plan.wrong)
                try:
                    Trial(plan, sandbox, mutator, fake_time).run()
                except Exception as error:
                    error.add_note(told)
                    raise


def _known(sandbox: Sandbox, plan: Plan) -> tuple[str, ...]:
    names = ("UPSTOX_PASSWORD", "UPSTOX_PIN_CODE", "UPSTOX_TOTP_SECRET", "UPSTOX_CLIENT_SECRET")
    settings = sandbox.environment | plan.wrong
    return tuple(settings[name] for name in names)


@dataclass
class Trial:
    """The calls of one plan, and what must hold of them."""

    plan: Plan
    sandbox: Sandbox
    mutator: Mutator
    time: FakeTime
    codes: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Call again and again, and check each call and then all of them."""
        began = self.time.skipped
        with UpstoxTOTP(debug=self.plan.rng.random() < 0.5) as client:
            client.session.timeout = 2
            canaries = Canaries(self.sandbox, client)
            for _ in range(self.plan.calls):
                self.call(client, canaries)
        if self.time.skipped - began < 900:
            self.check_bounds()

    def call(self, client: UpstoxTOTP, canaries: Canaries) -> None:
        """Log in once."""
        before, labelled = len(self.sandbox.requests), list(self.mutator.labels)
        started, skipped = time.monotonic(), self.time.skipped
        with everything_logged() as records, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            outcome = self.ask(client)
        assert time.monotonic() - started < 10
        assert self.time.skipped - skipped < 400
        assert not isinstance(outcome, AssertionError)
        sent = self.sandbox.requests[before:]
        self.check_sent(sent)
        if self.only_nothing(labelled) and isinstance(outcome, UpstoxError):
            assert "failed_at" not in outcome.details, outcome
        self.check_hidden(canaries, outcome, records, [str(one.message) for one in warned])

    def ask(self, client: UpstoxTOTP) -> object:
        """Return the outcome; any class of exception but the documented ones is a failure."""
        try:
            if not self.plan.cached:
                return client.app_token.get_access_token()
            if self.plan.rng.random() < 0.5:
                # As another process: what it knows, it has from the disk.
                PROCESS.forget()
            return TokenCache().get_access_token(client, refresh=self.plan.rng.random() < 0.6)
        except (UpstoxError, requests.RequestException) as error:
            return error

    def check_sent(self, sent: list[RequestRecord]) -> None:
        """Assert that nothing that carries a credential went out twice."""
        answered = [one for one in sent if one.step != "verify" or one.status not in ABSENT]
        steps = Counter(one.step for one in answered)
        for step in ("otp", "verify", "pin", "authorize", "token", "totp_login"):
            assert steps[step] <= 1, (step, [(one.step, one.status) for one in sent])
        assert sum(one.step == "verify" for one in sent) <= 2
        codes = {code for one in sent if (code := _code(one)) is not None}
        assert not codes & self.codes
        self.codes |= codes
        tokens = [one.form["code"] for one in sent if one.step == "token" and one.form]
        assert len(tokens) == len(set(tokens))

    def only_nothing(self, labels: list[tuple[str, str]]) -> bool:
        """Tell whether all that anybody was told so far was no verdict on anything."""
        told = {label for _, label in labels}
        return told <= {NOTHING} and not self.plan.wrong and self.plan.ways == ("page",)

    def check_bounds(self) -> None:
        """Assert the most that is sent while time stands still."""
        for kind, steps in COUNTED.items():
            row = 0
            for step, label in self.mutator.labels:
                if step in steps:
                    row = row + 1 if label in {SILENT, UNKNOWN} else 0
                    assert row <= 3, (kind, self.mutator.labels)
        # What the service itself counted against the account; at five it locks it.
        left = self.sandbox._state.attempts_left  # noqa: SLF001 - a login gives them back
        hidden = {step for step, _ in self.mutator.labels}
        for code, judging, most in (
            (Service.WRONG_PIN, {"pin"}, 1),
            (Service.WRONG_CODE, {"verify"}, 2),
        ):
            seen_all = self.plan.ways == ("page",) and not judging & hidden
            assert 5 - left[code] <= (most if seen_all else 3), (code, left)

    def check_hidden(
        self, canaries: Canaries, outcome: object, records: list[LogRecord], warned: list[str]
    ) -> None:
        """Assert that no secret shows, in any spelling, anywhere."""
        # The numbers of its locks are addresses in memory.
        said = [record for record in records if record.name != "filelock"]
        texts = canaries.surfaces(outcome, said) | {"warnings": "\n".join(warned)}
        for path in Path(os.environ["UPSTOX_CACHE_DIR"]).glob("*"):
            texts[path.suffix] = path.read_text(errors="replace")
        kept = _without_token(texts.pop(".json", ""))
        if not isinstance(outcome, Exception):
            # The fields of a token's answer are the caller's, whatever the server put there.
            shown = texts.pop("outcome")
            assert not any(token in shown for token in self.sandbox.access_tokens)
        elif getattr(outcome, "settings", ()) == ("user_id",):
            # So are they in the frames of the one who looks at whose token it is.
            texts = {place: text for place, text in texts.items() if "frames" not in place}
        values = canaries.values()
        canaries.check(texts)
        secrets: set[str] = {
            *_known(self.sandbox, self.plan),
            *values - set(self.sandbox.access_tokens),
        }
        spelled = {way for value in secrets for way in spellings(value)}
        for place, text in (texts | {".json": kept}).items():
            found = [way for way in spelled if way in text]
            assert not found, (place, found, text[:3000])


def _without_token(text: str) -> str:
    # A server that answers a credential as the token has made it the token.
    token = (json.loads(text).get("token") if text else None) or {"data": {"access_token": ""}}
    return text.replace(json.dumps(token["data"]["access_token"]), "")


def _code(record: RequestRecord) -> str | None:
    if not isinstance(record.json, dict):
        return None
    if record.step == "verify":
        return str(record.json["data"]["otp"])
    return str(record.json["totp"]) if record.step == "totp_login" else None
