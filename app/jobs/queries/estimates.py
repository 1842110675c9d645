"""Reading how fast earlier jobs went."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.db import AsyncSession
from app.jobs.states import JobState
from app.jobs.tables import Job
from worker.contract.work import FINE_TUNE_KIND


async def finished(db: AsyncSession, architecture: str, queue: str, limit: int) -> Sequence[Job]:
    """Return the newest jobs of a queue that ended well, first those on one kind of network."""
    same_network = Job.plan["base"]["architecture"].astext == architecture
    statement = (
        select(Job)
        .where(Job.state == JobState.SUCCEEDED, Job.queue == queue, Job.kind == FINE_TUNE_KIND)
        .order_by(same_network.desc(), Job.id.desc())
        .limit(limit)
    )
    return (await db.scalars(statement)).all()
