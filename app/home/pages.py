"""The first page, one for visitors and one for those who are signed in."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.core import i18n
from app.core.db import AsyncSession
from app.core.http import Db, RepoReader
from app.core.security import Viewer
from app.core.templating import render
from app.hub import service as hub
from app.hub.schemas import Filters, RepositoryKind, Sort
from app.jobs.service import control
from app.jobs.service import overview as jobs
from app.tutorials import service as tutorials

router = APIRouter(include_in_schema=False)
_SHOWN = 6


@router.get("/")
async def home(request: Request, db: Db, viewer: RepoReader) -> HTMLResponse:
    """Show one clear thing to do first, then what rises, what is new and what runs."""
    context = await _everybodys(db, viewer)
    if viewer.user_id is not None:
        context |= await _own(db, viewer, viewer.user_id)
    return render(request, "home/home.html", viewer=viewer, **context)


async def _everybodys(db: AsyncSession, viewer: Viewer) -> dict[str, Any]:
    context: dict[str, Any] = {
        "overview": await jobs.overview(db),
        "tutorials": (await tutorials.newest(db, i18n.language(), limit=4)).items,
    }
    for kind in RepositoryKind:
        filters = Filters(kind, sort=Sort.TRENDING, limit=_SHOWN)
        page = await hub.list_repositories(db, viewer, filters)
        context[kind.plural] = page.items
        context[f"num_{kind.plural}"] = await hub.count_repositories(db, viewer, filters)
    return context


async def _own(db: AsyncSession, viewer: Viewer, user_id: int) -> dict[str, Any]:
    mine: list[Any] = []
    for kind in RepositoryKind:
        filters = Filters(kind, owner_id=user_id, sort=Sort.UPDATED, limit=_SHOWN)
        mine += (await hub.list_repositories(db, viewer, filters)).items
    mine.sort(key=lambda row: row.updated_at, reverse=True)
    recent = await control.list_jobs(db, user_id, [], None, _SHOWN)
    return {"my_jobs": recent.items, "my_repositories": mine[:_SHOWN]}
