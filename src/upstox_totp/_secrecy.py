"""What must not be shown: secrets in the words of others, and bytes and objects that hold them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK: Final = "***"

# A value this long does not turn up inside an unrelated word; a shorter one (a PIN) may be part
# of an error code, and is masked only where it stands alone.
_UNMISTAKABLE: Final = 8


class HiddenBytes(bytes):
    """Bytes that hold a secret: used as they are, never shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask and the length."""
        return f"{type(self).__name__}(*** {len(self)} bytes)"

    __str__ = __repr__


class HiddenDict(dict[str, Any]):
    """A JSON object that is never shown."""

    def __repr__(self) -> str:
        """Return a mask."""
        return "{***}"


class Secrets:
    """The values that must not appear in any text that is kept, and how to mask them.

    A value that was added is masked in each spelling that a server may echo: as it is, percent-
    or form-encoded, escaped for JSON or HTML, and in base64.
    """

    def __init__(self) -> None:
        self._secret: set[str] = set()
        self._personal: set[str] = set()

    def __repr__(self) -> str:
        """Return the number of values, none of them."""
        return f"Secrets({len(self._secret)} secret, {len(self._personal)} personal)"

    def add(self, *values: Any) -> None:
        """Remember secrets.

        Args:
            values: ``SecretStr`` or text; None and empty text are passed over.
        """
        self._secret.update(_spellings(values))

    def add_personal(self, *values: Any) -> None:
        """Remember what identifies a person: masked in a transcript, not in a message.

        Args:
            values: ``SecretStr`` or text; None and empty text are passed over.
        """
        self._personal.update(_spellings(values))

    def mask(self, text: str) -> str:
        """Return the text with every secret in it replaced.

        Args:
            text: What a server said.
        """
        return _mask(text, self._secret)

    def mask_all(self, text: str) -> str:
        """Return the text with every secret and everything personal in it replaced.

        Args:
            text: What a server said.
        """
        return _mask(text, self._secret | self._personal)


def _spellings(values: tuple[Any, ...]) -> Iterator[str]:
    from html import escape  # noqa: PLC0415 - a table of its own, which only a login needs

    for value in values:
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(text, str) and text:
            yield text
            yield quote(text, safe="", errors="replace")
            yield quote_plus(text, errors="replace")
            yield json.dumps(text)[1:-1]
            yield escape(text)
            yield base64.b64encode(text.encode(errors="replace")).decode()


def _mask(text: str, values: set[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _UNMISTAKABLE:
            text = text.replace(value, MASK)
        elif value in text:
            neighbour = r"\d" if value.isdigit() else r"[^\W_]"
            text = re.sub(rf"(?<!{neighbour}){re.escape(value)}(?!{neighbour})", MASK, text)
    return text
