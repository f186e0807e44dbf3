"""``configure`` and ``check-env``: write the settings where the user wants them, and check them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from pydantic import SecretStr

from upstox_totp._api.one_time_passwords import OneTimePasswords
from upstox_totp._checks.settings import check_settings
from upstox_totp._http.server_clock import clock_of
from upstox_totp._settings.config import Config
from upstox_totp._settings.env_files import find_env_file, save_settings
from upstox_totp._settings.named_accounts import (
    account_path,
    check_keyring,
    in_keyring,
    save_in_keyring,
)
from upstox_totp._settings.table import (
    API,
    CREDENTIALS,
    DEFAULTS,
    METHODS,
    PAGE,
    SETTINGS,
    methods_of,
    needed_by,
)
from upstox_totp._settings.totp_secret import normalise_text
from upstox_totp.cli.exit_codes import ExitCode
from upstox_totp.cli.main import command
from upstox_totp.cli.options import REPORT, Selection, check_method, selected, which_settings
from upstox_totp.cli.output import say, say_json, say_text

if TYPE_CHECKING:
    from collections.abc import Mapping


_FILE: Final = "file"
_KEYRING: Final = "keyring"


@command(
    "Ask for the settings, check each, and write them down.\n\n"
    "Secrets are not shown while you type them. An empty answer keeps what is there."
)
@click.option("--account", metavar="NAME", help="Write them under this account name.")
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write this file instead of .env.",
)
@click.option(
    "--method",
    metavar="METHODS",
    callback=check_method,
    help="The login method, for example api or page, or several: api,page.",
)
@click.option(
    "--into",
    type=click.Choice([_FILE, _KEYRING]),
    help="Where a named account is written: a file of its own, or the system's keyring.",
)
@selected
def configure(*, selection: Selection, into: str | None) -> ExitCode:
    account = selection.account
    path = (selection.env_file or Path(".env")) if account is None else account_path(account)
    kept = _kept(path, account)
    chosen = _choose_method(selection.method, kept)
    place = _choose_place(account, into)
    given = {name: _ask(name, kept.get(name), chosen) for name in needed_by(chosen)}
    if chosen != DEFAULTS["login_method"] or "login_method" in kept:
        given["login_method"] = SecretStr(",".join(chosen))
    if account is not None and place == _KEYRING:
        say_text(f"Written into the keyring, as {save_in_keyring(account, given)}.")
    else:
        save_settings(path, given)
        say_text(f"Written into {path}, for you alone to read.")
    return _say_whether_it_suffices(account, selection.env_file)


def _kept(path: Path, account: str | None) -> dict[str, SecretStr]:
    found = find_env_file(path)
    if account is not None:
        found.take_all(in_keyring(account, CREDENTIALS))
    return {name: SecretStr(value) for name, value in found.values_as_text().items()}


def _choose_method(method: str | None, kept: Mapping[str, SecretStr]) -> tuple[str, ...]:
    if method is not None:
        return methods_of(method)
    say((name, f"{METHODS[name]}: {len(needed_by([name]))} settings") for name in (API, PAGE))
    usual = kept["login_method"].get_secret_value() if "login_method" in kept else API
    while True:
        try:
            return methods_of(click.prompt("Login method", default=usual))
        except ValueError:
            say_text(f"It {SETTINGS['login_method'].rule}.")


def _choose_place(account: str | None, into: str | None) -> str:
    if account is not None:
        place: str = into or click.prompt(
            "Keep it in", type=click.Choice([_FILE, _KEYRING]), default=_FILE
        )
        if place == _KEYRING:
            # Before a secret is typed that could not be kept.
            check_keyring(account)
        return place
    if into == _KEYRING:
        raise click.UsageError("The keyring keeps named accounts: give --account NAME, too.")
    return _FILE


def _ask(name: str, kept: SecretStr | None, methods: tuple[str, ...]) -> SecretStr:
    row = SETTINGS[name]
    question = row.question + (" (Enter keeps what is there)" if kept else "")
    if row.where and kept is None:
        say_text(f"{row.where[0].upper()}{row.where[1:]}.")
    while True:
        # Pasting brings blanks and line ends along, which no setting but a password has at its end.
        answer = SecretStr(
            click.prompt(
                question,
                default="" if kept else None,
                show_default=False,
                hide_input=row.secret,
            )
        )
        if kept is not None and not answer.get_secret_value():
            answer = kept
        if name != "password":
            answer = SecretStr(answer.get_secret_value().strip())
        problem = Config.check_value(name, answer.get_secret_value(), methods)
        if problem is not None:
            say_text(f"It {problem}.")
        elif name != "totp_secret" or _is_the_authenticators(answer):
            return answer


def _is_the_authenticators(secret: SecretStr) -> bool:
    clock = clock_of(DEFAULTS["base_domain"])
    plain = SecretStr(normalise_text(secret.get_secret_value()))
    code = OneTimePasswords(plain).current(clock)
    say_text(f"The one-time password that it makes now: {code.get_secret_value()}")
    return click.confirm("Does your authenticator app show the same", default=True)


def _say_whether_it_suffices(account: str | None, env_file: Path | None) -> ExitCode:
    report = check_settings(env_file, account)
    bad = [one for one in report.settings if not one.good]
    told = [f"{one.name}: {one.state} (from {one.source or 'nowhere'})" for one in bad]
    for line in (*told, *report.advice):
        say_text(line)
    if not report.good:
        return ExitCode.USAGE
    how = f"upstox_cli --account {account} token" if account else "upstox_cli token"
    if env_file is not None:
        how += f" --env-file {env_file}"
    say_text(f"All that is needed is set. The next step: {how}")
    return ExitCode.DONE


@command("Show where each setting comes from, and if it is valid.\n\nNo value is shown.")
@which_settings
@REPORT
def check_env(*, selection: Selection, style: str) -> ExitCode:
    report = check_settings(selection.env_file, selection.account)
    code = ExitCode.DONE if report.good else ExitCode.USAGE
    rows = [(one.name, one.source or "-", one.state) for one in report.settings]
    if style == "json":
        settings = [dict(zip(("setting", "source", "state"), row, strict=True)) for row in rows]
        say_json({"exit_code": int(code), "settings": settings, "notes": list(report.advice)})
        return code
    say([("Setting", "Source", "State"), *rows])
    say_text(f"Login method: {', '.join(METHODS[name] for name in report.methods)}")
    for advice in report.advice:
        say_text(advice)
    return code
