"""What programs and scripts hold on to: names, parameters, options, exit codes, pickled errors."""

from __future__ import annotations

import base64
import importlib
import inspect
import pickle
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from golden_files import compare, kept
from pydantic import BaseModel

from conftest import configure
from support.cli_runs import run
from upstox_totp import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ErrorCode,
    RateLimitError,
    Step,
    UpstoxError,
    ValidationError,
)
from upstox_totp.errors import CacheError, LoginWaitError
from upstox_totp.sandbox import Fault, Sandbox
from upstox_totp.transcript import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime

MODULES = ("", ".errors", ".models", ".transcript", ".token_cache", ".token_auth", ".notifier",
           ".client", ".sandbox")  # fmt: skip


def _parameters(value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except ValueError:
        return "(built in)"
    plain = [
        one.replace(
            annotation=inspect.Parameter.empty,
            default=one.default
            if one.default is None or isinstance(one.default, bool | int | float | str | tuple)
            else one.empty
            if one.default is one.empty
            else "<default>",
        )
        for one in signature.parameters.values()
        if not one.name.startswith("_")
    ]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _described(kind: type) -> Iterator[tuple[str, str]]:
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield name, "required" if field.is_required() else "optional"
    else:
        if issubclass(kind, BaseException):
            yield "", " < ".join(one.__name__ for one in kind.__mro__[:-1])
        if not issubclass(kind, int | str):
            yield "()", _parameters(kind)
    for name, member in vars(kind).items():
        if name.startswith(("_", "model_")):
            continue
        inner = getattr(member, "__func__", member)
        if inspect.isfunction(inner):
            yield f"{name}()", _parameters(inner)
        elif isinstance(member, property | cached_property):
            yield name, "property"
        elif isinstance(member, kind):
            yield name, f"member {member!r}"


def test_public_names() -> None:
    """Each public name of each public module, with its parameters, fields and properties."""
    found: dict[str, str] = {}
    seen: set[int] = set()
    for suffix in MODULES:
        module = importlib.import_module(f"upstox_totp{suffix}")
        public = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
        ]  # fmt: skip
        for name in public:
            value = getattr(module, name)
            if id(value) in seen or getattr(value, "_is_protocol", False):
                continue
            seen.add(id(value))
            key = f"{module.__name__}.{name}"
            if isinstance(value, type):
                found |= {f"{key} {part}".strip(): told for part, told in _described(value)}
            else:
                found[key] = _parameters(value) if callable(value) else type(value).__name__
    compare("public-names", {key: value for key, value in found.items() if "0x" not in value})


COMMANDS = ("accounts", "cache-key", "check-env", "compare-har", "configure", "demo", "doctor",
            "generate-token", "logout", "notifier", "sandbox", "status", "token")  # fmt: skip


def test_commands_and_options() -> None:
    """The names of commands and options that help shows, and not its words."""
    found = {"": sorted(re.findall(r"^  ([a-z-]+)  ", run("--help").stdout, re.MULTILINE))}
    for command in ((), *((name,) for name in COMMANDS)):
        rows = re.findall(r"^\s+(-\S.*?)(?:\s{2,}|$)", run(*command, "--help").stdout, re.MULTILINE)
        names = re.findall(r"(?<!\S)--?[a-z][a-z-]*", " ".join(rows))
        found[" ".join(["upstox_cli", *command])] = sorted(set(names))
    compare("commands", found)


@pytest.mark.usefixtures("cache_dir")
def test_exit_codes(fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command ends with, by what happened."""
    fake_time.go_to_nine()
    found: dict[str, list[int]] = {}
    for name, fault in {
        "PIN rejected": Fault.refuse(1017106, "Incorrect PIN"),
        "limited": Fault.retry_after(600),
        "network": Fault.reset(),
        "server error": Fault.status(500),
        "not JSON": Fault.html(),
    }.items():
        with Sandbox(clock=fake_time.true) as sandbox:
            configure(monkeypatch, sandbox)
            sandbox.misbehave("pin", fault)
            found[f"token, twice, and status: {name}"] = [
                run(*one).exit_code for one in (["token"], ["token"], ["status"])
            ]
            found[f"logout, accounts: {name}"] = [
                run(*one).exit_code for one in (["logout"], ["accounts"])
            ]
    with Sandbox(clock=fake_time.true) as sandbox:
        configure(monkeypatch, sandbox)
        for command in (["status"], ["accounts"], ["check-env"], ["token", "--wait", "0"],
                        ["token"], ["token"], ["status"], ["status", "--verify"], ["accounts"],
                        ["token", "--format", "xml"], ["nothing"], ["cache-key"],
                        ["compare-har", "nowhere.har"]):  # fmt: skip
            found.setdefault(" ".join(command), []).append(run(*command).exit_code)
        fake_time.skipped += 86_400
        found["status, a day later"] = [run("status").exit_code]
        monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "none")
        found["token, method none"] = [run("token").exit_code]
        found["logout"] = [run("logout").exit_code]
        monkeypatch.setenv("UPSTOX_LOGIN_METHOD", "page")
        monkeypatch.setenv("UPSTOX_PIN_CODE", "12")
        found["PIN of two digits"] = [run("token").exit_code, run("check-env").exit_code]
    compare("exit-codes", found)


EXCHANGE = Exchange(Step.PIN, "POST", "service.upstox.com", "/login/open/v4/auth/2fa", 200,
                    "application/json", 12, ("success", "data"))  # fmt: skip


def _errors() -> dict[str, UpstoxError]:
    kinds = (UpstoxError, ConfigurationError, ValidationError, AuthenticationError, RateLimitError,
             APIError, LoginWaitError, CacheError)  # fmt: skip
    found = {}
    for kind in kinds:
        error = kind(
            "What failed.", error_code=ErrorCode.INCORRECT_PIN,
            details={"attempts_left": 4, "http_status": 200}, suggestions=["Do this."],
            step=Step.PIN, transcript=[EXCHANGE],
        )  # fmt: skip
        if isinstance(error, AuthenticationError):
            error.settings = ("pin_code",)
        if isinstance(error, RateLimitError):
            error.retry_after = 7.5
        found[kind.__name__] = error
    return found


def _facts(error: UpstoxError) -> list[Any]:
    return [type(error).__name__, type(error).__module__, str(error), error.message,
            repr(error.error_code), error.details, error.suggestions, repr(error.step),
            [repr(one) for one in error.transcript], getattr(error, "settings", None),
            getattr(error, "retry_after", None)]  # fmt: skip


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickled_errors(protocol: int) -> None:
    """An error comes through pickle whole, those that were pickled yesterday included."""
    errors = _errors()
    for error in errors.values():
        assert _facts(pickle.loads(pickle.dumps(error, protocol))) == _facts(error)  # noqa: S301
    pickled = {name: base64.b64encode(pickle.dumps(error, protocol)).decode()
               for name, error in errors.items()}  # fmt: skip
    for name, content in kept(f"pickles-{protocol}", pickled).items():
        assert _facts(pickle.loads(base64.b64decode(content))) == _facts(errors[name])  # noqa: S301
