"""A home and a keyring of a test's own: the real library with a real backend, in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import keyring

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_IN_A_FILE: Final = "keyrings.alt.file.PlaintextKeyring"


def use_home(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the user's directories lie in a folder, and the system's keyring keep nothing."""
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder / "home"))
    use_backend(monkeypatch, "keyring.backends.null.Keyring")


def use_keyring(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, str]:
    """Let the keyring be a file, and return the variables with which other processes use it."""
    path = str(folder / "keyring.cfg")
    use_backend(monkeypatch, _IN_A_FILE, file_path=path)
    return {"PYTHON_KEYRING_BACKEND": _IN_A_FILE, "KEYRING_PROPERTY_FILE_PATH": path}


def use_backend(monkeypatch: pytest.MonkeyPatch, name: str, **properties: str) -> None:
    """Let the keyring be another one of this process."""
    backend = keyring.core.load_keyring(name).with_properties(**properties)
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
