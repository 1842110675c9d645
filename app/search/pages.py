"""The page of the search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from app.core import i18n
from app.core.http import Db, RepoReader
from app.core.templating import render
from app.search import service
from app.search.query import MAX_QUERY_CHARS
from app.search.schemas import Asked, Kind, Order

router = APIRouter(include_in_schema=False)


class SearchQuery(BaseModel):
    """What an address of the search may say."""

    q: Annotated[str, Field(max_length=MAX_QUERY_CHARS)] = ""
    kind: Kind | None = None
    sort: Order = Order.RELEVANCE
    page: Annotated[int, Field(ge=1, le=service.MOST_PAGES)] = 1


Line = Annotated[SearchQuery, Query()]


@router.get("/search")
async def search(request: Request, db: Db, viewer: RepoReader, asked: Line) -> HTMLResponse:
    """Show what was found."""
    line = Asked(asked.q, asked.kind, asked.sort, asked.page, i18n.language())
    found = await service.search(db, viewer, line)
    return render(
        request,
        "search/results.html",
        viewer=viewer,
        asked=asked,
        found=found,
        kinds=list(Kind),
    )
