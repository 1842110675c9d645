"""Badges as JSON."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from app.badges import service
from app.badges.schemas import BadgeView, Metal
from app.core.http import Anybody, Db

router = APIRouter(prefix="/api/v1", tags=["badges"])


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BadgeOut(_Out):
    """A badge in the caller's language; `num_people` have it."""

    badge: str
    metal: Metal
    name: str
    sentence: str
    num_people: int

    @classmethod
    def of(cls, view: BadgeView) -> "BadgeOut":
        """Return the shape of a badge."""
        return cls(
            badge=view.badge.value,
            metal=view.metal,
            name=view.name,
            sentence=view.sentence,
            num_people=view.num_people,
        )


class HolderOut(_Out):
    """Somebody who has a badge."""

    name: str
    given_at: datetime


class HolderPage(_Out):
    """A page of people, the newest first. Send `next_cursor` as `cursor` for the next one."""

    items: list[HolderOut]
    next_cursor: str | None


class EarnedOut(_Out):
    """A badge of a person."""

    badge: str
    metal: Metal
    name: str
    given_at: datetime


@router.get("/badges")
async def list_badges(db: Db, _viewer: Anybody) -> list[BadgeOut]:
    """List every badge, gold first."""
    return [BadgeOut.of(one) for one in await service.list_badges(db)]


@router.get("/badges/{name}")
async def list_holders(
    db: Db,
    _viewer: Anybody,
    name: str,
    cursor: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> HolderPage:
    """List who has a badge."""
    page = await service.holders(db, service.find_badge(name), cursor, limit)
    items = [HolderOut(name=one.name, given_at=one.given_at) for one in page.items]
    return HolderPage(items=items, next_cursor=page.next_cursor)


@router.get("/people/{name}/badges")
async def list_earned(db: Db, _viewer: Anybody, name: str) -> list[EarnedOut]:
    """List the badges of a person, the newest first."""
    return [
        EarnedOut(
            badge=one.badge.badge.value,
            metal=one.badge.metal,
            name=one.badge.name,
            given_at=one.given_at,
        )
        for one in await service.badges_of(db, name)
    ]
