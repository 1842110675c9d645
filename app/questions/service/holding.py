"""What becomes of questions when the moderators keep words back, and where posts stand."""

from collections.abc import Collection

from app.comments.events import CommentHeld, CommentHidden, CommentReleased
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.events import emit
from app.questions.events import AnswerPosted, PostEdited, QuestionAsked, RemarkPosted
from app.questions.queries import posts
from app.questions.queries import tags as tag_queries
from app.questions.schemas import Place
from app.questions.service.accepting import lose_mark
from app.questions.service.tagging import keep_in_step
from app.questions.tables import Post, Question

Decision = CommentHeld | CommentReleased | CommentHidden


async def note_decision(db: AsyncSession, event: Decision) -> None:
    """Let a question vanish with its words and come back with them; the search looks again."""
    post = await posts.post(db, event.comment_id)
    question = await posts.question(db, post.question_id, lock=True) if post else None
    if post is None or question is None:
        await _note_remark(db, event)
        return
    question.changed_at = now()
    is_shown = isinstance(event, CommentReleased)
    if post.is_question:
        await _show_question(db, question, is_shown=is_shown)
    else:
        await _count_answer(db, question, post, is_shown=is_shown)
    await db.flush()
    if isinstance(event, CommentReleased) and event.is_news:
        await _tell_late(db, question, post)
    else:
        emit(db, PostEdited(question.id, post.comment_id, 0))


async def _show_question(db: AsyncSession, question: Question, *, is_shown: bool) -> None:
    if question.is_hidden is is_shown:
        question.is_hidden = not is_shown
        filed = [row.tag_id for row in await tag_queries.rows_of(db, question.id)]
        await tag_queries.count(db, filed, 1 if is_shown else -1)


async def _count_answer(
    db: AsyncSession, question: Question, post: Post, *, is_shown: bool
) -> None:
    if post.is_counted is is_shown:
        return
    post.is_counted = is_shown
    question.num_answers += 1 if is_shown else -1
    if is_shown:
        question.active_at = now()
        await keep_in_step(db, question)
    else:
        await lose_mark(db, question, post)


async def _note_remark(db: AsyncSession, event: Decision) -> None:
    """A remark that was held when it was written is news now that it stands."""
    post = await posts.post_of_remarks(db, event.thread_id)
    question = await posts.question(db, post.question_id, lock=True) if post else None
    if post is None or question is None:
        return
    question.changed_at = now()
    await db.flush()
    if isinstance(event, CommentReleased) and event.is_news:
        author_id = event.author_id or 0
        emit(db, RemarkPosted(question.id, post.comment_id, event.comment_id, author_id))
    else:
        emit(db, PostEdited(question.id, event.comment_id, 0))


async def _tell_late(db: AsyncSession, question: Question, post: Post) -> None:
    author_id = post.author_id or 0
    if post.is_question:
        filed = tuple(row.tag_id for row in await tag_queries.rows_of(db, question.id))
        emit(db, QuestionAsked(question.id, author_id, post.comment_id, filed))
    else:
        emit(db, AnswerPosted(question.id, post.comment_id, author_id))


async def places(db: AsyncSession, thread_ids: Collection[int]) -> dict[int, Place]:
    """Return the questions that these threads belong to, or are remarks under, by thread."""
    found = {
        question.thread_id: _place(question, "post")
        for question in await posts.questions_of_threads(db, thread_ids)
    }
    for remarks_id, question in await posts.questions_of_remarks(db, thread_ids):
        found[remarks_id] = _place(question, "remark")
    return found


def _place(question: Question, anchor: str) -> Place:
    return Place(
        title=question.title,
        path=f"/questions/{question.id}#{anchor}-",
        author_id=question.author_id,
        is_hidden=question.is_hidden,
    )
