"""One request as the protocol's steps see it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from upstox_totp.sandbox.answers import MALFORMED, demand, json_response
from upstox_totp.sandbox.routes import Route
from upstox_totp.sandbox.rules import Rules


class UnlimitedRequest(Request):
    """A request whose form may be of any size: the peer is on this machine."""

    max_form_memory_size = None


def leaves(value: object) -> Iterator[str]:
    """Yield the texts and numbers anywhere in a decoded JSON `value`, as text."""
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from leaves(child)
    elif value is not None:
        yield str(value)


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """A request that has found its route.

    Args:
        route: The route.
        request: The request, its body read.
        json: The decoded body of a JSON request, else None.
        rules: The sandbox's settings.
        segments: The segments of the path that the route leaves open, by name.
    """

    route: Route
    request: Request
    json: Any
    rules: Rules
    segments: Mapping[str, str] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """The host the request went to."""
        return self.route.stage

    def data(self) -> dict[str, Any]:
        """Return the object under `data`, the envelope of every `service` request.

        Raises:
            Refusal: The body is not JSON by its `Content-Type`, or not `{"data": {...}}`.
        """
        demand(
            self.request.mimetype == "application/json",
            MALFORMED,
            "Content-Type must be application/json, not",
            self.request.content_type,
        )
        data = self.json.get("data") if isinstance(self.json, dict) else None
        demand(isinstance(data, dict), MALFORMED, 'The body must be {"data": {...}}')
        return dict(data or {})

    def query(self, name: str) -> str | None:
        """Return the first query parameter called `name`, or None."""
        return self.request.args.get(name)

    def header(self, name: str) -> str | None:
        """Return the header called `name`, or None."""
        return self.request.headers.get(name)

    def cookie(self, name: str) -> str:
        """Return the cookie called `name`, or an empty text."""
        return self.request.cookies.get(name, "")

    @property
    def bearer(self) -> str:
        """The token of the `Authorization: Bearer` header, or an empty text."""
        scheme, _, token = (self.header("Authorization") or "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def url(self, stage: str, path: str) -> str:
        """Return the sandbox's own address of `path` on the host `stage`."""
        return f"{self.request.host_url}{stage}{path}"

    def values(self) -> list[str]:
        """Return every value the request carried: query, body and bearer token."""
        sent = [
            *self.request.args.values(),
            *leaves(self.json),
            *self.request.form.values(),
            self.bearer,
        ]
        return [value for value in sent if value]

    def answer(self, value: object, status: int = 200) -> Response:
        """Return `value` as a JSON response with the sandbox's `Content-Type`."""
        return json_response(value, self.rules.content_type, status)
