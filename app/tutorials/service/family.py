"""What became of a tutorial's recipes: who ran them changed, changed them again, and what won."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.db import AsyncSession
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import service as hub
from app.jobs.events import JobBegun
from app.jobs.schemas import JobState
from app.jobs.service import control, genealogy
from app.jobs.service.examination import read_recipe
from app.jobs.service.genealogy import Descendant
from app.tutorials import queries
from app.tutorials.schemas import Family, RecipeBlock, TutorialPage
from app.tutorials.service.recipes import blocks_of, hash_of
from app.tutorials.service.variants import Member, family_of, metric_of
from app.tutorials.tables import RecipeRun
from worker.contract.tasks import measure_of

MOST = 200
_MOST_ROOTS, _MOST_JOBS = 500, 2000
_ENDED = {JobState.SUCCEEDED, JobState.FAILED}
_ORIGIN = re.compile(r"tutorial:([1-9]\d{0,17}):([1-9]\d?)")


def origin_of(page: TutorialPage, number: int) -> str:
    """Return by what name a job says that it began from a recipe of this version."""
    return f"tutorial:{page.version_id}:{number}"


async def note_begun(db: AsyncSession, event: JobBegun) -> None:
    """Note of a job that began from a changed recipe from which one."""
    named = _ORIGIN.fullmatch(event.origin)
    version = await queries.version_by_id(db, int(named[1])) if named else None
    job = await control.job_of(db, event.job_id)
    if named is None or version is None or job is None:
        return
    if int(named[2]) > len(blocks_of(version.body)):
        return
    db.add(
        RecipeRun(
            job_id=job.id,
            tutorial_id=version.tutorial_id,
            version_id=version.id,
            block=int(named[2]),
            # Who changed nothing has run the very recipe.
            recipe_hash=hash_of(read_recipe(job.recipe)),
            shared=event.shared,
        )
    )
    await db.flush()


@dataclass
class _Line:
    """The jobs of a tutorial, those the viewer may see, and from which recipe each came."""

    jobs: dict[int, Descendant]
    shown: list[Descendant]
    models: dict[int, str]
    block_of: dict[int, int] = field(default_factory=dict)
    version_of: dict[int, int] = field(default_factory=dict)
    roots: set[int] = field(default_factory=set)


async def families(
    db: AsyncSession, viewer: Viewer, page: TutorialPage, blocks: Sequence[RecipeBlock]
) -> list[Family]:
    """Return what became of each recipe of a version that still runs, as far as may be told.

    Seen are runs that people share, models everybody may see, and the viewer's own; an
    administrator sees all. At most `MOST` runs, the best of each recipe always among them.
    """
    usable = [block for block in blocks if not block.problem]
    runs = await queries.newest_runs(db, page.id, _MOST_ROOTS) if usable else ()
    line = await _line(db, viewer, [run for run, _number in runs])
    for run, number in runs:
        line.roots.add(run.job_id)
        line.block_of[run.job_id] = _block_number(run, usable)
        line.version_of[run.job_id] = 0 if number == page.number else number
    chosen = _chosen(line, usable)
    recipes = await genealogy.recipes_of(db, [job.job_id for job in chosen])
    known = await _known_names(db, viewer, chosen, usable)

    def built() -> list[Family]:
        members = _members(viewer, line, chosen, recipes, known)
        return [_family(block, line, members, len(chosen)) for block in usable]

    # Two hundred recipes are laid beside each other: not while others wait.
    return await asyncio.to_thread(built)


async def _line(db: AsyncSession, viewer: Viewer, runs: Sequence[RecipeRun]) -> _Line:
    found = await genealogy.descendants(db, [run.job_id for run in runs], _MOST_JOBS)
    ids = {job.repository_id for job in found if job.repository_id}
    models = await hub.visible_names(db, viewer, ids)
    shared = {run.job_id for run in runs if run.shared}
    shown = [
        job
        for job in found
        if job.state in _ENDED
        and (
            job.shared
            or job.job_id in shared
            or job.repository_id in models
            or viewer.may_steer(job.owner_id)
        )
    ]
    return _Line({job.job_id: job for job in found}, shown, models)


def _block_number(run: RecipeRun, blocks: Sequence[RecipeBlock]) -> int:
    """Return under which recipe a run stands: the very same, else the one in its place; 0: none."""
    same = [block.number for block in blocks if block.recipe_hash == run.recipe_hash]
    in_place = [block.number for block in blocks if block.number == run.block]
    return next(iter(same or in_place), 0)


def _root_of(line: _Line, job_id: int) -> int:
    at: int | None = job_id
    while at is not None and at not in line.roots and at in line.jobs:
        at = line.jobs[at].parent_id
    return at if at in line.roots else 0


def _chosen(line: _Line, blocks: Sequence[RecipeBlock]) -> list[Descendant]:
    """Return the runs that are shown: the best of each recipe with those it came from, then all."""
    order = {job.job_id: place for place, job in enumerate(line.shown)}
    kept: dict[int, None] = {}
    for block in blocks:
        best = _best_of(line, block)
        at = best.job_id if best else None
        while at is not None and at in line.jobs:
            if at in order:
                kept[at] = None
            at = None if at in line.roots else line.jobs[at].parent_id
    for job in line.shown:
        if len(kept) >= MOST:
            break
        kept[job.job_id] = None
    return [line.jobs[number] for number in sorted(kept, key=order.__getitem__)]


def _best_of(line: _Line, block: RecipeBlock) -> Descendant | None:
    def is_of(job: Descendant) -> bool:
        return line.block_of.get(_root_of(line, job.job_id)) == block.number

    found = [
        (job.value, -job.job_id, job)
        for job in line.shown
        if job.value is not None and job.metric == metric_of(block) and is_of(job)
    ]
    if not found:
        return None
    sign = 1 if measure_of(metric_of(block)).higher_is_better else -1
    return max(found, key=lambda one: (sign * one[0], one[1]))[2]


def _members(
    viewer: Viewer,
    line: _Line,
    chosen: Sequence[Descendant],
    recipes: Mapping[int, dict[str, Any]],
    known: set[str],
) -> dict[int, list[Member]]:
    """Return the chosen runs by recipe, each under the nearest one that is shown."""
    ids = {job.job_id for job in chosen}
    found: dict[int, list[Member]] = {}
    for job in chosen:
        above = None if job.job_id in line.roots else job.parent_id
        while above is not None and above not in ids:
            unseen = line.jobs.get(above)
            above = unseen.parent_id if unseen and above not in line.roots else None
        root = _root_of(line, job.job_id)
        member = Member(
            job=job,
            parent=above,
            recipe=_without_names(genealogy.flat(recipes.get(job.job_id, {})), known),
            is_own=viewer.may_steer(job.owner_id),
            model=line.models.get(job.repository_id or 0, ""),
            version=line.version_of[root] if above is None else 0,
        )
        found.setdefault(line.block_of[root], []).append(member)
    return found


def _family(
    block: RecipeBlock, line: _Line, members: Mapping[int, list[Member]], num_chosen: int
) -> Family:
    recipe = genealogy.flat(read_recipe(block.text).model_dump(mode="json"))
    left_out = len(line.shown) - num_chosen
    return family_of(block, recipe, members.get(block.number, ()), left_out)


async def _known_names(
    db: AsyncSession, viewer: Viewer, jobs: Sequence[Descendant], blocks: Sequence[RecipeBlock]
) -> set[str]:
    """Return what recipes name that the viewer may know of, in lower case."""
    inputs = await genealogy.names_read(db, [job.job_id for job in jobs])
    visible = await hub.visible_names(db, viewer, {number for _name, number in inputs if number})
    known = {name.lower() for name, number in inputs if number in visible}
    return known | {name.lower() for block in blocks for name in (block.base, block.data)}


def _without_names(recipe: dict[str, str], known: set[str]) -> dict[str, str]:
    return {
        path: _("a private repository")
        if path.endswith(".repo") and value.lower() not in known
        else value
        for path, value in recipe.items()
    }
