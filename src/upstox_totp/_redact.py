"""What must not be shown: secrets in the words of others, in any spelling."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK: Final = "***"

# A value this long does not turn up inside an unrelated word; a shorter one (a PIN) may be part
# of an error code, and is masked only where it stands alone.
_UNMISTAKABLE: Final = 8
_MOST_LAYERS: Final = 4
_ESCAPE: Final = re.compile(
    r"%[0-9A-Fa-f]{2}"
    r"|[\\%]u[Dd][89ABab][0-9A-Fa-f]{2}[\\%]u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
    r"|[\\%]u[0-9A-Fa-f]{4}"
    r"|\\x[0-9A-Fa-f]{2}"
    r"|\\[\\\"'/bfnrt]"
    # Whoever escapes ends a name with a semicolon; without one, it begins a field of a query.
    r"|&(?:[A-Za-z][A-Za-z0-9]{1,31};|(?:#[0-9]{1,8}|#[Xx][0-9A-Fa-f]{1,8}|amp|lt|gt|quot);?)"
)
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BASE64_LETTERS: Final = frozenset("+/-_")


class Secrets:
    """The values that must not appear in any text that is kept, and how to mask them.

    A value that was added is found in each spelling that a server may echo, and in a mixture of
    them: as it is, percent- or form-encoded, escaped for JSON or HTML, each of these several times
    over, and in base64 and hex. Text is undone layer by layer rather than each spelling made.
    """

    def __init__(self) -> None:
        self._secret = _Values()
        self._personal = _Values()

    def __repr__(self) -> str:
        """Return the number of values, none of them."""
        return f"Secrets({len(self._secret)} secret, {len(self._personal)} personal)"

    def add(self, *values: Any) -> None:
        """Remember secrets.

        Args:
            values: ``SecretStr`` or text; None and empty text are passed over.
        """
        self._secret.add(_texts(values))

    def add_all(self, others: Secrets) -> None:
        """Remember all that others hold, with the spellings that they have made of it.

        Args:
            others: The others.
        """
        self._secret.add_all(others._secret)
        self._personal.add_all(others._personal)

    def add_personal(self, *values: Any) -> None:
        """Remember what identifies a person: masked in a transcript, not in a message.

        Args:
            values: ``SecretStr`` or text; None and empty text are passed over.
        """
        self._personal.add(_texts(values))

    def holds(self, text: str) -> bool:
        """Tell whether a secret is in a text, in any spelling.

        Args:
            text: What a server said.
        """
        return next(_found(text, [self._secret]), None) is not None

    def mask(self, text: str) -> str:
        """Return the text with every secret in it replaced.

        Args:
            text: What a server said.
        """
        return _mask(text, [self._secret])

    def mask_all(self, text: str) -> str:
        """Return the text with every secret and everything personal in it replaced.

        Args:
            text: What a server said.
        """
        return _mask(text, [self._secret, self._personal])

    def mask_each(self, texts: list[str]) -> list[str]:
        """Return texts as `mask_all` does, faster where there is nothing to replace.

        Args:
            texts: What a server said.
        """
        # A line break is no part of an escape, and no letter beside a value.
        together = "\n".join(texts)
        if next(_found(together, [self._secret, self._personal]), None) is None:
            return texts
        return [self.mask_all(text) for text in texts]


class _Spelling(NamedTuple):
    """One way to write a value, apart from escapes.

    Attributes:
        text: What to look for, a character for each byte, blanks for pluses.
        folded: Whether the case of letters means nothing.
        before: How many characters before it tell of the value, too.
        after: How many characters after it do.
        padded: Whether padding may follow.
    """

    text: str
    folded: bool = False
    before: int = 0
    after: int = 0
    padded: bool = False


class _Undone:
    """A text with one layer of escapes undone, and where each part of it came from.

    Args:
        text: The text, a character for each byte.
        starts: Where in it each undone escape starts.
        escapes: For each escape where it ends here, and where it starts and ends in the original.

    Attributes:
        text: As the argument.
    """

    __slots__ = ("_escapes", "_starts", "text")

    def __init__(self, text: str, starts: list[int], escapes: list[tuple[int, int, int]]) -> None:
        self.text = text
        self._starts = starts
        self._escapes = escapes

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the range in the original that a range in the text was made from.

        Args:
            start: Where the range starts.
            end: Where it ends.
        """
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, position: int) -> tuple[int, int]:
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return position, position + 1
        ends, from_start, from_end = self._escapes[index]
        if position < ends:
            return from_start, from_end
        place = from_end + position - ends
        return place, place + 1


class _Values:
    """Values and their spellings.

    Attributes:
        exact: The spellings whose letters have a case.
        folded: Those whose letters have none.
    """

    def __init__(self) -> None:
        self._spellings: dict[str, tuple[_Spelling, ...]] = {}
        self.exact: list[_Spelling] = []
        self.folded: list[_Spelling] = []

    def __len__(self) -> int:
        return len(self._spellings)

    def add(self, texts: Iterable[str]) -> None:
        """Take in values.

        Args:
            texts: The values.
        """
        for text in texts:
            if text not in self._spellings:
                self._take_in(text, tuple(_spellings(text)))

    def add_all(self, others: _Values) -> None:
        """Take in values whose spellings are made already.

        Args:
            others: The values.
        """
        for text, spellings in others._spellings.items():
            if text not in self._spellings:
                self._take_in(text, spellings)

    def _take_in(self, text: str, spellings: tuple[_Spelling, ...]) -> None:
        self._spellings[text] = spellings
        for spelling in spellings:
            (self.folded if spelling.folded else self.exact).append(spelling)


def _texts(values: tuple[Any, ...]) -> Iterator[str]:
    for value in values:
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(text, str) and text:
            yield text


def _bytewise(text: str) -> str:
    # UTF-8 in a str: a percent-encoded byte and a character of the text become alike.
    if text.isascii():
        return text
    return text.encode(errors="surrogatepass").decode("latin-1")


def _spellings(value: str) -> Iterator[_Spelling]:
    plain = _bytewise(value)
    for text in {plain, value if max(value) <= "\xff" else plain}:
        yield _Spelling(text.replace("+", " "))
        # What looks like an escape in a value itself is undone with the rest of a text.
        layer = _undo(text)
        while layer is not None and len(layer.text) >= _UNMISTAKABLE:
            yield _Spelling(layer.text.replace("+", " "))
            layer = _undo(layer.text)
    data = plain.encode("latin-1")
    yield _Spelling(data.hex(), folded=True)
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + data).decode().rstrip("=")
        start, stop = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        text, before, after = coded[start:stop], min(offset, 1), len(coded) - stop
        if len(text) < _UNMISTAKABLE:
            if offset:
                continue
            text, after = coded, 0
        spelling = _Spelling(text.replace("+", " "), before=before, after=after, padded=True)
        yield spelling
        if "+" in text or "/" in text:
            yield spelling._replace(text=text.replace("+", "-").replace("/", "_"))


def _mask(text: str, known: list[_Values]) -> str:
    ranges = sorted(_found(text, known))
    if not ranges:
        return text
    plain = _bytewise(text)
    parts: list[str] = []
    done = 0
    for start, end in ranges:
        if start >= done:
            parts += plain[done:start], MASK
        done = max(done, end)
    masked = "".join([*parts, plain[done:]])
    if text.isascii():
        return masked
    return masked.encode("latin-1").decode(errors="replace")


def _found(text: str, known: list[_Values]) -> Iterator[tuple[int, int]]:
    """Return where values are in a text, by its bytes in UTF-8."""
    plain = _bytewise(text)
    layers: list[_Undone] = []
    while True:
        for values in known:
            for start, end in _search(plain, values):
                place = (start, end)
                for layer in reversed(layers):
                    place = layer.origin(*place)
                yield place
        undone = _undo(plain) if len(layers) < _MOST_LAYERS else None
        if undone is None:
            return
        layers.append(undone)
        plain = undone.text


def _search(plain: str, values: _Values) -> Iterator[tuple[int, int]]:
    # A form writes a blank as a plus: they are the same letter here.
    alike = plain.replace("+", " ")
    lower = alike.lower()
    for spelling in [one for one in values.exact if one.text in alike]:
        yield from _places(plain, alike, spelling)
    for spelling in [one for one in values.folded if one.text in lower]:
        yield from _places(plain, lower, spelling)


def _places(plain: str, hay: str, spelling: _Spelling) -> Iterator[tuple[int, int]]:
    start = hay.find(spelling.text)
    while start >= 0:
        end = start + len(spelling.text)
        if len(spelling.text) >= _UNMISTAKABLE or _stands_alone(plain, start, end):
            yield _widened(plain, spelling, start, end)
        start = hay.find(spelling.text, end)


def _stands_alone(plain: str, start: int, end: int) -> bool:
    neighbours = plain[max(0, start - 1) : start] + plain[end : end + 1]
    if plain[start:end].isdigit():
        return not any(one.isdigit() for one in neighbours)
    return not any(one.isalnum() for one in neighbours)


def _widened(plain: str, spelling: _Spelling, start: int, end: int) -> tuple[int, int]:
    if spelling.before and start and _is_base64(plain[start - 1]):
        start -= 1
    if spelling.after and end < len(plain) and _is_base64(plain[end]):
        end += 1
    if spelling.padded:
        end += len(plain[end : end + 2]) - len(plain[end : end + 2].lstrip("="))
    return start, end


def _is_base64(letter: str) -> bool:
    return letter in _BASE64_LETTERS or (letter.isascii() and letter.isalnum())


def _undo(plain: str) -> _Undone | None:
    """Return a text with one layer of escapes undone, None if it has none."""
    if not ("%" in plain or "\\" in plain or "&" in plain):
        return None
    parts: list[str] = []
    starts: list[int] = []
    escapes: list[tuple[int, int, int]] = []
    meanings: dict[str, str] = {}
    length = done = 0
    for match in _ESCAPE.finditer(plain):
        escape = match.group()
        meant = meanings.get(escape)
        if meant is None:
            meant = meanings[escape] = _meaning(escape)
        if meant != escape:
            start, end = match.span()
            parts += plain[done:start], meant
            length += start - done
            starts.append(length)
            length += len(meant)
            escapes.append((length, start, end))
            done = end
    return _Undone("".join([*parts, plain[done:]]), starts, escapes) if starts else None


def _meaning(escape: str) -> str:
    if escape[0] == "&":
        from html import unescape  # noqa: PLC0415 - a table of its own, which hardly a text needs

        return _bytewise(unescape(escape))
    if escape[1] == "u":
        units = [int(escape[at : at + 4], 16) for at in range(2, len(escape), 6)]
        code = b"".join(unit.to_bytes(2, "big") for unit in units)
        return _bytewise(code.decode("utf-16-be", errors="surrogatepass"))
    if escape[0] == "%" or escape[1] == "x":
        return chr(int(escape[-2:], 16))
    return _CONTROLS.get(escape[1], escape[1])


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
