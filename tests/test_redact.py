"""Every spelling in which a server may echo a secret is masked, and nothing beside it."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import pprint
import re
from functools import reduce
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from upstox_totp._redact import MASK, HiddenBytes, HiddenDict, HiddenStr, Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "a/b+c=d &e\"f'<é>9z"


def known(*values: str) -> Secrets:
    """Return the values as secrets."""
    secrets = Secrets()
    secrets.add(*values)
    return secrets


def percent(text: str) -> str:
    """Percent-encode in upper-case hex."""
    return quote(text, safe="")


def percent_lower(text: str) -> str:
    """Percent-encode in lower-case hex."""
    return "".join(c if c.isascii() and c.isalnum() else percent(c).lower() for c in text)


def percent_all(text: str) -> str:
    """Percent-encode what need not be, too."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


def as_json(text: str) -> str:
    """Escape as the standard library does."""
    return json.dumps(text)[1:-1]


def as_json_numbers(text: str) -> str:
    """Escape every character by its number."""
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def as_php_json(text: str) -> str:
    """Escape the slash as well."""
    return as_json(text).replace("/", "\\/")


def entities(form: str) -> Callable[[str], str]:
    """Return a function that writes each character but letters and digits as an entity."""
    return lambda text: "".join(
        c if c.isascii() and c.isalnum() else form.format(ord(c)) for c in text
    )


ESCAPES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": percent,
    "percent, lower case": percent_lower,
    "percent, all": percent_all,
    "percent, slash kept": quote,
    "form": quote_plus,
    "form, lower case": lambda text: percent_lower(text).replace("%20", "+"),
    "JSON": as_json,
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON, numbers": as_json_numbers,
    "JSON, numbers, upper case": lambda text: as_json_numbers(text).upper().replace("U", "u"),
    "JSON, slash escaped": as_php_json,
    "HTML": html.escape,
    "HTML, quotes kept": lambda text: html.escape(text, quote=False),
    "HTML, decimal": entities("&#{};"),
    "HTML, hex": entities("&#x{:x};"),
    "HTML, HEX": entities("&#X{:X};"),
    "HTML, zeros": entities("&#{:06};"),
    "HTML, no semicolons": lambda text: (
        text.replace("&", "&amp").replace("<", "&lt").replace('"', "&quot")
    ),
    "HTML, named": lambda text: html.escape(text).replace("/", "&sol;").replace("+", "&plus;"),
}


def coded(text: str, how: Callable[[bytes], bytes], padding: str = "=") -> str:
    """Return a text in a form of base64."""
    return how(text.encode()).decode().replace("=", padding)


CODES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: coded(text, base64.b64encode),
    "base64, no padding": lambda text: coded(text, base64.b64encode, ""),
    "base64, URL": lambda text: coded(text, base64.urlsafe_b64encode),
    "base64, URL, no padding": lambda text: coded(text, base64.urlsafe_b64encode, ""),
    "base64, percent": lambda text: percent(coded(text, base64.b64encode)),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
}


@pytest.mark.parametrize("how", [*ESCAPES, *CODES])
def test_each_spelling_is_masked(how: str) -> None:
    """However a server writes it, nothing but the secret is taken out."""
    spell = (ESCAPES | CODES)[how]
    secrets = known(SECRET)
    text = f"You sent ({spell(SECRET)}), sorry"
    assert secrets.mask(text) == f"You sent ({MASK}), sorry"
    assert secrets.holds(text)


@pytest.mark.parametrize("outer", ESCAPES)
def test_each_spelling_of_a_spelling_is_masked(outer: str) -> None:
    """A gateway that escapes what the one before it has escaped gives nothing away."""
    secrets = known(SECRET)
    for spell in (ESCAPES | CODES).values():
        text = f"({ESCAPES[outer](spell(SECRET))})"
        assert secrets.mask(text) == f"({MASK})", text


def test_a_query_holds_no_names_of_characters() -> None:
    """A field that begins like the name of one is a field, whatever HTML makes of ``&reg``."""
    secrets = known("\N{REGISTERED SIGN}ion=west")
    assert secrets.mask("/dialog?state=1&region=west") == "/dialog?state=1&region=west"
    assert secrets.mask("/dialog?state=1&reg;ion=west") == f"/dialog?state=1{MASK}"


CASES = ["s3cret%2fvalue", "s3cret%252Fvalue", "s3cret&#x2F;value", "s3cret&#47;value"]


@pytest.mark.parametrize("echo", CASES)
def test_spellings_that_were_shown_once(echo: str) -> None:
    """Those that a run against a hostile server found."""
    assert known("s3cret/value").mask(f"<{echo}>") == f"<{MASK}>"


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=8, max_size=40
    ),
    st.lists(st.sampled_from(sorted(ESCAPES)), max_size=3),
)
def test_any_secret_is_masked_in_any_spelling(secret: str, layers: list[str]) -> None:
    """A secret may hold anything printable, what looks like an escape included."""
    echo = reduce(lambda text, layer: ESCAPES[layer](text), layers, secret)
    secrets = known(secret)
    assert secrets.mask(f"({echo})") == f"({MASK})"
    assert secrets.holds(echo)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    """Escapes are undone to look for secrets, never in what is shown."""
    secrets = known("a secret that is not in there", "482915-482915")
    assert secrets.mask(text) == text
    assert not secrets.holds(text)


def test_a_mixture_of_spellings_is_masked() -> None:
    """Only some characters escaped, or each in another way, is a spelling as well."""
    for echo in (
        "can%61ry\\u002bsecret=%2541&amp;",
        "canary%2Bsecret=%41&",
        "canary secret%3d%41&",
    ):
        assert known("canary+secret=%41&").mask(f"[{echo}]") == f"[{MASK}]"


def test_a_secret_inside_base64_is_masked() -> None:
    """What a Basic header or an encoded body says, wherever in it the secret stands."""
    secrets = known("s3cret/value")
    for before in ("", "x", "xy", "id:"):
        for after in ("", ":", "::", ":::"):
            blob = base64.b64encode(f"{before}s3cret/value{after}".encode()).decode()
            masked = secrets.mask(f"Basic {blob}")
            assert MASK in masked
            # A letter that holds bits of the secret is gone, too: what is left decodes to none.
            kept = masked.removeprefix("Basic ").partition(MASK)
            assert len(kept[0]) <= len(before) * 4 // 3
            assert len(kept[2]) <= len(after) * 4 // 3 + 3


def test_several_secrets_and_overlaps() -> None:
    """One that contains another leaves no rest of the longer one; neighbours stay apart."""
    secrets = known("abcdefgh", "abcdefghijklmnop")
    assert secrets.mask("xabcdefghijklmnopx abcdefgh,abcdefgh") == f"x{MASK}x {MASK},{MASK}"
    assert known("abcdefgh-1", "gh-1-ijklm").mask("(abcdefgh-1-ijklm)") == f"({MASK})"
    assert known("abcdefghijklmnop", "cdefghij").mask("(abcdefghijklmnop)") == f"({MASK})"


def test_both_alphabets_of_base64_are_known() -> None:
    """The one for URLs has other letters for two values of six bits."""
    secret = "~~~>>>???~~~"
    for code in (base64.b64encode, base64.urlsafe_b64encode):
        assert known(secret).mask(f"({code(secret.encode()).decode()})") == f"({MASK})"


def test_a_pin_is_masked_where_it_stands_alone_in_any_spelling() -> None:
    """A code of Upstox stays readable, and so does a word that ends like a PIN in base64."""
    secrets = known("1017")
    assert secrets.mask("code 1017106: PIN%3D1017%26, &#49;017; MTAxNw==") == (
        f"code 1017106: PIN%3D{MASK}%26, {MASK}; {MASK}"
    )
    assert secrets.mask("xMTAxNwx 11017 10171 31303137") == f"xMTAxNwx 11017 10171 {MASK}"
    assert secrets.mask("pin=1017x,1017.") == f"pin={MASK}x,{MASK}."
    assert known("abc").mask("abc abcd a-abc-b") == f"{MASK} abcd a-{MASK}-b"
    assert not secrets.holds("1017106")


def test_what_stands_beside_a_value_stays() -> None:
    """A letter of base64 holds bits of the value; any other, and what pads nothing, is not its."""
    secrets = known("s3cret-value", "1017")
    inner = base64.b64encode(b"xs3cret-value").decode()[2:-2]
    assert secrets.mask(f"a:{inner}") == f"a:{MASK}"
    assert secrets.mask(f"ab{inner}") == f"a{MASK}"
    assert secrets.mask("s3cret-value==") == f"{MASK}=="
    assert secrets.mask("MTAxNw-x MTAxNw==-x") == f"{MASK}-x {MASK}-x"
    assert known("eight8ch").mask("xeight8chx") == f"x{MASK}x"
    assert known("seven7c").mask("xseven7cx") == "xseven7cx"


ENDS = [*"%\\&+=\"'", "", "%2", "\\u00", "&#", "x", "7", "1017", "s3cret-", "value", "s3cret-value"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(ENDS), max_size=4).map("".join), min_size=1, max_size=5))
def test_texts_are_masked_together_as_each_alone(texts: list[str]) -> None:
    """Where one ends and the next begins, nothing is seen that is not there, or hidden that is."""
    secrets = known("1017", "s3cret-value", "another secret")
    assert secrets.mask_all("\n".join(texts)).split("\n") == list(map(secrets.mask_all, texts))


def test_secrets_of_others_are_known_as_ones_own() -> None:
    """What is added to one of them later stays its own."""
    settings_of_a_client, one_login = known("s3cret-value"), Secrets()
    settings_of_a_client.add_personal("9876543210")
    one_login.add_all(settings_of_a_client)
    one_login.add("one-time-4711")
    text = "s3cret%2Dvalue one-time-4711 9876543210"
    assert one_login.mask(text) == f"{MASK} {MASK} 9876543210"
    assert one_login.mask_all(text) == f"{MASK} {MASK} {MASK}"
    assert settings_of_a_client.mask(text) == f"{MASK} one-time-4711 9876543210"


def test_what_is_personal_is_no_secret() -> None:
    """A token's answer may name the person: only secrets must not reach the disk."""
    secrets = known("s3cret-value")
    secrets.add_personal("9876543210")
    assert not secrets.holds("9876543210")
    assert secrets.holds('{"echo": "s3cret%2Dvalue"}')


def test_secrets_show_nothing_of_themselves() -> None:
    """Neither before nor after they were looked for."""
    secrets = known("s3cret-value")
    secrets.mask("text")
    secrets.add(SecretStr("hidden in one"), None, "")
    assert "s3cret" not in repr(secrets) + repr([secrets])
    assert secrets.mask("hidden in one") == MASK


def test_a_long_text_of_escapes_is_masked_in_time() -> None:
    """An answer as large as is read at all does not hold a login up."""
    text = "%2541&amp;" * 50_000
    assert known("s3cret-value").mask(text) == text


PARTS: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: value[:9],
    lambda value: value[2:],
    lambda value: value * 2,
    lambda value: 2 * value,
    lambda value: value + value[:1],
    lambda value: bytes(value) + value if isinstance(value, bytes) else "secret" + value,
    lambda value: value.upper().strip(),
    lambda value: value.split(),
    lambda value: value.partition(value[3:4]),
    lambda value: value.splitlines(keepends=True),
    lambda value: value[:0].join([value, value]),
    lambda value: value.replace(value[:1], value[1:2]),
    lambda value: value.decode() if isinstance(value, bytes) else value.encode(),
    lambda value: value.hex() if isinstance(value, bytes) else value.format(),
    copy.deepcopy,
]


@pytest.mark.parametrize("value", [HiddenStr("a secret 4711"), HiddenBytes(b"a secret 4711")])
@pytest.mark.parametrize("cut", PARTS)
def test_parts_of_what_is_hidden_stay_hidden(value: Any, cut: Callable[[Any], Any]) -> None:
    """Whoever prints a value may slice it, decode it or put it together first."""
    part = cut(value)
    shown = f"{part} {part!r} {part!s} {[part]} {{}} %s".format(part) % (part,)
    assert MASK in shown
    assert not re.search("(?i)secret|4711|7365637265", shown)


def test_what_is_hidden_is_used_as_it_is() -> None:
    """It compares, hashes, goes through a pickle and over the wire like any other."""
    text, body = HiddenStr("a secret"), HiddenBytes(b"a secret")
    assert (text, body) == ("a secret", b"a secret")
    assert (hash(text), hash(body)) == (hash("a secret"), hash(b"a secret"))
    assert bytes(body[2:]) == b"secret"
    assert HiddenStr(text) == copy.deepcopy(text) == HiddenBytes(body).decode() == "a secret"
    assert text.startswith("a ")
    assert pickle.loads(pickle.dumps([text, body])) == [text, body]  # noqa: S301 - our own
    assert json.loads(HiddenBytes(b'{"a": "b"}')) == {"a": "b"}
    assert json.dumps({"a": text}) == '{"a": "a secret"}'


def test_whoever_walks_through_a_hidden_object_sees_no_value() -> None:
    """Its items are hidden, and a copy of it is what it was."""
    document = json.loads('{"a": "secret", "b": [{"c": "secret"}], "d": 5}', object_hook=HiddenDict)
    assert "secret" not in f"{document} {list(document.items())} {list(document.values())}"
    assert "secret" not in pprint.pformat(document)
    assert json.dumps(document) == '{"a": "secret", "b": [{"c": "secret"}], "d": 5}'
    assert dict(document) == {**document} == {"a": "secret", "b": [{"c": "secret"}], "d": 5}
    assert type(document["a"]) is type({**document}["a"]) is str
