"""Moderation as JSON: reports of one's own, the queue, measures, the public log."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.schemas import StandingKind
from app.core.http import AccountViewer, Anybody, Db, ModeratorViewer, RepoWriter
from app.moderation import policy, service
from app.moderation.schemas import (
    ActOut,
    AppealDecisionIn,
    AppealIn,
    AppealView,
    Cause,
    DecisionIn,
    ItemOut,
    ItemView,
    MeasureIn,
    ReasonIn,
    ReportIn,
    ReportOut,
    ReportView,
    Subject,
)

router = APIRouter(prefix="/api/v1", tags=["moderation"])
_LARGEST = (1 << 63) - 1
Number = Annotated[int, Path(gt=0, le=_LARGEST)]
Cursor = Annotated[int | None, Query(ge=1, le=_LARGEST)]


class ItemsQuery(BaseModel):
    """Which part of the queue is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    state: Literal["open", "done"] = "open"
    cause: Cause | None = None
    subject: Subject | None = None
    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 25


class ItemsOut(BaseModel):
    """A page of the queue."""

    items: list[ItemOut]
    next_cursor: str | None


class ActsOut(BaseModel):
    """A page of the log."""

    acts: list[ActOut]
    next_cursor: str | None


class ReportsOut(BaseModel):
    """A page of one's own reports."""

    reports: list[ReportOut]
    next_cursor: str | None


class AppealOut(BaseModel):
    """An appeal, and what became of it."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    act_id: int
    words: str
    is_granted: bool | None
    answer: str


@router.post("/reports", status_code=HTTPStatus.CREATED)
async def report(db: Db, viewer: RepoWriter, new: ReportIn) -> ReportOut:
    """Report a post, a repository or an account to the moderators."""
    return ReportOut.model_validate(await service.report(db, viewer, new))


@router.get("/reports")
async def list_reports(db: Db, viewer: AccountViewer, cursor: Cursor = None) -> ReportsOut:
    """List what one reported and what became of it, the newest first."""
    page = await service.reports_by(db, viewer.require_user(), cursor, 50)
    found = [ReportOut.model_validate(one) for one in page.items]
    return ReportsOut(reports=found, next_cursor=page.next_cursor)


@router.post("/appeals/{act_id}", status_code=HTTPStatus.CREATED)
async def appeal(db: Db, viewer: AccountViewer, act_id: Number, new: AppealIn) -> AppealOut:
    """Appeal against a decision about oneself or what one wrote; once for each."""
    made = await service.appeal(db, viewer.require_user(), act_id, new.words)
    return AppealOut.model_validate(made)


@router.get("/moderation/log")
async def public_log(db: Db, viewer: Anybody, cursor: Cursor = None) -> ActsOut:
    """List what moderators did, the newest first; anybody may read it."""
    del viewer
    page = await service.public_log(db, cursor, 50)
    return ActsOut(
        acts=[ActOut.model_validate(one) for one in page.items], next_cursor=page.next_cursor
    )


@router.get("/moderation/items")
async def list_items(
    db: Db, viewer: ModeratorViewer, query: Annotated[ItemsQuery, Query()]
) -> ItemsOut:
    """List what waits for a decision, what weighs most first; or what was decided."""
    page = await service.list_items(
        db,
        viewer,
        is_open=query.state == "open",
        cause=query.cause,
        subject=query.subject,
        cursor=query.cursor,
        limit=query.limit,
    )
    return ItemsOut(items=[_item(one) for one in page.items], next_cursor=page.next_cursor)


@router.get("/moderation/items/{item_id}")
async def get_item(db: Db, viewer: ModeratorViewer, item_id: Number) -> ItemOut:
    """Return one thing with all that people said of it."""
    row = await policy.access_item(db, viewer, item_id)
    view = (await service.item_views(db, viewer, [row]))[0]
    return _item(view, (await service.reports_of(db, [row]))[row.id])


@router.post("/moderation/items/{item_id}/claim")
async def claim(db: Db, viewer: ModeratorViewer, item_id: Number) -> ItemOut:
    """Work on something for ten minutes, in which nobody else decides about it."""
    return _item(await service.claim(db, viewer, item_id))


@router.post("/moderation/items/{item_id}/release", status_code=HTTPStatus.NO_CONTENT)
async def release(db: Db, viewer: ModeratorViewer, item_id: Number) -> None:
    """Let others decide about it."""
    await service.give_back(db, viewer, item_id)


@router.post("/moderation/items/{item_id}/decide")
async def decide(db: Db, viewer: ModeratorViewer, item_id: Number, decision: DecisionIn) -> ItemOut:
    """Agree, disagree or ignore; everybody who reported it is told."""
    return _item(await service.decide(db, viewer, item_id, decision))


@router.put("/moderation/accounts/{user}/standing", status_code=HTTPStatus.NO_CONTENT)
async def punish(db: Db, viewer: ModeratorViewer, user: str, measure: MeasureIn) -> None:
    """Silence or suspend somebody; 0 days is until it is lifted."""
    account_id = await service.person_id(db, user)
    await service.punish(
        db, viewer, account_id, measure.penalty, measure.days, reason=measure.reason
    )


@router.delete("/moderation/accounts/{user}/standing/{kind}", status_code=HTTPStatus.NO_CONTENT)
async def pardon(db: Db, viewer: ModeratorViewer, user: str, kind: StandingKind) -> None:
    """End a silence or a suspension before its time."""
    await service.pardon(db, viewer, await service.person_id(db, user), kind, "")


@router.post("/moderation/accounts/{user}/purge", status_code=HTTPStatus.CREATED)
async def purge(db: Db, viewer: ModeratorViewer, user: str, why: ReasonIn) -> ActOut:
    """Suspend a spammer, hide all they wrote and close their repositories."""
    act = await service.purge(db, viewer, await service.person_id(db, user), why.reason)
    return ActOut.model_validate((await service.views(db, [act]))[0])


@router.post("/moderation/acts/{act_id}/undo")
async def undo(db: Db, viewer: ModeratorViewer, act_id: Number) -> ActOut:
    """Take a purge back, within 24 hours."""
    act = await service.undo(db, viewer, act_id)
    return ActOut.model_validate((await service.views(db, [act]))[0])


@router.post("/moderation/appeals/{appeal_id}")
async def decide_appeal(
    db: Db, viewer: ModeratorViewer, appeal_id: Number, decision: AppealDecisionIn
) -> AppealOut:
    """Grant an appeal, which undoes what was done, or turn it down."""
    made: AppealView = await service.decide_appeal(db, viewer, appeal_id, decision)
    return AppealOut.model_validate(made)


def _item(view: ItemView, reports: list[ReportView] | None = None) -> ItemOut:
    return ItemOut(
        id=view.id,
        subject=view.subject,
        subject_id=view.subject_id,
        causes=list(view.causes),
        state=view.state,
        score=view.score,
        num_reports=view.num_reports,
        findings=[
            {"code": one.code, "weight": one.weight, "value": one.value} for one in view.findings
        ],
        title=view.spot.title,
        address=view.spot.address,
        text=view.spot.text,
        author=view.author,
        is_held=view.spot.is_held,
        created_at=view.created_at,
        claimed_by=view.claimed_by,
        claimed_until=view.claimed_until,
        reports=[
            {"by": one.by, "reason": one.reason.value, "words": one.words, "weight": one.weight}
            for one in reports or ()
        ],
    )
