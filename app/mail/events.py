"""News from the post room."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LetterQueued:
    """A letter waits to be sent."""

    kind: str
