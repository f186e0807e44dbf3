"""BrowserLoginAPI: the user logs in with their own browser, which comes back with a code."""

from __future__ import annotations

import errno
import hmac
import os
import pickle
import secrets
import shutil
import subprocess
import sys
import threading
import webbrowser
from collections import Counter
from contextlib import ExitStack, nullcontext
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import SecretStr

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.login_method import LoginMethod
from upstox_totp._api.redirects import address_of, refused
from upstox_totp._http.addresses import is_loopback, origin
from upstox_totp._http.callback_server import listen, write_page
from upstox_totp._log import warn_user
from upstox_totp.errors import (
    AuthenticationError,
    ConfigurationError,
    LoginWaitError,
    UpstoxError,
    ValidationError,
)
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from upstox_totp._api.base import Client
    from upstox_totp._api.login_method import LoginContext
    from upstox_totp._redact import Secrets
    from upstox_totp.models import AccessTokenResponse

DEFAULT_TIMEOUT: Final = 300.0  # seconds
_DENIED: Final = "access_denied"
_PROMPT: Final = "Address that the browser ended at: "
_IN_THE_TERMINAL: Final = frozenset(
    {"www-browser", "w3m", "lynx", "links", "links2", "elinks", "edbrowse", "browsh", "retawq"}
)
_OPEN: Final = (
    "import pickle, sys; browser, url = pickle.load(sys.stdin.buffer); "
    "sys.exit(not browser.open(url))"
)


class BrowserLoginAPI(LoginMethod):
    """Browser login API: the user logs in on Upstox's own page, in their own browser.

    It needs client id, client secret and redirect URI, and no other secret. If the redirect URI
    is ``http`` on the loopback interface, the browser comes back to this program by itself;
    otherwise the user pastes the address that it ended at.

    Args:
        client: The client whose settings and session are used.

    Attributes:
        announce: Is given the address of the login page, to show it to the user; None to show
            nothing where a browser can be opened.
        paste: Asks the user for the address that the browser ended at, given a prompt, without
            showing what they type: ``getpass.getpass`` does. None if nobody can be asked.
        look: Returns an address that the user has pasted by now, or None, at once. It is called
            ten times a second while the browser may still come back. None for no such offer.
        timeout: How long the user has to log in, in seconds.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.announce: Callable[[str], object] | None = None
        self.paste: Callable[[str], str] | None = None
        self.look: Callable[[], str | None] | None = None
        self.timeout: float = DEFAULT_TIMEOUT

    def get_access_token(self, timeout: float = DEFAULT_TIMEOUT) -> AccessTokenResponse:
        """Open the login page in the user's browser, and return a fresh access token.

        Args:
            timeout: How long the user has to log in, in seconds. If they are asked to paste the
                address, only they end the wait.

        Returns:
            The token in ``data.access_token``, and whose it is.

        Raises:
            ConfigurationError: If another program has the redirect URI's port, or if there is
                neither a browser to open nor a way to reach the user.
            AuthenticationError: If the user denied the access, or the client secret was rejected.
            LoginWaitError: If the user did not finish in time.
            RateLimitError: If too much was asked for.
            ValidationError: If what came back is not this login's, or holds no code.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If the exchange of the code got no whole answer.
        """
        self.timeout = timeout
        return super().get_access_token()

    def _run(self, context: LoginContext) -> AccessTokenResponse:
        config = self._client.config
        config.demand("browser")
        callback = _Callback(config.redirect_uri, context.secrets, self.timeout)
        page = callback.begin(routes.DIALOG.url(self._client.base_domain), config.client_id)
        browser = _find_browser()
        # Without a browser here, one elsewhere would come back to its own machine.
        server = None if browser is None and self.paste else _listen(config.redirect_uri, callback)
        if server is None and self.paste is None:
            raise ConfigurationError(
                "The browser cannot come back to this program by itself: redirect_uri "
                "(UPSTOX_REDIRECT_URI) is not http on the loopback interface with a port that is "
                "free.",
                details={"settings": ["redirect_uri"]},
                suggestions=[
                    "Give the app a redirect URI such as http://127.0.0.1:8000/callback.",
                    "Or set browser_login.paste (such as getpass.getpass).",
                ],
            )
        with server or nullcontext():
            callback.problem = "The program that began the login has ended."
            try:
                failed = self._show(browser, page)
                find = partial(self._find_pasted, failed, comes_back=server is not None)
                with context.step(Step.BROWSER):
                    code = callback.wait(find)
                response = self._exchange_code(context, code, routes.CODE_EXCHANGE)
                callback.problem = None
            except Exception as error:
                callback.problem = context.secrets.mask(str(error))
                raise
            finally:
                callback.ended.set()
        return response

    def _show(self, browser: webbrowser.BaseBrowser | None, page: SecretStr) -> threading.Event:
        """Show the login page, and return what is set once no browser has opened it."""
        failed = threading.Event()
        if browser is None and self.announce is None:
            raise ConfigurationError(
                "There is no browser to open here, and nobody to show the login page's address to.",
                suggestions=[
                    "Run upstox_cli token --method browser in a terminal.",
                    "Or set browser_login.announce (print) and .paste (getpass.getpass).",
                ],
            )
        if self.announce is not None:
            self.announce(page.get_secret_value())
        if browser is not None:
            # In the background: some browsers return when they are closed, and no sooner.
            threading.Thread(target=_open, args=(browser, page, failed), daemon=True).start()
        return failed

    def _find_pasted(self, failed: threading.Event, *, comes_back: bool) -> SecretStr | None:
        """Return an address that the user pasted because their browser does not come back."""
        if comes_back and self.look is not None:
            found = self.look()
            return SecretStr(found) if found else None
        if self.paste is None or (comes_back and not failed.is_set()):
            return None
        return SecretStr(self.paste(_PROMPT))


class _ForeignCallbackError(ValidationError):
    """An address that does not come from this login; nothing of it is used."""


class _Callback:
    """The one address that a login must come back with, and what its browser is told then."""

    def __init__(self, redirect_uri: str, known: Secrets, seconds: float) -> None:
        self._redirect_uri, self._known, self._seconds = redirect_uri, known, seconds
        self._own = _fields(_query(redirect_uri))
        self._state = SecretStr(secrets.token_urlsafe())
        self._ends = _clock.monotonic() + seconds
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._outcome: SecretStr | UpstoxError | None = None
        self._foreign = 0
        self.ended = threading.Event()
        self.problem: str | None = None
        known.add(self._state)

    def begin(self, dialog: str, client_id: str) -> SecretStr:
        """Return the address to open in the browser."""
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": self._redirect_uri,
            "state": self._state.get_secret_value(),
        }
        return SecretStr(f"{dialog}?{urlencode(query)}")

    def answer(self, query: SecretStr) -> tuple[HTTPStatus, str]:
        """Return status and page for a request, once the login has ended."""
        with self._lock:
            if self._came.is_set():
                return HTTPStatus.CONFLICT, _ALREADY
            try:
                self._outcome = self.read(query)
            except _ForeignCallbackError:
                self._foreign += 1
                return HTTPStatus.BAD_REQUEST, _FOREIGN
            except UpstoxError as error:
                self._outcome = error
            self._came.set()
        self.ended.wait()
        if self.problem is None:
            return HTTPStatus.OK, _DONE
        return HTTPStatus.BAD_REQUEST, write_page("You are not logged in", self.problem, _BACK)

    def wait(self, look: Callable[[], SecretStr | None]) -> SecretStr:
        """Wait for the browser, or for what `look` finds, and return the authorization code."""
        while not self._came.wait(0.1):
            if _clock.monotonic() >= self._ends:
                others = f" {self._foreign} came that belonged to another one."
                raise LoginWaitError(
                    "Nobody finished the login in the browser within "
                    f"{self._seconds:g} seconds.{others if self._foreign else ''}",
                    details={"waited": self._seconds},
                    suggestions=[
                        "Begin again and log in on the page that opens.",
                        "If it shows an error, compare UPSTOX_REDIRECT_URI with your app's.",
                    ],
                )
            pasted = look()
            if pasted is not None:
                with self._lock:
                    # A browser that comes now is told that this login was answered.
                    self._outcome = self._outcome or self.read_address(pasted)
                    self._came.set()
        if isinstance(self._outcome, UpstoxError):
            raise self._outcome.with_traceback(None)
        assert self._outcome is not None  # noqa: S101 - set before the event is
        return self._outcome

    def read_address(self, address: SecretStr) -> SecretStr:
        """Return the authorization code in an address that a user pasted."""
        text = SecretStr(address.get_secret_value().strip())
        if address_of(text.get_secret_value()) != address_of(self._redirect_uri):
            raise _ForeignCallbackError(
                "What was pasted is not the app's redirect URI with what Upstox added to it.",
                suggestions=[
                    "Log in until the browser's address begins with the app's redirect URI.",
                    "Then paste the whole address, even if the page itself is missing.",
                ],
            )
        return self.read(SecretStr(_query(text.get_secret_value())))

    def read(self, query: SecretStr) -> SecretStr:
        """Return the authorization code in a query, or raise what it says instead."""
        # The redirect URI may have brought a query of its own, which comes back with the rest.
        fields: dict[str, list[SecretStr]] = {}
        for name, value in (_fields(query.get_secret_value()) - self._own).elements():
            fields.setdefault(name, []).append(SecretStr(value))
        codes = fields.get("code", [])
        if not self._is_own(fields.get("state", [])):
            raise _ForeignCallbackError(
                "The address does not belong to this login: its state is another one.",
                suggestions=["Begin again, and use the address that belongs to this login."],
            )
        self._known.add(*codes)
        if "error" in fields:
            told = fields["error"][:1] + fields.get("error_description", [])[:1]
            if told[0].get_secret_value() == _DENIED:
                raise AuthenticationError(
                    "The access was denied on the login page, so there is no token.",
                    error_code=_DENIED,
                    suggestions=["Log in again and approve the app, if you want a token."],
                )
            raise refused([one.get_secret_value() for one in told], self._known)
        if len(codes) != 1 or not codes[0].get_secret_value().strip():
            what = "several authorization codes" if len(codes) > 1 else "no authorization code"
            raise ValidationError(
                f"The login came back with {what}.",
                details={"expected": "one code in the query of the redirect URI"},
                suggestions=["Log in again; if that happens each time, report it."],
            )
        return codes[0]

    def _is_own(self, states: list[SecretStr]) -> bool:
        given, own = (
            [one.get_secret_value().encode(errors="surrogatepass") for one in some]
            for some in (states, [self._state])
        )
        return len(given) == 1 and hmac.compare_digest(given[0], own[0])


_BACK: Final = "You can close this page and go back to the program that began the login."
_DONE: Final = write_page(
    "You are logged in",
    "The program that began the login has your access token for today.",
    "You can close this page.",
)
_ALREADY: Final = write_page(
    "This login was answered already", "Each login is answered once.", _BACK
)
_FOREIGN: Final = write_page(
    "This is not the login that waits here",
    "The address belongs to another login, so nothing of it was used.",
    "If you are logging in right now, go on in the page that the program opened last.",
)


def _listen(uri: str, callback: _Callback) -> ExitStack | None:
    """Return a server at the redirect URI, None where this program cannot have one."""
    try:
        scheme, host, port = origin(uri)
    except ValueError:
        return None
    if scheme != "http" or not is_loopback(host):
        return None
    try:
        return listen(
            host,
            port,
            authority=urlsplit(uri).netloc.lower().removesuffix(":80"),
            path=address_of(uri)[1],
            answer=callback.answer,
        )
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return None
        raise ConfigurationError(
            f"Another program uses port {port} of redirect_uri (UPSTOX_REDIRECT_URI).",
            details={"settings": ["redirect_uri"]},
            suggestions=[
                "End that program; it may be an earlier login.",
                "Or choose another port for the app's redirect URI, at Upstox and here.",
            ],
        ) from None


def _query(url: str) -> str:
    return url.partition("#")[0].partition("?")[2]


def _fields(query: str) -> Counter[tuple[str, str]]:
    return Counter(parse_qsl(query, keep_blank_values=True))


def _find_browser() -> webbrowser.BaseBrowser | None:
    """Return the user's browser, None if there is none that can show the login page.

    A browser in the terminal counts as none: it would take the terminal that the program has. So
    does one on the screen of a machine that the user has reached by ssh.
    """
    own_screen = sys.platform in {"darwin", "win32"} and "SSH_CONNECTION" in os.environ
    if own_screen and not os.environ.get("BROWSER"):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    name = str(getattr(browser, "name", "") or "")
    # Debian's www-browser is a link to a link to the browser.
    program = Path(shutil.which(name) or name).resolve().name if name else ""
    return None if program.removesuffix(".exe").lower() in _IN_THE_TERMINAL else browser


def _open(browser: webbrowser.BaseBrowser, url: SecretStr, failed: threading.Event) -> None:
    reason = "it could not be started"
    try:
        if _open_apart(browser, url):
            return
    except Exception as error:  # noqa: BLE001 - a browser registered by others may raise anything
        reason = type(error).__name__
    warn_user(f"The browser did not open ({reason}): open the address of the login page by hand.")
    failed.set()


def _open_apart(browser: webbrowser.BaseBrowser, url: SecretStr) -> bool:
    """Open a page by a process whose streams lead nowhere: ours would get what a browser prints."""
    ours_to_start = type(browser).__module__ == webbrowser.__name__ and os.name == "posix"
    if not ours_to_start or not sys.executable or getattr(sys, "frozen", False):
        return browser.open(url.get_secret_value())
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-I", "-c", _OPEN],
        input=pickle.dumps((browser, url.get_secret_value())),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
    return ended.returncode == 0
