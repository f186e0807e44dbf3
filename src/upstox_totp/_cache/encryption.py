"""Sealing: encrypts and authenticates what is kept where others may read and write."""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING, Final

from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from pydantic import SecretStr

    Hideable = SecretStr | str | bytes

_MARK: Final = b"sealed1."
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ALPHABET: Final = bytes.maketrans(b"+/", b"-_")


class SealError(Exception):
    """A record that cannot be opened; the text says why, and what to do."""


def new_key() -> str:
    """Return a new key for ``UPSTOX_CACHE_KEY``: 32 random bytes, in base64."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


class Seal:
    """Seals records under the names that they are kept by, with AES-256-GCM.

    A record opens under its own name alone: nobody can put one in another's place. Without a key,
    records are kept as they are.

    Args:
        keys: One key, or several with commas between them, as `new_key` makes them: the first
            seals, all of them open. None or empty for no encryption.

    Raises:
        ConfigurationError: If a key is none.
        ImportError: If there is a key, and the extra ``encryption`` is missing.
    """

    def __init__(self, keys: Hideable | None = None) -> None:
        # Hidden before anything can fail: a traceback may show the values of a frame.
        keys = hidden(keys)
        self._ciphers = [_cipher(key) for key in _parse(keys)]

    def __repr__(self) -> str:
        """Return how many keys there are."""
        # One whose keys were refused has none, and is in the traceback.
        return f"Seal({len(vars(self).get('_ciphers', ()))} keys)"

    @property
    def encrypts(self) -> bool:
        """Whether there is a key."""
        return bool(self._ciphers)

    def seal(self, name: str, content: bytes) -> HiddenBytes:
        """Return a record as it may be kept, in ASCII.

        Args:
            name: What it is kept under.
            content: The record; without a key, it has to be ASCII itself.
        """
        if not self._ciphers:
            return HiddenBytes(content)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, bytes(content), name.encode())
        return HiddenBytes(_MARK + base64.urlsafe_b64encode(nonce + sealed))

    def open(self, name: str, kept: bytes) -> HiddenBytes:
        """Return a record that was kept.

        Args:
            name: What it was kept under.
            kept: What `seal` returned.

        Raises:
            SealError: If it was sealed with another key or under another name, was changed
                since, or is not sealed although there is a key.
        """
        sealed = kept.startswith(_MARK)
        if not self._ciphers:
            if sealed:
                raise SealError(
                    "it is encrypted, and this machine has no key. Set UPSTOX_CACHE_KEY to the "
                    "key of the machine that wrote it."
                )
            return HiddenBytes(kept)
        if not sealed:
            raise SealError(
                "it is not encrypted, although UPSTOX_CACHE_KEY is set here. Set the same key on "
                "the machine that wrote it."
            )
        content = self._decrypt(name, kept.removeprefix(_MARK))
        if content is None:
            raise SealError(
                "no key in UPSTOX_CACHE_KEY opens it. Set the key of the machine that wrote it; "
                "while a key is replaced, both, with a comma between them."
            )
        return content

    def _decrypt(self, name: str, kept: bytes) -> HiddenBytes | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only where there is a key

        try:
            raw = base64.urlsafe_b64decode(kept)
        except (binascii.Error, ValueError):
            return None
        # The last letter has bits that mean nothing, and the decoder passes other letters over.
        if base64.urlsafe_b64encode(raw) != kept:
            return None
        for cipher in self._ciphers:
            try:
                return HiddenBytes(
                    cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())
                )
            except (InvalidTag, ValueError):
                continue
        return None


def hidden(value: Hideable | None) -> HiddenBytes:
    """Return a secret that no traceback shows.

    Args:
        value: The secret; None becomes empty.
    """
    if isinstance(value, bytes):
        return HiddenBytes(value)
    plain = value if value is None or isinstance(value, str) else value.get_secret_value()
    return HiddenBytes((plain or "").encode(errors="surrogateescape"))


def _parse(keys: bytes) -> list[HiddenBytes]:
    parsed = [_decoded(HiddenBytes(key)) for key in keys.split(b",") if key.strip()]
    if any(len(key) != _KEY_BYTES for key in parsed):
        raise ConfigurationError(
            "cache_key (UPSTOX_CACHE_KEY) must be a key that upstox_cli cache-key printed, or "
            "several of them with commas between them.",
            suggestions=["upstox_cli cache-key prints a new one."],
        )
    return parsed


def _decoded(key: bytes) -> HiddenBytes:
    try:
        # The standard alphabet is taken as well; what is in neither must not be passed over.
        return HiddenBytes(
            base64.b64decode(key.strip().translate(_ALPHABET), altchars=b"-_", validate=True)
        )
    except ValueError:
        return HiddenBytes()


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers import aead  # noqa: PLC0415 - as above
    except ImportError:
        raise ImportError(missing_extra("UPSTOX_CACHE_KEY", "encryption")) from None
    return aead.AESGCM(bytes(key))
