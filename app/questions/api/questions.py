"""Ask, list, read, change and close questions."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from app.core.http import Anybody, CommunityWriter, Db, RepoReader
from app.core.i18n import LANGUAGES
from app.questions import service
from app.questions.api.shapes import (
    ChangedOut,
    PostOut,
    QuestionItem,
    QuestionOut,
    QuestionPage,
    RemarkOut,
    SuggestionOut,
    TwinOut,
    WholeQuestionOut,
)
from app.questions.schemas import (
    AnswerSort,
    CloseIn,
    DraftIn,
    DraftOut,
    PostIn,
    QuestionChange,
    QuestionIn,
    Sort,
    TwinIn,
)

router = APIRouter()
Cursor = Annotated[str, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=100)]
Number = Annotated[int, Query(gt=0, lt=1 << 63)]


@router.get("/questions")
async def list_questions(  # what a list is narrowed to
    db: Db,
    _viewer: Anybody,
    sort: Sort = "active",
    tag: Annotated[str, Query(max_length=60)] = "",
    language: Annotated[str, Query(max_length=10)] = "",
    cursor: Cursor = "",
    limit: Limit = 30,
) -> QuestionPage:
    """List questions: by activity, age or votes, or those that nobody has answered."""
    tag_id = (await service.find_tag(db, tag)).id if tag else None
    languages = [language] if language in LANGUAGES else []
    page = await service.list_questions(db, sort, tag_id, languages, cursor, limit)
    items = [QuestionItem.of(row) for row in page.items]
    return QuestionPage(items=items, next_cursor=page.next_cursor)


@router.post("/questions", status_code=HTTPStatus.CREATED)
async def ask(db: Db, viewer: CommunityWriter, new: QuestionIn) -> QuestionOut:
    """Ask a question; `job_id` may name a run of one's own that it is about."""
    return QuestionOut.of_view(await service.ask(db, viewer, new))


@router.get("/questions/{question_id}")
async def get_question(
    db: Db, viewer: Anybody, question_id: int, sort: AnswerSort = "best", cursor: Cursor = ""
) -> WholeQuestionOut:
    """Return a question with its words and a page of its answers."""
    question = await service.read_question(db, viewer, question_id)
    page = await service.posts_of(db, viewer, question, sort, cursor)
    body = next((post for post in page.items if post.is_question), None)
    twin = await service.twin_of(db, viewer, question)
    return WholeQuestionOut(
        question=QuestionOut.of_view(question),
        twin=TwinOut.of(twin) if twin else None,
        body=PostOut.of_post(body) if body else None,
        answers=[PostOut.of_post(post) for post in page.items if not post.is_question],
        next_cursor=page.next_cursor,
    )


@router.patch("/questions/{question_id}")
async def change_question(
    db: Db, viewer: CommunityWriter, question_id: int, change: QuestionChange
) -> ChangedOut:
    """Give a question new words, or suggest them where the caller may not edit."""
    waits = await service.change_question(db, viewer, question_id, change)
    return ChangedOut(
        published=waits is None, suggestion=SuggestionOut.of(waits) if waits else None
    )


@router.post("/questions/{question_id}/answers", status_code=HTTPStatus.CREATED)
async def answer(db: Db, viewer: CommunityWriter, question_id: int, new: PostIn) -> RemarkOut:
    """Answer a question."""
    return RemarkOut.of(await service.answer(db, viewer, question_id, new.body))


@router.post("/questions/{question_id}/close")
async def close(db: Db, viewer: CommunityWriter, question_id: int, why: CloseIn) -> QuestionOut:
    """Let a question take no more answers; a duplicate names the question it repeats."""
    return QuestionOut.of_view(await service.close(db, viewer, question_id, why))


@router.post("/questions/{question_id}/reopen")
async def reopen(db: Db, viewer: CommunityWriter, question_id: int) -> QuestionOut:
    """Let a question take answers again."""
    return QuestionOut.of_view(await service.reopen(db, viewer, question_id))


@router.put("/questions/{question_id}/lock")
async def lock(db: Db, viewer: CommunityWriter, question_id: int) -> QuestionOut:
    """Let nobody but curators write under a question."""
    return QuestionOut.of_view(await service.set_locked(db, viewer, question_id, locked=True))


@router.delete("/questions/{question_id}/lock")
async def unlock(db: Db, viewer: CommunityWriter, question_id: int) -> QuestionOut:
    """Let everybody write under a question again."""
    return QuestionOut.of_view(await service.set_locked(db, viewer, question_id, locked=False))


@router.put("/questions/{question_id}/pin")
async def pin(db: Db, viewer: CommunityWriter, question_id: int) -> QuestionOut:
    """Put a question above the list."""
    return QuestionOut.of_view(await service.set_pinned(db, viewer, question_id, pinned=True))


@router.delete("/questions/{question_id}/pin")
async def unpin(db: Db, viewer: CommunityWriter, question_id: int) -> QuestionOut:
    """Put a question back into its place."""
    return QuestionOut.of_view(await service.set_pinned(db, viewer, question_id, pinned=False))


@router.put("/questions/{question_id}/twin", status_code=HTTPStatus.NO_CONTENT)
async def link_twin(db: Db, viewer: CommunityWriter, question_id: int, twin: TwinIn) -> None:
    """Say that another question is this one in the other language; for who may edit both."""
    await service.link(db, viewer, question_id, twin.question)


@router.delete("/questions/{question_id}/twin", status_code=HTTPStatus.NO_CONTENT)
async def unlink_twin(db: Db, viewer: CommunityWriter, question_id: int) -> None:
    """Take the link with the question in the other language away."""
    await service.unlink(db, viewer, question_id)


@router.delete("/questions/{question_id}/accepted", status_code=HTTPStatus.NO_CONTENT)
async def unaccept(db: Db, viewer: CommunityWriter, question_id: int) -> None:
    """Take the mark from the accepted answer."""
    await service.unaccept(db, viewer, question_id)


@router.get("/references")
async def get_references(
    db: Db, viewer: RepoReader, on: Annotated[list[str], Query(max_length=50)]
) -> list[service.Card]:
    """Say what references in posts lead to, as far as the caller may know: #job-12, #owner/name."""
    return await service.cards_for(db, viewer, on)


@router.get("/drafts")
async def list_drafts(db: Db, viewer: CommunityWriter) -> list[DraftOut]:
    """List what one has begun to write, the newest first."""
    return await service.drafts_of(db, viewer)


@router.put("/drafts/{target}")
async def keep_draft(db: Db, viewer: CommunityWriter, target: str, draft: DraftIn) -> DraftOut:
    """Keep what one has written so far: question:new, answer:ID, edit:ID or remark:ID."""
    return await service.keep_draft(db, viewer, target, draft)


@router.delete("/drafts/{target}", status_code=HTTPStatus.NO_CONTENT)
async def forget_draft(db: Db, viewer: CommunityWriter, target: str) -> None:
    """Throw a draft away."""
    await service.forget(db, viewer, target)
