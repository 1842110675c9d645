"""Who may see and steer a job: its owner, and the site's administrators."""

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs.queries import jobs as job_queries
from app.jobs.tables import Job
from worker.contract.work import FINE_TUNE_KIND


async def access_job(db: AsyncSession, viewer: Viewer, job_id: int) -> Job:
    """Return the job if the viewer owns it or administers the site.

    Raises:
        NotFoundError: no such job, or not theirs; the answer must not tell which.
    """
    job = await job_queries.job_by_id(db, job_id)
    if job is None or not viewer.may_steer(job.owner_id):
        raise NotFoundError(_("There is no such job."))
    return job


async def access_run(db: AsyncSession, viewer: Viewer, job_id: int) -> Job:
    """Return the job if it fine-tunes a model and the viewer may see it.

    Raises:
        NotFoundError: no such job, not theirs, or of another kind.
    """
    return await access_kind(db, viewer, job_id, FINE_TUNE_KIND)


async def access_own_run(db: AsyncSession, viewer: Viewer, job_id: int) -> Job:
    """Return the job if it fine-tunes a model and is the viewer's own, whoever else may see it.

    Raises:
        NotFoundError: no such job, not theirs, or of another kind.
    """
    job = await access_run(db, viewer, job_id)
    if job.owner_id != viewer.user_id:
        raise NotFoundError(_("There is no such job."))
    return job


async def access_kind(db: AsyncSession, viewer: Viewer, job_id: int, kind: str) -> Job:
    """Return the job if it is of a kind and the viewer may see it.

    Raises:
        NotFoundError: no such job, not theirs, or of another kind.
    """
    job = await access_job(db, viewer, job_id)
    if job.kind != kind:
        raise NotFoundError(_("There is no such job."))
    return job
