"""Vote on, accept, change and remark on questions' words and answers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.comments import service as comments
from app.core.http import Anybody, CommunityWriter, Db, JobWriter, database, storage_of
from app.jobs.service.examination import Doctor
from app.questions import service
from app.questions.api.shapes import (
    ChangedOut,
    JobQueuedOut,
    RemarkOut,
    RevisionOut,
    ScoreOut,
    SuggestionOut,
    TrialOut,
)
from app.questions.schemas import PostIn, VoteIn

router = APIRouter()


class DecisionIn(BaseModel):
    """A word about a suggested edit."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    approve: bool
    reason: Annotated[str, Field(max_length=500)] = ""


class TrialIn(BaseModel):
    """The run to try a patch on, and whether the answer may show what came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    job_id: Annotated[int, Field(gt=0, lt=1 << 63)]
    shared: bool = Field(default=False, description="Show everybody what was measured.")


@router.put("/posts/{post_id}/vote")
async def vote(db: Db, viewer: CommunityWriter, post_id: int, new: VoteIn) -> ScoreOut:
    """Vote 1 or -1 on a question's words or an answer; 0 takes the vote back."""
    score = await service.vote(db, viewer, post_id, new.value)
    return ScoreOut(score=score, own_vote=new.value)


@router.put("/posts/{post_id}/accepted", status_code=HTTPStatus.NO_CONTENT)
async def accept(db: Db, viewer: CommunityWriter, post_id: int) -> None:
    """Mark an answer as the one that solves the question."""
    await service.accept(db, viewer, post_id)


@router.patch("/posts/{post_id}")
async def change_post(db: Db, viewer: CommunityWriter, post_id: int, new: PostIn) -> ChangedOut:
    """Give an answer new words, or suggest them where the caller may not edit."""
    waits = await service.change_post(db, viewer, post_id, new.body)
    return ChangedOut(
        published=waits is None, suggestion=SuggestionOut.of(waits) if waits else None
    )


@router.delete("/posts/{post_id}", status_code=HTTPStatus.NO_CONTENT)
async def hide_post(db: Db, viewer: CommunityWriter, post_id: int) -> None:
    """Take away the words of an answer, or a question that nobody answered, for good."""
    await service.hide_post(db, viewer, post_id)


@router.get("/posts/{post_id}/revisions")
async def list_revisions(db: Db, viewer: Anybody, post_id: int) -> list[RevisionOut]:
    """Return every wording of a post, the oldest first."""
    _question, words = await service.post_words(db, viewer, post_id)
    return [
        RevisionOut(number=one.number, editor=one.editor, body=one.body, written_at=one.written_at)
        for one in await comments.revisions(db, words)
    ]


@router.post("/posts/{post_id}/revisions/{number}/restore")
async def roll_back(db: Db, viewer: CommunityWriter, post_id: int, number: int) -> RemarkOut:
    """Make an earlier wording the newest again."""
    return RemarkOut.of(await service.roll_back(db, viewer, post_id, number))


@router.get("/posts/{post_id}/remarks")
async def list_remarks(
    db: Db, viewer: Anybody, post_id: int, after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0
) -> list[RemarkOut]:
    """Return remarks after the one with id `after`, the oldest first, at most 50."""
    page = await service.remarks_of(db, viewer, post_id, after)
    return [RemarkOut.of(words) for words in page.items]


@router.post("/posts/{post_id}/remarks", status_code=HTTPStatus.CREATED)
async def remark(db: Db, viewer: CommunityWriter, post_id: int, new: PostIn) -> RemarkOut:
    """Remark on a question or an answer."""
    return RemarkOut.of(await service.remark(db, viewer, post_id, new.body))


@router.delete("/posts/{post_id}/remarks/{remark_id}", status_code=HTTPStatus.NO_CONTENT)
async def hide_remark(db: Db, viewer: CommunityWriter, post_id: int, remark_id: int) -> None:
    """Take away the words of a remark, for good."""
    await service.hide_remark(db, viewer, post_id, remark_id)


@router.post("/posts/{post_id}/try", status_code=HTTPStatus.CREATED)
async def try_patch(
    request: Request, db: Db, viewer: JobWriter, post_id: int, new: TrialIn
) -> JobQueuedOut:
    """Queue a run of one's own once more, with the recipe patch of an answer."""
    doctor = Doctor(database(request), storage_of(request), viewer)
    job = await service.try_patch(db, doctor, viewer, post_id, new.job_id, shared=new.shared)
    return JobQueuedOut(job_id=job.id)


@router.get("/posts/{post_id}/trials")
async def list_trials(db: Db, viewer: Anybody, post_id: int) -> list[TrialOut]:
    """Return what a worker measured of an answer's patch: shared runs and one's own."""
    _question, words = await service.post_words(db, viewer, post_id)
    found = await service.evidence_of(db, viewer, {post_id: words.body})
    return [TrialOut.of(one) for one in found.get(post_id, [])]


@router.get("/suggestions")
async def list_suggestions(
    db: Db, viewer: CommunityWriter, after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0
) -> list[SuggestionOut]:
    """Return suggested edits that wait, the oldest first; for who earned to edit."""
    found = await service.waiting_suggestions(db, viewer, after)
    return [SuggestionOut.of(one) for one in found]


@router.post("/suggestions/{suggestion_id}")
async def decide_suggestion(
    db: Db, viewer: CommunityWriter, suggestion_id: int, decision: DecisionIn
) -> SuggestionOut:
    """Publish a suggested edit, or turn it down with a reason."""
    found = await service.decide_suggestion(
        db, viewer, suggestion_id, approve=decision.approve, reason=decision.reason
    )
    return SuggestionOut.of(found)
