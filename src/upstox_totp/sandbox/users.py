"""What answers say of the user, and the tokens that are made for one."""

from typing import Any

from upstox_totp.sandbox.rules import Rules
from upstox_totp.sandbox.state import State


def user_fields(rules: Rules) -> dict[str, Any]:
    """Return the documented fields of the account's user, as the profile has them.

    Args:
        rules: The sandbox's settings.
    """
    account = rules.account
    user = {
        "email": "asha.rao@example.com",
        "exchanges": ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"],
        "products": ["D", "CO", "I"],
        "broker": "UPSTOX",
        "user_id": account.user_id,
        "user_name": f"{account.first_name} {account.last_name}",
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "user_type": "individual",
        "poa": False,
        "is_active": True,
    }
    return user | dict(rules.user)


def token_fields(state: State) -> dict[str, Any]:
    """Issue tokens and return the documented, flat fields of a token's answer.

    Args:
        state: What the service remembers.
    """
    user_id = state.rules.account.user_id
    return user_fields(state.rules) | {
        "ddpi": False,
        "access_token": state.tokens.issue(user_id),
        "extended_token": state.tokens.issue_extended(user_id),
    }
