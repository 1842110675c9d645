"""The page of the search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.core import i18n
from app.core.feeds import Entry, Feed, feed, list_address, unique
from app.core.http import Db, RepoReader
from app.core.i18n import _
from app.core.templating import render
from app.search import service
from app.search.schemas import Asked, Kind, Order

router = APIRouter(include_in_schema=False)


@feed(router, "/search")
async def search_feed(
    request: Request, db: Db, viewer: RepoReader, asked: Annotated[Asked, Query()]
) -> Feed:
    """Tell of the newest of what is found."""
    wanted = asked.model_copy(update={"sort": Order.NEWEST, "page": 1})
    found = await service.search(db, viewer, wanted, i18n.language())
    entries = [
        Entry(
            key=f"{hit.kind.value}{hit.address}",
            title=hit.title.striptags(),
            address=hit.address,
            updated=hit.updated_at,
            published=hit.updated_at,
            author=hit.author,
            summary=hit.snippet.striptags(),
            language=hit.language,
        )
        for hit in found.hits
    ]
    title = _("Search: %(query)s") % {"query": asked.q}
    return Feed(f"{title} · Tuningfork", list_address(request), unique(entries))


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
