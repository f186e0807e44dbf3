"""The made-up trader: what the trader knows, and the accounts the service knows."""

import secrets
import socket
from dataclasses import dataclass, field

# Below what systems hand out by themselves, so that no connection and no sandbox takes it before
# the client listens there.
_PORTS = range(20_000, 32_000)


def loopback_redirect_uri() -> str:
    """Return a redirect URI on a port of the loopback interface that is free now.

    Raises:
        OSError: None of a hundred ports is free.
    """
    for _ in range(100):
        port = secrets.choice(_PORTS)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return f"http://127.0.0.1:{port}/callback"
    raise OSError("no free port on the loopback interface")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a trader types in, and the app registered with Upstox; all of it made up.

    Everything but the app's `client_id` and `redirect_uri` is left out of the repr.

    Args:
        username: The mobile number, ten digits.
        password: The account's password. The login never asks for it.
        pin_code: The PIN, six digits.
        totp_secret: The shared secret of the one-time passwords, base32.
        client_id: The app's identifier ("API key").
        client_secret: The app's secret.
        redirect_uri: The redirect URI the app is registered with. The sandbox only sends browsers
            there. A sandbox made without credentials has one with a free port of the loopback
            interface instead; `dataclasses.replace(Sandbox().credentials, pin_code=...)` keeps it.
    """

    username: str = field(default="9876501234", repr=False)
    password: str = field(default="SandboxPassword1", repr=False)
    pin_code: str = field(default="482915", repr=False)
    totp_secret: str = field(default="K5QXGZLTMVRWK3DFMNZGS3DPNVQWY2LD", repr=False)
    client_id: str = "5d0b7c1e-93f4-4a86-b2d7-0c61e8f3a94b"
    client_secret: str = field(default="s8k2m4q7wz", repr=False)
    redirect_uri: str = "https://127.0.0.1/callback"


@dataclass(frozen=True, slots=True)
class Account:
    """One trading account behind the mobile number.

    Args:
        user_id: The account's user id (UCC).
        profile_id: The number by which the newer PIN step names the account.
        is_default: Whether the service calls this account the default one.
        first_name: The holder's first name.
        last_name: The holder's last name.
    """

    user_id: str = "4CB7QX"
    profile_id: int = 20481377
    is_default: bool = True
    first_name: str = "Asha"
    last_name: str = "Rao"
