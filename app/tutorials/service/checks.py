"""Trying the recipes of tutorials again, as small jobs, to find those that stopped running."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import structlog

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    RateLimitedError,
    UnauthorizedError,
)
from app.core.events import emit
from app.core.i18n import _
from app.core.masking import mask
from app.core.security import WRITE_SCOPES, Viewer
from app.jobs.schemas import JobState
from app.jobs.service import Job, control
from app.jobs.service.examination import Doctor, read_recipe
from app.jobs.service.overview import overview
from app.jobs.service.submission import submit
from app.tutorials import queries
from app.tutorials.events import TutorialBroken, TutorialMended
from app.tutorials.queries import checks as check_queries
from app.tutorials.schemas import CheckState, CheckView, RecipeBlock
from app.tutorials.service.recipes import blocks_of
from app.tutorials.service.tiny import tiny
from app.tutorials.tables import CheckRun, Tutorial, TutorialCheck, TutorialVersion
from worker.contract.failures import FailureCode

log = structlog.get_logger(__name__)

# A label of every job of a check: it is visible as such, and no news to whose job it is.
LABEL = "check"
EVERY = timedelta(hours=20)
PATIENCE = timedelta(hours=2)
_MOST_DETAIL = 500
_TOLD_AT_ONCE = 50
# What went wrong with a machine says nothing of the tutorial.
_NOT_ITS_FAULT = {
    FailureCode.OUT_OF_MEMORY,
    FailureCode.DISK_FULL,
    FailureCode.DEVICE_MISSING,
    FailureCode.LEASE_LOST,
    FailureCode.CANCELLED,
    FailureCode.TIME_LIMIT,
    FailureCode.WORKER_LOST,
    FailureCode.HUB_UNREACHABLE,
}


async def begin(db: AsyncSession, doctor: Doctor, tutorial: Tutorial) -> TutorialCheck:
    """Queue the recipes of the newest versions, made tiny, as jobs of whoever looks after them.

    `doctor` must be a visitor's: what only its author can read is broken for readers. A recipe that
    it refuses ends the check at once.

    Raises:
        ConflictError: a check of it is running, or nobody administers the site.
        RateLimitedError: too many jobs of whoever looks after it wait.
    """
    if await check_queries.running(db, tutorial.id):
        raise ConflictError(
            _("This tutorial is being checked."), fix=_("Wait for it."), code="check_running"
        )
    keeper = await _keeper(db, tutorial.id)
    row = TutorialCheck(tutorial_id=tutorial.id)
    db.add(row)
    await db.flush()
    jobs: list[Job] = []
    for version, block in await _recipes(db, tutorial):
        try:
            if block.problem:
                raise ConflictError(block.problem)
            async with db.begin_nested():
                job = await _queue(db, doctor, keeper, block, tutorial.slug)
        except (UnauthorizedError, ForbiddenError):
            continue  # readers have to ask for the data: whether it runs is for them to see
        except RateLimitedError:
            raise
        except AppError as error:
            _blame(row, version, block.number, _words(error), error.fix)
            break
        jobs.append(job)
        db.add(
            CheckRun(
                job_id=job.id,
                check_id=row.id,
                block=block.number,
                language=version.language,
                number=version.number,
            )
        )
    if row.state is CheckState.BROKEN or not jobs:
        await _stop(db, jobs)
        _end(row, CheckState.BROKEN if row.state is CheckState.BROKEN else CheckState.SKIPPED)
    await db.flush()
    log.info("tutorial_check_begun", tutorial_id=tutorial.id, num_jobs=len(jobs))
    return row


async def _keeper(db: AsyncSession, tutorial_id: int) -> Viewer:
    """Return whose jobs the check's are: who had it watched, else the first administrator."""
    keeper = await check_queries.chooser(db, tutorial_id) or await accounts.first_admin(db)
    if keeper is None:
        raise ConflictError(_("Nobody administers this site, so nobody can run checks."))
    return Viewer(user_id=keeper, scopes=WRITE_SCOPES)


async def _recipes(
    db: AsyncSession, tutorial: Tutorial
) -> list[tuple[TutorialVersion, RecipeBlock]]:
    """Return each recipe once, however many languages it stands in; the source's own first."""
    versions = await queries.newest_versions(db, tutorial.id)
    found: dict[str, tuple[TutorialVersion, RecipeBlock]] = {}
    for version in sorted(versions, key=lambda one: one.language != tutorial.language):
        for block in blocks_of(version.body):
            found.setdefault(block.recipe_hash or f"{version.id}:{block.number}", (version, block))
    return list(found.values())


async def _queue(
    db: AsyncSession, doctor: Doctor, keeper: Viewer, block: RecipeBlock, slug: str
) -> Job:
    recipe = tiny(read_recipe(block.text))
    job, _known = await submit(db, doctor, keeper, recipe.model_dump(mode="json"))
    return await control.set_labels(db, job, {LABEL: slug[:100]})


def _words(error: AppError) -> str:
    return " ".join([error.message, *(one.message for one in error.details[:3])])


def _blame(
    row: TutorialCheck, version: TutorialVersion | CheckRun, block: int, problem: str, fix: str
) -> None:
    row.state = CheckState.BROKEN
    row.block, row.language, row.number = block, version.language, version.number
    row.problem, row.fix = mask(problem)[:_MOST_DETAIL], mask(fix)[:_MOST_DETAIL]


async def _stop(db: AsyncSession, jobs: Sequence[Job]) -> None:
    for job in jobs:
        if not job.state.is_final:
            await control.cancel_job(db, job)


def _end(row: TutorialCheck, state: CheckState) -> None:
    row.state, row.ended_at = state, now()
    if state is CheckState.SKIPPED:
        row.told_at = row.ended_at  # it came to nothing, which nobody is told
    log.info("tutorial_check_ended", tutorial_id=row.tutorial_id, state=state.value)


async def settle(db: AsyncSession, *, step_aside: bool = False) -> None:
    """End the checks whose jobs have ended; with `step_aside` first stop them if others wait."""
    rows = await check_queries.running(db)
    runs = await check_queries.runs_of(db, [row.id for row in rows]) if rows else ()
    jobs = await control.jobs_by_id(db, [run.job_id for run in runs])
    in_the_way = step_aside and await _others_wait(db, jobs.values())
    for row in rows:
        own = [run for run in runs if run.check_id == row.id]
        await _settle(db, row, own, jobs, late=in_the_way or row.started_at < now() - PATIENCE)
    await db.flush()
    await tell(db)


async def _others_wait(db: AsyncSession, own: Collection[Job]) -> bool:
    seen = await overview(db)
    waiting = [job for job in own if job.state is JobState.QUEUED]
    return seen.num_queued > len(waiting)


async def _settle(
    db: AsyncSession,
    row: TutorialCheck,
    runs: Sequence[CheckRun],
    jobs: dict[int, Job],
    *,
    late: bool,
) -> None:
    own = [jobs[run.job_id] for run in runs if run.job_id in jobs]
    for run in runs:
        job = jobs.get(run.job_id)
        if job is not None and job.state is JobState.FAILED and not _is_excused(job):
            failure = job.failure or {}
            problem = f"{failure.get('sentence', '')} {failure.get('detail', '')}".strip()
            _blame(row, run, run.block, problem, str(failure.get("fix", "")))
            await _stop(db, own)
            _end(row, CheckState.BROKEN)
            return
    if all(job.state.is_final for job in own):
        passed = bool(own) and all(job.state is JobState.SUCCEEDED for job in own)
        _end(row, CheckState.PASSED if passed else CheckState.SKIPPED)
    elif late:
        await _stop(db, own)
        _end(row, CheckState.SKIPPED)


def _is_excused(job: Job) -> bool:
    return (job.failure or {}).get("code") in _NOT_ITS_FAULT


async def tell(db: AsyncSession) -> None:
    """Announce tutorials that broke, or that run again; once for each time it changes."""
    for row in await check_queries.untold(db, _TOLD_AT_ONCE):
        row.told_at = now()
        before = await check_queries.verdict(db, row.tutorial_id, row.id)
        was_broken = before is not None and before.state is CheckState.BROKEN
        if row.state is CheckState.BROKEN and not was_broken:
            emit(db, TutorialBroken(row.tutorial_id, row.id))
        elif row.state is CheckState.PASSED and was_broken:
            emit(db, TutorialMended(row.tutorial_id, row.id))
    await db.flush()


async def is_idle(db: AsyncSession) -> bool:
    """Whether a worker is there and has nothing to do, and nobody waits."""
    seen = await overview(db)
    return seen.num_workers > 0 and seen.num_running == seen.num_queued == 0


async def due(db: AsyncSession) -> Tutorial | None:
    """Return a watched tutorial that has not been checked since yesterday."""
    return await check_queries.next_due(db, now() - EVERY)


async def watched(db: AsyncSession) -> Sequence[Tutorial]:
    """Return the tutorials that are checked every night; at most a thousand."""
    return await check_queries.watched(db, 1000)


async def choose(db: AsyncSession, tutorial: Tutorial, by_id: int, *, is_on: bool) -> None:
    """Have a tutorial checked every night, or not any more."""
    await check_queries.choose(db, tutorial.id, by_id, is_on=is_on)
    await db.flush()


async def standing(db: AsyncSession, tutorial_id: int) -> CheckView | None:
    """Return what the newest check came to; None if none came to anything."""
    row = await check_queries.verdict(db, tutorial_id)
    return view(row) if row is not None else None


async def is_watched(db: AsyncSession, tutorial_id: int) -> bool:
    """Whether a tutorial is checked every night."""
    return await check_queries.is_watched(db, tutorial_id)


def view(row: TutorialCheck) -> CheckView:
    """Return a check as pages and programs are told of it, in the reader's language."""
    return CheckView(
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        problem=_translated(row.problem),
        fix=_(row.fix) if row.fix else "",
        block=row.block,
        language=row.language,
        number=row.number,
    )


def _translated(problem: str) -> str:
    """Return what is wrong; the sentences of the engine are in the catalogue, details are not."""
    sentence, dot, rest = problem.partition(". ")
    whole = _(problem) if problem else ""
    if whole != problem or not dot:
        return whole
    return f"{_(sentence + '.')} {rest}"
