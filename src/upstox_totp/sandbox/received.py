"""What came in at a sandbox, and what it gave out."""

from upstox_totp.sandbox.phone import Message
from upstox_totp.sandbox.records import RequestLog, RequestRecord
from upstox_totp.sandbox.server import Listener
from upstox_totp.sandbox.state import State


class Received:
    """The side of a sandbox that tests read: requests, counts, tokens."""

    _log: RequestLog
    _state: State
    _listener: Listener

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests received so far, oldest first."""
        return self._log.snapshot()

    def clear_requests(self) -> None:
        """Forget the requests received; the counts go on."""
        self._log.clear()

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted."""
        return self._listener.connections.accepted

    @property
    def otp_requests(self) -> int:
        """How many requests to generate a one-time password came in, whatever was answered.

        The login page's form for the mobile number is one.
        """
        return self._log.carried("otp_request")

    @property
    def codes_received(self) -> int:
        """How many one-time passwords came in on a path there is, whatever was answered.

        They come from the verification, the login page's form, and each TOTP login.
        """
        return self._log.carried("code")

    @property
    def pins_received(self) -> int:
        """How many PINs came in on a path there is, whatever was answered.

        They come from the PIN step, the login page's form, and each TOTP login.
        """
        return self._log.carried("pin")

    @property
    def totp_logins(self) -> int:
        """How many TOTP logins came in where there is one, whatever was answered.

        Each counts as a code and as a PIN received, too.
        """
        return self._log.received("totp_login")

    @property
    def logins(self) -> int:
        """How many logins got past the PIN, whichever way."""
        with self._state.lock:
            return self._state.completed

    @property
    def tokens_issued(self) -> int:
        """How many access tokens were issued."""
        return len(self.access_tokens)

    @property
    def access_tokens(self) -> list[str]:
        """The access tokens issued, oldest first, dead ones included."""
        with self._state.lock:
            return self._state.tokens.access_tokens

    @property
    def token_request_waits(self) -> bool:
        """Whether a token request can be approved or rejected."""
        with self._state.lock:
            return self._state.phone.waits

    @property
    def notifications(self) -> list[dict[str, str]]:
        """The messages posted to the notifier, or tried to, oldest first."""
        with self._state.lock:
            return [Message(message) for message in self._state.phone.messages]
