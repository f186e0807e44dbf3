"""HostsAPI: whether the hosts of Upstox answer, asked without a credential."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from upstox_totp import _clock
from upstox_totp._api import routes
from upstox_totp._api.attempt import Attempt
from upstox_totp._api.base import BaseAPI
from upstox_totp._http.server_clock import read_offset
from upstox_totp.errors import UpstoxError
from upstox_totp.transcript import Step


@dataclass(frozen=True)
class Visit:
    """What came of asking a host.

    Attributes:
        stage: The stage that it serves: ``api``, ``service`` or ``login``.
        host: The host, with its port if it is not the scheme's own.
        milliseconds: From sending the request to the end of the answer.
        response: The answer, None if no whole one came.
        offset: How far its clock is ahead of the local one, in seconds, None if it did not tell.
        failure: Why no whole answer came, None if one did.
    """

    stage: str
    host: str
    milliseconds: int
    response: requests.Response | None = field(default=None, repr=False)
    offset: float | None = None
    failure: requests.RequestException | UpstoxError | None = None


class HostsAPI(BaseAPI):
    """What the hosts of Upstox answer to a request without a credential.

    Args:
        client: Whose session is used, and where to ask; no settings are needed.
    """

    def ask(self, stage: str) -> Visit:
        """Ask one host, and return what came of it, whatever that is.

        Args:
            stage: Which: ``api``, ``service`` or ``login``.
        """
        url = routes.root(stage, self._client.base_domain)
        host = urlsplit(url).netloc
        attempt = Attempt()
        failure: requests.RequestException | UpstoxError
        started = _clock.monotonic()
        try:
            with attempt.step(Step.HOST):
                answer = self._send(
                    attempt, Step.HOST, "GET", url, headers=self._unset(routes.page_headers())
                ).response
        except (requests.RequestException, UpstoxError) as error:
            failure = error
        else:
            offset = read_offset(answer.headers)
            milliseconds = attempt.transcript[-1].milliseconds
            return Visit(stage, host, milliseconds, answer, offset)
        elapsed = round((_clock.monotonic() - started) * 1000)
        return Visit(stage, host, elapsed, failure=failure)
