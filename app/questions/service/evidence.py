"""What came of trying an answer's patch, and how many votes that counts like.

Each person's newest run that ended speaks once, the answer's author not at all. A run that did
better than before counts like two votes up, one that did worse like two down, at most ten together.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.security import Scope, Viewer
from app.jobs.events import JobEnded
from app.jobs.schemas import JobState
from app.jobs.service import Job
from app.jobs.service.records import headline_of, jobs_by_id
from app.questions.queries import posts
from app.questions.schemas import MAX_EVIDENCE, VOTES_OF_A_RUN
from app.questions.service.patches import patch_in
from app.questions.tables import Post, Trial
from worker.contract.failures import FailureCode
from worker.contract.tasks import MEASURES, measure_of

_MOST_TRIALS = 200
# Two runs of one recipe differ by about this much: less is no effect.
_LEAST_SHARE, _LEAST_PART = 0.005, 0.01
# A run that ended so says nothing about its recipe.
_NOT_THE_RECIPE = {
    FailureCode.DISK_FULL,
    FailureCode.DEVICE_MISSING,
    FailureCode.LEASE_LOST,
    FailureCode.CANCELLED,
    FailureCode.WORKER_LOST,
    FailureCode.HUB_UNREACHABLE,
}


@dataclass(frozen=True)
class MeasuredTrial:
    """What a patch did to one run: both were measured by a worker on their test splits.

    `before` or `after` is None where that run failed. `effect` is 1 for better, -1 for worse and 0
    for no difference. `job_id` is 0 for who may not see the run.
    """

    metric: str
    before: float | None
    after: float | None
    effect: int
    job_id: int = 0

    @property
    def gain(self) -> float | None:
        """Return by how much the measure moved."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def hash_of(patch: str) -> str:
    """Return one word for a patch; blank lines and spaces at the ends of lines do not count."""
    lines = (line.rstrip() for line in patch.splitlines())
    return hashlib.sha256("\n".join(filter(None, lines)).encode()).hexdigest()


async def evidence_of(
    db: AsyncSession, viewer: Viewer, bodies: Mapping[int, str]
) -> dict[int, list[MeasuredTrial]]:
    """Return what the patches of these answers did, where it was measured and may be told.

    That is what people share, and one's own. `bodies` are the words of the answers, by number.
    """
    own_id = viewer.user_id if Scope.JOBS_READ in viewer.scopes else None
    patches = {comment_id: patch_in(body) for comment_id, body in bodies.items()}
    found_trials = await posts.trials(db, patches, _MOST_TRIALS) if any(patches.values()) else ()
    told = [
        one
        for one in found_trials
        if (one.shared or one.tried_by_id == own_id) and _is_of(one, patches[one.comment_id])
    ]
    runs = await _runs_of(db, told)
    found: dict[int, list[MeasuredTrial]] = defaultdict(list)
    for trial in told:
        if (measured := _measured(runs, trial, viewer)) is not None:
            found[trial.comment_id].append(measured)
    return found


async def note_end(db: AsyncSession, event: JobEnded) -> None:
    """Weigh the answers again that an ended job speaks for or against."""
    await weigh(db, await posts.tried_answers(db, event.job_id))


async def weigh(db: AsyncSession, comment_ids: Collection[int]) -> None:
    """Write down what the runs say about the patches these answers hold now."""
    # Whoever ends another of these runs waits here, and then reads what this one came to.
    found = await posts.lock_posts(db, comment_ids) if comment_ids else ()
    if not found:
        return
    words = await comments.comments_by_id(db, [post.comment_id for post in found])
    for post in found:
        trials = await posts.trials(db, [post.comment_id], _MOST_TRIALS)
        patch = patch_in(words[post.comment_id].body)
        _count(post, await _runs_of(db, trials), [one for one in trials if _is_of(one, patch)])
    await db.flush()


async def _runs_of(db: AsyncSession, trials: Iterable[Trial]) -> dict[int, Job]:
    ids = {one for trial in trials for one in (trial.job_id, trial.base_job_id) if one}
    return await jobs_by_id(db, ids)


def _is_of(trial: Trial, patch: str) -> bool:
    # What was tried before patches were told apart counts for what stands there.
    return bool(patch) and trial.patch_hash in ("", hash_of(patch))


def _count(post: Post, runs: dict[int, Job], trials: Iterable[Trial]) -> None:
    effects: dict[int, int] = {}
    for trial in trials:  # the newest first
        if trial.tried_by_id == post.author_id or trial.tried_by_id in effects:
            continue
        if (measured := _measured(runs, trial)) is not None:
            effects[trial.tried_by_id] = measured.effect
    post.num_better = sum(effect > 0 for effect in effects.values())
    post.num_worse = sum(effect < 0 for effect in effects.values())
    votes = VOTES_OF_A_RUN * (post.num_better - post.num_worse)
    post.evidence = max(-MAX_EVIDENCE, min(MAX_EVIDENCE, votes))


def _measured(
    runs: dict[int, Job], trial: Trial, viewer: Viewer | None = None
) -> MeasuredTrial | None:
    """Return what a trial shows; None where it is not over, or shows nothing of the patch."""
    run, base = runs.get(trial.job_id), runs.get(trial.base_job_id or 0)
    if run is None or base is None or not (_speaks(run) and _speaks(base)):
        return None
    after, before = headline_of(run), headline_of(base)
    told = after or before
    if told is None or (before and after and before.metric != after.metric):
        return None
    first, last = before.value if before else None, after.value if after else None
    may_see = viewer is not None and viewer.may_steer(run.owner_id)
    return MeasuredTrial(
        told.metric, first, last, effect_of(told.metric, first, last), run.id if may_see else 0
    )


def _speaks(job: Job) -> bool:
    if job.state is JobState.FAILED:
        return (job.failure or {}).get("code") not in _NOT_THE_RECIPE
    return job.state is JobState.SUCCEEDED


def effect_of(metric: str, before: float | None, after: float | None) -> int:
    """Return 1 for better, -1 for worse, 0 for no difference; None is a run that failed.

    A share must move by half a point, any other measure by a hundredth of what it was.
    """
    if before is None or after is None:
        return int(after is not None) - int(before is not None)
    name = metric.rpartition("/")[2]
    if name not in MEASURES:  # of a later engine
        return 0
    measure = measure_of(metric)
    moved = after - before if measure.higher_is_better else before - after
    least = _LEAST_SHARE if measure.is_share else _LEAST_PART * abs(before)
    # Shares are told with rounding errors: 0.905 - 0.9 is a little less than 0.005.
    if abs(moved) + 1e-9 < least or not moved:
        return 0
    return 1 if moved > 0 else -1
