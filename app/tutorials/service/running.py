"""Running the recipe of a tutorial, and what its runs came to."""

import statistics
from collections.abc import Sequence

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs.schemas import JobState
from app.jobs.service.examination import Doctor
from app.jobs.service.outcomes import JobOutcome, outcomes
from app.jobs.service.submission import submit
from app.tutorials import queries
from app.tutorials.schemas import Claim, Outcome, RecipeBlock, Reproduction, TutorialPage
from app.tutorials.service.recipes import blocks_of
from app.tutorials.tables import RecipeRun

_QUARTER_RUNS = 4


async def run_recipe(
    db: AsyncSession,
    doctor: Doctor,
    viewer: Viewer,
    page: TutorialPage,
    number: int,
    *,
    shared: bool,
) -> int:
    """Queue a job with exactly the recipe of a published version; return its number.

    Raises:
        NotFoundError: the version has no such recipe, or what it names is not there.
        InvalidError: the recipe or its data are not fit any more.
        RateLimitedError: too many of the viewer's jobs wait.
    """
    block = block_of(page, number)
    job, _known = await submit(db, doctor, viewer, block.text)
    db.add(
        RecipeRun(
            job_id=job.id,
            tutorial_id=page.id,
            version_id=page.version_id,
            block=number,
            recipe_hash=block.recipe_hash,
            shared=shared,
        )
    )
    await db.flush()
    return job.id


def block_of(page: TutorialPage, number: int) -> RecipeBlock:
    """Return a recipe of a version; they count from 1.

    Raises:
        NotFoundError: there is none of this number.
    """
    blocks = blocks_of(page.text.body)
    if not 1 <= number <= len(blocks):
        raise NotFoundError(_("This version of the tutorial has no such recipe."))
    return blocks[number - 1]


async def reproductions(
    db: AsyncSession, viewer: Viewer, page: TutorialPage, blocks: Sequence[RecipeBlock]
) -> list[Reproduction]:
    """Return for each recipe what the runs of the very same recipe came to.

    Counted are runs that people share, and the viewer's own; an administrator sees all.
    """
    hashes = {block.recipe_hash for block in blocks if not block.problem}
    runs = await queries.runs_of(db, page.id, hashes) if hashes else ()
    found = await outcomes(db, [run.job_id for run in runs])
    by_job = {one.job_id: one for one in found}
    return [
        _reproduction(
            block.claim,
            viewer,
            [
                by_job[run.job_id]
                for run in runs
                if run.recipe_hash == block.recipe_hash
                and run.job_id in by_job
                and (run.shared or viewer.may_steer(by_job[run.job_id].owner_id))
            ],
        )
        for block in blocks
    ]


def _reproduction(claim: Claim | None, viewer: Viewer, jobs: Sequence[JobOutcome]) -> Reproduction:
    ended = [one for one in jobs if one.state in {JobState.SUCCEEDED, JobState.FAILED}]
    values = [one.value for one in ended if one.value is not None]
    return Reproduction(
        claim=claim,
        outcomes=[_outcome(claim, viewer, one) for one in ended],
        num_waiting=sum(not one.state.is_final for one in jobs),
        median=statistics.median(values) if values else None,
        spread=_spread(values),
    )


def _outcome(claim: Claim | None, viewer: Viewer, job: JobOutcome) -> Outcome:
    value = job.value if claim is None or job.metric == claim.metric else None
    matches = value is not None and (claim is None or claim.holds_for(value))
    return Outcome(value, matches, job.job_id if viewer.may_steer(job.owner_id) else 0)


def _spread(values: Sequence[float]) -> float | None:
    """Return half the width of the middle half; of few runs, half the width of all."""
    if len(values) < 2:  # noqa: PLR2004  # one value has no spread
        return None
    if len(values) < _QUARTER_RUNS:
        return (max(values) - min(values)) / 2
    low, _middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2
