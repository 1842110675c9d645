"""Live sandboxes: answerers run the asker's recipe within what the asker gives for it.

A run is a job of the asker, who pays for it and whose data it reads. The answerer who began it sees
numbers and a masked log, never a file.
"""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from app.accounts import service as accounts
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
)
from app.core.i18n import _
from app.core.security import WRITE_SCOPES, Viewer
from app.jobs.service import Job, control
from app.jobs.service.examination import Doctor, read_recipe
from app.jobs.service.records import headline_of
from app.jobs.service.story import story_of
from app.jobs.service.submission import require_plan, submit
from app.questions import policy
from app.questions.queries import sandboxes as queries
from app.questions.schemas import SandboxIn, SandboxRunIn
from app.questions.service.boundaries import require_within, sources_of
from app.questions.service.patches import patched, read_patch
from app.questions.service.sandbox_views import SandboxRunDetail, SandboxRunView, SandboxView
from app.questions.tables import Question, Sandbox, SandboxRun
from worker.contract.recipe import Recipe
from worker.contract.recipe_text import recipe_to_yaml

log = structlog.get_logger(__name__)

LABEL = "sandbox"
MOST_SHOWN = 100
_MOST_NAME = 96


async def find(db: AsyncSession, viewer: Viewer, question_id: int) -> SandboxView | None:
    """Return a question's sandbox as the viewer may see it; None without one.

    Raises:
        NotFoundError: there is no such question for the viewer.
    """
    question = await policy.access_question(db, viewer, question_id)
    row = await queries.sandbox(db, question.id)
    return await _view(db, viewer, row) if row is not None else None


async def _view(db: AsyncSession, viewer: Viewer, row: Sandbox) -> SandboxView:
    found = await queries.runs(db, row.question_id, MOST_SHOWN)
    jobs = await control.jobs_by_id(db, [one.job_id for one in found])
    people = {row.owner_id, *(one.runner_id for one in found)}
    names = {number: ref.name for number, ref in (await accounts.account_refs(db, people)).items()}
    return SandboxView(
        question_id=row.question_id,
        owner=names.get(row.owner_id, ""),
        is_own=viewer.is_signed_in and viewer.user_id == row.owner_id,
        recipe=row.recipe,
        max_runs=row.max_runs,
        max_minutes=row.max_minutes,
        num_runs=await queries.num_runs(db, row.question_id),
        until=row.until,
        is_open=row.is_open and row.until > now(),
        runs=[
            _run_view(viewer, row, one, jobs[one.job_id], names.get(one.runner_id, ""))
            for one in found
            if one.job_id in jobs
        ],
    )


def _run_view(
    viewer: Viewer, row: Sandbox, run: SandboxRun, job: Job, runner: str
) -> SandboxRunView:
    measured = headline_of(job)
    return SandboxRunView(
        num=run.num,
        runner=runner,
        is_mine=viewer.is_signed_in and viewer.user_id == run.runner_id,
        opens=viewer.user_id in {run.runner_id, row.owner_id} if viewer.is_signed_in else False,
        patch=run.patch,
        state=job.state,
        metric=measured.metric if measured else "",
        value=measured.value if measured else None,
        created_at=run.created_at,
        job_id=job.id if viewer.may_steer(row.owner_id) else None,
    )


async def offer(
    db: AsyncSession, doctor: Doctor, viewer: Viewer, question_id: int, given: SandboxIn
) -> SandboxView:
    """Offer a recipe for answerers to run, or change what is offered; runs so far count on.

    Raises:
        NotFoundError: there is no such question.
        ForbiddenError: somebody else asked it.
        InvalidError: the recipe or its data are not fit.
    """
    question = await policy.access_question(db, viewer, question_id, lock=True)
    owner_id = _require_asker(viewer, question)
    recipe = read_recipe(given.recipe)
    require_plan(await doctor.examine(recipe))
    row = await queries.sandbox(db, question.id, lock=True)
    if row is None:
        row = Sandbox(question_id=question.id, owner_id=owner_id)
        db.add(row)
    row.recipe = recipe_to_yaml(recipe)
    row.max_runs, row.max_minutes = given.max_runs, given.max_minutes
    row.until = now() + timedelta(hours=given.hours)
    row.is_open = True
    await db.flush()
    log.info("sandbox_offered", question_id=question.id, max_runs=given.max_runs)
    return await _view(db, viewer, row)


def _require_asker(viewer: Viewer, question: Question) -> int:
    user_id = viewer.require_user()
    if question.author_id != user_id:
        raise ForbiddenError(
            _("Only who asked may offer runs, because they are the asker's own."), code="not_asker"
        )
    return user_id


async def stop(db: AsyncSession, viewer: Viewer, question_id: int) -> SandboxView:
    """Let nobody run anything any more, and cancel what waits or runs.

    Raises:
        NotFoundError: there is no such question or sandbox.
        ForbiddenError: somebody else offered it.
    """
    question = await policy.access_question(db, viewer, question_id)
    row = await _sandbox(db, question, lock=True)
    if not viewer.may_steer(row.owner_id):
        raise ForbiddenError(_("Only who offered the runs may stop them."), code="not_asker")
    row.is_open = False
    found = await queries.runs(db, question.id, MOST_SHOWN)
    for job in (await control.jobs_by_id(db, [one.job_id for one in found])).values():
        if not job.state.is_final:
            await control.cancel_job(db, job)
    await db.flush()
    log.info("sandbox_stopped", question_id=question.id)
    return await _view(db, viewer, row)


async def _sandbox(db: AsyncSession, question: Question, *, lock: bool = False) -> Sandbox:
    row = await queries.sandbox(db, question.id, lock=lock)
    if row is None:
        raise NotFoundError(_("This question offers no runs."), code="sandbox_not_found")
    return row


def runs_as(owner_id: int) -> Viewer:
    """Return the asker as whose a run reads and queues: without a moderator's or admin's rights."""
    return Viewer(user_id=owner_id, scopes=WRITE_SCOPES)


async def owner_of(db: AsyncSession, viewer: Viewer, question_id: int) -> int:
    """Return who offers the runs of a question.

    Raises:
        NotFoundError: there is no such question, or it offers none.
    """
    return (await _sandbox(db, await policy.access_question(db, viewer, question_id))).owner_id


async def run(
    db: AsyncSession, doctor: Doctor, viewer: Viewer, question_id: int, given: SandboxRunIn
) -> SandboxRunView:
    """Run the offered recipe, perhaps with a patch, on the asker's account.

    `doctor` is the asker's: it reads what they may read, which `require_within` bounds.

    Raises:
        NotFoundError: no question, no sandbox, or the patch names what not everybody may read.
        ConflictError: the runs are used up, the time is over, it was stopped, or one of the
            viewer's own is still going.
        InvalidError: the patch does not fit, or the doctor finds errors.
    """
    question = await policy.access_question(db, viewer, question_id)
    user_id = await policy.require_writing(db, viewer, question)
    row = await _sandbox(db, question, lock=True)
    so_far = await queries.num_runs(db, question.id)
    _require_open(row, so_far)
    await _require_owner(db, row.owner_id)
    await _require_no_other(db, question.id, user_id)
    offered = read_recipe(row.recipe)
    wanted = await _wanted(db, row, offered, given.patch)
    job = await _queue(db, doctor, row, wanted)
    made = SandboxRun(
        job_id=job.id,
        question_id=question.id,
        num=so_far + 1,
        runner_id=user_id,
        patch=given.patch.strip(),
    )
    await control.set_labels(db, job, {LABEL: viewer.name[:100], "question": str(question.id)})
    db.add(made)
    await db.flush()
    log.info("sandbox_run", question_id=question.id, job_id=job.id)
    return _run_view(viewer, row, made, job, viewer.name)


def _require_open(row: Sandbox, so_far: int) -> None:
    problem = ""
    if not row.is_open:
        problem = _("The asker has stopped these runs.")
    elif row.until <= now():
        problem = _("The time that the asker gave is over.")
    elif so_far >= row.max_runs:
        problem = _("All %(n)d runs that the asker gave are used up.") % {"n": row.max_runs}
    if problem:
        fix = _("Ask for more in a remark, or run the recipe on your own account.")
        raise ConflictError(problem, fix=fix, code="sandbox_closed")


async def _require_owner(db: AsyncSession, owner_id: int) -> None:
    """Pass only while the asker is here: a suspended or erased account runs nothing."""
    owner = (await accounts.people_by_id(db, [owner_id])).get(owner_id)
    if owner is None or owner.is_suspended:
        raise ConflictError(
            _("The asker's account takes no more jobs just now."),
            fix=_("Try again later."),
            code="asker_busy",
        )


async def _require_no_other(db: AsyncSession, question_id: int, user_id: int) -> None:
    found = await queries.runs(db, question_id, MOST_SHOWN)
    own = [one.job_id for one in found if one.runner_id == user_id]
    live = [job for job in (await control.jobs_by_id(db, own)).values() if not job.state.is_final]
    if live:
        raise ConflictError(
            _("Your last run here is still going."), fix=_("Wait for it."), code="run_going"
        )


async def _wanted(db: AsyncSession, row: Sandbox, offered: Recipe, patch: str) -> Recipe:
    values = offered.model_dump(mode="json", exclude_defaults=True)
    if patch.strip():
        values = patched(values, read_patch(patch))
    wanted = read_recipe(values)
    await require_within(db, sources_of(offered), sources_of(wanted))
    minutes = min(wanted.resources.max_minutes or row.max_minutes, row.max_minutes)
    resources = wanted.resources.model_copy(update={"max_minutes": minutes})
    # Files of a result are the asker's alone, so none is made that only others would want.
    name = f"{LABEL}-{wanted.name.removeprefix(f'{LABEL}-')}"[:_MOST_NAME]
    changes = {"name": name, "resources": resources, "export": None, "explain": None}
    return wanted.model_copy(update=changes)


async def _queue(db: AsyncSession, doctor: Doctor, row: Sandbox, wanted: Recipe) -> Job:
    try:
        job, _known = await submit(
            db, doctor, runs_as(row.owner_id), wanted.model_dump(mode="json")
        )
    except RateLimitedError as error:
        raise ConflictError(
            _("The asker's account takes no more jobs just now."),
            fix=_("Try again later."),
            code="asker_busy",
        ) from error
    except InvalidError as error:
        # What the doctor finds names classes and files, which the answerer may not read.
        raise InvalidError(
            _("With this change the recipe does not fit the asker's data."),
            fix=_("Change only how it is trained, or ask the asker in a remark."),
            code="data_invalid",
        ) from error
    return job


async def read_run(
    db: AsyncSession, viewer: Viewer, question_id: int, num: int
) -> SandboxRunDetail:
    """Return a run as its answerer and the asker may see it: numbers and a masked log, no file.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    question = await policy.access_question(db, viewer, question_id)
    row = await _sandbox(db, question)
    made = await queries.run(db, question.id, num) if 0 < num < 2**31 else None
    job = await control.job_of(db, made.job_id) if made else None
    is_allowed = made is not None and viewer.user_id in {made.runner_id, row.owner_id}
    if made is None or job is None or not is_allowed:
        raise NotFoundError(_("There is no such run."), code="run_not_found")
    names = await accounts.account_refs(db, {made.runner_id})
    runner = names[made.runner_id].name if made.runner_id in names else ""
    story = await story_of(db, job)
    return SandboxRunDetail(
        run=_run_view(viewer, row, made, job, runner),
        recipe=story.recipe,
        measures=_measures(job),
        sentence=story.failure.sentence if story.failure else "",
        fix=story.failure.fix if story.failure else "",
        log=list(story.log),
        curve=list(story.curve),
    )


def _measures(job: Job) -> dict[str, float]:
    """Return the plain numbers of the judged split; nothing that names classes or files."""
    result = job.result or {}
    splits = result.get("splits")
    split = splits.get(result.get("split")) if isinstance(splits, dict) else None
    values = split.get("values") if isinstance(split, dict) else None
    found = values if isinstance(values, dict) else {}
    return {str(name): float(one) for name, one in found.items() if isinstance(one, float | int)}


async def cancel_run(db: AsyncSession, viewer: Viewer, question_id: int, num: int) -> None:
    """Stop a run: who began it, or the asker.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
        ConflictError: it has ended.
    """
    await read_run(db, viewer, question_id, num)
    made = await queries.run(db, question_id, num)
    job = await control.job_of(db, made.job_id) if made else None
    if job is not None:
        await control.cancel_job(db, job)


def problem_words(error: AppError) -> Sequence[str]:
    """Return everything an error says, a line each."""
    return [error.message, *(one.message for one in error.details), error.fix]


async def is_asker(db: AsyncSession, viewer: Viewer, question_id: int) -> bool:
    """Whether the viewer asked this question, and so may offer runs.

    Raises:
        NotFoundError: there is no such question for the viewer.
    """
    question = await policy.access_question(db, viewer, question_id)
    return viewer.is_signed_in and question.author_id == viewer.user_id


async def recipe_asked_about(db: AsyncSession, viewer: Viewer, question_id: int) -> str:
    """Return the recipe of the viewer's run that their question is about; empty without one."""
    question = await policy.access_question(db, viewer, question_id)
    number = (question.snapshot or {}).get("job_id")
    job = await control.job_of(db, number) if isinstance(number, int) else None
    if job is None or job.owner_id != viewer.user_id:
        return ""
    return recipe_to_yaml(Recipe.model_validate(job.recipe))
