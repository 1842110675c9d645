"""From rows to what pages and protocols show, and the one way an event is written down."""

from collections.abc import Mapping, Sequence

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.events import CommentHeld, CommentHidden, CommentReleased
from app.comments.schemas import ThreadView
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.discussions import queries
from app.discussions.events import CommentChanged, Commented, DiscussionOpened
from app.discussions.schemas import DiscussionView, EventKind, EventView
from app.discussions.tables import Discussion, DiscussionEvent


def _title(row: Discussion, thread: ThreadView, viewer: Viewer | None) -> str:
    if thread.is_held and not comments.may_read_held(viewer, row.author_id):
        return _("Held for the moderators")
    return row.title


async def views(
    db: AsyncSession, rows: Sequence[Discussion], viewer: Viewer | None = None
) -> list[DiscussionView]:
    """Return what `viewer` is shown of these discussions; the opening comment is not counted."""
    names = await accounts.names_of(db, {row.author_id for row in rows})
    threads = await comments.threads_by_id(db, {row.thread_id for row in rows})
    return [
        DiscussionView(
            id=row.id,
            repository_id=row.repository_id,
            num=row.num,
            title=_title(row, threads[row.thread_id], viewer),
            status=row.status,
            is_pull_request=row.is_pull_request,
            author_id=row.author_id,
            author=names.get(row.author_id, ""),
            thread_id=row.thread_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
            pinned=row.pinned,
            locked=row.locked,
            num_comments=max(threads[row.thread_id].num_comments - 1, 0),
            base_oid=row.base_oid,
            head_oid=row.head_oid,
            merge_oid=row.merge_oid,
            is_held=threads[row.thread_id].is_held,
        )
        for row in rows
    ]


async def view(db: AsyncSession, row: Discussion, viewer: Viewer | None = None) -> DiscussionView:
    """Return what `viewer` is shown of a discussion."""
    return (await views(db, [row], viewer))[0]


async def record(
    db: AsyncSession, row: Discussion, kind: EventKind, author_id: int, **data: str
) -> EventView:
    """Write down that something happened to a discussion."""
    made = DiscussionEvent(discussion_id=row.id, kind=kind, author_id=author_id, data=dict(data))
    db.add(made)
    row.updated_at = now()
    await db.flush()
    return (await event_views(db, [made]))[0]


async def rename_commits(db: AsyncSession, repository_id: int, renamed: Mapping[str, str]) -> None:
    """Let pull requests that were merged or closed name their commits as they are called now."""
    for row in await queries.ended_pulls(db, repository_id):
        row.base_oid = renamed.get(row.base_oid, row.base_oid)
        row.head_oid = renamed.get(row.head_oid, row.head_oid)
        row.merge_oid = renamed.get(row.merge_oid, row.merge_oid)
    await db.flush()


async def note_decision(
    db: AsyncSession, event: CommentHeld | CommentReleased | CommentHidden
) -> None:
    """Let whoever follows a discussion look again: words in it were kept back, or given back."""
    for row in await queries.by_threads(db, [event.thread_id]):
        row.updated_at = now()
        if isinstance(event, CommentReleased) and event.is_news:
            await _tell_late(db, row, event)
        else:
            emit(db, CommentChanged(row.repository_id, row.num, event.comment_id, None))


async def _tell_late(db: AsyncSession, row: Discussion, event: CommentReleased) -> None:
    first = await comments.first_comment(db, row.thread_id)
    if first is not None and first.id == event.comment_id:
        opened = DiscussionOpened(row.repository_id, row.num, row.is_pull_request, row.author_id)
        emit(db, opened)
    else:
        emit(db, Commented(row.repository_id, row.num, event.comment_id, event.author_id))


async def event_views(db: AsyncSession, rows: Sequence[DiscussionEvent]) -> list[EventView]:
    """Return what is shown of these events."""
    names = await accounts.names_of(db, {row.author_id for row in rows})
    return [
        EventView(
            id=row.id,
            kind=row.kind,
            author=names.get(row.author_id, ""),
            created_at=row.created_at,
            data={name: str(value) for name, value in row.data.items()},
        )
        for row in rows
    ]
