"""Rules and shapes of bounties."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.ledger.schemas import Unit, What

LASTS, GRACE = timedelta(days=7), timedelta(hours=24)
QUESTION_AGE = timedelta(days=2)
# How much of each unit may be put up.
LEAST = {Unit.REPUTATION: 50, Unit.GPU_SECONDS: 600}
MOST = {Unit.REPUTATION: 500, Unit.GPU_SECONDS: 36_000}
MOST_OPEN = 3
# The half that goes by itself needs an answer with so many votes.
LEAST_VOTES = 2


class State(StrEnum):
    """What became of a bounty."""

    OPEN = "open"
    AWARDED = "awarded"
    HALVED = "halved"
    FORFEITED = "forfeited"
    GIVEN_BACK = "given-back"


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BountyIn(_In):
    """What to put up: 50 to 500 points of `reputation`, or 600 to 36,000 `gpu_seconds`."""

    amount: Annotated[int, Field(ge=0, le=1_000_000)]
    unit: Unit = Unit.REPUTATION


class AwardIn(_In):
    """Which answer gets it."""

    answer_id: Annotated[int, Field(gt=0, lt=1 << 63)]


@dataclass(frozen=True)
class BountyView:
    """A bounty: until `ends_at` for answers, and a day longer for who gives it to award it."""

    id: int
    question_id: int
    giver: str
    giver_id: int | None
    unit: Unit
    amount: int
    state: State
    begun_at: datetime
    ends_at: datetime
    settled_at: datetime | None
    answer_id: int | None
    winner: str
    paid: int

    @property
    def awardable_until(self) -> datetime:
        """Until when its giver can award it; then the rule decides."""
        return self.ends_at + GRACE


@dataclass(frozen=True)
class LogLine:
    """A movement as everybody may read it; a name is empty for what is no person."""

    id: int
    what: What
    unit: Unit
    amount: int
    bounty_id: int
    question_id: int | None
    question_title: str
    question_url: str
    giver: str
    winner: str
    created_at: datetime
