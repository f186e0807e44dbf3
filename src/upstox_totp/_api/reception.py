"""Reception: takes the one callback of a login, and tells its browser how the login ended."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from upstox_totp import _clock
from upstox_totp._api.callback import Callback, ForeignCallbackError
from upstox_totp._http.callback_page import write_page
from upstox_totp.errors import AuthenticationError, UpstoxError

if TYPE_CHECKING:
    from pydantic import SecretStr

# How long a browser waits for what Upstox says to the code: as long as that may take.
_LONGEST_EXCHANGE: Final = 100.0
_LOOK: Final = 0.1


class Reception:
    """Takes the one callback of a login, and tells its browser how the login ended.

    Args:
        callback: What the login must come back with.
        seconds: How long it may take until then, from now.
    """

    def __init__(self, callback: Callback, seconds: float) -> None:
        self._callback = callback
        self._seconds = seconds
        self._ends = _clock.monotonic() + seconds
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._ended = threading.Event()
        self._code: SecretStr | None = None
        self._refusal: UpstoxError | None = None
        self._problem: str | None = None
        self._foreign = 0

    def answer(self, query: SecretStr) -> tuple[HTTPStatus, str]:
        """Return status and page for a request, once the login has ended.

        Args:
            query: The query of the request.
        """
        code: SecretStr | None = None
        refusal: UpstoxError | None = None
        with self._lock:
            if self._came.is_set():
                return HTTPStatus.CONFLICT, _ALREADY
            try:
                code = self._callback.read(query)
            except ForeignCallbackError:
                self._foreign += 1
                return HTTPStatus.BAD_REQUEST, _FOREIGN
            except UpstoxError as error:
                refusal = error
            self._code, self._refusal = code, refusal
            self._came.set()
        self._ended.wait(_LONGEST_EXCHANGE)
        return self._page()

    def wait(self) -> SecretStr:
        """Wait for the callback, and return its authorization code.

        Raises:
            UpstoxError: If it brought none, or did not come.
        """
        while not self._came.wait(_LOOK):
            if _clock.monotonic() >= self._ends:
                raise _too_late(self._seconds, self._foreign)
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)
        assert self._code is not None  # noqa: S101 - `answer` sets one of the two
        return self._code

    def tell(self, problem: str | None) -> None:
        """Let the browser know how the login ended.

        Args:
            problem: What went wrong, None if nothing did.
        """
        self._problem = problem
        self._ended.set()

    def _page(self) -> tuple[HTTPStatus, str]:
        if not self._ended.is_set():
            return HTTPStatus.OK, _STILL
        if self._problem is None:
            return HTTPStatus.OK, _DONE
        title = "You are not logged in"
        return HTTPStatus.BAD_REQUEST, write_page(title, self._problem, _BACK)


_BACK: Final = "You can close this page and go back to the program that began the login."
_DONE: Final = write_page(
    "You are logged in",
    "The program that began the login has your access token for today.",
    "You can close this page.",
    good=True,
)
_STILL: Final = write_page(
    "Upstox has not answered yet", "The program that began the login says how it ends."
)
_ALREADY: Final = write_page(
    "This login was answered already", "Each login is answered once.", _BACK
)
_FOREIGN: Final = write_page(
    "This is not the login that waits here",
    "The address belongs to another login, so nothing of it was used.",
    "If you are logging in right now, go on in the page that the program opened last.",
)


def _too_late(seconds: float, foreign: int) -> AuthenticationError:
    others = f" {foreign} came that belonged to another one." if foreign else ""
    return AuthenticationError(
        f"Nobody finished the login in the browser within {seconds:g} seconds.{others}",
        suggestions=[
            (
                "Begin again and log in on the page that opens; if it ended on an error page, see "
                "that the app's redirect URI at Upstox is redirect_uri (UPSTOX_REDIRECT_URI) to "
                "the letter."
            )
        ],
    )
