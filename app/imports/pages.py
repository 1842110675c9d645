"""Starting an import and watching how far it is, as pages."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.core.db import AsyncSession
from app.core.errors import AppError, InvalidError
from app.core.http import Db, RepoReader, RepoWriter, SiteSettings
from app.core.i18n import _
from app.core.security import Viewer
from app.core.settings import Settings
from app.core.templating import render
from app.imports import service
from app.imports.addresses import ImportId
from app.imports.policy import access_import
from app.imports.schemas import ImportIn, ImportOut, ImportState
from app.imports.upstreams import upstreams

router = APIRouter(include_in_schema=False)
_PAGE = 20

Text = Annotated[str, Form(max_length=500)]


@router.get("/imports")
async def imports_page(  # one argument a key of the query
    request: Request,
    db: Db,
    settings: SiteSettings,
    viewer: RepoReader,
    cursor: Annotated[str, Query(max_length=200)] = "",
    source: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the form and the viewer's imports."""
    if not viewer.is_signed_in:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(here, safe='')}", HTTPStatus.SEE_OTHER)
    return await _page(request, db, settings, viewer, {"source": source, "cursor": cursor})


async def _page(
    request: Request,
    db: AsyncSession,
    settings: Settings,
    viewer: Viewer,
    values: dict[str, str],
    problem: AppError | None = None,
) -> Response:
    page = await service.list_imports(db, viewer, values.get("cursor") or None, _PAGE)
    rows = [service.described(job) for job in page.items]
    allowed = upstreams(settings)
    return render(
        request,
        "imports/list.html",
        viewer=viewer,
        status=problem.status if problem else HTTPStatus.OK,
        upstreams=allowed,
        choices=[(one.name, f"{one.name} ({one.url})") for one in allowed],
        rows=rows,
        chips={state: _chip(state) for state in ImportState},
        shares={row.id: _share(row) for row in rows},
        next_cursor=page.next_cursor,
        any_live=any(not row.state.is_final for row in rows),
        values=values,
        problem=problem,
    )


def _chip(state: ImportState) -> tuple[str, str, str]:
    """Return tone, icon and word of a state."""
    return {
        ImportState.QUEUED: ("note", "clock", _("Waiting")),
        ImportState.RUNNING: ("run", "run", _("Running")),
        ImportState.SUCCEEDED: ("done", "check", _("Succeeded")),
        ImportState.FAILED: ("fail", "cross", _("Failed")),
        ImportState.CANCELLED: ("warn", "stop", _("Cancelled")),
    }[state]


def _share(row: ImportOut) -> float | None:
    """Return how much has arrived, in [0, 1]; None while nobody knows how much there is."""
    if row.bytes_total is None:
        return None
    return min(1.0, row.bytes_done / row.bytes_total) if row.bytes_total else 1.0


@router.post("/imports")
async def start_import(  # noqa: PLR0913, PLR0917  # one argument a field of the form
    request: Request,
    db: Db,
    settings: SiteSettings,
    viewer: RepoWriter,
    source: Text = "",
    kind: Text = "model",
    upstream: Text = "",
    revision: Text = "main",
    owner: Text = "",
    name: Text = "",
    visibility: Text = "",
    token: Text = "",
) -> Response:
    """Start an import from the form."""
    values = {
        "source": source,
        "kind": kind,
        "upstream": upstream,
        "revision": revision or "main",
        "owner": owner,
        "name": name,
    }
    try:
        private = {"private": True, "public": False}.get(visibility)
        wanted = ImportIn.model_validate({**values, "private": private, "token": token})
        await service.start(db, settings, viewer, wanted)
    except ValueError:
        problem: AppError = InvalidError(_("One of the fields is too long or not filled in."))
    except AppError as error:
        problem = error
    else:
        return RedirectResponse("/imports", HTTPStatus.SEE_OTHER)
    return await _page(request, db, settings, viewer, values, problem)


@router.post("/imports/{import_id}/cancel")
async def cancel_import(import_id: ImportId, db: Db, viewer: RepoWriter) -> Response:
    """Stop an import."""
    await service.cancel(db, await access_import(db, viewer, import_id))
    return RedirectResponse("/imports", HTTPStatus.SEE_OTHER)


@router.post("/imports/{import_id}/retry")
async def retry_import(
    import_id: ImportId, db: Db, settings: SiteSettings, viewer: RepoWriter, token: Text = ""
) -> Response:
    """Go on with an import that failed or was cancelled."""
    await service.retry(db, settings, await access_import(db, viewer, import_id), token)
    return RedirectResponse("/imports", HTTPStatus.SEE_OTHER)
