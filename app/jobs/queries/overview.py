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


async def num_by_state(db: AsyncSession) -> dict[JobState, int]:
    """Return how many jobs are in each state."""
    rows = await db.execute(select(Job.state, func.count()).group_by(Job.state))
    return {state: int(num) for state, num in rows}


async def waiting_by_queue(db: AsyncSession) -> dict[str, tuple[int, float]]:
    """Return for each queue with waiting jobs how many they are, and how old the first is."""
    age = func.extract("epoch", func.clock_timestamp() - func.min(Job.queued_at))
    statement = select(Job.queue, func.count(), age).where(Job.state == JobState.QUEUED)
    rows = await db.execute(statement.group_by(Job.queue))
    return {queue: (int(num), max(0.0, float(seconds))) for queue, num, seconds in rows}
