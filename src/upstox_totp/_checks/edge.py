"""The page of an edge: a server in front of Upstox that refuses a request before Upstox sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from upstox_totp._http.answers import Answer

if TYPE_CHECKING:
    import requests

_ADVICE: Final = {
    "1010": "it refuses this program's signature, whatever is sent: another way to log in "
    "(login_method) may pass",
    "1015": "it counts too many requests from this address: wait an hour, then log in once a day",
}
_OTHERWISE: Final = "try another network; a server abroad may be refused for good"


@dataclass(frozen=True)
class EdgePage:
    """A block page.

    Attributes:
        code: Cloudflare's number of the reason, None if the page names none.
    """

    code: str | None

    def __str__(self) -> str:
        """Return what it is and what to do about it."""
        named = f" with Cloudflare's error {self.code}" if self.code else ""
        return f"an edge's block page{named}: {_ADVICE.get(self.code or '', _OTHERWISE)}"


def edge_page(response: requests.Response) -> EdgePage | None:
    """Return the block page that an answer is, None if it is none.

    Args:
        response: The answer. A page that refuses is HTML with 403, 429 or 503.
    """
    html = "html" in response.headers.get("Content-Type", "").lower()
    if response.status_code not in {403, 429, 503} or not html:
        return None
    return EdgePage(Answer(response).edge_error)
