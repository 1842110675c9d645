"""What a pull request changes, and bringing it into `main`."""

from collections.abc import Sequence

import structlog

from app.core.db import AsyncSession
from app.core.errors import AppError, ConflictError, Detail, NotFoundError, StaleError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.discussions import policy
from app.discussions.events import PullRequestMerged, StatusChanged
from app.discussions.schemas import (
    Changes,
    Conflict,
    EventKind,
    EventView,
    MergeWish,
    Status,
)
from app.discussions.service.records import record
from app.discussions.service.talking import comment as write_comment
from app.discussions.tables import Discussion
from app.hub import service as hub
from app.hub.schemas import MAIN, Author, CommitInfo, NewCommit
from app.hub.service import Repository
from app.hub.service.merging import (
    PathConflict,
    Why,
    ancestry_of,
    commits_ahead,
    plan_merge,
)

log = structlog.get_logger(__name__)
_LISTED = 50
NO_WISH = MergeWish()


def reason_of(conflict: PathConflict, *, from_main: bool = False) -> Conflict:
    """Return in words why a file conflicts; `from_main` if `main` goes into the pull request."""
    why = conflict.why
    if from_main and why in {Why.DELETED_HERE, Why.DELETED_THERE}:
        why = Why.DELETED_THERE if why is Why.DELETED_HERE else Why.DELETED_HERE
    words = {
        Why.LINES: _("Both sides changed the same lines."),
        Why.BINARY: _("Both sides changed it, and it is not text."),
        Why.LARGE: _("Both sides changed it, and it is too large to be merged line by line."),
        Why.DELETED_HERE: _("main deleted it, the pull request changed it."),
        Why.DELETED_THERE: _("The pull request deleted it, main changed it."),
        Why.ADDED_TWICE: _("Both sides added it, with different content."),
        Why.FOLDER: _("A folder and a file would have the same name."),
    }
    return Conflict(conflict.path, words[why])


async def _head_of(db: AsyncSession, repository: Repository, row: Discussion) -> str:
    if row.head_oid:
        return row.head_oid
    try:
        return await hub.resolve_revision(db, repository, f"refs/pr/{row.num}")
    except NotFoundError:
        return ""


async def remember_changes(
    db: AsyncSession, repository: Repository, row: Discussion, head: str
) -> None:
    """Keep from where to where a pull request goes, so that its ref is not needed any more."""
    if not head:
        return
    main = await hub.resolve_revision(db, repository, MAIN)
    found = await ancestry_of(db, repository, head, main)
    row.base_oid, row.head_oid = found.base, head


async def changes_of(
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    num: int,
    *,
    conflicts: bool = True,
) -> Changes:
    """Return what a pull request changes; conflicts only while it can still be merged.

    Raises:
        NotFoundError: there is no such pull request, or its commits are gone.
    """
    row = await policy.find(db, repository, num)
    head = await _head_of(db, repository, row)
    if not head:
        return Changes("", "")
    if not row.status.is_live:
        return await _past_changes(db, repository, row, head)
    main = await hub.resolve_revision(db, repository, MAIN)
    found = await ancestry_of(db, repository, head, main)
    refused: Sequence[PathConflict] = ()
    if conflicts and found.ahead and found.num_behind:
        plan = await plan_merge(db, storage, repository, found.base, main, head)
        refused = plan.conflicts
    # Without a common ancestor, as after a squash, what differs from main is what it would change.
    return Changes(
        found.base or main,
        head,
        await commits_ahead(db, repository, found),
        [reason_of(one) for one in refused],
        is_behind=found.num_behind > 0,
    )


async def _past_changes(
    db: AsyncSession, repository: Repository, row: Discussion, head: str
) -> Changes:
    """Return what was merged or closed; nothing if a rewritten history has lost it."""
    try:
        onto = row.base_oid
        if row.merge_oid:
            onto = (await hub.commit_of(db, repository, row.merge_oid)).parents[0]
        found = await ancestry_of(db, repository, head, onto)
        base = row.base_oid or onto
        await hub.resolve_revision(db, repository, base)
    except NotFoundError:
        return Changes("", "")
    return Changes(base, head, await commits_ahead(db, repository, found))


async def merge(  # where, which, and what the merger had seen
    db: AsyncSession,
    storage: BlobStore,
    viewer: Viewer,
    repository: Repository,
    num: int,
    wish: MergeWish = NO_WISH,
) -> EventView:
    """Bring a pull request into `main` as one commit with two parents.

    Raises:
        NotFoundError: there is no such pull request.
        ForbiddenError: the viewer may not write to the repository.
        ConflictError: it is not open, or files conflict; `details` names each.
        StaleError: it has other commits than `wish.expected_head`, or `main` moved meanwhile.
    """
    user_id = await policy.require_moderation(db, viewer, repository)
    row = await policy.find(db, repository, num, lock=True)
    _check_open(row)
    if wish.comment.strip():
        await write_comment(db, viewer, repository, num, wish.comment)
    head = await hub.freeze_pull_ref(db, repository, num)
    if not head or (wish.expected_head and wish.expected_head != head):
        raise StaleError(
            _("The pull request has other commits than those you saw."),
            fix=_("Look at it again, then merge."),
        )
    made = await _commit(db, storage, repository, row, head, Author(viewer.name, user_id))
    row.merge_oid, row.head_oid, row.status = made.oid, head, Status.MERGED
    event = await record(db, row, EventKind.STATUS, user_id, status=Status.MERGED.value)
    emit(db, StatusChanged(repository.id, num, Status.MERGED, user_id, event.id))
    emit(db, PullRequestMerged(repository.id, num, made.oid, user_id))
    log.info("pull_request_merged", repository_id=repository.id, num=num, oid=made.oid)
    return event


def _check_open(row: Discussion) -> None:
    problem = ""
    if not row.is_pull_request:
        problem = _("This is a discussion; there is nothing to merge.")
    elif row.status is Status.DRAFT:
        problem = _("This pull request is a draft. Mark it as ready first.")
    elif row.status is Status.MERGED:
        problem = _("This pull request is merged already.")
    elif row.status is Status.CLOSED:
        problem = _("This pull request is closed. Reopen it first.")
    if problem:
        raise ConflictError(problem, code="not_mergeable")


async def _commit(  # what goes where, and who does it
    db: AsyncSession,
    storage: BlobStore,
    repository: Repository,
    row: Discussion,
    head: str,
    author: Author,
) -> CommitInfo:
    # The branch is locked first: what is planned is what is committed.
    main = await hub.lock_branch(db, repository, MAIN)
    found = await ancestry_of(db, repository, head, main)
    row.base_oid = found.base
    plan = await plan_merge(db, storage, repository, found.base, main, head)
    if plan.conflicts:
        raise _refused([reason_of(one) for one in plan.conflicts])
    commits = await commits_ahead(db, repository, found)
    new = NewCommit(
        message=f"{row.title} (#{row.num})",
        author=author,
        operations=plan.operations,
        parent=main,
        description=_description(commits),
        merged=[head],
    )
    try:
        async with db.begin_nested():
            return await hub.commit(db, storage, repository, new)
    except ConflictError as error:
        raise _refused([Conflict("", error.message)]) from error


def _refused(conflicts: Sequence[Conflict]) -> AppError:
    names = ", ".join(one.path for one in conflicts[:5] if one.path)
    return ConflictError(
        _("This pull request cannot be merged: %(files)s conflict with main.")
        % {"files": names or _("some files")},
        fix=_("Bring main into the pull request and decide about these files, then merge."),
        code="merge_conflict",
        details=[Detail(one.path, one.reason) for one in conflicts],
    )


def _description(commits: Sequence[CommitInfo]) -> str:
    lines = [f"- {one.title} ({one.oid})" for one in reversed(commits[:_LISTED])]
    return "\n".join(lines)
