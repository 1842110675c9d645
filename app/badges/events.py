"""News from badges."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BadgeGiven:
    """Somebody earned a badge."""

    award_id: int
    person_id: int
