"""The app: whether the login dialog knows its client id and redirect URI; no login, no context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import requests

from upstox_totp._api.context import Context
from upstox_totp._api.page_login import PageLogin
from upstox_totp._checks.edge import edge_page
from upstox_totp._checks.findings import Finding, Grade
from upstox_totp._http.server_clock import ServerClock
from upstox_totp._http.session import Session
from upstox_totp._settings.names import variable
from upstox_totp.errors import ConfigurationError, UpstoxError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from upstox_totp._settings.sources import Settings

_NEEDED: Final = ("client_id", "redirect_uri")
# A dialog that answers badly is not opened again.
_NONE: Final = "(none)"


class _Dialog(PageLogin):
    """The first step of the documented login, by itself."""

    def open(self) -> None:
        """Open the login dialog, and see it lead to the login page.

        Raises:
            UpstoxError: If it does not.
            requests.RequestException: If no whole answer came.
        """
        context = Context()
        with context.step(Step.DIALOG):
            self._open_dialog(context)


@dataclass(frozen=True)
class _App:
    """The two settings that the dialog is asked with."""

    client_id: str
    redirect_uri: str
    sleep_time: int = 0


class _Client:
    """As much of a client as the dialog needs: an app, and no credential of a person's."""

    def __init__(self, app: _App, base_domain: str) -> None:
        self.config: Any = app
        self.base_domain = base_domain
        self.session = Session(repeatable=_NONE)
        self.server_clock = ServerClock()
        self.answers: list[requests.Response] = []
        self.session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, **_: Any) -> None:
        self.answers.append(response)


def examine_app(settings: Settings, base_domain: str) -> tuple[Finding, Exception | None]:
    """Open the login dialog with the app's client id and redirect URI.

    One request is sent, and its redirects are followed; no credential is in it.

    Args:
        settings: The settings as they were found.
        base_domain: A URL with ``{stage}`` in it.

    Returns:
        What was found, and the error that it stands for, None if the dialog knows both.

    Raises:
        ConfigurationError: If one of the two settings is missing.
    """
    client: Any = _Client(_find_app(settings), base_domain)
    failure: Exception | None = None
    with client.session:
        try:
            _Dialog(client).open()
        except (UpstoxError, requests.RequestException) as error:
            failure = error
    page = edge_page(client.answers[-1]) if client.answers else None
    facts = {
        "fits": True if failure is None else None,
        "error_code": None,
        "http_status": client.answers[-1].status_code if client.answers else None,
        "block_page": page is not None,
        "edge_code": page.code if page else None,
    }
    if failure is None:
        text = "the login dialog knows the client id and the redirect URI"
        return Finding("App", text, Grade.GOOD, facts), None
    if page is None and isinstance(failure, UpstoxError):
        code = failure.error_code
        facts |= {"fits": False, "error_code": None if code is None else str(code)}
    text = f"not known, since {page} answered" if page else str(failure)
    return Finding("App", text, Grade.BAD, facts), failure


def _find_app(settings: Settings) -> _App:
    missing = [name for name in _NEEDED if name not in settings]
    if missing:
        names = " and ".join(f"{name} ({variable(name)})" for name in missing)
        raise ConfigurationError(
            f"{names} must be set: they name the app.",
            suggestions=["upstox_cli check-env shows every setting."],
            details={"settings": missing},
        )
    return _App(str(settings["client_id"].value), str(settings["redirect_uri"].value))
