"""What was asked of the sandbox, request by request."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import Headers

from upstox_totp.sandbox.routes import Carried, Revision, Route, Step


@dataclass(slots=True, eq=False)
class RequestRecord:
    """One request as it was received.

    The repr leaves out query, headers and body, since they carry the secrets.

    Args:
        step: The step of the protocol, or None for an unknown path or method. A path of a revision
            the sandbox does not offer, or of a TOTP login that is not offered, keeps its step; its
            status is 404.
        revision: The revision of the protocol the path belongs to, or None for both.
        method: The HTTP method.
        stage: The first segment of the path, which stands for the host.
        path: The path on that host, without the stage.
        query: The query's parameters, the first of each name.
        headers: The headers, looked up in any case.
        body: The body as it came.
        json: The decoded body of a JSON request, else None.
        form: The decoded body of a form, the first of each name, else None.
        connection: The number of the TCP connection the request came over.
        status: The HTTP status of the answer, or None when none was sent.
    """

    step: Step | None
    revision: Revision | None
    method: str
    stage: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    json: Any = field(repr=False)
    form: Mapping[str, str] | None = field(repr=False)
    connection: int
    status: int | None = None


class RequestLog:
    """The requests in the order they came in, safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[RequestRecord] = []
        self._received: Counter[Step | None] = Counter()
        self._carried: Counter[Carried] = Counter()

    def add(self, record: RequestRecord, route: Route | None) -> None:
        """Note `record`, and count it towards the step of `route` and what it carries."""
        with self._lock:
            self._records.append(record)
            self._received[route.step if route else None] += 1
            self._carried.update(route.carries if route else ())

    def received(self, step: Step) -> int:
        """Return how many requests of `step` came in, whatever was answered."""
        with self._lock:
            return self._received[step]

    def carried(self, kind: Carried) -> int:
        """Return how many requests carried `kind`, whatever was answered."""
        with self._lock:
            return self._carried[kind]

    def snapshot(self) -> list[RequestRecord]:
        """Return the records so far, oldest first."""
        with self._lock:
            return list(self._records)

    def clear(self) -> None:
        """Forget the records; the counts go on."""
        with self._lock:
            self._records.clear()

    def reset(self) -> None:
        """Forget the records and the counts."""
        with self._lock:
            self._records.clear()
            self._received.clear()
            self._carried.clear()
