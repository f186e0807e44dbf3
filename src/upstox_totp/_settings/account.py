"""What identifies an account."""

from __future__ import annotations

import hashlib
import hmac
import json


def account_name(username: str, client_id: str, base_domain: str) -> str:
    """Return the name under which an account is kept, which tells nothing about it.

    Args:
        username: The mobile number.
        client_id: The API key of the app.
        base_domain: Where it logs in: a token of the sandbox is none for Upstox.
    """
    account = json.dumps([username, base_domain.rstrip("/")])
    return hmac.digest(json.dumps(client_id).encode(), account.encode(), hashlib.sha256).hex()
