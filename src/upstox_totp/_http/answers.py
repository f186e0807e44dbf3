"""HTTP answers, decoded: their JSON, and what they say went wrong, in every envelope."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pydantic
from pydantic_core import from_json

from upstox_totp.transcript import media_type

if TYPE_CHECKING:
    import requests

ModelT = TypeVar("ModelT", bound=pydantic.BaseModel)

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_OK: Final = range(200, 300)
_CODES: Final = ("errorCode", "error_code", "code")
_WORDS: Final = ("message", "error_description", "reason", "detail", "title", "description")
_OAUTH_CODE: Final = r"[a-z]+(?:_[a-z]+)+"
_LONGEST_PAGE: Final = 64 * 1024
_TAG: Final = r"<[^<>]*>"
_EDGE_ERROR: Final = r"\berror\W{0,9}(?:code\W{0,9})?(1\d{3})\b"


@dataclass(frozen=True, repr=False)
class ReportedError:
    """What an answer says went wrong; `own` if it came in an envelope of Upstox."""

    code: int | str | None = None
    message: str | None = None
    own: bool = False


class Answer:
    """One answer, its JSON decoded; never shows what it holds.

    ``document`` is the decoded JSON, None if there is none.
    """

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self.document: object = None
        self._body = response.content or b""
        self._media_type = media_type(response.headers.get("Content-Type"))
        with suppress(ValueError):
            # Names come again in the next answer; values do not, and some are secret.
            self.document = from_json(self._body.removeprefix(_UTF8_MARK), cache_strings="keys")

    @property
    def received(self) -> str:
        """What came, in a few words: status, media type, kind of JSON."""
        document = self.document
        what = "no valid JSON" if document is None else f"JSON of type {type(document).__name__}"
        kind = self._media_type or "no media type"
        return (
            f"HTTP {self.response.status_code}, {kind}, {what if self._body else 'an empty body'}"
        )

    @cached_property
    def reported(self) -> ReportedError | None:
        """What the answer says went wrong, in whichever envelope; None if it says nothing."""
        document = self.document
        if not isinstance(document, dict):
            return None
        success, status = document.get("success"), document.get("status")
        fine = self.response.status_code in _OK
        if fine and (success is True or status == "partial_success"):
            return None
        listed = document.get("errors")
        candidates = [document.get("error"), *(listed if isinstance(listed, list) else [listed])]
        error = next((one for one in candidates if isinstance(one, dict | str) and one), None)
        failed = success is False or status == "error"
        if fine and error is None and not failed:
            return None
        return _reported(document, error, failed=failed)

    @property
    def refuses(self) -> bool:
        """Whether the answer grants nothing."""
        return self.reported is not None or self.response.status_code not in _OK

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        kind = (self._media_type or "").lower()
        return kind.startswith("text/html") or self._body[:256].lstrip().startswith(b"<")

    @cached_property
    def edge_error(self) -> str | None:
        """The number of the error that Cloudflare says, None if it says none."""
        text = self._text
        server = self.response.headers.get("Server", "")
        if not self.is_page and "cloudflare" not in f"{text} {server}".lower():
            return None
        match = re.search(_EDGE_ERROR, " ".join(re.sub(_TAG, " ", text).split()), re.IGNORECASE)
        return match.group(1) if match else None

    @property
    def speaks_of_maintenance(self) -> bool:
        """Whether the word stands in it."""
        return "maintenance" in self._text.lower()

    @property
    def _text(self) -> str:
        return self._body[:_LONGEST_PAGE].decode("latin-1")

    def parse(self, model: type[ModelT]) -> tuple[ModelT | None, str]:
        """Return the answer as a model and no text, or None and what was expected."""
        try:
            return model.model_validate(self.document), ""
        except pydantic.ValidationError as error:
            # Where and what kind alone: pydantic's error holds the values.
            found = error.errors(include_input=False, include_context=False, include_url=False)
            expected = ", ".join(
                f"{'.'.join(map(str, item['loc'])) or 'an object'} ({item['type']})"
                for item in found[:5]
            )
        return None, expected


def _reported(
    document: dict[str, Any], error: dict[str, Any] | str | None, *, failed: bool
) -> ReportedError:
    words = _words(document)
    if error is None:
        return ReportedError(_code(document), _joined(words), failed)
    if isinstance(error, dict):
        code, own = _code(error), _words(error)
        if own:
            words = own if "message" in error else [*words, *own]
        return ReportedError(code, _joined(words), failed or code is not None)
    if not failed and ("error_description" in document or re.fullmatch(_OAUTH_CODE, error)):
        return ReportedError(error, _joined(words), failed)
    return ReportedError(None, _joined([error, *words]), failed)


def _code(error: dict[str, Any]) -> int | str | None:
    codes = (error.get(key) for key in _CODES)
    return next((c for c in codes if isinstance(c, int | str) and not isinstance(c, bool)), None)


def _words(error: dict[str, Any]) -> list[str]:
    found = (error.get(key) for key in _WORDS)
    return [words for words in found if isinstance(words, str) and words][:1]


def _joined(words: list[str]) -> str | None:
    return ": ".join(dict.fromkeys(words)) or None
