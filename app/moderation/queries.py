"""Every read of the queue, the reports, the acts and the appeals."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.moderation.schemas import ActKind, Cause, State, Subject
from app.moderation.tables import Act, Appeal, Item, Report


async def open_item(db: AsyncSession, subject: Subject, subject_id: int) -> Item | None:
    """Return what is to be decided about a thing, held until the transaction ends."""
    statement = select(Item).where(
        Item.subject == subject, Item.subject_id == subject_id, Item.state == State.OPEN
    )
    return await db.scalar(statement.with_for_update().execution_options(populate_existing=True))


async def add_item(db: AsyncSession, new: Item) -> None:
    """Put a thing into the queue, unless somebody was quicker."""
    await db.execute(
        insert(Item)
        .values(
            subject=new.subject,
            subject_id=new.subject_id,
            account_id=new.account_id,
            is_private=new.is_private,
            causes=[],
            score=0.0,
            num_reports=0,
            findings=[],
            state=State.OPEN,
            created_at=new.created_at,
        )
        .on_conflict_do_nothing()
    )


async def item(db: AsyncSession, item_id: int, *, lock: bool = False) -> Item | None:
    """Return an item; `lock` holds it until the transaction ends."""
    statement = select(Item).where(Item.id == item_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def items(  # noqa: PLR0913  # a page, one argument a choice
    db: AsyncSession,
    *,
    is_open: bool,
    with_private: bool,
    cause: Cause | None = None,
    subject: Subject | None = None,
    after: tuple[float, int] | None = None,
    limit: int,
) -> Sequence[Item]:
    """Return the queue, what weighs most first; what is decided, the newest first."""
    statement = select(Item).where(
        Item.state == State.OPEN if is_open else Item.state != State.OPEN
    )
    if not with_private:
        statement = statement.where(Item.is_private.is_(False))
    if cause is not None:
        statement = statement.where(Item.causes.contains([cause.value]))
    if subject is not None:
        statement = statement.where(Item.subject == subject)
    if is_open:
        place = (Item.score, Item.id)
        if after is not None:
            statement = statement.where(tuple_(*place) < after)
        statement = statement.order_by(Item.score.desc(), Item.id.desc())
    else:
        if after is not None:
            statement = statement.where(Item.id < after[1])
        statement = statement.order_by(Item.id.desc())
    return (await db.scalars(statement.limit(limit))).all()


async def open_items_of(db: AsyncSession, account_id: int) -> Sequence[Item]:
    """Return what is open about somebody, held until the transaction ends."""
    statement = select(Item).where(Item.account_id == account_id, Item.state == State.OPEN)
    return (await db.scalars(statement.order_by(Item.id).with_for_update())).all()


async def num_open(db: AsyncSession, *, with_private: bool) -> int:
    """Return how much is to be decided."""
    statement = select(func.count()).where(Item.state == State.OPEN)
    if not with_private:
        statement = statement.where(Item.is_private.is_(False))
    return int(await db.scalar(statement) or 0)


async def report_of(
    db: AsyncSession, subject: Subject, subject_id: int, reporter_id: int
) -> Report | None:
    """Return what somebody reported of a thing."""
    return await db.scalar(
        select(Report).where(
            Report.subject == subject,
            Report.subject_id == subject_id,
            Report.reporter_id == reporter_id,
        )
    )


async def reports_of_items(db: AsyncSession, item_ids: Collection[int]) -> Sequence[Report]:
    """Return what people reported, the first first."""
    statement = select(Report).where(Report.item_id.in_(item_ids)).order_by(Report.id)
    return (await db.scalars(statement.limit(500))).all()


async def reports_by(
    db: AsyncSession, reporter_id: int, before: int | None, limit: int
) -> Sequence[Report]:
    """Return what somebody reported, the newest first."""
    statement = select(Report).where(Report.reporter_id == reporter_id)
    if before is not None:
        statement = statement.where(Report.id < before)
    return (await db.scalars(statement.order_by(Report.id.desc()).limit(limit))).all()


async def record_of(db: AsyncSession, reporter_id: int) -> tuple[int, int]:
    """Return how often the moderators agreed with somebody, and how often they did not."""
    agreed = func.count().filter(Report.outcome == State.AGREED)
    disagreed = func.count().filter(Report.outcome == State.DISAGREED)
    statement = select(agreed, disagreed).where(Report.reporter_id == reporter_id)
    row = (await db.execute(statement)).one()
    return int(row[0]), int(row[1])


async def act(db: AsyncSession, act_id: int, *, lock: bool = False) -> Act | None:
    """Return an act; `lock` holds it until the transaction ends."""
    statement = select(Act).where(Act.id == act_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(statement)


async def acts_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, Act]:
    """Return acts by their ids."""
    return {row.id: row for row in await db.scalars(select(Act).where(Act.id.in_(ids)))}


async def acts(
    db: AsyncSession, *, before: int | None, limit: int, account_id: int | None = None
) -> Sequence[Act]:
    """Return what moderators did, perhaps only what concerned somebody, the newest first."""
    statement = select(Act).order_by(Act.id.desc()).limit(limit)
    if account_id is not None:
        statement = statement.where(Act.account_id == account_id)
    if before is not None:
        statement = statement.where(Act.id < before)
    return (await db.scalars(statement)).all()


async def purges_of(db: AsyncSession, account_id: int) -> Sequence[Act]:
    """Return the acts that removed all of somebody, held until the transaction ends."""
    statement = select(Act).where(Act.account_id == account_id, Act.kind == ActKind.PURGED)
    return (await db.scalars(statement.order_by(Act.id).with_for_update())).all()


async def last_act(
    db: AsyncSession, subject: Subject, subject_id: int, kinds: Collection[str]
) -> Act | None:
    """Return the newest act of these kinds on a thing that stands."""
    where: list[ColumnElement[bool]] = [
        Act.subject == subject,
        Act.subject_id == subject_id,
        Act.kind.in_(kinds),
        Act.undone_at.is_(None),
    ]
    return await db.scalar(select(Act).where(*where).order_by(Act.id.desc()).limit(1))


async def appeal(db: AsyncSession, appeal_id: int) -> Appeal | None:
    """Return an appeal, held until the transaction ends."""
    return await db.scalar(select(Appeal).where(Appeal.id == appeal_id).with_for_update())


async def appeals_of(db: AsyncSession, act_ids: Collection[int]) -> Sequence[Appeal]:
    """Return the appeals against these acts."""
    return (await db.scalars(select(Appeal).where(Appeal.act_id.in_(act_ids)))).all()


async def open_appeals(db: AsyncSession, limit: int) -> Sequence[Appeal]:
    """Return the appeals that nobody has decided, the oldest first."""
    statement = select(Appeal).where(Appeal.is_granted.is_(None)).order_by(Appeal.id)
    return (await db.scalars(statement.limit(limit))).all()
