"""Every read of the collections' tables, and the single statements that must be atomic."""

from collections.abc import Collection as Many
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, false, func, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.collections.schemas import CollectionSort
from app.collections.tables import Collection, CollectionItem, CollectionUpvote
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.security import Viewer

SORT_COLUMNS: dict[CollectionSort, Any] = {
    CollectionSort.UPDATED: Collection.updated_at,
    CollectionSort.TRENDING: Collection.upvotes,
    CollectionSort.UPVOTES: Collection.upvotes,
}


def _visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a row may be shown to `viewer`; every list uses it."""
    if viewer.user_id is None or viewer.only_repos is not None:
        return Collection.private == false()
    if viewer.is_admin:
        return true()
    owners = {viewer.user_id, *viewer.organization_ids}
    return or_(Collection.private == false(), Collection.owner_id.in_(owners))


def is_visible(viewer: Viewer, number: Any) -> ColumnElement[bool]:
    """Return the condition that there is a collection of this number, and the viewer may see it."""
    return exists().where(Collection.id == number, _visible_to(viewer))


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when collections changed after a moment, and their ids, the earliest first."""
    place = (Collection.updated_at, Collection.id)
    statement = select(*place).where(tuple_(*place) > (moment, after_id))
    rows = await db.execute(statement.order_by(*place).limit(limit))
    return [(changed, number) for changed, number in rows]


async def by_ids(db: AsyncSession, numbers: Many[int]) -> Sequence[Collection]:
    """Return those that exist, whoever may see them."""
    return (await db.scalars(select(Collection).where(Collection.id.in_(numbers)))).all()


async def collection_by_id(
    db: AsyncSession, number: int, *, lock: bool = False
) -> Collection | None:
    """Return a collection; locked, so that its items are numbered by one hand at a time."""
    statement = select(Collection).where(Collection.id == number)
    return await db.scalar(statement.with_for_update() if lock else statement)


async def collection_by_title(db: AsyncSession, owner_id: int, title_key: str) -> Collection | None:
    """Return the owner's collection of this title in any case."""
    statement = select(Collection).where(
        Collection.owner_id == owner_id, Collection.title_key == title_key
    )
    return await db.scalar(statement)


async def collections_by_id(
    db: AsyncSession, viewer: Viewer, numbers: Many[int]
) -> dict[int, Collection]:
    """Return those that the viewer may see."""
    statement = select(Collection).where(Collection.id.in_(numbers), _visible_to(viewer))
    return {found.id: found for found in await db.scalars(statement)}


async def list_collections(  # noqa: PLR0913  # what a list is narrowed to
    db: AsyncSession,
    viewer: Viewer,
    *,
    owner_ids: Many[int] | None,
    repository_ids: Many[int] | None,
    sort: CollectionSort,
    after: tuple[datetime | int, int] | None,
    limit: int,
) -> Sequence[Collection]:
    """Return at most `limit` that the viewer may see, from `after` on."""
    column = SORT_COLUMNS[sort]
    statement = select(Collection).where(_visible_to(viewer))
    if owner_ids is not None:
        statement = statement.where(Collection.owner_id.in_(owner_ids))
    if repository_ids is not None:
        holding = select(CollectionItem.collection_id).where(
            CollectionItem.repository_id.in_(repository_ids)
        )
        statement = statement.where(Collection.id.in_(holding))
    if after is not None:
        statement = statement.where(tuple_(column, Collection.id) < tuple_(*after))
    statement = statement.order_by(column.desc(), Collection.id.desc()).limit(limit)
    return (await db.scalars(statement)).all()


async def items_of(
    db: AsyncSession, numbers: Many[int], each: int
) -> dict[int, list[CollectionItem]]:
    """Return the first `each` items of every collection, in their order."""
    rank = (
        func.row_number()
        .over(
            partition_by=CollectionItem.collection_id,
            order_by=(CollectionItem.position, CollectionItem.id),
        )
        .label("rank")
    )
    inner = (
        select(CollectionItem.id, rank).where(CollectionItem.collection_id.in_(numbers)).subquery()
    )
    statement = (
        select(CollectionItem)
        .join(inner, inner.c.id == CollectionItem.id)
        .where(inner.c.rank <= each)
        .order_by(CollectionItem.position, CollectionItem.id)
    )
    found: dict[int, list[CollectionItem]] = {number: [] for number in numbers}
    for item in await db.scalars(statement):
        found[item.collection_id].append(item)
    return found


async def item_by_id(db: AsyncSession, number: int, item_id: int) -> CollectionItem | None:
    """Return an item of this collection."""
    statement = select(CollectionItem).where(
        CollectionItem.id == item_id, CollectionItem.collection_id == number
    )
    return await db.scalar(statement)


async def count_items(db: AsyncSession, number: int) -> int:
    """Return how many items a collection has, whoever may see them."""
    statement = select(func.count()).where(CollectionItem.collection_id == number)
    return int(await db.scalar(statement) or 0)


async def upvote(db: AsyncSession, number: int, user_id: int) -> None:
    """Count a person's vote, once."""
    statement = insert(CollectionUpvote).values(
        collection_id=number, user_id=user_id, created_at=now()
    )
    statement = statement.on_conflict_do_nothing()
    if await db.scalar(statement.returning(CollectionUpvote.user_id)) is not None:
        await _add_upvotes(db, number, 1)


async def take_upvote_back(db: AsyncSession, number: int, user_id: int) -> None:
    """Take a person's vote back, if there is one."""
    statement = delete(CollectionUpvote).where(
        CollectionUpvote.collection_id == number, CollectionUpvote.user_id == user_id
    )
    if await db.scalar(statement.returning(CollectionUpvote.user_id)) is not None:
        await _add_upvotes(db, number, -1)


async def _add_upvotes(db: AsyncSession, number: int, votes: int) -> None:
    await db.execute(
        update(Collection).where(Collection.id == number).values(upvotes=Collection.upvotes + votes)
    )


async def has_upvoted(db: AsyncSession, number: int, user_id: int) -> bool:
    """Whether the person's vote is counted."""
    return await db.get(CollectionUpvote, (number, user_id)) is not None
