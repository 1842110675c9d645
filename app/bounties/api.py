"""Bounties as JSON: put one up, award it, and read every movement."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from app.bounties import service
from app.bounties.schemas import AwardIn, BountyIn, BountyView, LogLine, State
from app.core.http import Anybody, CommunityWriter, Db
from app.ledger.schemas import Unit, What

router = APIRouter(prefix="/api/v1", tags=["bounties"])
Before = Annotated[int | None, Query(gt=0, lt=1 << 63)]


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BountyOut(_Out):
    """A bounty. `awardable_until` is a day after its end; `paid` is what `winner` got."""

    id: int
    question_id: int
    giver: str
    unit: Unit
    amount: int
    state: State
    begun_at: datetime
    ends_at: datetime
    awardable_until: datetime
    settled_at: datetime | None
    answer_id: int | None
    winner: str
    paid: int

    @classmethod
    def of(cls, view: BountyView) -> "BountyOut":
        """Return the shape of a bounty."""
        return cls(**{name: getattr(view, name) for name in cls.model_fields})


class MovementOut(_Out):
    """A movement. `giver` and `winner` are empty for what is held or forfeited."""

    id: int
    what: What
    unit: Unit
    amount: int
    bounty_id: int
    question_id: int | None
    giver: str
    winner: str
    created_at: datetime

    @classmethod
    def of(cls, line: LogLine) -> "MovementOut":
        """Return the shape of a movement."""
        return cls(**{name: getattr(line, name) for name in cls.model_fields})


class MovementPage(_Out):
    """A page of movements, the newest first. Send `next_cursor` as `cursor` for the next one."""

    items: list[MovementOut]
    next_cursor: str | None


@router.get("/questions/{question_id}/bounties")
async def list_bounties(db: Db, viewer: Anybody, question_id: int) -> list[BountyOut]:
    """List the bounties of a question, the newest first."""
    return [BountyOut.of(one) for one in await service.bounties_of(db, viewer, question_id)]


@router.post("/questions/{question_id}/bounties", status_code=HTTPStatus.CREATED)
async def offer(db: Db, viewer: CommunityWriter, question_id: int, new: BountyIn) -> BountyOut:
    """Put something up for an answer; one bounty a question at a time."""
    return BountyOut.of(await service.offer(db, viewer, question_id, new))


@router.post("/questions/{question_id}/bounties/award")
async def award(db: Db, viewer: CommunityWriter, question_id: int, which: AwardIn) -> BountyOut:
    """Give a bounty of one's own to an answer."""
    return BountyOut.of(await service.award(db, viewer, question_id, which.answer_id))


@router.get("/bounties")
async def list_movements(
    db: Db, _viewer: Anybody, cursor: Before = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> MovementPage:
    """List every movement for a bounty, of anybody: the two sides of each sum to nothing."""
    page = await service.public_log(db, cursor, limit)
    return MovementPage(
        items=[MovementOut.of(one) for one in page.items], next_cursor=page.next_cursor
    )
