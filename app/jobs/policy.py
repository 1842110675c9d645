"""Who may see and steer a job: its owner, and the site's administrators."""

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs.queries import jobs as job_queries
from app.jobs.tables import Job


async def access_job(db: AsyncSession, viewer: Viewer, job_id: int) -> Job:
    """Return the job if the viewer owns it or administers the site.

    Raises:
        NotFoundError: no such job, or not theirs; the answer must not tell which.
    """
    job = await job_queries.job_by_id(db, job_id)
    if job is None:
        raise NotFoundError(_("There is no such job."))
    if viewer.user_id is None:
        raise NotFoundError(_("There is no such job."))
    if job.owner_id == viewer.user_id:
        return job
    if viewer.is_admin:
        return job
    raise NotFoundError(_("There is no such job."))
