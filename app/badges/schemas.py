"""Which badges there are. What each asks for stands in `queries/rules.py`, its words in `words`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Metal(StrEnum):
    """How hard a badge is to earn."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"


class Badge(StrEnum):
    """What can be earned, once each."""

    REPRODUCED = "reproduced"
    GREAT_ANSWER = "great-answer"
    FIFTY_SOLUTIONS = "fifty-solutions"
    TEN_ANSWERS = "ten-answers"
    VERIFIED_ANSWER = "verified-answer"
    HELPFUL_EDITOR = "helpful-editor"
    BOUNTY_WON = "bounty-won"
    WATCHFUL = "watchful"
    WELL_LIKED = "well-liked"
    FIRST_SOLUTION = "first-solution"
    GOOD_QUESTION = "good-question"
    TEACHER = "teacher"
    EDITOR = "editor"
    BENEFACTOR = "benefactor"

    @property
    def metal(self) -> Metal:
        """How hard it is to earn."""
        return _METALS.get(self, Metal.BRONZE)


_METALS = {
    Badge.REPRODUCED: Metal.GOLD,
    Badge.GREAT_ANSWER: Metal.GOLD,
    Badge.FIFTY_SOLUTIONS: Metal.GOLD,
    Badge.TEN_ANSWERS: Metal.SILVER,
    Badge.VERIFIED_ANSWER: Metal.SILVER,
    Badge.HELPFUL_EDITOR: Metal.SILVER,
    Badge.BOUNTY_WON: Metal.SILVER,
    Badge.WATCHFUL: Metal.SILVER,
    Badge.WELL_LIKED: Metal.SILVER,
}


@dataclass(frozen=True)
class BadgeView:
    """A badge in the reader's language; `num_people` have it."""

    badge: Badge
    metal: Metal
    name: str
    sentence: str
    num_people: int = 0

    @property
    def url(self) -> str:
        """Return where its page is."""
        return f"/badges/{self.badge.value}"


@dataclass(frozen=True)
class HolderView:
    """Somebody who has a badge."""

    id: int
    name: str
    given_at: datetime


@dataclass(frozen=True)
class AwardView:
    """A badge of somebody."""

    id: int
    badge: BadgeView
    person_id: int
    given_at: datetime
