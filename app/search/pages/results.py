"""The page of the search."""

import re
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
_SIMILAR = 5
_WORDS = re.compile(r"\w+")


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


@router.get("/search/similar")
async def similar(
    request: Request,
    db: Db,
    viewer: RepoReader,
    title: Annotated[str, Query(max_length=300)] = "",
) -> HTMLResponse:
    """Return the questions most like a title somebody is writing, closed ones too."""
    # What is typed here are words, whatever it looks like.
    words = " ".join(_WORDS.findall(title))
    asked = Asked(q=words, kind=Kind.QUESTION)
    found = await service.search(db, viewer, asked, i18n.language()) if words else None
    hits = found.hits[:_SIMILAR] if found else ()
    return render(request, "search/_similar.html", viewer=viewer, hits=hits)


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
