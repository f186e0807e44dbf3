"""The sandbox as its users see it: settings, start and stop, records, faults."""

import contextlib
import functools
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import asdict
from itertools import repeat
from typing import Self
from urllib.parse import urlsplit

from upstox_totp.sandbox.api import approved
from upstox_totp.sandbox.calls import STEPS, RequestRecord, Step
from upstox_totp.sandbox.faults import Fault
from upstox_totp.sandbox.routes import respond
from upstox_totp.sandbox.rules import TOTP_PERIOD, Certificate, Rules, codes_of
from upstox_totp.sandbox.server import HOST, Server
from upstox_totp.sandbox.state import State


def _post(url: str, message: Mapping[str, str], timeout: float) -> int:
    """Post a message as JSON, past every proxy and redirect, and return the status answered."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    target = parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()
    with contextlib.closing(kind(parts.hostname or "", parts.port, timeout=timeout)) as notifier:
        headers = {"Content-Type": "application/json"}
        notifier.request("POST", target, json.dumps(message), headers)
        return notifier.getresponse().status


class Sandbox(Rules):
    """An Upstox of your own, on a port of 127.0.0.1.

    Use it as a context manager, or call `start` and `stop`. The settings are attributes, too, and
    you can change most of them while it serves. With other `credentials` the app is a newer one,
    and the client id before is refused: Upstox lets a user have one app.

    Args:
        port: The port to listen on; 0 for a free one.
        credentials: The trader's and the app's; by default invented, with a redirect URI on a port
            of the loopback interface that is free when the sandbox is made.
        revision: Which paths of the verification and the PIN exist: "newer" (verify v5 with 2fa
            v4), "older" (v4 with v3), or "both". The others answer 404.
        step_clock: Whether the clock moves on by one period (30 seconds) after each accepted
            one-time password.
        clock_offset: Seconds that the sandbox's clock is ahead of `clock`.
        clock: Where the time comes from, in epoch seconds.
        charset: Such as "utf-8", to answer with `application/json;charset=UTF-8`; None for exactly
            `application/json`.
        certificate: For TLS, the files of the certificate chain and of its key, or a context.
        otp_limit: How many one-time passwords may be requested within ten minutes; the next is
            refused with 1017069, and so are all for ten minutes.
        attempts: How many wrong PINs, or wrong one-time passwords, lock the account.
        account: The account that the app belongs to.
        accounts: The trader's further accounts, which the newer revision lists before `account`.
        echo: Whether error messages repeat the rejected value, to find a client that shows it.
        otp_lifetime: Seconds that a one-time password's token is valid.
        code_lifetime: Seconds that an authorization code is valid.
        single_use_codes: Whether a one-time password is accepted only once (RFC 6238, section 5.2).
        totp_enabled: Whether the account has TOTP; without it every one-time password is wrong.
        pin_set: Whether the account has a PIN; without it every PIN is wrong.
        customer_status: What the PIN step says of the customer: "ACTIVE", "DORMANT", "INACTIVE".
        pin_gives_code: Whether the PIN step already answers the redirect URI with the code.
        authorize_redirects: How many redirects lie between the approval's answer and the code.
        totp_login: Whether there is the TOTP API; without it its path answers 404.
        totp_login_enveloped: Whether its answer comes as `{"status": "success", "data": {...}}`.
        totp_login_limits: Its limits by the sandbox's clock, as pairs of how many requests and
            within how many seconds; the documented ones by default, `()` for none.
        notifier_url: The app's notifier URL, http or https, where `approve` sends tokens; None for
            an app without one.
        token_request_refusal: The code that refuses every token request, such as "UDAPI1124" (not
            an individual's app), "UDAPI1155" (under review or rejected) or "UDAPI1157" (the app's
            key has expired); None to accept them.
        static_address: Whether the app's registered address is another one than this machine's:
            the profile then answers 401 with UDAPI1221, an order 403 with UDAPI1154, and a quote
            200 to a valid token. `PUT /v2/user/ip` registers 127.0.0.1.
        described: Whether to answer as Upstox's OpenAPI description says where no live answer did:
            `expires_in`, `token_type`, `refresh_token` and `refresh_token_expires_in` beside a
            token, and logout's error as an exception's fields, without `errors`.
        internal_client_id: The client id that the dialog gives, unlike the app's.
        internal_redirect_uri: The redirect URI that the dialog gives.
        user: Fields that replace or join the user's in the answers of token and profile.
        claims: Claims that replace or join the access token's.

    Raises:
        ValueError: `revision` is unknown, a limit is not of positive numbers, the notifier URL is
            not an absolute http or https URL, or the TOTP secret is not base32.
        OSError: The certificate cannot be read.
    """

    def __post_init__(
        self, port: int, certificate: Certificate | None, notifier_url: str | None
    ) -> None:
        """Check the settings, and put the parts together."""
        super().__post_init__()
        if certificate is not None and not isinstance(certificate, ssl.SSLContext):
            chain, key = certificate
            certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.load_cert_chain(chain, key)
        self._context = certificate
        self._port = port
        self._state = State(self)
        self._server: Server | None = None
        self._accepted = 0
        self.notifier_url = notifier_url

    def __repr__(self) -> str:
        """Return where the sandbox listens, without its credentials."""
        return f"<Sandbox {self.base_domain if self._server else 'stopped'}>"

    def __enter__(self) -> Self:
        """Start the sandbox."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the sandbox."""
        self.stop()

    def start(self) -> None:
        """Start listening.

        Raises:
            RuntimeError: It is started already.
            OSError: The port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the sandbox is started already")
        answer = functools.partial(respond, self._state)
        self._server = Server(self._port, self._context, answer, self.now, self._accepted)

    def stop(self) -> None:
        """Stop listening, end every connection at once, and leave no thread or socket behind."""
        if self._server is not None:
            self._server.close()
            self._accepted, self._server = self._server.accepted, None

    @property
    def port(self) -> int:
        """The port the sandbox listens on.

        Raises:
            RuntimeError: It is not started.
        """
        if self._server is None:
            raise RuntimeError("the sandbox is not started")
        return self._server.server_address[1]

    @property
    def base_domain(self) -> str:
        """The address of a host, with `{stage}` instead of its name.

        Raises:
            RuntimeError: The sandbox is not started.
        """
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://{HOST}:{self.port}/{{stage}}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead a client here, secrets included.

        Raises:
            RuntimeError: The sandbox is not started.
        """
        known = asdict(self.credentials) | {"base_domain": self.base_domain}
        return {f"UPSTOX_{name.upper()}": value for name, value in known.items()}

    @property
    def notifier_url(self) -> str | None:
        """The app's notifier URL, as token requests that come from now on are told.

        Raises:
            ValueError: What it is set to is not an absolute http or https URL.
        """
        return self._state.notifier_url

    @notifier_url.setter
    def notifier_url(self, url: str | None) -> None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
                raise ValueError("notifier_url is not an absolute http or https URL")
        self._state.notifier_url = url

    def approve(self, timeout: float = 10.0) -> int:
        """Approve the token request that waits, as on the phone, and post the token once.

        The message goes to the notifier URL that the request was told, with no signature and past
        every proxy. The token is issued even if the message does not arrive.

        Args:
            timeout: Seconds to wait for the notifier.

        Returns:
            The HTTP status that the notifier answered.

        Raises:
            RuntimeError: No token request waits, or it has lapsed.
            OSError: The notifier cannot be reached or does not answer in time.
            http.client.HTTPException: What it answers is not HTTP.
        """
        with self._state.lock:
            url, message = approved(self._state)
        # Without the lock: a notifier asks whose the token is before it answers.
        return _post(url, message, timeout)

    def reject(self) -> None:
        """Reject the token request that waits, as on the phone; nobody is told.

        Raises:
            RuntimeError: No token request waits, or it has lapsed.
        """
        with self._state.lock:
            self._state.take_request()

    def one_time_password(self) -> str:
        """Return the one-time password of the server's time, as the account's authenticator."""
        return codes_of(self.credentials.totp_secret).generate_otp(int(self.now()) // TOTP_PERIOD)

    def revoke(self, token: str) -> None:
        """End an access token now.

        Args:
            token: The access token.
        """
        with self._state.lock:
            self._state.revoke(token)

    def disable_totp(self) -> None:
        """Turn TOTP off for the account, which ends its sessions and its access tokens."""
        with self._state.lock:
            self.totp_enabled = False
            self._state.end_sessions()

    def now(self) -> float:
        """Return the server's time in epoch seconds."""
        return self._state.now()

    def advance(self, seconds: float) -> None:
        """Move the server's clock on.

        Args:
            seconds: How far; negative to move it back.
        """
        with self._state.lock:
            self.clock_offset += seconds

    def unlock(self) -> None:
        """Lift the account's lock, the block of one-time passwords and the TOTP login's limits."""
        with self._state.lock:
            self._state.unlock()

    def reset(self) -> None:
        """Start again on the same port and clock: no locks, logins, tokens, faults, records."""
        with self._state.lock:
            self._state.reset()
        self.resume()

    def misbehave(self, step: Step, fault: Fault, times: int | None = None) -> None:
        """Let a step misbehave.

        Several faults of one step take turns, in the order of the calls; one without `times` stays.

        Args:
            step: The step, as in `RequestRecord.step`.
            fault: What goes wrong.
            times: How often; None for always.

        Raises:
            ValueError: There is no such step, or `times` is less than one.
        """
        if step not in STEPS:
            raise ValueError(f"no step {step!r}; the steps are {', '.join(STEPS)}")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1")
        with self._state.lock:
            coming = self._state.faults[step]
            coming.append(repeat(fault) if times is None else repeat(fault, times))

    def behave(self) -> None:
        """Forget every fault, and listen again if one stopped that."""
        with self._state.lock:
            self._state.faults.clear()
        self.resume()

    def resume(self) -> None:
        """Listen again on the same port after `Fault.then_refuse`."""
        if self._server is not None:
            self._server.resume()

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests received so far, oldest first."""
        return list(self._state.received)

    def clear_requests(self) -> None:
        """Forget the requests received; the counts go on."""
        self._state.received.clear()

    @property
    def connections(self) -> int:
        """How many TCP connections were accepted."""
        return self._accepted if self._server is None else self._server.accepted

    @property
    def otp_requests(self) -> int:
        """How many requests for a one-time password came in, whatever the answer.

        The login page's form for the mobile number is one.
        """
        return self._state.counts["otp_request"]

    @property
    def codes_received(self) -> int:
        """How many one-time passwords came in on a path that exists, whatever the answer.

        They come from the verification, the login page's form, and each TOTP login.
        """
        return self._state.counts["code"]

    @property
    def pins_received(self) -> int:
        """How many PINs came in on a path that exists, whatever the answer.

        They come from the PIN step, the login page's form, and each TOTP login.
        """
        return self._state.counts["pin"]

    @property
    def totp_logins(self) -> int:
        """How many TOTP logins came in where the TOTP API exists, whatever the answer.

        Each counts as a code and as a PIN received, too.
        """
        return self._state.counts["totp_login"]

    @property
    def logins(self) -> int:
        """How many logins got past the PIN, with any method."""
        return self._state.completed

    @property
    def tokens_issued(self) -> int:
        """How many access tokens were issued."""
        return len(self.access_tokens)

    @property
    def access_tokens(self) -> list[str]:
        """The access tokens issued, oldest first, expired ones included."""
        with self._state.lock:
            return self._state.access_tokens

    @property
    def token_request_waits(self) -> bool:
        """Whether a token request can be approved or rejected."""
        with self._state.lock:
            return self._state.waits

    @property
    def notifications(self) -> list[dict[str, str]]:
        """The messages posted to the notifier, or tried to, oldest first."""
        with self._state.lock:
            return [dict(message) for message in self._state.messages]
