"""The queue: one page for all that waits, and one for each thing in it."""

from collections.abc import Awaitable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import Db, ModeratorViewer
from app.core.security import Viewer
from app.moderation import policy, service
from app.moderation.pages.frame import LARGEST, see, show
from app.moderation.schemas import (
    MAX_REASON,
    AppealDecisionIn,
    Cause,
    DecisionIn,
    Fate,
    Penalty,
    Subject,
    Verdict,
)

router = APIRouter(prefix="/moderation")
ItemId = Annotated[int, Path(gt=0, le=LARGEST)]


class QueueQuery(BaseModel):
    """Which part of the queue somebody wants to see."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    state: Literal["open", "done"] = "open"
    cause: Literal["", "flag", "held", "links"] = ""
    subject: Literal["", "comment", "tutorial", "repository", "account"] = ""
    cursor: Annotated[str, Field(max_length=200)] = ""


class DecisionForm(BaseModel):
    """A decision as the page sends it: a canned reason, or words of one's own after it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    verdict: Verdict
    fate: Fate = Fate.HIDE
    penalty: Penalty = Penalty.NONE
    days: Annotated[int, Field(ge=0, le=3650)] = 7
    canned: Annotated[str, Field(max_length=MAX_REASON)] = ""
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""

    def decision(self) -> DecisionIn:
        """Return what is decided."""
        reason = f"{self.canned} {self.reason}".strip()[:MAX_REASON]
        return DecisionIn(
            verdict=self.verdict,
            fate=self.fate,
            penalty=self.penalty,
            days=self.days,
            reason=reason,
        )


@router.get("")
async def queue(
    request: Request, db: Db, viewer: ModeratorViewer, query: Annotated[QueueQuery, Query()]
) -> HTMLResponse:
    """Show what waits, what weighs most first."""
    page = await service.list_items(
        db,
        viewer,
        is_open=query.state == "open",
        cause=Cause(query.cause) if query.cause else None,
        subject=Subject(query.subject) if query.subject else None,
        cursor=query.cursor,
    )
    return show(
        request,
        "moderation/queue.html",
        viewer,
        items=page.items,
        next_cursor=page.next_cursor,
        query=query,
        num_open=await service.num_open(db, viewer),
    )


@router.get("/items/{item_id}")
async def item_page(
    request: Request, db: Db, viewer: ModeratorViewer, item_id: ItemId
) -> HTMLResponse:
    """Show one thing: its words, what people said of it, and the form to decide."""
    return await _item_page(request, db, viewer, item_id)


async def _item_page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    item_id: int,
    problem: AppError | None = None,
    form: DecisionForm | None = None,
) -> HTMLResponse:
    row = await policy.access_item(db, viewer, item_id)
    item = (await service.item_views(db, viewer, [row]))[0]
    reports = (await service.reports_of(db, [row]))[row.id]
    return show(
        request,
        "moderation/item.html",
        viewer,
        problem=problem,
        item=item,
        reports=reports,
        form=form,
    )


async def _done(  # noqa: PLR0913  # who does what, and where it ends
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    item_id: int,
    act: Awaitable[Any],
    *,
    form: DecisionForm | None = None,
    then: str = "",
) -> Response:
    """Do it and go on; what was refused is said on the page of the thing."""
    try:
        async with db.begin_nested():
            await act
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _item_page(request, db, viewer, item_id, problem, form)
    return see(then or f"/moderation/items/{item_id}")


@router.post("/items/{item_id}/claim")
async def claim(request: Request, db: Db, viewer: ModeratorViewer, item_id: ItemId) -> Response:
    """Work on something for ten minutes."""
    return await _done(request, db, viewer, item_id, service.claim(db, viewer, item_id))


@router.post("/items/{item_id}/release")
async def release(request: Request, db: Db, viewer: ModeratorViewer, item_id: ItemId) -> Response:
    """Let others decide about it."""
    act = service.give_back(db, viewer, item_id)
    return await _done(request, db, viewer, item_id, act, then="/moderation")


@router.post("/items/{item_id}/decide")
async def decide(
    request: Request,
    db: Db,
    viewer: ModeratorViewer,
    item_id: ItemId,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """Agree, disagree or ignore."""
    act = service.decide(db, viewer, item_id, form.decision())
    return await _done(request, db, viewer, item_id, act, form=form, then="/moderation?decided=1")


@router.get("/appeals")
async def appeals(request: Request, db: Db, viewer: ModeratorViewer) -> HTMLResponse:
    """Show the appeals that wait."""
    return await _appeals_page(request, db, viewer)


async def _appeals_page(
    request: Request, db: AsyncSession, viewer: Viewer, problem: AppError | None = None
) -> HTMLResponse:
    return show(
        request,
        "moderation/appeals.html",
        viewer,
        problem=problem,
        appeals=await service.open_appeals(db, viewer),
        num_open=await service.num_open(db, viewer),
    )


class AppealForm(BaseModel):
    """What is decided about an appeal."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    granted: bool
    answer: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


@router.post("/appeals/{item_id}")
async def decide_appeal(
    request: Request,
    db: Db,
    viewer: ModeratorViewer,
    item_id: ItemId,
    form: Annotated[AppealForm, Form()],
) -> Response:
    """Grant an appeal or turn it down."""
    decision = AppealDecisionIn(granted=form.granted, answer=form.answer)
    try:
        async with db.begin_nested():
            await service.decide_appeal(db, viewer, item_id, decision)
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _appeals_page(request, db, viewer, problem)
    return see("/moderation/appeals")
