"""The versions of a tutorial and what changed between them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from app.core import i18n
from app.core.http import Db, RepoReader
from app.core.templating import render
from app.tutorials.service import history, reading

router = APIRouter()
_Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class CompareQuery(BaseModel):
    """Which two versions to lay beside each other; 0 is the newest, and the one before it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    older: _Number = 0
    newer: _Number = 0


@router.get("/tutorials/{slug}/history")
async def versions(
    request: Request,
    db: Db,
    viewer: RepoReader,
    slug: str,
    query: Annotated[CompareQuery, Query()],
) -> HTMLResponse:
    """List the versions in one language, and show what changed between two of them."""
    page = await reading.read(db, slug, i18n.language())
    newer = query.newer or page.newest_number
    older = query.older or max(1, newer - 1)
    changes = None
    if older != newer:
        changes = await history.compare(db, page, page.text.language, older, newer)
    return render(
        request,
        "tutorials/history.html",
        viewer=viewer,
        page=page,
        rows=await history.versions_of(db, page),
        older=older,
        newer=newer,
        changes=changes,
    )
