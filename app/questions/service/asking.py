"""Ask a question."""

from dataclasses import asdict

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.events import emit
from app.core.security import Viewer
from app.core.sql import next_id
from app.questions.events import QuestionAsked
from app.questions.schemas import QuestionIn, QuestionView, Snapshot
from app.questions.service.drafts import forget
from app.questions.service.runs import snapshot_of
from app.questions.service.tagging import file_under, resolve
from app.questions.service.views import view
from app.questions.service.words import check_title, check_words, language_of
from app.questions.tables import Post, Question

SUBJECT = "question"
NEW = "question:new"


async def ask(db: AsyncSession, viewer: Viewer, new: QuestionIn) -> QuestionView:
    """Ask; return the question.

    Raises:
        UnauthorizedError: nobody is signed in.
        InvalidError: title, words or tags will not do; it names the field.
        ForbiddenError: a tag does not exist yet, and the viewer may not make one.
        NotFoundError: the run it is about is not there for the viewer.
    """
    author_id = viewer.require_user()
    title, body = check_title(new.title), check_words(new.body)
    tags = await resolve(db, viewer, new.tags)
    about = await snapshot_of(db, viewer, new.job_id) if new.job_id else None
    question = await _write(db, author_id, title, body, new.language, about)
    filed = await file_under(db, question, tags)
    await forget(db, viewer, NEW)
    if not question.is_hidden:  # else it is news when the moderators let it stand
        emit(db, QuestionAsked(question.id, author_id, question.body_id, tuple(filed)))
    return await view(db, question)


async def _write(  # whose, what, in which language, about which run
    db: AsyncSession,
    author_id: int,
    title: str,
    body: str,
    language: str | None,
    about: Snapshot | None,
) -> Question:
    number = await next_id(db, Question)
    thread_id = await comments.open_thread(db, SUBJECT, number)
    words = await comments.add_comment(db, thread_id, author_id, body)
    question = Question(
        title=title,
        language=language or language_of(f"{title}\n{body}"),
        author_id=author_id,
        thread_id=thread_id,
        body_id=words.id,
        snapshot=asdict(about) if about else None,
        fingerprint=about.fingerprint if about else "",
        created_at=words.created_at,
        active_at=words.created_at,
        is_hidden=words.is_held,
    )
    question.id = number
    db.add(question)
    await db.flush()
    db.add(Post(comment_id=words.id, question_id=number, is_question=True, author_id=author_id))
    await db.flush()
    return question
