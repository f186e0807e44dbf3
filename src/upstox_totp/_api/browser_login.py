"""BrowserLoginAPI: the person logs in with their own browser, which comes back with a code."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from upstox_totp._api import routes
from upstox_totp._api.browser import find_browser, open_page
from upstox_totp._api.callback import Callback, listening_place
from upstox_totp._api.exchange import exchange_code
from upstox_totp._api.reception import Reception
from upstox_totp._api.redirects import address_of
from upstox_totp._api.way import Way
from upstox_totp._http.callback_server import CallbackServer
from upstox_totp.errors import ConfigurationError
from upstox_totp.transcript import Step

if TYPE_CHECKING:
    import webbrowser
    from collections.abc import Callable

    from upstox_totp._api.attempt import LoginAttempt
    from upstox_totp._api.base import Client
    from upstox_totp.models import AccessTokenResponse

DEFAULT_TIMEOUT: Final = 300.0
"""How long a person has to log in, in seconds."""

_PROMPT: Final = "Address that the browser ended at: "


class BrowserLoginAPI(Way):
    """Browser login API: the person logs in on Upstox's own page, in their own browser.

    It needs client id, client secret and redirect URI, and nothing else that is secret. Where the
    redirect URI is ``http`` on the loopback interface, the browser comes back to this program by
    itself; otherwise the person pastes the address that it ended at.

    Args:
        client: The client whose settings and session are used.

    Attributes:
        announce: Is given the address of the login page, to show it to the person; None to show
            nothing where a browser can be opened.
        paste: Asks the person for the address that the browser ended at, given a prompt, without
            showing what they type: ``getpass.getpass`` does. None if nobody can be asked.
        timeout: How long the person has to log in, in seconds.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.announce: Callable[[str], object] | None = None
        self.paste: Callable[[str], str] | None = None
        self.timeout: float = DEFAULT_TIMEOUT

    def get_access_token(self, timeout: float = DEFAULT_TIMEOUT) -> AccessTokenResponse:
        """Open the login page in the person's browser, and return a fresh access token.

        Args:
            timeout: How long the person has to log in, in seconds. Where they paste the address,
                nothing but they ends the wait.

        Returns:
            The token in ``data.access_token``, and whose it is.

        Raises:
            ConfigurationError: If another program has the redirect URI's port, or if there is
                neither a browser to open nor a way to reach the person.
            AuthenticationError: If the person denied the access, or did not finish in time; or if
                the client secret was rejected.
            RateLimitError: If too much was asked for.
            ValidationError: If what came back is not this login's, or holds no code.
            APIError: If Upstox refused for another reason.
            requests.RequestException: If the exchange of the code got no whole answer.
        """
        self.timeout = timeout
        return super().get_access_token()

    def _run(self, attempt: LoginAttempt) -> AccessTokenResponse:
        config = self._client.config
        config.demand("browser")
        attempt.secrets.add(config.client_secret)
        callback = Callback(config.redirect_uri, attempt.secrets)
        page = callback.begin(routes.DIALOG.url(self._client.base_domain), config.client_id)
        browser = find_browser()
        reception = Reception(callback, self.timeout)
        # Without a browser here, one elsewhere would come back to its own machine.
        server = None if browser is None and self.paste else self._listen(reception)
        if server is None:
            code = self._ask_for_address(attempt, callback, browser, page)
            return exchange_code(self, attempt, code, routes.CODE_EXCHANGE)
        with server:
            problem: str | None = "The program that began the login was ended."
            try:
                self._show(browser, page)
                with attempt.step(Step.BROWSER):
                    code = reception.wait()
                response = exchange_code(self, attempt, code, routes.CODE_EXCHANGE)
                problem = None
            except Exception as error:
                problem = attempt.secrets.mask(str(error))
                raise
            finally:
                reception.tell(problem)
        return response

    def _listen(self, reception: Reception) -> CallbackServer | None:
        """Return a server at the redirect URI, None where this program cannot have one."""
        redirect_uri = self._client.config.redirect_uri
        place = listening_place(redirect_uri)
        if place is None:
            return None
        reason: OSError
        try:
            return CallbackServer(
                *place,
                authority=_authority(redirect_uri),
                path=address_of(redirect_uri).path,
                answer=reception.answer,
            )
        except OSError as error:
            reason = error
        if reason.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Another program has port {place[1]} of redirect_uri (UPSTOX_REDIRECT_URI), where "
                "the browser is to come back to.",
                details={"settings": ["redirect_uri"]},
                suggestions=[
                    (
                        "End that program, which may be an earlier login, or choose another port "
                        "for the app's redirect URI, at Upstox and here."
                    )
                ],
            )
        return None

    def _show(self, browser: webbrowser.BaseBrowser | None, page: SecretStr) -> None:
        if browser is None and self.announce is None:
            raise ConfigurationError(
                "There is no browser to open here, and nobody to show the login page's address to.",
                suggestions=[
                    (
                        "Use upstox_cli token --method browser in a terminal, or set "
                        "browser_login.announce (such as print) and browser_login.paste (such as "
                        "getpass.getpass)."
                    )
                ],
            )
        if self.announce is not None:
            self.announce(page.get_secret_value())
        if browser is not None:
            open_page(browser, page)

    def _ask_for_address(
        self,
        attempt: LoginAttempt,
        callback: Callback,
        browser: webbrowser.BaseBrowser | None,
        page: SecretStr,
    ) -> SecretStr:
        if self.paste is None:
            raise ConfigurationError(
                "The browser cannot come back to this program by itself: redirect_uri "
                "(UPSTOX_REDIRECT_URI) is not http on the loopback interface with a port that is "
                "this program's to have.",
                details={"settings": ["redirect_uri"]},
                suggestions=[
                    (
                        "Give the app a redirect URI such as http://127.0.0.1:8000/callback, or "
                        "set browser_login.paste (such as getpass.getpass)."
                    )
                ],
            )
        self._show(browser, page)
        with attempt.step(Step.BROWSER):
            return callback.read_address(SecretStr(self.paste(_PROMPT)))


def _authority(redirect_uri: str) -> str:
    """Return host and port as a browser names them in ``Host``."""
    named = redirect_uri.partition("://")[2]
    for end in "/?#":
        named = named.partition(end)[0]
    return named.lower().removesuffix(":80")
