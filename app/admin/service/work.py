"""What administrators do to workers and other people's jobs: one audit row each."""

from enum import StrEnum

from app.core import audit
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.jobs.service import control, fleet


class WorkerAct(StrEnum):
    """What can be done with a worker."""

    DRAIN = "drain"
    RESUME = "resume"
    REVOKE = "revoke"
    LET_IN = "let_in"


class JobAct(StrEnum):
    """What can be done with a job."""

    RETRY = "retry"
    CANCEL = "cancel"


async def change_worker(db: AsyncSession, actor_id: int | None, name: str, what: WorkerAct) -> bool:
    """Drain, resume, shut out or let in a worker; False if it was so already.

    Raises:
        NotFoundError: there is no such worker.
        ConflictError: it was shut out, which neither draining nor resuming changes.
    """
    if what in {WorkerAct.DRAIN, WorkerAct.RESUME}:
        wanted, word = what is WorkerAct.DRAIN, "drained"
        was = await fleet.set_drained(db, name, drained=wanted)
    else:
        wanted, word = what is WorkerAct.REVOKE, "revoked"
        was = await fleet.set_revoked(db, name, revoked=wanted)
    if was == wanted:
        return False
    await audit.record(
        db,
        actor_id,
        f"workers.{what.value}",
        f"worker:{name}",
        before={word: was},
        after={word: wanted},
    )
    return True


async def change_job(db: AsyncSession, actor_id: int | None, job_id: int, what: JobAct) -> None:
    """Queue somebody's failed job again, or cancel it.

    Raises:
        NotFoundError: there is no such job.
        ConflictError: it is not in a state for that.
    """
    job = await control.job_of(db, job_id)
    if job is None:
        raise NotFoundError(_("There is no such job."))
    before = {"state": job.state.value, "fingerprint": job.fingerprint}
    do = control.resume_job if what is JobAct.RETRY else control.cancel_job
    changed = await do(db, job)
    await audit.record(
        db,
        actor_id,
        f"jobs.{what.value}",
        f"job:{job_id}",
        before=before,
        after={"state": changed.state.value},
    )
