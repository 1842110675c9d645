"""Put runs beside each other, show what differs, and talk about it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.accounts import service as accounts
from app.accounts.service import Gone
from app.comments import service as comments
from app.comparisons import queries
from app.comparisons.schemas import (
    LEAST,
    MAX_TITLE,
    MOST,
    ComparedRun,
    ComparisonIn,
    ComparisonView,
    Place,
)
from app.comparisons.tables import Comparison
from app.core.db import AsyncSession
from app.core.errors import Detail, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.sql import next_id
from app.jobs import policy as jobs
from app.jobs.service import Job
from app.jobs.service.genealogy import flat
from app.jobs.service.records import headline_of
from app.jobs.service.story import story_of

SUBJECT = "comparison"
_PAGE = 50
_BIGGEST = (1 << 63) - 1
# Where a value is no difference between ways of training.
_IGNORED = ("name", "recipe")


async def share(db: AsyncSession, viewer: Viewer, new: ComparisonIn) -> ComparisonView:
    """Keep copies of runs of the viewer's under a stable address that everybody may open.

    Raises:
        UnauthorizedError: nobody is signed in.
        InvalidError: too few or too many runs, or no title.
        NotFoundError: one of the runs is not there for the viewer.
    """
    owner_id = viewer.require_user()
    title, ids = _title(new.title), list(dict.fromkeys(new.job_ids))
    if not LEAST <= len(ids) <= MOST:
        problem = _("Choose two to six runs to compare.")
        raise InvalidError(problem, code="how_many", details=[Detail("job_ids", problem)])
    found = [await jobs.access_run(db, viewer, number) for number in ids]
    runs = [await _copied(db, job, shown=job.id not in new.hidden) for job in found]
    number = await next_id(db, Comparison)
    row = Comparison(
        title=title,
        owner_id=owner_id,
        thread_id=await comments.open_thread(db, SUBJECT, number),
        runs=[run.model_dump(mode="json") for run in runs],
    )
    row.id = number
    db.add(row)
    await db.flush()
    return await read(db, viewer, number)


def _title(given: str) -> str:
    title = " ".join(given.replace("\0", "").split())
    if not title or len(title) > MAX_TITLE:
        problem = _("A comparison needs a title of at most %(n)d characters.") % {"n": MAX_TITLE}
        raise InvalidError(problem, code="bad_title", details=[Detail("title", problem)])
    return title


async def _copied(db: AsyncSession, job: Job, *, shown: bool) -> ComparedRun:
    story, headline = await story_of(db, job), headline_of(job)
    interval = _interval(job.result)
    ended = job.finished_at and job.started_at
    return ComparedRun(
        job_id=job.id,
        title=job.title,
        task=job.task,
        state=job.state.value,
        metric=headline.metric if headline else "",
        value=headline.value if headline else None,
        low=interval[0],
        high=interval[1],
        seconds=(job.finished_at - job.started_at).total_seconds()
        if ended and job.finished_at and job.started_at
        else None,
        environment=story.environment,
        recipe=flat(job.recipe),
        curve=list(story.curve),
        shown=shown,
    )


def _interval(result: Mapping[str, Any] | None) -> tuple[float | None, float | None]:
    split = ((result or {}).get("splits") or {}).get((result or {}).get("split"))
    return (split.get("low"), split.get("high")) if isinstance(split, dict) else (None, None)


def differences(runs: Sequence[ComparedRun]) -> dict[str, list[str]]:
    """Return the paths at which recipes differ, with the value of each run; empty: not there."""
    paths = sorted({path for run in runs for path in run.recipe})
    return {
        path: values
        for path in paths
        if path not in _IGNORED
        and len(set(values := [run.recipe.get(path, "") for run in runs])) > 1
    }


async def read(
    db: AsyncSession, viewer: Viewer, comparison_id: int, after: int = 0
) -> ComparisonView:
    """Return a comparison; runs its owner keeps to themselves only for them.

    Raises:
        NotFoundError: there is none.
    """
    row = await _row(db, comparison_id)
    is_own = viewer.user_id is not None and viewer.user_id == row.owner_id
    every = [ComparedRun.model_validate(run) for run in row.runs]
    runs = tuple(run for run in every if run.shown or is_own)
    page = await comments.list_comments(db, row.thread_id, after, _PAGE, viewer=viewer)
    names = await accounts.names_of(db, [row.owner_id])
    return ComparisonView(
        id=row.id,
        title=row.title,
        owner=names.get(row.owner_id, ""),
        owner_id=row.owner_id,
        created_at=row.created_at,
        runs=runs,
        differences=differences(runs),
        comments=tuple(page.items),
        next_comment=page.next_cursor,
    )


async def _row(db: AsyncSession, comparison_id: int, *, lock: bool = False) -> Comparison:
    is_number = 0 < comparison_id <= _BIGGEST
    row = await queries.comparison(db, comparison_id, lock=lock) if is_number else None
    if row is None:
        raise NotFoundError(_("There is no such comparison."), code="comparison_not_found")
    return row


async def set_shown(
    db: AsyncSession, viewer: Viewer, comparison_id: int, job_id: int, *, shown: bool
) -> None:
    """Show one of the runs to everybody, or to its owner alone.

    Raises:
        NotFoundError: there is no such comparison.
        ForbiddenError: it is somebody else's.
    """
    row = await _row(db, comparison_id, lock=True)
    _require_owner(viewer, row)
    row.runs = [{**run, "shown": shown} if run["job_id"] == job_id else run for run in row.runs]
    await db.flush()


async def withdraw(db: AsyncSession, viewer: Viewer, comparison_id: int) -> None:
    """Remove a comparison and what was said under it.

    Raises:
        NotFoundError: there is no such comparison.
        ForbiddenError: it is somebody else's.
    """
    row = await _row(db, comparison_id, lock=True)
    _require_owner(viewer, row)
    await db.delete(row)
    await db.flush()
    await comments.delete_threads(db, SUBJECT, comparison_id)


def _require_owner(viewer: Viewer, row: Comparison) -> int:
    user_id = viewer.require_user()
    if user_id != row.owner_id and not viewer.is_admin:
        raise ForbiddenError(_("Only who made a comparison changes it."))
    return user_id


async def comment(db: AsyncSession, viewer: Viewer, comparison_id: int, body: str) -> int:
    """Say something about a comparison; return the comment's number.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: there is no such comparison.
        ForbiddenError: who made it has blocked the viewer.
        InvalidError: the comment is empty or too long.
    """
    row = await _row(db, comparison_id)
    user_id = viewer.require_user()
    await accounts.check_not_blocked(db, viewer, row.owner_id)
    return (await comments.add_comment(db, row.thread_id, user_id, body, is_reply=True)).id


async def comparisons_of(db: AsyncSession, viewer: Viewer) -> list[tuple[int, str]]:
    """Return number and title of the viewer's comparisons, the newest first."""
    found = await queries.comparisons_of(db, viewer.require_user(), _BIGGEST, _PAGE)
    return [(row.id, row.title) for row in found]


async def places(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    """Return the comparisons under which these threads are, by thread."""
    rows = await queries.of_threads(db, thread_ids) if thread_ids else ()
    return {row.thread_id: Place(row.title, f"/comparisons/{row.id}#comment-") for row in rows}


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Remove what the person shared: recipes name whose data and models they use."""
    for row in await queries.comparisons_of(db, gone.user_id, _BIGGEST, _BIGGEST):
        await db.delete(row)
        await db.flush()
        await comments.delete_threads(db, SUBJECT, row.id)
