"""The form with which anybody reports something."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.core.db import AsyncSession
from app.core.errors import AppError, NotFoundError
from app.core.http import Db, RepoWriter
from app.core.security import Viewer
from app.moderation import service
from app.moderation.pages.frame import LARGEST, see, show
from app.moderation.schemas import MAX_WORDS, Reason, ReportIn, Subject

router = APIRouter(prefix="/moderation")
Number = Annotated[int, Path(gt=0, le=LARGEST)]


class ReportForm(BaseModel):
    """Why somebody reports it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    reason: Reason = Reason.SPAM
    words: Annotated[str, Field(max_length=MAX_WORDS)] = ""


@router.get("/report/{subject}/{item_id}")
async def report_page(
    request: Request, db: Db, viewer: RepoWriter, subject: Subject, item_id: Number
) -> HTMLResponse:
    """Show the form."""
    return await _form(request, db, viewer, subject, item_id, ReportForm())


async def _form(  # noqa: PLR0913, PLR0917  # what is reported, and what was typed
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    subject: Subject,
    subject_id: int,
    form: ReportForm,
    problem: AppError | None = None,
) -> HTMLResponse:
    return show(
        request,
        "moderation/report.html",
        viewer,
        problem=problem,
        spot=await service.reported(db, viewer, subject, subject_id),
        subject=subject,
        subject_id=subject_id,
        form=form,
    )


@router.post("/report/{subject}/{item_id}")
async def report(
    request: Request,
    db: Db,
    viewer: RepoWriter,
    subject: Subject,
    item_id: Number,
    form: Annotated[ReportForm, Form()],
) -> Response:
    """Report it."""
    new = ReportIn(subject=subject, subject_id=item_id, reason=form.reason, words=form.words)
    try:
        async with db.begin_nested():
            await service.report(db, viewer, new)
    except NotFoundError:
        raise
    except AppError as problem:
        return await _form(request, db, viewer, subject, item_id, form, problem)
    return see("/settings/reports?saved=1")
