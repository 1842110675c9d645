"""Writing, editing and hiding comments. Who may do so is decided by the feature that asks."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise

from app.accounts import service as accounts
from app.comments import newcomers, queries
from app.comments.events import CommentHidden, CommentWritten
from app.comments.holding import hold, release
from app.comments.newcomers import is_newcomer, note_typing
from app.comments.schemas import (
    MAX_BODY,
    CommentView,
    RevisionView,
    ThreadView,
    may_read_held,
)
from app.comments.tables import Comment, CommentRevision, Thread
from app.comments.words import BoundedMatcher, Piece, Steps, word_diff
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.events import announce
from app.core.i18n import _
from app.core.pagination import Page
from app.core.runtime import Flag
from app.core.security import Viewer

PAGE = 50
__all__ = [
    "PAGE",
    "BoundedMatcher",
    "Steps",
    "add_comment",
    "any_comment",
    "authors",
    "check_body",
    "comments_by_id",
    "comments_of_author",
    "delete_threads",
    "edit_comment",
    "find_comment",
    "first_comment",
    "first_comments",
    "hide_comment",
    "hold",
    "is_newcomer",
    "list_comments",
    "may_read_held",
    "note_typing",
    "open_thread",
    "release",
    "revisions",
    "rewordings",
    "threads_by_id",
    "wordings",
    "written_between",
]


def check_body(body: str) -> str:
    """Return `body` as it is kept: one kind of line end, no space around it.

    Raises:
        InvalidError: it is empty or too long.
    """
    text = body.replace("\r\n", "\n").replace("\0", "").strip()
    problem = ""
    if not text:
        problem = _("A comment needs words.")
    elif len(text) > MAX_BODY:
        problem = _("A comment may have at most %(n)d characters.") % {"n": MAX_BODY}
    if problem:
        raise InvalidError(problem, code="bad_comment", details=[Detail("comment", problem)])
    return text


async def open_thread(db: AsyncSession, subject: str, subject_id: int) -> int:
    """Return the id of a new thread that is removed with `subject` number `subject_id`."""
    thread = Thread(subject=subject, subject_id=subject_id)
    db.add(thread)
    await db.flush()
    return thread.id


async def delete_threads(db: AsyncSession, subject: str, subject_id: int) -> None:
    """Remove every thread that was opened for this thing."""
    await queries.delete_threads(db, subject, subject_id)


async def threads_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, ThreadView]:
    """Return how much there is in each of these threads."""
    rows = await queries.threads(db, ids) if ids else ()
    return {
        row.id: ThreadView(
            row.id,
            row.num_comments,
            row.last_comment_at,
            row.subject,
            row.subject_id,
            row.is_held,
        )
        for row in rows
    }


async def add_comment(
    db: AsyncSession, thread_id: int, author_id: int | None, body: str, *, is_reply: bool = False
) -> CommentView:
    """Write a comment at the end of a thread; the first one opens it, unless it `is_reply`.

    Raises:
        RateLimitedError: a newcomer writes too much in too short a time.
        InvalidError: it is empty or too long.
        ForbiddenError: the author may only read for a while.
    """
    text, too_fast = check_body(body), False
    await accounts.require_switch(db, Flag.POSTING, author_id)
    if author_id is not None:
        await accounts.require_may_post(db, author_id)
        is_topic = not is_reply and await queries.is_empty(db, thread_id)
        too_fast = await newcomers.check(db, author_id, text, is_topic=is_topic)
    made = Comment(thread_id=thread_id, author_id=author_id, body=text)
    is_first = await queries.count_one_more(db, thread_id, made.created_at) == 1
    made.opens_thread = is_first and not is_reply
    db.add(made)
    await db.flush()
    event = CommentWritten(
        made.id, thread_id, author_id, made.opens_thread, text, typed_too_fast=too_fast
    )
    await announce(db, event)
    if made.held_at is not None:
        made.held_at_birth = True
        await db.flush()
    return await _view(db, made, Viewer(user_id=author_id))


async def find_comment(
    db: AsyncSession, thread_id: int, comment_id: int, viewer: Viewer | None = None
) -> CommentView:
    """Return a comment of this thread; the words of a held one only to who may read them.

    Raises:
        NotFoundError: there is none.
    """
    return await _view(db, await _found(db, thread_id, comment_id), viewer)


async def comments_of_author(
    db: AsyncSession, author_id: int, limit: int, viewer: Viewer | None = None
) -> list[CommentView]:
    """Return what somebody wrote last and is still there, the newest first."""
    return await _views(db, await queries.comments_of_author(db, author_id, limit), viewer)


async def any_comment(db: AsyncSession, comment_id: int) -> CommentView | None:
    """Return a comment of any thread: its reader asks for the thread's owner by `thread_id`."""
    found = await queries.comment_by_id(db, comment_id)
    return await _view(db, found) if found is not None else None


async def first_comment(db: AsyncSession, thread_id: int) -> CommentView | None:
    """Return the comment that a thread begins with."""
    found = await queries.first_comment(db, thread_id)
    return await _view(db, found) if found is not None else None


async def authors(db: AsyncSession, thread_id: int, limit: int) -> set[int]:
    """Return who wrote what stands in a thread, at most `limit` people."""
    return set(await queries.authors(db, thread_id, limit))


async def written_between(
    db: AsyncSession, subject: str, start: datetime, end: datetime, limit: int
) -> list[CommentView]:
    """Return what was written under things of one kind in a span of time, the oldest first."""
    return await _views(db, await queries.written_between(db, subject, start, end, limit))


async def edit_comment(
    db: AsyncSession,
    thread_id: int,
    comment_id: int,
    editor_id: int,
    body: str,
    approver_id: int | None = None,
) -> CommentView:
    """Change the words of a comment; the earlier ones are kept.

    Who approves what somebody else suggested answers for it: their right to post is asked for.

    Raises:
        InvalidError: it would be empty or too long.
        NotFoundError: there is none.
        ConflictError: it was hidden.
        ForbiddenError: the editor may only read for a while.
    """
    text = check_body(body)
    answers_for_it = approver_id or editor_id
    await accounts.require_switch(db, Flag.POSTING, answers_for_it)
    await accounts.require_may_post(db, answers_for_it)
    found = await _found(db, thread_id, comment_id, lock=True)
    if found.hidden_at is not None:
        raise ConflictError(_("This comment was hidden; it cannot be edited."), code="hidden")
    if text != found.body:
        found.num_edits += 1
        db.add(
            CommentRevision(
                comment_id=found.id,
                number=found.num_edits,
                body=found.body,
                editor_id=found.edited_by_id or found.author_id,
                written_at=found.edited_at or found.created_at,
            )
        )
        found.body, found.edited_at, found.edited_by_id = text, now(), editor_id
        await db.flush()
        event = CommentWritten(
            found.id, thread_id, answers_for_it, found.opens_thread, text, is_edit=True
        )
        await announce(db, event)
    return await _view(db, found, Viewer(user_id=editor_id))


async def hide_comment(
    db: AsyncSession, thread_id: int, comment_id: int, by_id: int
) -> CommentView:
    """Take away the words of a comment and of its earlier wordings, for good.

    Raises:
        NotFoundError: there is none.
    """
    found = await _found(db, thread_id, comment_id, lock=True)
    if found.hidden_at is None:
        found.hidden_at, found.hidden_by_id, found.body = now(), by_id, ""
        found.held_at = None
        await queries.delete_revisions(db, found.id)
        await db.flush()
        await announce(db, CommentHidden(found.id, thread_id, found.author_id))
    return await _view(db, found)


async def list_comments(
    db: AsyncSession,
    thread_id: int,
    after: int = 0,
    limit: int | None = PAGE,
    viewer: Viewer | None = None,
) -> Page[CommentView]:
    """Return comments after the one with id `after`, oldest first; the cursor is the last's id.

    The words of those that are held go only to a viewer who may read them.
    """
    rows = await queries.comments(db, thread_id, after, None if limit is None else limit + 1)
    shown = rows if limit is None else rows[:limit]
    following = str(shown[-1].id) if len(rows) > len(shown) else None
    return Page(await _views(db, shown, viewer), following)


async def comments_by_id(
    db: AsyncSession, ids: Collection[int], viewer: Viewer | None = None
) -> dict[int, CommentView]:
    """Return comments by their ids, of whatever threads; those that are not there are left out."""
    rows = await queries.by_ids(db, ids) if ids else ()
    return {view.id: view for view in await _views(db, rows, viewer)}


async def first_comments(
    db: AsyncSession, thread_ids: Collection[int], limit: int, viewer: Viewer | None = None
) -> dict[int, list[CommentView]]:
    """Return the first comments of several threads, at most `limit` of each."""
    found: dict[int, list[CommentView]] = defaultdict(list)
    rows = await queries.first_of_each(db, thread_ids, limit) if thread_ids else ()
    for view in await _views(db, rows, viewer):
        found[view.thread_id].append(view)
    return found


async def wordings(db: AsyncSession, comments: Sequence[CommentView]) -> dict[int, list[str]]:
    """Return what each of these comments said before, the oldest first."""
    found: dict[int, list[str]] = defaultdict(list)
    edited = [comment.id for comment in comments if comment.num_edits and not comment.is_hidden]
    for row in await queries.revisions(db, edited) if edited else ():
        found[row.comment_id].append(row.body)
    return found


async def revisions(db: AsyncSession, comment: CommentView) -> list[RevisionView]:
    """Return every wording of a comment, the oldest first, what stands there now at the end."""
    rows = () if comment.is_hidden else await queries.revisions(db, [comment.id])
    names = await accounts.names_of(db, {row.editor_id for row in rows})
    earlier = [
        RevisionView(
            row.number,
            row.body,
            names.get(row.editor_id, ""),
            row.written_at,
        )
        for row in rows
    ]
    moment = comment.edited_at or comment.created_at
    return [*earlier, RevisionView(len(rows) + 1, comment.body, comment.editor, moment)]


def rewordings(
    wordings: Sequence[RevisionView], steps: Steps | None = None
) -> list[tuple[RevisionView, list[Piece]]]:
    """Return each wording but the first with what it changed, the newest first.

    All comparisons together take no more than `steps`, which are some tenths of a second.
    """
    left = steps or Steps()
    pairs = list(pairwise(wordings))[::-1]
    return [(later, word_diff(earlier.body, later.body, left)) for earlier, later in pairs]


async def _found(
    db: AsyncSession, thread_id: int, comment_id: int, *, lock: bool = False
) -> Comment:
    found = await queries.comment(db, thread_id, comment_id, lock=lock)
    if found is None:
        raise NotFoundError(_("There is no such comment."), code="comment_not_found")
    return found


async def _view(db: AsyncSession, row: Comment, viewer: Viewer | None = None) -> CommentView:
    return (await _views(db, [row], viewer))[0]


async def _views(
    db: AsyncSession, rows: Sequence[Comment], viewer: Viewer | None = None
) -> list[CommentView]:
    people = {row.author_id for row in rows} | {row.edited_by_id for row in rows}
    names = await accounts.names_of(db, people)

    def name(account_id: int | None) -> str:
        return names.get(account_id, "")

    def is_kept_back(row: Comment) -> bool:
        return row.held_at is not None and not may_read_held(viewer, row.author_id)

    return [
        CommentView(
            id=row.id,
            thread_id=row.thread_id,
            author_id=row.author_id,
            author=name(row.author_id),
            editor=name(row.edited_by_id or row.author_id),
            body="" if is_kept_back(row) else row.body,
            created_at=row.created_at,
            edited_at=row.edited_at,
            num_edits=row.num_edits,
            is_hidden=row.hidden_at is not None or is_kept_back(row),
            is_held=row.held_at is not None,
            opens_thread=row.opens_thread,
        )
        for row in rows
    ]


async def num_written_since(db: AsyncSession, moment: datetime, most: int) -> int:
    """Return how many posts and comments were written since a moment, counted up to `most`."""
    return await queries.num_since(db, moment, most)
