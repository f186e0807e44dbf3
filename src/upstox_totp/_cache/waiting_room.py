"""WaitingRoom: what could not be verified yet, in memory, within bounds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from upstox_totp import _clock

T = TypeVar("T")

_FIRST_PAUSE: Final = 15.0
_LONGEST_PAUSE: Final = 600.0


class Budget:
    """So many at once, and then so many a minute.

    Args:
        at_once: How many there are at first, and at most.
        per_minute: How many come back each minute.
    """

    def __init__(self, at_once: int, per_minute: int) -> None:
        self._most = self._left = float(at_once)
        self._each_second = per_minute / 60
        self._seen = _clock.monotonic()

    def take(self) -> bool:
        """Take one, and tell whether there was one."""
        now = _clock.monotonic()
        self._left = min(self._most, self._left + (now - self._seen) * self._each_second)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass
class Waiting(Generic[T]):
    """Something that waits.

    Attributes:
        item: What waits.
        tries: How often it was tried.
        due: When it may be tried again, by the clock that never jumps.
    """

    item: T = field(repr=False)
    tries: int = 0
    due: float = field(default_factory=_clock.monotonic)

    def postpone(self) -> None:
        """Let it wait longer after each try, ten minutes at most."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self.tries)
        self.tries += 1
        self.due = _clock.monotonic() + pause


class WaitingRoom(Generic[T]):
    """Things that wait for another try, by a name that tells them apart.

    Where it is full, one that is chosen by chance makes room, so that a flood has no sure way to
    drive out one among it. The newest and the oldest are taken in turn: one that came before a
    flood is not kept waiting by it, nor one that comes after it.

    Args:
        size: How many it holds.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: dict[bytes, Waiting[T]] = {}
        self._newest_next = True

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def __contains__(self, name: object) -> bool:
        """Tell whether something waits.

        Args:
            name: Its name.
        """
        return name in self._waiting

    def add(self, name: bytes, waiting: Waiting[T]) -> None:
        """Let something wait.

        Args:
            name: Its name.
            waiting: What waits.
        """
        if name not in self._waiting and len(self._waiting) >= self._size:
            del self._waiting[secrets.choice(list(self._waiting))]
        self._waiting[name] = waiting

    def take(self) -> tuple[bytes, Waiting[T]] | None:
        """Take out the next that may be tried now, None if there is none."""
        now = _clock.monotonic()
        names = reversed(self._waiting) if self._newest_next else iter(self._waiting)
        name = next((one for one in names if self._waiting[one].due <= now), None)
        if name is None:
            return None
        self._newest_next = not self._newest_next
        return name, self._waiting.pop(name)

    def clear(self) -> None:
        """Let nothing wait any longer."""
        self._waiting.clear()
