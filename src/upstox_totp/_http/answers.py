"""HTTP answers, decoded: their JSON, and what they say went wrong, in every envelope."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import pydantic
from pydantic_core import from_json

from upstox_totp.transcript import media_type

if TYPE_CHECKING:
    import requests

ModelT = TypeVar("ModelT", bound=pydantic.BaseModel)

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_OK: Final = range(200, 300)
_NOT_JSON: Final = object()
_CODES: Final = ("errorCode", "error_code", "code")
_WORDS: Final = ("message", "error_description", "reason", "detail", "title", "description")
_LONGEST_PAGE: Final = 64 * 1024
# Compiled by the first answer that complains: a login that goes well has none.
_OAUTH_CODE: Final = r"[a-z]+(?:_[a-z]+)+"
_TAG: Final = r"<[^<>]*>"
_EDGE_ERROR: Final = r"\berror\W{0,9}(?:code\W{0,9})?(1\d{3})\b"


class Complaint(NamedTuple):
    """What an answer says went wrong; `own` if it came in an envelope of Upstox."""

    code: int | str | None = None
    message: str | None = None
    own: bool = False

    def __repr__(self) -> str:
        """Return nothing of what was said."""
        return f"Complaint(own={self.own})"


class Answer:
    """One answer, its JSON decoded; never shows what it holds."""

    __slots__ = ("_document", "response")

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self._document: Any = _NOT_JSON
        with contextlib.suppress(ValueError):
            # Names come again in the next answer; values do not, and some are secret.
            self._document = from_json(
                (response.content or b"").removeprefix(_UTF8_MARK), cache_strings="keys"
            )

    def __repr__(self) -> str:
        """Return status and media type."""
        return f"Answer({self.received})"

    @property
    def document(self) -> object:
        """The decoded JSON; None if there is none."""
        return None if self._document is _NOT_JSON else self._document

    @property
    def received(self) -> str:
        """What came, in a few words: status, media type, kind of JSON."""
        kind = media_type(self.response.headers.get("Content-Type")) or "no media type"
        if not self.response.content:
            what = "an empty body"
        elif self._document is _NOT_JSON:
            what = "no valid JSON"
        else:
            what = f"JSON of type {type(self._document).__name__}"
        return f"HTTP {self.response.status_code}, {kind}, {what}"

    @property
    def complaint(self) -> Complaint | None:
        """What the answer says went wrong, in whichever envelope; None if it says nothing."""
        document = self._document
        fine = self.response.status_code in _OK
        if not isinstance(document, dict):
            return None
        granted = document.get("success") is True or document.get("status") == "partial_success"
        if fine and granted:
            return None
        told = [document.get("error"), *_items(document.get("errors"))]
        error = next((one for one in told if isinstance(one, dict | str) and one), None)
        failed = document.get("success") is False or document.get("status") == "error"
        if fine and error is None and not failed:
            return None
        return _complaint(document, error, failed=failed)

    @property
    def refuses(self) -> bool:
        """Whether the answer grants nothing."""
        return self.complaint is not None or self.response.status_code not in _OK

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        kind = media_type(self.response.headers.get("Content-Type")) or ""
        return kind.lower().startswith("text/html") or (self.response.content or b"")[
            :256
        ].lstrip()[:1] == (b"<")

    @property
    def edge_error(self) -> str | None:
        """The number of the error that Cloudflare says, None if it says none."""
        text = self._text()
        server = self.response.headers.get("Server", "")
        if not self.is_page and "cloudflare" not in f"{text} {server}".lower():
            return None
        match = re.search(_EDGE_ERROR, " ".join(re.sub(_TAG, " ", text).split()), re.IGNORECASE)
        return match.group(1) if match else None

    @property
    def speaks_of_maintenance(self) -> bool:
        """Whether the word stands in it."""
        return "maintenance" in self._text().lower()

    def _text(self) -> str:
        return (self.response.content or b"")[:_LONGEST_PAGE].decode("latin-1")

    def parse(self, model: type[ModelT]) -> tuple[ModelT | None, str]:
        """Return the answer as a model and no text, or None and what was expected."""
        expected = ""
        try:
            return model.model_validate(self.document), expected
        except pydantic.ValidationError as error:
            # Where and what kind alone: pydantic's error holds the values.
            found = error.errors(include_input=False, include_context=False, include_url=False)
            expected = ", ".join(
                f"{'.'.join(map(str, item['loc'])) or 'an object'} ({item['type']})"
                for item in found[:5]
            )
        return None, expected


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _complaint(
    document: dict[str, Any], error: dict[str, Any] | str | None, *, failed: bool
) -> Complaint:
    if isinstance(error, dict):
        code = _code(error)
        own = _words(error)
        words = own if "message" in error or not own else [*_words(document), *own]
        return Complaint(code, _joined(words or _words(document)), failed or code is not None)
    if error is None:
        return Complaint(_code(document), _joined(_words(document)), failed)
    words = _words(document)
    if not failed and ("error_description" in document or re.fullmatch(_OAUTH_CODE, error)):
        return Complaint(error, _joined(words), failed)
    return Complaint(None, _joined([error, *words]), failed)


def _code(error: dict[str, Any]) -> int | str | None:
    codes = (error.get(key) for key in _CODES)
    return next((c for c in codes if isinstance(c, int | str) and not isinstance(c, bool)), None)


def _words(told: dict[str, Any]) -> list[str]:
    found = (told.get(key) for key in _WORDS)
    return [words for words in found if isinstance(words, str) and words][:1]


def _joined(words: list[str]) -> str | None:
    return ": ".join(dict.fromkeys(words)) or None
