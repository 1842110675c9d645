"""Reading how long earlier jobs took."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.db import AsyncSession
from app.jobs.states import JobState
from app.jobs.tables import Job


async def finished_like(
    db: AsyncSession, owner_id: int, architecture: str, queue: str, limit: int
) -> Sequence[Job]:
    """Return the newest jobs of an owner that ended well on the same kind of network and queue."""
    statement = (
        select(Job)
        .where(
            Job.owner_id == owner_id,
            Job.state == JobState.SUCCEEDED,
            Job.queue == queue,
            Job.plan["base"]["architecture"].astext == architecture,
        )
        .order_by(Job.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()
