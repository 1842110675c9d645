"""The claims of a model in the browser: a line each, to confirm, to doubt and to talk about."""

from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.claims import service
from app.claims.policy import access_model, is_of_the_house
from app.claims.schemas import ClaimReviewIn, ClaimView, Verdict
from app.comments import service as comments
from app.comments.schemas import MAX_BODY
from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import CommunityWriter, Db, RepoReader, site_address
from app.core.markdown import Links, render_markdown
from app.core.security import Viewer
from app.core.templating import render
from app.hub.policy import MovedError
from app.hub.schemas import MAIN
from app.hub.service.frames import Frame, open_frame
from app.jobs.service.evidence import maker_of

router = APIRouter(prefix="/{owner}/{name}/claims", include_in_schema=False)
Words = Annotated[str, Form(max_length=MAX_BODY * 2)]
Number = Annotated[str, Form(max_length=40)]
Tick = Annotated[str, Form(max_length=1)]
Begun = Annotated[int, Form(ge=0, lt=1 << 63)]
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Desk:
    """A model whose claims somebody looks at."""

    request: Request
    db: AsyncSession
    viewer: Viewer
    at: Frame

    @property
    def url(self) -> str:
        """The list of its claims."""
        return f"{self.at.url}/claims"

    def show(
        self, template: str, *, problem: AppError | None = None, **context: Any
    ) -> HTMLResponse:
        """Return a page of the model; what went wrong stands in it."""
        return render(
            self.request,
            template,
            viewer=self.viewer,
            status=problem.status if problem else 200,
            at=self.at,
            url=self.url,
            error=problem.message if problem else "",
            fix=problem.fix if problem else "",
            **context,
        )


async def _open(request: Request, db: AsyncSession, viewer: Viewer, owner: str, name: str) -> Desk:
    try:
        model = await access_model(db, viewer, owner, name)
    except MovedError as moved:
        rest = request.url.path[len(f"/{owner}/{name}") :]
        address = f"/{moved.kind.web_prefix}{moved.owner}/{moved.name}{rest}"
        code = HTTPStatus.TEMPORARY_REDIRECT
        raise HTTPException(code, "This model has moved.", {"Location": address}) from moved
    frame = await open_frame(db, viewer, model, site_address(request))
    return Desk(request, db, viewer, frame)


async def _readable(request: Request, db: Db, viewer: RepoReader, owner: str, name: str) -> Desk:
    return await _open(request, db, viewer, owner, name)


async def _joinable(
    request: Request, db: Db, viewer: CommunityWriter, owner: str, name: str
) -> Desk:
    return await _open(request, db, viewer, owner, name)


ReadDesk = Annotated[Desk, Depends(_readable)]
WriteDesk = Annotated[Desk, Depends(_joinable)]


@router.get("")
async def list_page(desk: ReadDesk) -> HTMLResponse:
    """Show every claim of the card with how it stands; for htmx the few lines beside a card."""
    found = await service.read_claims(desk.db, desk.viewer, desk.at.repository)
    is_part = desk.request.headers.get("hx-request") == "true"
    return desk.show("claims/_rail.html" if is_part else "claims/list.html", found=found)


@router.get("/{key}")
async def show(desk: ReadDesk, key: str) -> HTMLResponse:
    """Show one claim: who confirmed or doubted it, and the forms for doing so."""
    return await _page(desk, key)


async def _page(  # with what somebody has begun to write, and why it was refused
    desk: Desk,
    key: str,
    *,
    job: str = "",
    words: str = "",
    comment: str = "",
    problem: AppError | None = None,
) -> HTMLResponse:
    claim = service.claim_of(desk.at.repository, key)
    found = await service.read_claim(desk.db, desk.viewer, desk.at.repository, claim)
    maker = await maker_of(desk.db, desk.at.repository.id)
    links = Links(f"{desk.at.url}/blob/{MAIN}/", f"{desk.at.url}/resolve/{MAIN}/", "/")
    return desk.show(
        "claims/show.html",
        problem=problem,
        found=found,
        drawn=[render_markdown(one.words, links) for one in found.reviews],
        is_own=is_of_the_house(desk.viewer, desk.at.repository, maker.owner_id if maker else None),
        was_made_here=maker is not None,
        mine=_mine(desk.viewer, found),
        job=job,
        words=words,
        comment=comment,
    )


def _mine(viewer: Viewer, found: ClaimView) -> bool:
    return any(one.reviewer_id == viewer.user_id for one in found.reviews)


@router.post("/{key}/confirm")
async def confirm(
    desk: WriteDesk, key: str, job: Number = "", words: Words = "", shared: Tick = ""
) -> Response:
    """Confirm a claim by a run of one's own; what its worker measured decides."""
    digits = job.strip().removeprefix("#")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    given = ClaimReviewIn.model_construct(
        verdict=Verdict.CONFIRMED,
        job_id=int(digits) if is_number and int(digits) else None,
        words=words,
        shared=shared == "1",
    )
    act = service.review(desk.db, desk.viewer, desk.at.repository, key, given)
    return await _done(desk, key, act, job=job, words=words)


@router.post("/{key}/doubt")
async def doubt(desk: WriteDesk, key: str, words: Words = "", begun: Begun = 0) -> Response:
    """Doubt a claim, and say why."""
    comments.note_typing(desk.db, begun)
    given = ClaimReviewIn.model_construct(
        verdict=Verdict.DOUBTFUL, job_id=None, words=words, shared=False
    )
    act = service.review(desk.db, desk.viewer, desk.at.repository, key, given)
    return await _done(desk, key, act, words=words)


@router.post("/{key}/withdraw")
async def withdraw(desk: WriteDesk, key: str) -> Response:
    """Take one's review back."""
    act = service.withdraw(desk.db, desk.viewer, desk.at.repository, key)
    return await _done(desk, key, act)


@router.post("/{key}/comment")
async def comment(desk: WriteDesk, key: str, comment: Words = "", begun: Begun = 0) -> Response:
    """Say something about a claim."""
    comments.note_typing(desk.db, begun)
    act = service.comment(desk.db, desk.viewer, desk.at.repository, key, comment)
    return await _done(desk, key, act, comment=comment)


async def _done(
    desk: Desk,
    key: str,
    act: Awaitable[Any],
    *,
    job: str = "",
    words: str = "",
    comment: str = "",
) -> Response:
    """Do it and show the claim; what was refused is said there, and nothing stays of it."""
    try:
        async with desk.db.begin_nested():
            await act
    except NotFoundError as problem:
        if problem.code in {"claim_not_found", "repository_not_found"}:
            raise
        return await _refused(desk, key, problem, job, words, comment)
    except AppError as problem:
        return await _refused(desk, key, problem, job, words, comment)
    return RedirectResponse(f"{desk.url}/{key}", HTTPStatus.SEE_OTHER)


async def _refused(  # where, why, and what was typed
    desk: Desk, key: str, problem: AppError, job: str, words: str, comment: str
) -> Response:
    await desk.db.refresh(desk.at.repository)
    return await _page(desk, key, job=job, words=words, comment=comment, problem=problem)
