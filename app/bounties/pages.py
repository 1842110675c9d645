"""Bounties in the browser: putting one up, awarding it, and the public log."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.bounties import service
from app.bounties.schemas import LEAST_VOTES, BountyIn, BountyView
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import Anybody, CommunityWriter, Db
from app.core.security import Viewer
from app.core.templating import render
from app.ledger.schemas import Unit
from app.questions import service as questions
from app.questions.schemas import QuestionView
from app.reputation import service as reputation

router = APIRouter(include_in_schema=False)
AMOUNTS = (50, 100, 150, 200, 250, 300, 400, 500)
_ONE = "/questions/{question_id}/bounty"
Number = Annotated[int, Form(ge=0, lt=1 << 63)]


@router.get(_ONE)
async def bounty_page(request: Request, db: Db, viewer: Anybody, question_id: int) -> HTMLResponse:
    """Show what can be won, or the form that puts something up, and what was won before."""
    question = await questions.read_question(db, viewer, question_id)
    return await _page(request, db, viewer, question)


async def _page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    question: QuestionView,
    problem: AppError | None = None,
    amount: int = AMOUNTS[0],
) -> HTMLResponse:
    found = await service.bounties_of(db, viewer, question.id)
    now_open = next((one for one in found if one.state.value == "open"), None)
    own = 0
    if viewer.user_id is not None:
        own = (await reputation.standings(db, [viewer.user_id]))[viewer.user_id].points
    return render(
        request,
        "bounties/show.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
        question=question,
        bounty=now_open,
        earlier=[one for one in found if one is not now_open],
        is_giver=_gives(viewer, now_open),
        own_points=own,
        amounts=AMOUNTS,
        amount=amount,
        least_votes=LEAST_VOTES,
    )


def _gives(viewer: Viewer, bounty: BountyView | None) -> bool:
    return bounty is not None and viewer.is_signed_in and bounty.giver_id == viewer.user_id


@router.post(_ONE)
async def offer(  # to whom, what
    request: Request,
    db: Db,
    viewer: CommunityWriter,
    question_id: int,
    amount: Number = 0,
) -> Response:
    """Put points up for an answer."""
    new = BountyIn.model_construct(amount=amount, unit=Unit.REPUTATION)
    act = lambda: service.offer(db, viewer, question_id, new)  # noqa: E731  # one call
    return await _done(request, db, viewer, question_id, act)


@router.post(_ONE + "/award")
async def award(
    request: Request, db: Db, viewer: CommunityWriter, question_id: int, answer: Number = 0
) -> Response:
    """Give a bounty to an answer."""
    act = lambda: service.award(db, viewer, question_id, answer)  # noqa: E731  # one call
    return await _done(request, db, viewer, question_id, act, f"#answer-{answer}")


async def _done(  # who, where, what, where to look then
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    question_id: int,
    act: Callable[[], Awaitable[BountyView]],
    anchor: str = "",
) -> Response:
    """Do it and go to the question; what was refused is said on the bounty's page."""
    question = await questions.read_question(db, viewer, question_id)
    try:
        async with db.begin_nested():
            await act()
    except NotFoundError:
        raise
    except AppError as problem:
        db.expire_all()
        return await _page(request, db, viewer, question, problem)
    return RedirectResponse(question.url + anchor, status.HTTP_303_SEE_OTHER)


@router.get("/bounties")
async def log_page(
    request: Request,
    db: Db,
    viewer: Anybody,
    cursor: Annotated[int | None, Query(gt=0, lt=1 << 63)] = None,
) -> HTMLResponse:
    """Show every movement for a bounty."""
    page = await service.public_log(db, cursor)
    return render(
        request,
        "bounties/log.html",
        viewer=viewer,
        lines=page.items,
        next_cursor=page.next_cursor,
    )
