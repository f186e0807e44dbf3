"""Encryption of what is stored where others may read and write: Fernet, with the name inside."""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from upstox_totp._redact import HiddenBytes
from upstox_totp.errors import ConfigurationError, missing_extra

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet
    from pydantic import SecretStr

    Hideable = SecretStr | str | bytes

_MARK: Final = b"fernet1:"


class DecryptError(Exception):
    """A record that cannot be decrypted; the text says why, and what to do."""


def new_key() -> str:
    """Return a new key for ``UPSTOX_CACHE_KEY``: 32 random bytes, in base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


class Encryption:
    """Encrypts records, which decrypt under their own name alone; without a key it leaves them.

    ``keys``: one key, or several with commas between them: the first encrypts, all decrypt.
    """

    def __init__(self, keys: Hideable | None = None) -> None:
        # Hidden before anything can fail: a traceback may show the values of a frame.
        keys = hidden(keys)
        self._fernet = _fernet(keys)
        self.encrypts = self._fernet is not None

    def encrypt(self, name: str, content: bytes) -> HiddenBytes:
        """Return a record as it may be stored."""
        if self._fernet is None:
            return HiddenBytes(content)
        return HiddenBytes(_MARK + self._fernet.encrypt(_named(name) + bytes(content)))

    def decrypt(self, name: str, kept: bytes) -> HiddenBytes:
        """Return a record that was stored, or raise `DecryptError`."""
        if self._fernet is None:
            if kept.startswith(_MARK):
                raise DecryptError(
                    "it is encrypted, and this machine has no key. Set UPSTOX_CACHE_KEY to the "
                    "key of the machine that wrote it."
                )
            return HiddenBytes(kept)
        if not kept.startswith(_MARK):
            raise DecryptError(
                "it is not encrypted, although UPSTOX_CACHE_KEY is set here. Set the same key on "
                "every machine."
            )
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - as below

        content = HiddenBytes()
        with suppress(InvalidToken):
            content = HiddenBytes(self._fernet.decrypt(bytes(kept[len(_MARK) :])))
        if not content.startswith(_named(name)):
            raise DecryptError(
                "no key in UPSTOX_CACHE_KEY decrypts it. Set the key of the machine that wrote it; "
                "while a key is replaced, both, with a comma between them."
            )
        return HiddenBytes(content[len(_named(name)) :])


def hidden(value: Hideable | None) -> HiddenBytes:
    """Return a secret that no traceback shows; None becomes empty."""
    if isinstance(value, bytes):
        return HiddenBytes(value)
    plain = value if value is None or isinstance(value, str) else value.get_secret_value()
    return HiddenBytes((plain or "").encode(errors="surrogateescape"))


def _named(name: str) -> bytes:
    return name.encode() + b"\n"


def _fernet(keys: HiddenBytes) -> MultiFernet | None:
    written = [key for key in keys.split(b",") if key.strip()]
    if not written:
        return None
    try:
        from cryptography import fernet  # noqa: PLC0415 - an extra, and only where there is a key
    except ImportError:
        raise ImportError(missing_extra("UPSTOX_CACHE_KEY", "encryption")) from None
    with suppress(ValueError):
        return fernet.MultiFernet([fernet.Fernet(bytes(key)) for key in written])
    raise ConfigurationError(
        "cache_key (UPSTOX_CACHE_KEY) must be a key that upstox_cli cache-key printed, or "
        "several of them with commas between them.",
        suggestions=["upstox_cli cache-key prints a new one."],
    )
