"""Every read of how the site stands, and the statements that keep it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.admin.tables import Health, SiteProcess
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.probes import Reading

_KEEP = timedelta(days=1)
_MOST = 200


async def try_lock(db: AsyncSession) -> bool:
    """Whether this process may look at the parts now; one does at a time."""
    lock = func.pg_try_advisory_xact_lock(func.hashtext("admin.probes"))
    return bool(await db.scalar(select(lock)))


async def keep(db: AsyncSession, readings: Sequence[Reading]) -> None:
    """Keep what was found; `since` stays for as long as a part stands as it did."""
    moment = func.clock_timestamp()
    for one in readings:
        values = {"level": one.level, "problem": one.problem, "figures": one.figures}
        statement = insert(Health).values(name=one.name, since=moment, checked_at=moment, **values)
        stays = Health.level == one.level
        await db.execute(
            statement.on_conflict_do_update(
                index_elements=[Health.name],
                set_={
                    **values,
                    "checked_at": moment,
                    "since": case((stays, Health.since), else_=moment),
                },
            )
        )


async def health(db: AsyncSession) -> Sequence[Health]:
    """Return how every part stood at the last look."""
    statement = select(Health).limit(_MOST).execution_options(populate_existing=True)
    return (await db.scalars(statement)).all()


async def checked_at(db: AsyncSession, name: str) -> datetime | None:
    """Return when a part was last looked at."""
    return await db.scalar(select(Health.checked_at).where(Health.name == name))


async def give_sign(db: AsyncSession, name: str, version: str, started_at: datetime) -> None:
    """Note that a process lives."""
    moment = func.clock_timestamp()
    statement = insert(SiteProcess).values(
        name=name, version=version, started_at=started_at, seen_at=moment
    )
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[SiteProcess.name], set_={"seen_at": moment, "version": version}
        )
    )
    await db.execute(delete(SiteProcess).where(SiteProcess.seen_at < now() - _KEEP))


async def forget_process(db: AsyncSession, name: str) -> None:
    """Forget a process that ends in order."""
    await db.execute(delete(SiteProcess).where(SiteProcess.name == name))


async def processes(db: AsyncSession, since: datetime) -> Sequence[SiteProcess]:
    """Return the processes that gave a sign of life since a moment."""
    statement = select(SiteProcess).where(SiteProcess.seen_at >= since).order_by(SiteProcess.name)
    return (await db.scalars(statement.limit(_MOST))).all()
