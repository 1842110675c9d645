"""Who may see a ranking: whoever may see its job."""

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.jobs.policy import access_kind
from app.jobs.service import Job
from worker.contract.rank import RANK_KIND


async def access_ranking(db: AsyncSession, viewer: Viewer, job_id: int) -> Job:
    """Return the job of a ranking.

    Raises:
        NotFoundError: no such ranking, or not theirs.
    """
    return await access_kind(db, viewer, job_id, RANK_KIND)
