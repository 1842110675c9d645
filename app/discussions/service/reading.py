"""Lists of discussions, and what happened in one of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.discussions import policy, queries
from app.discussions.events import Commented, DiscussionOpened
from app.discussions.schemas import (
    Counts,
    DiscussionView,
    Entry,
    EventKind,
    EventView,
    ListFilters,
    Place,
)
from app.discussions.service.opening import SUBJECT
from app.discussions.service.records import event_views, view, views
from app.hub.schemas import CommitInfo
from app.hub.service import Repository

# Of one discussion; the index of the site needs no more.
_MOST_COMMENTS = 1_000
_NOBODY = -1
_BEFORE = timedelta(minutes=1)


@dataclass(frozen=True)
class DiscussionPage:
    """A page of a numbered list: how many there are in all, and with which it starts."""

    total: int
    start: int
    rows: Sequence[DiscussionView]


async def _author_id(db: AsyncSession, name: str) -> int | None:
    if not name:
        return None
    found = await accounts.find_account(db, name)
    return found.id if found else _NOBODY


async def list_numbered(
    db: AsyncSession, repository: Repository, filters: ListFilters, page: int, limit: int
) -> DiscussionPage:
    """Return a page of a repository's discussions, newest first, with the number of all."""
    author_id = await _author_id(db, filters.author)
    rows, total = await queries.numbered(db, repository.id, filters, author_id, page * limit, limit)
    return DiscussionPage(total, page * limit, await views(db, rows))


async def list_page(  # a page, one argument a choice
    db: AsyncSession,
    repository: Repository,
    filters: ListFilters,
    cursor: str,
    limit: int,
    viewer: Viewer | None = None,
) -> Page[DiscussionView]:
    """Return a keyset page of a repository's discussions; the first one begins with the pinned.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    author_id = await _author_id(db, filters.author)
    before: int | None = None
    if cursor:
        (last,) = decode_cursor(cursor, 1)
        before = last if isinstance(last, int) else None
        if before is None:
            raise BadRequestError(_("This page address does not belong to this list."))
    rows = await queries.after(db, repository.id, filters, author_id, before, limit + 1)
    shown = list(rows[:limit])
    following = encode_cursor([shown[-1].num]) if len(rows) > limit else None
    if before is None:
        shown = [*await queries.pinned(db, repository.id, filters, author_id), *shown]
    return Page(await views(db, shown, viewer), following)


async def count_discussions(db: AsyncSession, repository: Repository) -> Counts:
    """Return how many discussions of a repository are live and how many are not."""
    return await queries.counts(db, repository.id)


async def get_discussion(
    db: AsyncSession, repository: Repository, num: int, viewer: Viewer | None = None
) -> DiscussionView:
    """Return a discussion by its number, as `viewer` is shown it.

    Raises:
        NotFoundError: there is none.
    """
    return await view(db, await policy.find(db, repository, num), viewer)


async def places(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    """Return where each of these threads stands, by thread; those that are no discussion's not."""
    rows = await queries.by_threads(db, thread_ids)
    return {
        row.thread_id: Place(row.repository_id, row.title, f"/discussions/{row.num}#comment-")
        for row in rows
    }


async def find_comment(
    db: AsyncSession, discussion: DiscussionView, comment_id: int, viewer: Viewer | None = None
) -> CommentView:
    """Return a comment of a discussion, as `viewer` is shown it.

    Raises:
        NotFoundError: there is none.
    """
    return await comments.find_comment(db, discussion.thread_id, comment_id, viewer)


async def timeline(  # what, and how much of it for whom
    db: AsyncSession,
    discussion: DiscussionView,
    commits: Sequence[CommitInfo] = (),
    *,
    after: int = 0,
    limit: int | None = None,
    viewer: Viewer | None = None,
) -> Page[Entry]:
    """Return comments after the one with id `after`, with the events and commits between them.

    The opening comment always stands first, whatever the clocks of committers said.
    """
    page = await comments.list_comments(db, discussion.thread_id, after, limit, viewer)
    events = await event_views(db, await queries.events(db, discussion.id))
    if discussion.is_held and not comments.may_read_held(viewer, discussion.author_id):
        events = [one for one in events if one.kind is not EventKind.TITLE]
    lower = None
    if after:
        lower = (await comments.find_comment(db, discussion.thread_id, after)).created_at
    upper = page.items[-1].created_at if page.next_cursor else None
    others: list[Entry] = [*events, *commits]
    among = [one for one in others if _is_between(_moment(one, discussion), lower, upper)]
    opening: list[Entry] = [*page.items[:1]] if not after else []
    rest: list[Entry] = [*page.items[len(opening) :], *among]
    rest.sort(key=lambda one: (_moment(one, discussion), not isinstance(one, CommitInfo)))
    return Page([*opening, *rest], page.next_cursor)


def _moment(entry: Entry, discussion: DiscussionView) -> datetime:
    if isinstance(entry, CommentView | EventView):
        return entry.created_at
    # A commit may have been made before the pull request was opened for it.
    return max(entry.committed_at, discussion.created_at)


def _is_between(moment: datetime, lower: datetime | None, upper: datetime | None) -> bool:
    return (lower is None or moment > lower) and (upper is None or moment <= upper)


async def discussions_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, DiscussionView]:
    """Return those that exist; the caller asks who may see their repositories."""
    return {one.id: one for one in await views(db, await queries.by_ids(db, ids))} if ids else {}


async def happened_between(
    db: AsyncSession, start: datetime, end: datetime, limit: int
) -> list[DiscussionOpened | Commented]:
    """Return the news of discussions in a span of time again, for those whom it may have missed."""
    # Earlier than the comments, so that no opening one is taken for an answer.
    opened = await queries.opened_between(db, start - _BEFORE, end, limit)
    written = await comments.written_between(db, SUBJECT, start, end, limit)
    talks = {row.thread_id: row for row in await queries.by_threads(db, _threads_of(written))}
    first = {row.thread_id: (await comments.first_comment(db, row.thread_id)) for row in opened}
    beginnings = {one.id for one in first.values() if one is not None}
    news: list[DiscussionOpened | Commented] = [
        DiscussionOpened(row.repository_id, row.num, row.is_pull_request, row.author_id)
        for row in opened
        if (one := first[row.thread_id]) is not None and not one.is_held
    ]
    news += [
        Commented(talk.repository_id, talk.num, one.id, one.author_id)
        for one in written
        if one.id not in beginnings
        and not one.is_held
        and (talk := talks.get(one.thread_id)) is not None
    ]
    return news


def _threads_of(written: Sequence[CommentView]) -> set[int]:
    return {one.thread_id for one in written}


async def whole_discussions(
    db: AsyncSession, ids: Collection[int]
) -> list[tuple[DiscussionView, Sequence[CommentView]]]:
    """Return discussions with their comments, the opening one first, at most a thousand."""
    found = await views(db, await queries.by_ids(db, ids))
    ids = {one.thread_id for one in found}
    threads = await comments.first_comments(db, ids, _MOST_COMMENTS)
    return [(one, threads[one.thread_id]) for one in found]
