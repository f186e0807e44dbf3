"""HTTP answers, decoded: their JSON, and what they say went wrong, in every envelope."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pydantic
from pydantic_core import from_json

from upstox_totp.transcript import media_type

if TYPE_CHECKING:
    import requests

ModelT = TypeVar("ModelT", bound=pydantic.BaseModel)

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_OK: Final = range(200, 300)
_NOT_JSON: Final = object()


@dataclass(frozen=True)
class Complaint:
    """What an answer says went wrong.

    Attributes:
        code: The error code as it came, None if there is none.
        message: What the server says, None if nothing.
    """

    code: int | str | None
    message: str | None


class Answer:
    """One answer, its JSON decoded; never shows what it holds.

    Args:
        response: The response, read whole.
    """

    __slots__ = ("_document", "response")

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self._document: Any = _NOT_JSON
        with contextlib.suppress(ValueError):
            # Names come again in the next answer; values do not, and some are secret.
            self._document = from_json(
                response.content.removeprefix(_UTF8_MARK), cache_strings="keys"
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
        """What the answer says went wrong, in either envelope; None if it says nothing."""
        document = self._document
        granted = isinstance(document, dict) and document.get("success") is True
        if not isinstance(document, dict) or (granted and self.response.status_code in _OK):
            return None
        told = [document.get("error"), *_items(document.get("errors"))]
        for error in told:
            if isinstance(error, dict):
                return _complaint(error)
            if isinstance(error, str) and error:
                return _complaint({"code": error, "message": document.get("error_description")})
        failed = document.get("success") is False or document.get("status") == "error"
        return _complaint(document) if failed else None

    def parse(self, model: type[ModelT]) -> tuple[ModelT | None, str]:
        """Validate the answer.

        Args:
            model: What it has to be.

        Returns:
            The model and an empty text, or None and what was expected.
        """
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


def _complaint(error: dict[str, Any]) -> Complaint:
    codes = (error.get(key) for key in ("errorCode", "error_code", "code"))
    code = next((c for c in codes if isinstance(c, int | str) and not isinstance(c, bool)), None)
    message = error.get("message")
    return Complaint(code, message if isinstance(message, str) else None)
