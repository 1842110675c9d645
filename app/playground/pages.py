"""The page on which a model is tried; the box on its card posts here too."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.core.errors import AppError
from app.core.http import WaitingRepoReader, database, site_address
from app.core.security import Viewer
from app.core.templating import render
from app.hub import policy as hub_policy
from app.hub.schemas import RepositoryKind
from app.hub.service.frames import Frame, open_frame
from app.playground.service.inputs import MAX_BODY, asker, count, input_of
from worker.contract.predictions import Prediction, PredictionInput

router = APIRouter(include_in_schema=False)
_ADDRESS = "/{owner}/{name}/try"


@router.get(_ADDRESS)
async def try_page(
    request: Request, viewer: WaitingRepoReader, owner: str, name: str
) -> HTMLResponse:
    """Show the form for trying a model."""
    frame = await _frame(request, viewer, owner, name)
    return _shown(request, frame, PredictionInput(), None, None)


@router.post(_ADDRESS, max_body_size=MAX_BODY)
async def try_model(
    request: Request, viewer: WaitingRepoReader, owner: str, name: str
) -> HTMLResponse:
    """Run the model and show what it makes of the input; for htmx the answer alone."""
    frame = await _frame(request, viewer, owner, name)
    given = PredictionInput()
    found: Prediction | None = None
    problem: AppError | None = None
    try:
        await count(request, viewer)
        given = await input_of(request)
        found = await asker(request, viewer).ask(owner, name, given)
    except AppError as error:
        problem = error
    return _shown(request, frame, given, found, problem)


async def _frame(request: Request, viewer: Viewer, owner: str, name: str) -> Frame:
    async with database(request).transaction() as db:
        repository = await hub_policy.access_repository(
            db, viewer, RepositoryKind.MODEL, owner, name
        )
        return await open_frame(db, viewer, repository, site_address(request))


def _shown(
    request: Request,
    frame: Frame,
    given: PredictionInput,
    found: Prediction | None,
    problem: AppError | None,
) -> HTMLResponse:
    is_part = request.headers.get("hx-request") == "true"
    answer = render(
        request,
        "playground/_answer.html" if is_part else "playground/try.html",
        viewer=frame.viewer,
        # htmx puts only answers that went well into the page, and the reason belongs there too.
        status=HTTPStatus.OK if problem is None or is_part else problem.status,
        at=frame,
        given=given,
        found=found,
        problem=problem,
    )
    if problem is not None:
        answer.headers.update(problem.headers)
    return answer
