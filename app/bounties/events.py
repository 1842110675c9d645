"""News from bounties."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BountyBegun:
    """Somebody put something up for an answer."""

    bounty_id: int
    question_id: int
    by_id: int


@dataclass(frozen=True)
class BountyWon:
    """An answer got it, or the half of it when nobody awarded it (`by_id` is None then)."""

    bounty_id: int
    question_id: int
    comment_id: int
    by_id: int | None


@dataclass(frozen=True)
class BountyEnding:
    """The days for answers are over: its giver has one more to award it."""

    bounty_id: int
    question_id: int


@dataclass(frozen=True)
class BountyOver:
    """Nobody got it."""

    bounty_id: int
    question_id: int
