"""Votes and sums, read and counted so that any number of voters at once lose nothing."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.reputation.tables import Entry, Standing, Vote


async def held_vote(db: AsyncSession, comment_id: int, voter_id: int) -> Vote:
    """Return the vote of one person on one post, made if need be, locked until the end."""
    made = insert(Vote).values(comment_id=comment_id, voter_id=voter_id, value=0, voted_at=now())
    await db.execute(made.on_conflict_do_nothing())
    statement = (
        select(Vote)
        .where(Vote.comment_id == comment_id, Vote.voter_id == voter_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).one()


async def votes_of(
    db: AsyncSession, voter_id: int, comment_ids: Collection[int]
) -> Mapping[int, int]:
    """Return how somebody voted on these posts; those without a vote are left out."""
    statement = select(Vote.comment_id, Vote.value).where(
        Vote.voter_id == voter_id, Vote.comment_id.in_(comment_ids), Vote.value != 0
    )
    return {row[0]: row[1] for row in await db.execute(statement)}


async def add_to_standing(db: AsyncSession, account_id: int, amounts: Mapping[str, int]) -> None:
    """Add to the sums of one person, in one statement."""
    made = insert(Standing).values(account_id=account_id, **amounts)
    await db.execute(
        made.on_conflict_do_update(
            index_elements=[Standing.account_id],
            set_={name: getattr(Standing, name) + amount for name, amount in amounts.items()},
        )
    )


async def take_points(db: AsyncSession, account_id: int, amount: int) -> bool:
    """Take points from somebody who has so many; False, and nothing taken, if they have fewer."""
    statement = (
        update(Standing)
        .where(Standing.account_id == account_id, Standing.points >= amount)
        .values(points=Standing.points - amount)
        .returning(Standing.account_id)
        .execution_options(synchronize_session=False)
    )
    return await db.scalar(statement) is not None


async def entries(
    db: AsyncSession, account_id: int, before: int | None, limit: int
) -> Sequence[Entry]:
    """Return how somebody's points moved, the newest first."""
    statement = select(Entry).where(Entry.account_id == account_id)
    if before is not None:
        statement = statement.where(Entry.id < before)
    return (await db.scalars(statement.order_by(Entry.id.desc()).limit(limit))).all()


async def clear_badges(db: AsyncSession, account_id: int) -> None:
    """Count no badge of this person any more."""
    statement = update(Standing).where(Standing.account_id == account_id)
    await db.execute(statement.values(num_gold=0, num_silver=0, num_bronze=0))


async def standings(db: AsyncSession, account_ids: Collection[int]) -> dict[int, Standing]:
    """Return the sums of these people; who has none yet is left out."""
    statement = select(Standing).where(Standing.account_id.in_(account_ids))
    rows = await db.scalars(statement.execution_options(populate_existing=True))
    return {row.account_id: row for row in rows}
