"""How much is going on, in two numbers."""

from collections.abc import Collection

from sqlalchemy import func, select

from app.core.db import AsyncSession
from app.jobs.states import JobState
from app.jobs.tables import Job


async def num_in_states(db: AsyncSession, states: Collection[JobState]) -> int:
    """Return how many jobs are in one of `states`, whoever owns them."""
    statement = select(func.count()).select_from(Job).where(Job.state.in_(states))
    return int(await db.scalar(statement) or 0)
