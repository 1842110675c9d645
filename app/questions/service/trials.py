"""Answers that can be tried: a change to a recipe, and what a worker measured of it."""

from collections import defaultdict
from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs import policy as jobs
from app.jobs.service import Job
from app.jobs.service.examination import Doctor
from app.jobs.service.records import headline_of, jobs_by_id
from app.jobs.service.submission import submit
from app.questions import policy
from app.questions.queries import posts
from app.questions.tables import Trial
from worker.contract.recipe_text import RecipeError, parse_recipe_text

_OPENING, _CLOSING = "```recipe-patch", "```"
_MOST_DIGITS = 6
_MOST_TRIALS = 200
_MOST_KEYS = 50


@dataclass(frozen=True)
class MeasuredTrial:
    """What a patch did to one run: both were measured by a worker on their test splits.

    `before` is None where the run it was tried on had failed.
    """

    metric: str
    before: float | None
    after: float

    @property
    def gain(self) -> float | None:
        """Return by how much the measure moved."""
        return None if self.before is None else self.after - self.before


def patch_in(body: str) -> str:
    """Return the first recipe patch of an answer, as it was typed; empty without one."""
    lines = body.splitlines()
    opened = [at for at, line in enumerate(lines) if line.rstrip() == _OPENING][:1]
    for begin in opened:
        for end in range(begin + 1, len(lines)):
            if lines[end].rstrip() == _CLOSING:
                return "\n".join(lines[begin + 1 : end]) + "\n"
    return ""


def read_patch(text: str) -> dict[str, JsonValue]:
    """Return a patch: paths with dots (`train.stages.0.optimizer.lr`) to values; null removes.

    Raises:
        InvalidError: this is no mapping of paths to values.
    """
    try:
        values = parse_recipe_text(text)
    except RecipeError as error:
        raise _bad_patch(error.problems[0].message) from error
    if not values or len(values) > _MOST_KEYS:
        raise _bad_patch(_("a patch is a mapping of paths to values"))
    return values


def _bad_patch(why: str) -> InvalidError:
    problem = _("This recipe patch cannot be read: %(why)s.") % {"why": why}
    fix = _("Write a line such as “train.batch_size: 16” for each value that changes.")
    return InvalidError(problem, fix=fix, code="bad_patch", details=[Detail("body", problem, fix)])


def patched(recipe: dict[str, Any], patch: dict[str, JsonValue]) -> dict[str, Any]:
    """Return the recipe with the patch in it; the given one stays as it is.

    Raises:
        InvalidError: a path leads nowhere in this recipe.
    """
    made = deepcopy(recipe)
    for path, value in patch.items():
        _set(made, path.split("."), value, path)
    return made


def _set(at: Any, steps: list[str], value: JsonValue, path: str) -> None:
    for step in steps[:-1]:
        at = at.setdefault(step, {}) if isinstance(at, dict) else _item(at, step, path)
    last = steps[-1]
    if isinstance(at, list):
        at[_index(at, last, path)] = value
    elif not isinstance(at, dict):
        raise _bad_patch(_("“%(path)s” leads nowhere in this recipe") % {"path": path})
    elif value is None:
        at.pop(last, None)
    elif isinstance(value, dict) and isinstance(at.get(last), dict):
        for key, inner in value.items():
            _set(at[last], [key], inner, path)
    else:
        at[last] = value


def _item(at: Any, step: str, path: str) -> Any:
    return at[_index(at, step, path)]


def _index(at: Any, step: str, path: str) -> int:
    is_number = step.isascii() and step.isdecimal() and len(step) <= _MOST_DIGITS
    if isinstance(at, list) and is_number and int(step) < len(at):
        return int(step)
    raise _bad_patch(_("“%(path)s” leads nowhere in this recipe") % {"path": path})


async def try_patch(  # with what, whose, which answer's, on which run
    db: AsyncSession,
    doctor: Doctor,
    viewer: Viewer,
    comment_id: int,
    job_id: int,
    *,
    shared: bool = False,
) -> Job:
    """Queue the viewer's run once more with an answer's patch in its recipe.

    With `shared` the answer shows everybody what a worker measured before and after.

    Raises:
        NotFoundError: the answer or the run is not there for the viewer.
        ConflictError: the answer has no patch.
        InvalidError: the patch does not fit this recipe, or the doctor finds errors.
    """
    _question, post = await policy.access_post(db, viewer, comment_id)
    base = await jobs.access_run(db, viewer, job_id)
    words = (await comments.comments_by_id(db, [post.comment_id]))[post.comment_id]
    text = patch_in(words.body)
    if not text:
        raise ConflictError(_("This answer has no recipe patch to try."), code="no_patch")
    made, _before = await submit(db, doctor, viewer, patched(base.recipe, read_patch(text)))
    tried_by = viewer.require_user()
    db.add(
        Trial(
            job_id=made.id,
            comment_id=comment_id,
            base_job_id=base.id,
            tried_by_id=tried_by,
            shared=shared,
        )
    )
    await db.flush()
    return made


async def evidence_of(
    db: AsyncSession, viewer: Viewer, comment_ids: Collection[int]
) -> dict[int, list[MeasuredTrial]]:
    """Return what the patches of these answers did, where it was measured and may be told.

    That is what people share, and one's own.
    """
    found_trials = await posts.trials(db, comment_ids, _MOST_TRIALS) if comment_ids else ()
    trials = [one for one in found_trials if one.shared or one.tried_by_id == viewer.user_id]
    ids = {one for trial in trials for one in (trial.job_id, trial.base_job_id) if one}
    runs = await jobs_by_id(db, ids)
    found: dict[int, list[MeasuredTrial]] = defaultdict(list)
    for trial in trials:
        if (measured := _measured(runs, trial)) is not None:
            found[trial.comment_id].append(measured)
    return found


def _measured(runs: dict[int, Job], trial: Trial) -> MeasuredTrial | None:
    run, base = runs.get(trial.job_id), runs.get(trial.base_job_id or 0)
    after = headline_of(run) if run else None
    if after is None or base is None or not base.state.is_final:
        return None
    before = headline_of(base)
    if before is not None and before.metric != after.metric:
        return None
    return MeasuredTrial(after.metric, before.value if before else None, after.value)
