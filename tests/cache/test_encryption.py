"""Encryption: records decrypt with their own key, under their own name, or not at all."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr

from upstox_totp import ConfigurationError
from upstox_totp._cache.encryption import DecryptError, Encryption, new_key
from upstox_totp._redact import HiddenBytes

CONTENT = HiddenBytes(b'{"token": "a.b.c"}')


def test_a_record_opens_with_its_key() -> None:
    """What was encrypted comes back whole; between, it is ASCII that tells nothing."""
    box = Encryption(SecretStr(new_key()))
    kept = box.encrypt("name", CONTENT)
    assert box.decrypt("name", kept) == CONTENT
    assert kept.isascii()
    assert kept.find(b"a.b.c") < 0
    assert kept != box.encrypt("name", CONTENT)


def test_keys_are_replaced_one_machine_after_the_other() -> None:
    """The first of several keys encrypts, each of them decrypts."""
    old, new = new_key(), new_key()
    both = Encryption(f"{new}, {old}")
    assert both.decrypt("name", Encryption(old).encrypt("name", CONTENT)) == CONTENT
    assert Encryption(new).decrypt("name", both.encrypt("name", CONTENT)) == CONTENT
    with pytest.raises(DecryptError, match="no key"):
        Encryption(old).decrypt("name", both.encrypt("name", CONTENT))


def test_a_record_opens_under_its_name_alone() -> None:
    """Nobody can put one record in another's place."""
    box = Encryption(new_key())
    with pytest.raises(DecryptError, match="no key"):
        box.decrypt("other", box.encrypt("name", CONTENT))


@pytest.mark.parametrize("position", [0, 9, 20, 40, -3])
def test_a_changed_record_does_not_open(position: int) -> None:
    """A single letter is enough, wherever it is."""
    box = Encryption(new_key())
    kept = bytearray(box.encrypt("name", CONTENT))
    kept[position] = ord("A") if kept[position] != ord("A") else ord("B")
    with pytest.raises(DecryptError):
        box.decrypt("name", HiddenBytes(kept))


@pytest.mark.parametrize("kept", [b"fernet1:", b"fernet1:!!", b"fernet1:AAAA", b"fernet1:\xff"])
def test_what_is_no_record_does_not_open(kept: bytes) -> None:
    """Whatever lies there, the error is the same."""
    with pytest.raises(DecryptError, match="no key"):
        Encryption(new_key()).decrypt("name", HiddenBytes(kept))


def test_no_key_and_a_key_do_not_mix() -> None:
    """A machine without the key says so, and one with it takes nothing that is not encrypted."""
    assert Encryption().decrypt("name", Encryption().encrypt("name", CONTENT)) == CONTENT
    with pytest.raises(DecryptError, match="has no key"):
        Encryption().decrypt("name", Encryption(new_key()).encrypt("name", CONTENT))
    with pytest.raises(DecryptError, match="not encrypted"):
        Encryption(new_key()).decrypt("name", CONTENT)


@pytest.mark.parametrize(
    "key", ["secret-word", "A" * 43, f"{'A' * 43}=,x", "\u00e9" * 44, "A" * 64]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    """The error names the setting, and not the value."""
    with pytest.raises(ConfigurationError, match="UPSTOX_CACHE_KEY") as caught:
        Encryption(SecretStr(key))
    text = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert key not in text.replace(f"key = {key!r}", "")
