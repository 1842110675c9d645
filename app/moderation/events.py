"""News of moderation; announced, so that the letter goes with the decision."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModeratorActed:
    """A moderator did something; the act has its own number in the log."""

    act_id: int
