"""Vote on questions and answers."""

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.events import emit
from app.core.security import Viewer
from app.questions import policy
from app.questions.events import QuestionChanged
from app.questions.queries import posts
from app.questions.service.tagging import keep_in_step
from app.reputation import service as reputation


async def vote(db: AsyncSession, viewer: Viewer, comment_id: int, value: int) -> int:
    """Vote 1, -1, or 0 to take it back; return the score of the post now.

    Raises:
        UnauthorizedError: nobody is signed in.
        NotFoundError: there is no such post.
        ForbiddenError: it is one's own, or the ability to vote down is not earned yet.
        ConflictError: it was hidden.
    """
    viewer.require_user()
    # The question's row first, as everything that changes a question does: none waits for another.
    question, post = await policy.access_post(db, viewer, comment_id, lock=True)
    found = await comments.comments_by_id(db, [comment_id])
    moved = await reputation.vote(db, viewer, found[comment_id], value)
    if moved:
        await posts.add_score(db, comment_id, moved)
        await db.refresh(post)
        if post.is_question:
            await posts.set_question_score(db, question.id, post.score)
            await db.refresh(question)
            await keep_in_step(db, question)
        emit(db, QuestionChanged(question.id))
    return post.score
