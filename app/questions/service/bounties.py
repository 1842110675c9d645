"""What questions do for `app.bounties`, which keeps the rules and the ledger."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts import service as accounts
from app.comments import service as comments
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.events import emit
from app.questions.events import QuestionChanged
from app.questions.queries import posts
from app.questions.schemas import Happening, Prize
from app.questions.service.tagging import keep_in_step
from app.questions.tables import Post, Question, QuestionEvent

_LOOKED_AT = 50


@dataclass(frozen=True)
class Winner:
    """An answer that a bounty may go to, and who wrote it."""

    comment_id: int
    author_id: int


async def lock_question(db: AsyncSession, question_id: int) -> Question | None:
    """Return a question, hidden or not, held until the transaction ends."""
    return await posts.question(db, question_id, lock=True)


async def set_prize(  # of which, what is put up now, what happened, by whom
    db: AsyncSession,
    question: Question,
    prize: Prize | None,
    kind: Happening,
    by_id: int | None,
    data: dict[str, object],
) -> None:
    """Show what can be won, or that it cannot any more, and write it into the history."""
    question.bounty_amount = prize.amount if prize else 0
    question.bounty_unit = prize.unit if prize else ""
    question.bounty_until = prize.until if prize else None
    question.bounty_by_id = prize.by_id if prize else None
    if prize:
        question.active_at = now()
    db.add(QuestionEvent(question_id=question.id, kind=kind, author_id=by_id, data=data))
    await db.flush()
    await keep_in_step(db, question)
    emit(db, QuestionChanged(question.id, by_id or 0))


async def answer_of(db: AsyncSession, question: Question, comment_id: int) -> Post | None:
    """Return an answer to this question that everybody can read."""
    post = await posts.post(db, comment_id)
    if post is None or post.question_id != question.id or post.is_question:
        return None
    words = await comments.any_comment(db, comment_id)
    return None if words is None or words.is_hidden else post


async def credit(db: AsyncSession, comment_id: int, *, points: int = 0, seconds: int = 0) -> None:
    """Show on an answer what it won."""
    await posts.add_winnings(db, comment_id, points, seconds)


async def best_since(
    db: AsyncSession, question: Question, since: datetime, least: int, not_by: int | None
) -> Winner | None:
    """Return the answer with the most votes, `least` or more, that was written since a moment.

    What is hidden, what somebody wrote who is suspended or has left, and what `not_by` wrote are
    left out; of two with as many votes the earlier counts.
    """
    found = await posts.voted_answers(db, question.id, least, _LOOKED_AT)
    words = await comments.comments_by_id(db, [post.comment_id for post in found])
    people = await accounts.people_by_id(db, {p.author_id for p in found if p.author_id})
    for post in found:
        said, author = words[post.comment_id], people.get(post.author_id or 0)
        is_shown = not said.is_hidden and said.created_at >= since
        if is_shown and author and not author.is_suspended and author.id != not_by:
            return Winner(post.comment_id, author.id)
    return None
