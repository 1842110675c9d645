"""What became of the recipes of a tutorial, whole."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.core import i18n
from app.core.http import Db, RepoReader
from app.core.templating import render
from app.tutorials.pages.spread import told
from app.tutorials.service import family, reading
from app.tutorials.service.recipes import blocks_of

router = APIRouter()


@router.get("/tutorials/{slug}/family")
async def recipe_families(
    request: Request,
    db: Db,
    viewer: RepoReader,
    slug: str,
    v: Annotated[int | None, Query(ge=1, le=10**6)] = None,
) -> HTMLResponse:
    """Show the recipes that came from those of a tutorial, and what each came to."""
    page = await reading.read(db, slug, i18n.language(), v)
    found = await family.families(db, viewer, page, blocks_of(page.text.body))
    return render(
        request,
        "tutorials/family.html",
        viewer=viewer,
        page=page,
        families=found,
        most=family.MOST,
        told=told,
    )
