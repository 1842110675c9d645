"""Every statement about what is changed while the site runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.runtime.tables import Announcement, RuntimeChange, RuntimeValue

CHANNEL = "tuningfork_runtime"
_MOST_ANNOUNCEMENTS = 50


@dataclass(frozen=True)
class Change:
    """What a change was made of: null is the default."""

    name: str
    before: Any
    after: Any


async def read(db: AsyncSession) -> Mapping[str, Any]:
    """Return everything that is not at its default; there are only a few dozen names."""
    rows = await db.execute(select(RuntimeValue.name, RuntimeValue.value).limit(1000))
    return {name: value for name, value in rows}  # noqa: C416  # a row is no plain pair to mypy


async def read_one(db: AsyncSession, name: str) -> Any:
    """Return what is kept under a name, and let others who change it wait; None is the default."""
    await db.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"runtime {name}"))))
    return await db.scalar(select(RuntimeValue.value).where(RuntimeValue.name == name))


async def write(db: AsyncSession, change: Change, actor_id: int | None) -> None:
    """Keep a value, or with None the default, and tell every process once it is committed."""
    if change.after is None:
        await db.execute(delete(RuntimeValue).where(RuntimeValue.name == change.name))
    else:
        values = {"value": change.after, "changed_by_id": actor_id, "changed_at": now()}
        statement = insert(RuntimeValue).values(name=change.name, **values)
        await db.execute(
            statement.on_conflict_do_update(index_elements=[RuntimeValue.name], set_=values)
        )
    db.add(
        RuntimeChange(
            name=change.name,
            before=_told(change.before),
            after=_told(change.after),
            changed_by_id=actor_id,
        )
    )
    await db.flush()
    await ring(db)


def _told(value: Any) -> Any:
    return "•••" if isinstance(value, dict) and "sealed" in value else value


async def ring(db: AsyncSession) -> None:
    """Let every process read again what was changed, as soon as it is committed."""
    await db.execute(select(func.pg_notify(CHANNEL, "")))


async def changes(
    db: AsyncSession, name: str = "", before: int | None = None, limit: int = 50
) -> Sequence[RuntimeChange]:
    """Return what was changed, the newest first."""
    statement = select(RuntimeChange).order_by(RuntimeChange.id.desc()).limit(limit)
    if name:
        statement = statement.where(RuntimeChange.name == name)
    if before is not None:
        statement = statement.where(RuntimeChange.id < before)
    return (await db.scalars(statement)).all()


async def announcements(db: AsyncSession, *, only_living: bool = False) -> Sequence[Announcement]:
    """Return announcements, the newest first; those that are to come live too."""
    statement = select(Announcement).order_by(Announcement.id.desc()).limit(_MOST_ANNOUNCEMENTS)
    if only_living:
        over = Announcement.ends_at
        statement = statement.where(or_(over.is_(None), over > func.now()))
    rows = (await db.scalars(statement)).all()
    for row in rows:
        db.expunge(row)
    return rows


async def keep_announcement(db: AsyncSession, made: Announcement) -> None:
    """Keep an announcement, and tell every process."""
    db.add(made)
    await db.flush()
    await ring(db)


async def forget_announcement(db: AsyncSession, number: int) -> Announcement | None:
    """Take an announcement away; return what it was, None if there is none."""
    found = await db.get(Announcement, number)
    if found is not None:
        await db.delete(found)
        await db.flush()
        await ring(db)
    return found
