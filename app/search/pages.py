"""The page of the search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.core import i18n
from app.core.http import Db, RepoReader
from app.core.templating import render
from app.search import service
from app.search.schemas import Asked, Kind

router = APIRouter(include_in_schema=False)


@router.get("/search")
async def search(
    request: Request, db: Db, viewer: RepoReader, asked: Annotated[Asked, Query()]
) -> HTMLResponse:
    """Show what was found."""
    found = await service.search(db, viewer, asked, i18n.language())
    return render(
        request,
        "search/results.html",
        viewer=viewer,
        asked=asked,
        found=found,
        kinds=list(Kind),
    )
