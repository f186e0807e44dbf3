"""Finding: one thing that was looked at, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Grade(StrEnum):
    """What a finding comes to."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what was seen.

    Attributes:
        subject: What was looked at, in a word or three.
        text: What was seen, for a person.
        grade: Whether that is good, bad, or just to be known.
        facts: The same for a program: nothing but what JSON can hold, and no secret.
    """

    subject: str
    text: str
    grade: Grade = Grade.NOTE
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """Return the finding as JSON can hold it."""
        return {
            "subject": self.subject,
            "grade": self.grade.value,
            "text": self.text,
            "facts": dict(self.facts),
        }
