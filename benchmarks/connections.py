"""How many connections a login opens: one an origin, and none when the client logs in again."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.figures import Figure
from benchmarks.service import DOMAIN, serving, without_pauses
from upstox_totp import UpstoxTOTP

if TYPE_CHECKING:
    import requests

    from benchmarks.service import Service


def measure() -> list[Figure]:
    """Log in twice where all hosts are one origin, and twice where each is one of its own.

    The sandbox's login page lies on the host that was asked, so that there are two of them.
    """
    with serving() as service, without_pauses():
        one = _opened(service)
        with _hosts_apart(), patch.object(socket, "getaddrinfo", _resolve):
            apart = _opened(service)
    return [
        Figure("First login, all hosts at one origin", one[0], limit=1, exact=True),
        Figure("Second login of that client", one[1], limit=0, exact=True),
        Figure("First login, each host an origin of its own", apart[0], limit=2, exact=True),
        Figure("Second login of that client", apart[1], limit=0, exact=True),
    ]


def _opened(service: Service) -> list[int]:
    opened = []
    with UpstoxTOTP() as client:

        def share(response: requests.Response) -> None:
            # The sandbox gives its cookies to the host that was asked; a login needs them at all.
            for cookie in response.cookies:
                if cookie.value is None:
                    continue
                client.session.cookies.set(cookie.name, cookie.value, domain=f".{DOMAIN}")

        client.session.hooks["response"].append(share)
        for _ in range(2):
            before = service.connections()
            client.app_token.get_access_token()
            opened.append(service.connections() - before)
    return opened


def _hosts_apart() -> Any:
    """Give each host of the service a name of its own."""
    shared = os.environ["UPSTOX_BASE_DOMAIN"]
    apart = shared.replace("127.0.0.1", f"{{stage}}.{DOMAIN}")
    return patch.dict(os.environ, UPSTOX_BASE_DOMAIN=apart)


_getaddrinfo = socket.getaddrinfo


def _resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
    here = isinstance(host, str) and host.endswith(DOMAIN)
    return _getaddrinfo("127.0.0.1" if here else host, *args, **kwargs)
