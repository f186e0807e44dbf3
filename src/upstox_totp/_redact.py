"""What must not be shown: secrets in the words of others, and bytes and text that never show."""

from __future__ import annotations

import base64
import re
from html import unescape
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MASK: Final = "[hidden]"
_T = TypeVar("_T")

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
_FOR_URLS: Final = str.maketrans("+/", "-_")


class Secrets:
    """The values that must not appear in any text that is stored, and how to mask them.

    A value is found in each spelling that a server may echo, and in a mixture of them: as it is,
    percent- or form-encoded, escaped for JSON or HTML, each several times over, in base64 and hex.
    Text is undone layer by layer, each character knowing where it came from.
    """

    def __init__(self) -> None:
        self._secret: _Known = set()
        self._personal: _Known = set()

    def add(self, *values: Any) -> None:
        """Remember secrets: ``SecretStr`` or text; None and empty text are passed over."""
        self._secret.update(*map(_patterns, _texts(values)))

    def add_personal(self, *values: Any) -> None:
        """Remember what identifies the user: masked in a transcript, not in a message."""
        self._personal.update(*map(_patterns, _texts(values)))

    def add_all(self, others: Secrets) -> None:
        """Remember all that others hold."""
        self._secret |= others._secret
        self._personal |= others._personal

    def holds(self, text: str) -> bool:
        """Tell whether a secret is in a text, in any spelling."""
        return next(_found(text, self._secret), None) is not None

    def mask(self, text: str) -> str:
        """Return the text with every secret in it replaced."""
        return _mask(text, self._secret)

    def mask_all(self, text: str) -> str:
        """Return the text with every secret and everything personal in it replaced."""
        return _mask(text, self._secret | self._personal)


_Known = set[re.Pattern[str]]
_Places = list[tuple[int, int]]


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if isinstance(text, str) and text:
            yield text


def _bytewise(text: str) -> str:
    # UTF-8 in a str: a percent-encoded byte and a character of the text become alike.
    return text if text.isascii() else text.encode(errors="surrogatepass").decode("latin-1")


def _patterns(value: str) -> Iterator[re.Pattern[str]]:
    """Return what finds a value, in each way to write it apart from escapes."""
    plain = _bytewise(value)
    for text in {plain, value if max(value) <= "\xff" else plain}:
        layer: str | None = text
        while layer is not None and (layer is text or len(layer) >= _UNMISTAKABLE):
            # What looks like an escape in a value itself is undone with the rest of a text.
            yield _pattern(layer)
            undone = _undo(layer, [])
            layer = undone and undone[0]
    data = plain.encode("latin-1")
    yield _pattern(data.hex(), flags=re.IGNORECASE)
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + data).decode().rstrip("=")
        start, stop = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        if stop - start >= _UNMISTAKABLE:
            # A letter of base64 beside the value holds some bits of it.
            before, after = "[\\w+/-]?" * min(offset, 1), "[\\w+/-]?" * (len(coded) > stop)
            for text in {coded[start:stop], coded[start:stop].translate(_FOR_URLS)}:
                yield _pattern(text, before, f"{after}={{0,2}}", re.ASCII)
        elif not offset:
            yield _pattern(coded, after="={0,2}")


def _pattern(text: str, before: str = "", after: str = "", flags: int = 0) -> re.Pattern[str]:
    # A form writes a blank as a plus: they are the same letter here.
    exact = re.sub(r"\\[ +]|[ +]", "[ +]", re.escape(text))
    if len(text) < _UNMISTAKABLE:
        beside = r"\d" if text.isdigit() else r"[^\W_]"
        exact = f"(?<!{beside}){exact}(?!{beside})"
    return re.compile(before + exact + after, flags)


def _mask(text: str, known: _Known) -> str:
    plain, done = _bytewise(text), 0
    parts: list[str] = []
    for start, end in sorted(_found(text, known)):
        if start >= done:
            parts += plain[done:start], MASK
        done = max(done, end)
    if not done:
        return text
    masked = "".join([*parts, plain[done:]])
    return masked if text.isascii() else masked.encode("latin-1").decode(errors="replace")


def _found(text: str, known: _Known) -> Iterator[tuple[int, int]]:
    """Return where values are in a text, by its bytes in UTF-8."""
    plain = _bytewise(text)
    places: _Places = []
    for _ in range(_MOST_LAYERS + 1):
        for start, end in (match.span() for one in known for match in one.finditer(plain)):
            yield (places[start][0], places[end - 1][1]) if places else (start, end)
        undone = _undo(plain, places)
        if undone is None:
            return
        plain, places = undone


def _undo(plain: str, places: _Places) -> tuple[str, _Places] | None:
    """Return a text with one layer of escapes undone, and where each letter of it came from."""
    if not any(mark in plain for mark in "%\\&"):
        return None
    places = places or [(at, at + 1) for at in range(len(plain))]
    parts: list[str] = []
    origins: _Places = []
    done = 0
    for match in _ESCAPE.finditer(plain):
        meant, (start, end) = _meaning(match.group()), match.span()
        if meant != match.group():
            parts += plain[done:start], meant
            origins += places[done:start]
            origins += [(places[start][0], places[end - 1][1])] * len(meant)
            done = end
    return ("".join([*parts, plain[done:]]), origins + places[done:]) if done else None


def _meaning(escape: str) -> str:
    if escape[0] == "&":
        return _bytewise(unescape(escape))
    if escape[1] == "u":
        units = b"".join(bytes.fromhex(escape[at : at + 4]) for at in range(2, len(escape), 6))
        return _bytewise(units.decode("utf-16-be", errors="surrogatepass"))
    if escape[0] == "%" or escape[1] == "x":
        return chr(int(escape[-2:], 16))
    return _CONTROLS.get(escape[1], escape[1])


def _hide(value: Any) -> Any:
    if isinstance(value, str):
        return HiddenStr(value)
    if isinstance(value, bytes | dict):
        return HiddenBytes(value) if isinstance(value, bytes) else HiddenDict(value)
    return type(value)(map(_hide, value)) if isinstance(value, list | tuple) else value


def _hiding(method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: _hide(method(*arguments, **named))


def _stays_hidden(kind: type[_T]) -> type[_T]:
    """Hide what the methods of a type of text make of it: whoever prints may cut it first."""
    base: Any = kind.__base__
    made = {"__getitem__", "__add__", "__mul__", "__rmul__", "__mod__"}
    plain = {"fromhex", "maketrans"}
    for name in made | {name for name in vars(base) if name[0] != "_"} - plain:
        setattr(kind, name, _hiding(getattr(base, name)))
    for name in ("__repr__", "__str__", "__format__"):
        setattr(kind, name, lambda *_: MASK)
    kind.__radd__ = lambda self, other: _hide(base.__add__(other, self))  # type: ignore[attr-defined]
    return kind


@_stays_hidden
class HiddenStr(str):
    """Text that holds a secret: used as it is, never shown, and neither are parts of it."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        """Take text, hidden text too, whose ``str()`` is the mask."""
        return super().__new__(cls, str.__str__(text))


@_stays_hidden
class HiddenBytes(bytes):
    """Bytes that hold a secret: used as they are, never shown, and neither are parts of them."""

    __slots__ = ()


class HiddenDict(dict[str, Any]):
    """A JSON object that is never shown, nor are the values to whoever walks through it."""

    def __repr__(self) -> str:
        """Return a mask."""
        return f"{{{MASK}}}"

    def items(self) -> Any:
        """Return names and hidden values."""
        return [(name, _hide(value)) for name, value in super().items()]

    def values(self) -> Any:
        """Return hidden values."""
        return list(map(_hide, super().values()))
