"""Writing, editing and hiding comments. Who may do so is decided by the feature that asks."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise

from app.accounts import service as accounts
from app.comments import queries
from app.comments.schemas import MAX_BODY, CommentView, RevisionView, ThreadView
from app.comments.tables import Comment, CommentRevision, Thread
from app.comments.words import Piece, word_diff
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.pagination import Page

PAGE = 50


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
    return {row.id: ThreadView(row.id, row.num_comments, row.last_comment_at) for row in rows}


async def add_comment(
    db: AsyncSession, thread_id: int, author_id: int | None, body: str
) -> CommentView:
    """Write a comment at the end of a thread.

    Raises:
        InvalidError: it is empty or too long.
    """
    made = Comment(thread_id=thread_id, author_id=author_id, body=check_body(body))
    db.add(made)
    await queries.count_one_more(db, thread_id, made.created_at)
    await db.flush()
    return await _view(db, made)


async def find_comment(db: AsyncSession, thread_id: int, comment_id: int) -> CommentView:
    """Return a comment of this thread.

    Raises:
        NotFoundError: there is none.
    """
    return await _view(db, await _found(db, thread_id, comment_id))


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
    db: AsyncSession, thread_id: int, comment_id: int, editor_id: int, body: str
) -> CommentView:
    """Change the words of a comment; the earlier ones are kept.

    Raises:
        InvalidError: it would be empty or too long.
        NotFoundError: there is none.
        ConflictError: it was hidden.
    """
    text = check_body(body)
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
    return await _view(db, found)


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
        await queries.delete_revisions(db, found.id)
        await db.flush()
    return await _view(db, found)


async def list_comments(
    db: AsyncSession, thread_id: int, after: int = 0, limit: int | None = PAGE
) -> Page[CommentView]:
    """Return comments after the one with id `after`, oldest first; the cursor is the last's id."""
    rows = await queries.comments(db, thread_id, after, None if limit is None else limit + 1)
    shown = rows if limit is None else rows[:limit]
    following = str(shown[-1].id) if len(rows) > len(shown) else None
    return Page(await _views(db, shown), following)


async def comments_by_id(db: AsyncSession, ids: Collection[int]) -> dict[int, CommentView]:
    """Return comments by their ids, of whatever threads; those that are not there are left out."""
    rows = await queries.by_ids(db, ids) if ids else ()
    return {view.id: view for view in await _views(db, rows)}


async def first_comments(
    db: AsyncSession, thread_ids: Collection[int], limit: int
) -> dict[int, list[CommentView]]:
    """Return the first comments of several threads, at most `limit` of each."""
    found: dict[int, list[CommentView]] = defaultdict(list)
    rows = await queries.first_of_each(db, thread_ids, limit) if thread_ids else ()
    for view in await _views(db, rows):
        found[view.thread_id].append(view)
    return found


async def wordings(db: AsyncSession, comments: Sequence[CommentView]) -> dict[int, list[str]]:
    """Return what each of these comments said before, the oldest first."""
    found: dict[int, list[str]] = defaultdict(list)
    edited = [comment.id for comment in comments if comment.num_edits]
    for row in await queries.revisions(db, edited) if edited else ():
        found[row.comment_id].append(row.body)
    return found


async def revisions(db: AsyncSession, comment: CommentView) -> list[RevisionView]:
    """Return every wording of a comment, the oldest first, what stands there now at the end."""
    rows = await queries.revisions(db, [comment.id])
    ids = {row.editor_id for row in rows if row.editor_id is not None}
    names = await accounts.account_refs(db, ids)
    earlier = [
        RevisionView(
            row.number,
            row.body,
            names[row.editor_id].name if row.editor_id in names else "",
            row.written_at,
        )
        for row in rows
    ]
    moment = comment.edited_at or comment.created_at
    return [*earlier, RevisionView(len(rows) + 1, comment.body, comment.editor, moment)]


def rewordings(wordings: Sequence[RevisionView]) -> list[tuple[RevisionView, list[Piece]]]:
    """Return each wording but the first with what it changed, the newest first."""
    steps = [(later, word_diff(earlier.body, later.body)) for earlier, later in pairwise(wordings)]
    return steps[::-1]


async def _found(
    db: AsyncSession, thread_id: int, comment_id: int, *, lock: bool = False
) -> Comment:
    found = await queries.comment(db, thread_id, comment_id, lock=lock)
    if found is None:
        raise NotFoundError(_("There is no such comment."), code="comment_not_found")
    return found


async def _view(db: AsyncSession, row: Comment) -> CommentView:
    return (await _views(db, [row]))[0]


async def _views(db: AsyncSession, rows: Sequence[Comment]) -> list[CommentView]:
    people = {row.author_id for row in rows} | {row.edited_by_id for row in rows}
    names = await accounts.account_refs(db, {one for one in people if one is not None})

    def name(account_id: int | None) -> str:
        return names[account_id].name if account_id in names else ""

    return [
        CommentView(
            id=row.id,
            thread_id=row.thread_id,
            author_id=row.author_id,
            author=name(row.author_id),
            editor=name(row.edited_by_id or row.author_id),
            body=row.body,
            created_at=row.created_at,
            edited_at=row.edited_at,
            num_edits=row.num_edits,
            is_hidden=row.hidden_at is not None,
        )
        for row in rows
    ]
