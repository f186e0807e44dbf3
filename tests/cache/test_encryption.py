"""Sealing: records open with their own key, under their own name, unchanged, or not at all."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr

from upstox_totp import ConfigurationError
from upstox_totp._cache.encryption import Seal, SealError, new_key
from upstox_totp._redact import HiddenBytes

CONTENT = HiddenBytes(b'{"token": "a.b.c"}')


def test_a_record_opens_with_its_key() -> None:
    """What was sealed comes back whole; between, it is ASCII that tells nothing."""
    seal = Seal(SecretStr(new_key()))
    kept = seal.seal("name", CONTENT)
    assert seal.open("name", kept) == CONTENT
    assert kept.isascii()
    assert kept.find(b"a.b.c") < 0
    assert kept != seal.seal("name", CONTENT)


def test_keys_are_replaced_one_machine_after_the_other() -> None:
    """The first of several keys seals, each of them opens."""
    old, new = new_key(), new_key()
    both = Seal(f"{new}, {old}")
    assert both.open("name", Seal(old).seal("name", CONTENT)) == CONTENT
    assert Seal(new).open("name", both.seal("name", CONTENT)) == CONTENT
    with pytest.raises(SealError, match="no key"):
        Seal(old).open("name", both.seal("name", CONTENT))


def test_a_record_opens_under_its_name_alone() -> None:
    """Nobody can put one record in another's place."""
    seal = Seal(new_key())
    with pytest.raises(SealError, match="no key"):
        seal.open("other", seal.seal("name", CONTENT))


@pytest.mark.parametrize("position", [0, 9, 20, 40, -3])
def test_a_changed_record_does_not_open(position: int) -> None:
    """A single letter is enough, wherever it is."""
    seal = Seal(new_key())
    kept = bytearray(seal.seal("name", CONTENT))
    kept[position] = ord("A") if kept[position] != ord("A") else ord("B")
    with pytest.raises(SealError):
        seal.open("name", bytes(kept))


@pytest.mark.parametrize("kept", [b"sealed1.", b"sealed1.!!", b"sealed1.AAAA", b"sealed1.\xff"])
def test_what_is_no_record_does_not_open(kept: bytes) -> None:
    """Whatever lies there, the error is the same."""
    with pytest.raises(SealError, match="no key"):
        Seal(new_key()).open("name", kept)


def test_no_key_and_a_key_do_not_mix() -> None:
    """A machine without the key says so, and one with it takes nothing that is not sealed."""
    assert Seal().open("name", Seal().seal("name", CONTENT)) == CONTENT
    with pytest.raises(SealError, match="has no key"):
        Seal().open("name", Seal(new_key()).seal("name", CONTENT))
    with pytest.raises(SealError, match="not encrypted"):
        Seal(new_key()).open("name", CONTENT)


@pytest.mark.parametrize(
    "key", ["secret-word", "A" * 43, f"{'A' * 43}=,x", "\u00e9" * 44, "A" * 64]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    """The error names the setting, and not the value."""
    with pytest.raises(ConfigurationError, match="UPSTOX_CACHE_KEY") as caught:
        Seal(SecretStr(key))
    text = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert key not in text.replace(f"key = {key!r}", "")


def test_a_key_of_the_standard_alphabet_is_taken() -> None:
    """Other programs write base64 with plus and slash."""
    key = new_key()
    kept = Seal(key).seal("name", CONTENT)
    assert Seal(key.replace("-", "+").replace("_", "/")).open("name", kept) == CONTENT
