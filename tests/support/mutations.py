"""Makes up what a hostile or broken server answers, from a seed: one mutation of one answer."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import random
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from support.wire_faults import last_on_connection
from upstox_totp import ErrorCode
from upstox_totp.sandbox import Fault
from upstox_totp.sandbox.calls import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from upstox_totp.sandbox.calls import Call
    from upstox_totp.sandbox.faults import Proceed
    from upstox_totp.sandbox.server import Wire

PAGE: Final = (
    "<!doctype html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Access denied</h1><p>Error {number}</p></body></html>"
)
SILENT, UNKNOWN, NOTHING, OTHER = "silent", "unknown", "nothing", "other"

DATES: Final = (
    "Thu, 01 Jan 1960 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 99 Foo 2026", "",
    "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359", "0", "\xff\xfe",
    "Wed, 21 Oct 2026 07:28:00 GMT", "Thu, 26 Nov 2099 10:00:00 GMT", "1e9",
    "Sat, 00 Jan 2026 25:61:61 GMT", "Wed, 21 Oct 2026 07:28:00 +9999999999",
)  # fmt: skip
WAITS: Final = ("0", "-1", "1e300", "999999999", "9" * 400, "NaN", "7", "soon", *DATES)
TYPES: Final = (
    "", "text/html", "application/json", "application/json;charset=utf-8", "text/plain; charset=x",
    "application/json; charset=\x00", "image/png", ";;;=", "application/json;charset=utf-16",
    "x" * 3000,
)  # fmt: skip
LOCATIONS: Final = (
    "", "/", "//", "http://[broken", "https://upstox.com:99999/x", "mailto:x", "data:,x",
    "https://example.com/?odd=an-odd-code", "http://127.0.0.1:1/", "\\\\example.com", "https://\u212apstox.com",
    "https://api.upstox.com@example.com/?odd=another-odd-code", "?other=" + "a" * 5000, "https://upstox.com\t/x",
    "//login.upstox.com/%ZZ?client_id=a&redirect_uri=b&user_id=c", "javascript:alert(1)", "\x00",
)  # fmt: skip
COOKIES: Final = (
    "a=b; Expires=Fri, 99 Foo 99999 00:00:00 GMT", "=", "x" * 5000, "a=b; Max-Age=1e300",
    "a=b; Domain=.example.com", "\xff=\xff; Path=/", "a=b; Max-Age=-9" + "9" * 30, "a=b; Version=x",
)  # fmt: skip
RAW: Final = (
    b"", b"\r\n\r\n", b"garbage\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 99999 OK\r\n\r\n", b"HTTP/1.1 -5 OK\r\n\r\n", b"HTTP/0.9 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n{}\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n{}",
    b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n{}",
    b"HTTP/1.1 200 " + b"K" * 70_000 + b"\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n: empty\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Type: \xff\xfe\r\nLocation: \xff\r\n\r\n{}",
    b"HTTP/1.1 302 Found\r\nLocation: \xc3\x28\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", b"HTTP/1.1 304 Not\r\n\r\n",
    b"\x16\x03\x01\x02\x00", b"SSH-2.0-OpenSSH_9.6\r\n", b"220 smtp ready\r\n",
)  # fmt: skip
ENCODINGS: Final = ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x", "identity", "")
ODD: Final[tuple[object, ...]] = (
    None, True, False, 0, -1, 2**63, 10**400, 1e300, "", " ", "\u0000", "\ud800", "x" * 70_000,
    [], {}, [[[[]]]], {"a": {"b": [None]}}, "na\u00efve\r\nSet-Cookie: x", "\u202e\u2066", "***",
    "eyJhbGciOiJub25lIn0.eyJleHAiOjFlMzAwfQ.", "eyJhbGciOiJub25lIn0.e30.", "a.b.c", "..",
    "https://example.com/?odd=a-third-odd-code", "https://api.upstox.com/x?code=", "-0.0",
)  # fmt: skip
WORDS: Final = (
    "Something new", "1 attempt left", "0 attempts left", "99 attempts left", "", "maintenance",
    "Gave up after 3 attempts", "attempts remaining: 999999999999999999999", "\x1b[31m\r\n\x00",
    "m" * 100_000, "You sent",
)  # fmt: skip
STATUSES: Final = (200, 200, 201, 204, 400, 401, 403, 404, 405, 407, 408, 409, 410, 418, 422, 429,
                   451, 500, 502, 503, 504, 520, 530, 599)  # fmt: skip


def spellings(value: str) -> set[str]:
    """Return the ways to write a value that a server may echo it in."""
    data = value.encode()
    once = quote(value, safe="")
    lower = re.sub("%..", lambda escape: escape.group().lower(), once)
    coded = base64.b64encode(data).decode()
    ways = {
        value, once, lower, quote(value, safe="/"), quote(once, safe=""),
        quote(lower, safe=""), once.replace("%20", "+"), coded, coded.rstrip("="),
        base64.urlsafe_b64encode(data).decode(), data.hex(), data.hex().upper(),
        "".join(f"&#x{ord(one):X};" for one in value), "".join(f"&#{ord(one)};" for one in value),
        "".join(f"\\u{ord(one):04x}" for one in value), json.dumps(value)[1:-1],
        value.replace("&", "&amp;"), "".join(f"%{one:02x}" for one in data),
    }  # fmt: skip
    return {way for way in ways if way}


@dataclass
class Mutator:
    """Makes faults from a seed, and remembers how each request that met one was answered.

    Args:
        rng: Where chance comes from.
        secrets: Every secret that the server knows from the start.

    Attributes:
        labels: How requests were answered, by their connection and order: step and label.
        echoed: Every spelling of a secret that was sent.
    """

    rng: random.Random
    secrets: tuple[str, ...]
    labels: list[tuple[str, str]] = field(default_factory=list)
    echoed: set[str] = field(default_factory=set)

    def fault(self, step: str) -> Fault:
        """Return one mutation of the answers of a step."""
        kinds: tuple[Callable[[str], Fault], ...] = (
            self._changed, self._changed, self._changed, self._refused, self._refused,
            self._refused, self._foreign, self._headers, self._headers, self._raw, self._redirected,
            self._broken, self._zipped, self._page, self._down, self._cut,
        )  # fmt: skip
        return self.rng.choice(kinds)(step)

    def _labelled(self, step: str, label: str, fault: Fault) -> Fault:
        inner = fault.answer

        def answer(call: Call, proceed: Proceed) -> Response:
            self.labels.append((step, label))
            return inner(call, proceed)

        return replace(fault, name=f"{label}: {fault.name}", answer=answer)

    def _changed(self, step: str) -> Fault:
        """Carry the step out, and change types, leave out, add, enlarge and nest."""
        number = self.rng.randrange(2**32)

        def alter(payload: Any) -> Any:
            rng = random.Random(number)  # noqa: S311 - chance that can be repeated
            if step == "dialog":
                # It becomes a query, whatever is in it.
                return {name: self._query_value(value, rng) for name, value in payload.items()}
            return functools.reduce(lambda so_far, _: self._altered(so_far, rng), range(3), payload)

        # What comes of it may be a login or not.
        return self._labelled(step, OTHER, Fault.change(alter))

    def _altered(self, payload: Any, rng: random.Random) -> Any:
        if isinstance(payload, dict) and payload and rng.random() < 0.85:
            name = rng.choice(sorted(payload, key=str))
            choice = rng.random()
            if choice < 0.25:
                return {key: value for key, value in payload.items() if key != name}
            if choice < 0.4:
                return payload | {rng.choice(("extra", "error", "errors", "code")): self._odd(rng)}
            return payload | {name: self._altered(payload[name], rng)}
        if isinstance(payload, list) and payload and rng.random() < 0.6:
            return [self._altered(payload[0], rng), *payload[1:], *payload[:1]]
        return self._odd(rng)

    def _query_value(self, value: object, rng: random.Random) -> str:
        odd = self._odd(rng) if rng.random() < 0.3 else value
        return str(odd)[:5000].encode("ascii", "replace").decode()

    def _odd(self, rng: random.Random) -> object:
        return self._echo(rng, self.secrets) if rng.random() < 0.2 else rng.choice(ODD)

    def _echo(self, rng: random.Random, values: tuple[str, ...]) -> str:
        known = [value for value in values if value]
        if not known:
            return ""
        texts = [rng.choice(sorted(spellings(rng.choice(known)))) for _ in range(rng.randint(1, 4))]
        self.echoed.update(texts)
        return rng.choice((" ", "&", "=", "\n", '","', "/")).join(texts)

    def _refused(self, step: str) -> Fault:
        """Refuse in some envelope, with a code that is known or not, and echo what was sent."""
        rng = self.rng
        known = rng.random() < 0.5
        unknown = (424242, "UDAPI424242", "ODD", None)
        code: Any = rng.choice(tuple(ErrorCode)).value if known else rng.choice(unknown)
        if isinstance(code, str) and code.isdigit() and rng.random() < 0.8:
            code = int(code)
        words, status, shape = rng.choice(WORDS), rng.choice(STATUSES), rng.randrange(8)
        number = rng.randrange(2**32)
        own = shape in {0, 1, 2} and status in {200, 400, 401, 403, 409, 422}
        plain = words in {"Something new", "", "You sent"}
        label = UNKNOWN if own and not known and plain else OTHER

        def answer(call: Call, _: Proceed) -> Response:
            chance = random.Random(number)  # noqa: S311 - as above
            text = f"{words} {self._echo(chance, (*call.sent(), *self.secrets))}"
            return call.response(Reply(_envelope(shape, code, text), status))

        return self._labelled(step, label, Fault(f"refused {code} {status} {shape}", answer))

    def _foreign(self, step: str) -> Fault:
        """Answer what is no JSON object, or not what was asked for, with any status."""
        rng = self.rng
        bodies = (
            b"", b"null", b"[]", b"7", b'"ok"', b"[" * 50_000, b"1" * 5000, b'{"a":' * 5000,
            b'{"success": true, "data": {', b'{"data": "\xff\xfe"}', b"NaN", b"\xef\xbb\xbf{}",
            b'{"success": true, "success": false}', rng.randbytes(200), b"Unauthorized",
            b'{"success": true, "data": null}', b'{"success": "yes", "data": {}}', b"{}",
            b'{"status": "error"}', b'{"error": {"error": {"error": 1}}}', b'{"errors": {}}',
            b'{"errors": [null, 1, "a", {"errorCode": {}}]}', '{"a": "x"}'.encode("utf-16"),
        )  # fmt: skip
        status, body = rng.choice(STATUSES), rng.choice(bodies)
        fault = Fault.status(status, body, "application/json", self._some_headers())
        return self._labelled(step, SILENT if status in {500, 502, 504} else OTHER, fault)

    def _some_headers(self) -> dict[str, str]:
        rng = self.rng
        pools = {
            "Date": DATES, "Retry-After": WAITS, "Set-Cookie": COOKIES, "Age": ("1", "x"),
            "Location": LOCATIONS, "Server": ("cloudflare", "\xff"), "WWW-Authenticate": ("Basic",),
            "Proxy-Authenticate": ("Negotiate",), "Refresh": ("0",), "Link": ("<", "x" * 9000),
        }  # fmt: skip
        chosen = rng.sample(sorted(pools), rng.randint(0, 4))
        return {name: _sendable(rng.choice(pools[name])) for name in chosen}

    def _headers(self, step: str) -> Fault:
        """Carry the step out, with headers that make no sense, or echo."""
        added = self._some_headers()
        if self.rng.random() < 0.5:
            added["Content-Type"] = _sendable(self.rng.choice(TYPES))
        if self.rng.random() < 0.3:
            secret = quote(self.rng.choice(self.secrets), safe="")
            self.echoed.add(secret)
            added |= {"X-Echo": secret, "Content-Type": f"application/{secret}"}

        def deliver(wire: Wire, response: Response) -> None:
            wire.send(response, **added)

        return self._labelled(step, OTHER, Fault(f"headers {sorted(added)}", deliver=deliver))

    def _raw(self, step: str) -> Fault:
        """Answer bytes that are no HTTP, or hardly."""
        data = self.rng.choice(RAW)

        def deliver(wire: Wire, _: Response) -> None:
            wire.wfile.write(data)
            wire.hang_up()

        fault = Fault.status(500)
        return self._labelled(step, OTHER, replace(fault, name=f"{data[:30]!r}", deliver=deliver))

    def _redirected(self, step: str) -> Fault:
        status = self.rng.choice((301, 302, 303, 307, 308, 300, 305))
        location = _sendable(self.rng.choice(LOCATIONS))
        if self.rng.random() < 0.2:
            return self._labelled(step, OTHER, Fault.redirect_loop())
        return self._labelled(step, OTHER, Fault.redirect(location, status))

    def _broken(self, step: str) -> Fault:
        rng = self.rng
        wrong = (Fault.reset("middle"), Fault.close("middle"), last_on_connection(),
                 last_on_connection(announce=False))  # fmt: skip
        return self._labelled(step, OTHER, rng.choice(wrong))

    def _zipped(self, step: str) -> Fault:
        """Say that the body is compressed, in some way, and break it."""
        rng = self.rng
        whole = gzip.compress(b'{"success": true, "data": {}}')
        bodies = (whole, whole[:-5], whole[:12], b"no gzip", b"", whole + whole, whole + b"x")
        headers = {"Content-Encoding": rng.choice(ENCODINGS)}
        fault = Fault.status(200, rng.choice(bodies), "application/json", headers)
        return self._labelled(step, OTHER, fault)

    def _page(self, step: str) -> Fault:
        """Let the edge answer."""
        number = self.rng.choice((1010, 1015, 1020, 1006))
        page = PAGE.format(number=number)
        return self._labelled(step, NOTHING, Fault.status(403, page, "text/html"))

    def _down(self, step: str) -> Fault:
        status = self.rng.choice((500, 502, 503, 504))
        return self._labelled(step, SILENT, Fault.status(status, "down"))

    def _cut(self, step: str) -> Fault:
        fault = self.rng.choice((Fault.reset(), Fault.close()))
        return self._labelled(step, SILENT, fault)


def _sendable(text: str) -> str:
    # http.server writes Latin-1, and what it sends must be one line.
    return text.encode("utf-8").decode("latin-1").replace("\r", " ").replace("\n", " ")


def _envelope(shape: int, code: Any, text: str) -> object:
    one = {"errorCode": code, "error_code": code, "message": text, "invalidValue": text}
    return (
        {"success": False, "error": {"code": code, "message": text}},
        {"status": "error", "errors": [one]},
        {"success": False, "errors": [{"code": code, "message": text}], "request_id": text},
        {"success": False, "error": text},
        {"message": text},
        {"error": code, "error_description": text},
        {"error": {"reason": text}, "message": text},
        [one],
    )[shape]
