"""Looks for secrets in everything that a login leaves behind."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import re
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import upstox_totp
from upstox_totp.sandbox import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from upstox_totp import UpstoxTOTP
    from upstox_totp.sandbox import Sandbox

PACKAGE = Path(upstox_totp.__file__).parent

CREDENTIALS = Credentials(
    password="canary-Pass word&1",
    pin_code="483920",
    totp_secret="KRUGKIDROVUWG2ZAMJZG653OEBTG66BA",
    client_secret="canary+secret=%41&",
)

# Addresses of objects and fractions of seconds, in which six digits may stand by chance.
_NUMBERS: Final = re.compile(r"0x[0-9a-f]+|[0-9]+\.[0-9]+")


class Canaries:
    """The seven kinds of secrets of one login, and where to look for them.

    Args:
        sandbox: Knows the one-time passwords and tokens.
        client: Whose login it is.
    """

    def __init__(self, sandbox: Sandbox, client: UpstoxTOTP) -> None:
        self._sandbox = sandbox
        self._client = client
        self._codes: set[str] = set()
        client.session.hooks["response"].append(self._note_code)

    def _note_code(self, response: requests.Response) -> None:
        addresses = [response.headers.get("Location", "")]
        with suppress(LookupError, TypeError, ValueError, RecursionError):
            addresses.append(response.json()["data"]["redirectUri"])
        for address in addresses:
            with suppress(LookupError, AttributeError, TypeError, ValueError):
                self._codes.update(parse_qs(urlsplit(address).query)["code"])

    def values(self) -> set[str]:
        """Return every secret, in the spellings that may turn up."""
        credentials = self._sandbox.credentials
        plain = {
            credentials.password,
            credentials.pin_code,
            credentials.totp_secret,
            credentials.client_secret,
            base64.b64encode(credentials.pin_code.encode()).decode(),
            *self._codes,
            *self._sandbox.access_tokens,
        }
        for record in self._sandbox.requests:
            if record.step == "verify" and isinstance(record.json, dict):
                plain.add(record.json["data"]["otp"])
            if record.step == "totp_login" and isinstance(record.json, dict):
                plain.add(record.json["totp"])
        return plain | set(map(quote, plain)) | set(map(quote_plus, plain))

    def check(self, texts: dict[str, str]) -> None:
        """Assert that no secret is in any of the texts.

        Args:
            texts: What a login left behind, by where it was found.
        """
        values = self.values()
        assert len(values) >= 5
        found = {
            (place, value)
            for place, text in texts.items()
            for value in values
            if value in (_NUMBERS.sub("", text) if value.isdigit() else text)
        }
        assert not found, found

    def surfaces(self, outcome: object, records: list[logging.LogRecord]) -> dict[str, str]:
        """Return all texts in which a secret may turn up.

        Args:
            outcome: The response of a login, or the exception it ended with.
            records: What was logged.
        """
        texts = {
            "client": f"{self._client!s} {self._client!r}",
            "config": f"{self._client.config!s} {self._client.config!r}",
            "session": f"{self._client.session!r} {self._client.server_clock!r}",
            "log": "\n".join(map(_formatted, records)),
        }
        if isinstance(outcome, BaseException):
            return texts | texts_of(outcome)
        return texts | {"outcome": f"{outcome!s} {outcome!r}"}


def _formatted(record: logging.LogRecord) -> str:
    text = logging.Formatter().format(record)
    return f"{text} {record.args!r} {record.__dict__.get('exchange')!r}"


def texts_of(exception: BaseException) -> dict[str, str]:
    """Return all texts of an exception in which a secret may turn up.

    Args:
        exception: The exception; those that led to it are looked at, too.
    """
    texts = {}
    for number, error in enumerate(_chain(exception)):
        texts[f"exception {number}"] = f"{error!s} {error!r} {error.args!r} {vars(error)!r}"
        texts[f"pickle {number}"] = pickle.dumps(error).decode("latin-1")
        texts[f"copy {number}"] = f"{copy.copy(error)!r} {vars(copy.copy(error))!r}"
        texts[f"frames {number}"] = _locals(error)
    texts["traceback"] = "".join(traceback.format_exception(exception))
    return texts


def _chain(exception: BaseException | None) -> Iterator[BaseException]:
    while exception is not None:
        yield exception
        exception = exception.__cause__ or exception.__context__


def _locals(error: BaseException) -> str:
    rendered = traceback.TracebackException.from_exception(error, capture_locals=True)
    own = [frame for frame in rendered.stack if Path(frame.filename).is_relative_to(PACKAGE)]
    return "\n".join(f"{frame.name}: {frame.locals}" for frame in own)


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def everything_logged() -> Iterator[list[logging.LogRecord]]:
    """Record what every logger says, urllib3's own included, at DEBUG."""
    root = logging.getLogger()
    recorder, level = _Recorder(), root.level
    root.addHandler(recorder)
    root.setLevel(logging.DEBUG)
    try:
        yield recorder.records
    finally:
        root.removeHandler(recorder)
        root.setLevel(level)


def same_error(one: Any, other: Any) -> bool:
    """Tell whether an exception came through pickle whole."""
    return type(one) is type(other) and str(one) == str(other)
