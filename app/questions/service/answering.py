"""Answer a question, and remark on questions and answers."""

from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.events import emit
from app.core.security import Viewer
from app.questions import policy
from app.questions.events import AnswerPosted, RemarkPosted
from app.questions.service.drafts import forget
from app.questions.service.tagging import keep_in_step
from app.questions.service.words import check_words
from app.questions.tables import Post

REMARKS = "post"


async def answer(db: AsyncSession, viewer: Viewer, question_id: int, body: str) -> CommentView:
    """Answer a question.

    Raises:
        NotFoundError: there is no such question.
        ConflictError: it is closed or locked.
        InvalidError: the answer is empty or too long.
    """
    text = check_words(body)
    question = await policy.access_question(db, viewer, question_id, lock=True)
    author_id = await policy.require_answering(db, viewer, question)
    words = await comments.add_comment(db, question.thread_id, author_id, text)
    db.add(
        Post(
            comment_id=words.id,
            question_id=question.id,
            is_question=False,
            author_id=author_id,
            is_counted=not words.is_held,
        )
    )
    await forget(db, viewer, f"answer:{question.id}")
    if not words.is_held:  # else it counts, and is news, when the moderators let it stand
        question.num_answers += 1
        question.active_at = words.created_at
        await db.flush()
        await keep_in_step(db, question)
        emit(db, AnswerPosted(question.id, words.id, author_id))
    return words


async def remark(db: AsyncSession, viewer: Viewer, post_id: int, body: str) -> CommentView:
    """Remark on a question or an answer.

    Raises:
        NotFoundError: there is no such post.
        ConflictError: the question is locked.
        InvalidError: the remark is empty or too long.
    """
    text = check_words(body)
    question, post = await policy.access_post(db, viewer, post_id, lock=True)
    author_id = await policy.require_writing(db, viewer, question)
    if post.remarks_id is None:
        # The question's row is locked: nobody else opens a second thread here.
        post.remarks_id = await comments.open_thread(db, REMARKS, post.comment_id)
    words = await comments.add_comment(db, post.remarks_id, author_id, text, is_reply=True)
    if not words.is_held:
        question.active_at = words.created_at
        await db.flush()
        await keep_in_step(db, question)
        emit(db, RemarkPosted(question.id, post_id, words.id, author_id))
    return words
