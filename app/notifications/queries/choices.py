"""What people watch, mute and switch off."""

from collections.abc import Sequence

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.notifications.schemas import Choice, Kind, Level, Pace, Target
from app.notifications.tables import FeedKey, Notification, Preference, Wish


async def wish(db: AsyncSession, person_id: int, target: Target) -> Level | None:
    """Return what a person said about a thing."""
    row = await db.get(Wish, (person_id, target.kind, target.id))
    return row.level if row else None


async def set_wish(db: AsyncSession, person_id: int, target: Target, level: Level | None) -> None:
    """Remember what a person says about a thing; None takes it back."""
    if level is None:
        await db.execute(
            delete(Wish).where(
                Wish.person_id == person_id,
                Wish.target == target.kind,
                Wish.target_id == target.id,
            )
        )
        return
    statement = insert(Wish).values(
        person_id=person_id,
        target=target.kind,
        target_id=target.id,
        level=level,
        created_at=func.clock_timestamp(),
    )
    statement = statement.on_conflict_do_update(
        index_elements=["person_id", "target", "target_id"], set_={"level": level}
    )
    await db.execute(statement)


async def wishes_of(db: AsyncSession, person_id: int, limit: int) -> Sequence[Wish]:
    """Return what a person watches and mutes, the last first."""
    statement = select(Wish).where(Wish.person_id == person_id)
    statement = statement.order_by(Wish.created_at.desc(), Wish.target, Wish.target_id)
    return (await db.scalars(statement.limit(limit))).all()


async def count_wishes(db: AsyncSession, person_id: int) -> int:
    """Return how many things a person watches or mutes."""
    statement = select(func.count()).select_from(Wish).where(Wish.person_id == person_id)
    return int(await db.scalar(statement) or 0)


async def move_wishes(db: AsyncSession, target: str, old_id: int, new_id: int) -> None:
    """Let whoever watches one thing watch another instead; what they said of that one stays."""
    old = (Wish.target == target, Wish.target_id == old_id)
    said = select(Wish.person_id, Wish.target, literal(new_id), Wish.level, Wish.created_at)
    columns = ["person_id", "target", "target_id", "level", "created_at"]
    await db.execute(insert(Wish).from_select(columns, said.where(*old)).on_conflict_do_nothing())
    await db.execute(delete(Wish).where(*old))


async def preferences_of(db: AsyncSession, person_id: int) -> Sequence[Preference]:
    """Return what a person chose."""
    statement = select(Preference).where(Preference.person_id == person_id)
    return (await db.scalars(statement)).all()


async def set_preference(db: AsyncSession, person_id: int, kind: Kind, choice: Choice) -> None:
    """Remember what a person wants of one kind."""
    statement = insert(Preference).values(
        person_id=person_id, kind=kind, in_app=choice.in_app, mail=choice.mail
    )
    statement = statement.on_conflict_do_update(
        index_elements=["person_id", "kind"],
        set_={"in_app": choice.in_app, "mail": choice.mail},
    )
    await db.execute(statement)


async def forget_letters(
    db: AsyncSession, person_id: int, kind: Kind | None, pace: Pace | None
) -> None:
    """Mail nothing of a kind, or of a pace, that waits to be mailed."""
    statement = update(Notification).where(
        Notification.person_id == person_id, Notification.mailed_at.is_(None)
    )
    if kind is not None:
        statement = statement.where(Notification.kind == kind)
    if pace is not None:
        statement = statement.where(Notification.mail == pace)
    await db.execute(statement.values(mail=Pace.OFF).execution_options(synchronize_session=False))


async def feed_key(db: AsyncSession, person_id: int) -> FeedKey | None:
    """Return the number of a person's feed address."""
    return await db.get(FeedKey, person_id, populate_existing=True)


async def renew_feed_key(db: AsyncSession, person_id: int) -> int:
    """Give a person another feed address; return its number."""
    statement = insert(FeedKey).values(
        person_id=person_id, number=1, created_at=func.clock_timestamp()
    )
    statement = statement.on_conflict_do_update(
        index_elements=["person_id"],
        set_={
            "number": FeedKey.number + 1,
            "is_open": True,
            "created_at": func.clock_timestamp(),
        },
    )
    return int((await db.execute(statement.returning(FeedKey.number))).scalar_one())


async def close_feed_key(db: AsyncSession, person_id: int) -> None:
    """Let no feed address of a person open anything."""
    await db.execute(update(FeedKey).where(FeedKey.person_id == person_id).values(is_open=False))
