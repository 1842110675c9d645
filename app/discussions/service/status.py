"""Closing, reopening, and making a draft ready."""

from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.discussions import policy
from app.discussions.events import StatusChanged
from app.discussions.schemas import EventKind, EventView, Status
from app.discussions.service.pulls import remember_changes
from app.discussions.service.records import record
from app.discussions.service.talking import comment as write_comment
from app.discussions.tables import Discussion
from app.hub import service as hub
from app.hub.service import Repository


async def set_status(  # where, which, what, and a word about it
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    num: int,
    status: Status,
    comment: str = "",
) -> EventView:
    """Open or close a discussion; a comment comes first if there is one.

    A closed pull request takes no commits until it is opened again.

    Raises:
        NotFoundError: there is no such discussion.
        ForbiddenError: it is neither the viewer's nor in a repository of theirs.
        ConflictError: it is so already, or merged.
        InvalidError: a discussion cannot be so.
    """
    row = await policy.find(db, repository, num, lock=True)
    user_id = await policy.require_change(db, viewer, repository, row)
    _check(row, status)
    if comment.strip():
        await write_comment(db, viewer, repository, num, comment)
    if row.is_pull_request:
        await _move_ref(db, repository, row, status)
    row.status = status
    made = await record(db, row, EventKind.STATUS, user_id, status=status.value)
    emit(db, StatusChanged(repository.id, num, status, user_id, made.id))
    return made


def _check(row: Discussion, status: Status) -> None:
    if status is Status.MERGED or (status is Status.DRAFT and not row.is_pull_request):
        raise InvalidError(_('"status" must be one of [open, closed].'), code="bad_status")
    if row.status is Status.MERGED:
        raise ConflictError(_("This pull request is merged; that is final."), code="merged")
    if row.status is status:
        raise ConflictError(
            _("It is %(status)s already.") % {"status": status.value}, code="same_status"
        )


async def _move_ref(
    db: AsyncSession, repository: Repository, row: Discussion, status: Status
) -> None:
    if status is Status.CLOSED:
        head = await hub.freeze_pull_ref(db, repository, row.num)
        await remember_changes(db, repository, row, head)
    elif row.status is Status.CLOSED:
        await hub.thaw_pull_ref(db, repository, row.num, row.author_id, row.head_oid)
        row.base_oid = row.head_oid = ""
